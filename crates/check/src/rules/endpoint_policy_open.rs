use crate::links::Links;
use crate::policies::Policy;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "endpoint-policy-open",
    severity: Severity::Info,
    page: include_str!("endpoint_policy_open.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, stack, endpoint) in links.certain("AWS::EC2::VPCEndpoint") {
        let kind = endpoint.property("VpcEndpointType").map(Value::as_text);
        // Others have no policies, and endpoint services of others may not either.
        let service = endpoint.property("ServiceName").and_then(Value::as_text);
        if !matches!(kind, None | Some(Some("Gateway" | "Interface")))
            || !service.is_some_and(|it| it.starts_with("com.amazonaws.") && !it.contains(".vpce."))
        {
            continue;
        }
        let service = service.unwrap_or_default();
        let Some(document) = endpoint.property("PolicyDocument") else {
            let span = cx.declaration(stack, endpoint).name.span;
            let finding = cx.report(
                span,
                message!(
                    "the endpoint of `{service}` admits every principal of every account",
                    service
                ),
            );
            finding.help.push(help());
            continue;
        };
        for statement in Policy::read(document).allowing() {
            let everything = statement.resources().find("*").is_some();
            let action = statement.actions();
            if let Some(action) = action.find("*")
                && everything
                && statement.for_everybody()
                && !statement.is_conditional()
            {
                let finding = cx.report_value(
                    action,
                    message!(
                        "the endpoint of `{service}` admits every principal of every account",
                        service
                    ),
                );
                finding.help.push(help());
            }
        }
    }
}

fn help() -> kumiki_source::Message {
    message!("add a policy with a condition on `aws:PrincipalAccount` or `aws:ResourceAccount`")
}
