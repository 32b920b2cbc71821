use crate::keys::Keys;
use crate::links::Links;
use crate::policies::{Items, Policy, Statement, matches};
use crate::rule::{Cx, Rule};
use kumiki_project::{Value, partition};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "log-key-refuses-logs",
    severity: Severity::Error,
    page: include_str!("log_key_refuses_logs.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let keys = Keys::new(&links);
    let region = &cx.inputs.region;
    let suffix = if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let service = format!("logs.{region}.{suffix}");
    for (_, _, group) in links.certain("AWS::Logs::LogGroup") {
        let Some(value) = group.property("KmsKeyId") else { continue };
        let Some(key) = keys.find(value) else { continue };
        // Without a policy the key has the default one, which admits no service.
        let document = key.property("KeyPolicy");
        let policy = document.map(Policy::read);
        if policy.as_ref().is_some_and(|it| !it.whole) {
            continue;
        }
        let mut admitting: Vec<Statement<'_>> = Vec::new();
        for service in [service.as_str(), "logs.amazonaws.com"] {
            for action in ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"] {
                admitting.extend(policy.iter().flat_map(|it| it.may_allow(service, action)));
            }
        }
        let name = group.property("LogGroupName").and_then(Value::as_text);
        let admitted = match name {
            Some(name) => admitting.iter().any(|it| may_be_for(*it, name)),
            None => !admitting.is_empty(),
        };
        if admitted {
            continue;
        }
        let (key_name, group_name) = (&key.logical_id, &group.logical_id);
        let finding = match admitting.is_empty() {
            true => cx.report_value(
                value,
                message!(
                    "key `{key_name}` does not admit `{service}`, so log group `{group_name}` is not \
                     created",
                    key_name,
                    service,
                    group_name
                ),
            ),
            false => cx.report_value(
                value,
                message!(
                    "key `{key_name}` admits `{service}` for other log groups than `{group_name}`",
                    key_name,
                    service,
                    group_name
                ),
            ),
        };
        let span = document.and_then(|it| it.origin.nearest()).unwrap_or(key.span);
        finding.hops.push(Hop { span, label: Some(message!("the key's policy")) });
        finding.help.push(message!(
            "allow the service to encrypt and decrypt, with a condition on `{key}`",
            key = CONTEXT
        ));
    }
}

const CONTEXT: &str = "kms:EncryptionContext:aws:logs:arn";

/// Whether the conditions of a statement may hold for a log group.
fn may_be_for(statement: Statement<'_>, name: &str) -> bool {
    let mut may = true;
    statement.conditions(&mut |operator, key, value| {
        if !key.eq_ignore_ascii_case(CONTEXT) {
            return;
        }
        let fits: fn(&str, &str) -> bool = match operator {
            "ArnLike" | "ArnEquals" | "StringLike" => matches,
            "StringEquals" => |pattern, name| pattern == name,
            _ => return,
        };
        let values = Items::read(Some(value));
        // Some write the ARN with its last `:*`.
        let longer = format!("{name}:*");
        may &= !values.unknown.is_empty()
            || values.known.iter().any(|(it, _)| match it.split_once(":log-group:") {
                Some((_, it)) => fits(it, name) || fits(it, &longer),
                None => true,
            });
    });
    may
}
