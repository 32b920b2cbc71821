use crate::links::Links;
use crate::policies::Policy;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "confused-deputy",
    severity: Severity::Info,
    page: include_str!("confused_deputy.md"),
    check,
};

/// Services that say for whom they take a role.
const SERVICES: [&str; 12] = [
    "bedrock.amazonaws.com",
    "codebuild.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "events.amazonaws.com",
    "logs.amazonaws.com",
    "monitoring.rds.amazonaws.com",
    "pipes.amazonaws.com",
    "scheduler.amazonaws.com",
    "ssm.amazonaws.com",
    "states.amazonaws.com",
    "transfer.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
];

/// Conditions on whom the service acts for.
pub(crate) const SOURCES: [&str; 5] = [
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "sts:ExternalId",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, role) in links.certain("AWS::IAM::Role") {
        let Some(document) = role.property("AssumeRolePolicyDocument") else { continue };
        for statement in Policy::read(document).allowing() {
            if statement.looks_at(&SOURCES) {
                continue;
            }
            for (service, value) in statement.principals("Service").known {
                if !SERVICES.contains(&service) {
                    continue;
                }
                let name = &role.logical_id;
                let finding = cx.report_value(
                    value,
                    message!(
                        "role `{name}` trusts `{service}` on behalf of any account",
                        name,
                        service
                    ),
                );
                finding.help.push(message!(
                    "add a condition on `aws:SourceAccount`, and on `aws:SourceArn` if it can be known"
                ));
            }
        }
    }
}
