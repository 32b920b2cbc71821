use crate::links::Links;
use crate::policies::{Policy, documents};
use crate::rule::{Cx, Rule};
use kumiki_project::partition;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-service-principal",
    severity: Severity::Error,
    page: include_str!("unknown_service_principal.md"),
    check,
};

/// Names that services do not have, and those that were meant.
///
/// There is no list of all the principals; these are the slips that people make.
const MISTAKEN: [(&str, &str); 9] = [
    ("api-gateway", "apigateway"),
    ("cloudwatchlogs", "logs"),
    ("ecs-task", "ecs-tasks"),
    ("kinesisfirehose", "firehose"),
    ("rds-monitoring", "monitoring.rds"),
    ("step-functions", "states"),
    ("stepfunctions", "states"),
    ("vpc-flowlogs", "vpc-flow-logs"),
    ("vpcflowlogs", "vpc-flow-logs"),
];

fn check(cx: &mut Cx<'_>) {
    if partition(&cx.inputs.region) != "aws" {
        return;
    }
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let mut services = Vec::new();
        documents(&resource.properties, &mut |document| {
            for statement in Policy::read(document).statements {
                services.extend(statement.principals("Service").known);
            }
        });
        for (service, value) in services {
            let name = service.strip_suffix(".amazonaws.com");
            let meant = name.and_then(|it| MISTAKEN.iter().find(|(of, _)| *of == it));
            // Some services have a domain of their own.
            let outside =
                !service.contains(".amazonaws.") && !service.contains(".aws") && service != "*";
            if meant.is_none() && !outside {
                continue;
            }
            let finding = cx.report_value(
                value,
                message!("no service of AWS has the principal `{service}`", service),
            );
            finding.help.push(match meant {
                Some((_, meant)) => {
                    message!("did you mean `{near}`?", near = format!("{meant}.amazonaws.com"))
                }
                None => message!("principals of services end in `.amazonaws.com`"),
            });
        }
    }
}
