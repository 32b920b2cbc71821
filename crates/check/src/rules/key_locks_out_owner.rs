use crate::links::Links;
use crate::policies::Policy;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "key-locks-out-owner",
    severity: Severity::Error,
    page: include_str!("key_locks_out_owner.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, key) in links.all() {
        if !matches!(&*key.type_name, "AWS::KMS::Key" | "AWS::KMS::ReplicaKey") {
            continue;
        }
        let Some(value) = key.property("KeyPolicy") else { continue };
        let policy = Policy::read(value);
        if !policy.whole {
            continue;
        }
        // Whether somebody of an account may change the policy, and whether it is the account itself.
        let (mut somebody, mut owner) = (false, false);
        for statement in &policy.statements {
            if statement.effect() == Some("Deny") || !statement.may_cover("kms:PutKeyPolicy") {
                continue;
            }
            let principals = statement.principals("AWS");
            let unsure = statement.effect().is_none()
                || !principals.unknown.is_empty()
                || statement.get("NotPrincipal").is_some()
                || statement.get("Principal").is_some_and(|it| it.as_unknown().is_some());
            somebody |= unsure || statement.for_everybody() || principals.present;
            owner |= unsure
                || statement.for_everybody()
                || principals.known.iter().any(|(it, _)| {
                    it.ends_with(":root") || it.bytes().all(|it| it.is_ascii_digit())
                });
        }
        let name = &key.logical_id;
        if !somebody {
            let finding = cx.report_value(
                value,
                message!("nobody may change the policy of key `{name}`", name),
            );
            finding.help.push(message!(
                "KMS refuses such a policy; allow `kms:*` to `{root}`",
                root = "arn:aws:iam::${AWS::AccountId}:root"
            ));
        } else if !owner {
            let finding = cx.report_value(
                value,
                message!("the account itself may not change the policy of key `{name}`", name),
            );
            finding.severity = Severity::Warning;
            finding.help.push(message!(
                "when the principals it names are deleted, nobody can; allow `kms:*` to `{root}`",
                root = "arn:aws:iam::${AWS::AccountId}:root"
            ));
        }
    }
}
