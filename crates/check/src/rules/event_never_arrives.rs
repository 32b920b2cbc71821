use crate::links::Links;
use crate::rule::{Cx, Rule, listed};
use kumiki_project::{Value, partition};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "event-never-arrives",
    severity: Severity::Warning,
    page: include_str!("event_never_arrives.md"),
    check,
};

/// How the types of events begin, and the sources that send them.
///
/// As of 2026-11-24, <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-source.html>
const TYPES: [(&str, &[&str]); 24] = [
    ("AWS Health ", &["aws.health"]),
    ("Backup ", &["aws.backup"]),
    ("CloudFormation ", &["aws.cloudformation"]),
    ("CloudWatch Alarm ", &["aws.cloudwatch"]),
    ("CodeBuild ", &["aws.codebuild"]),
    ("CodeDeploy ", &["aws.codedeploy"]),
    ("CodePipeline ", &["aws.codepipeline"]),
    ("Config ", &["aws.config"]),
    ("Copy Job ", &["aws.backup"]),
    ("EBS ", &["aws.ec2"]),
    ("EC2 Instance State-change Notification", &["aws.ec2"]),
    ("EC2 Spot ", &["aws.ec2"]),
    ("ECR ", &["aws.ecr"]),
    ("ECS ", &["aws.ecs"]),
    ("GuardDuty ", &["aws.guardduty"]),
    ("Glue ", &["aws.glue"]),
    ("Inspector2 ", &["aws.inspector2"]),
    ("RDS DB ", &["aws.rds"]),
    ("Restore Job ", &["aws.backup"]),
    ("Scheduled Event", &["aws.events"]),
    ("Security Hub ", &["aws.securityhub"]),
    ("Step Functions ", &["aws.states"]),
    ("Tag Change on Resource", &["aws.tag"]),
    ("Trusted Advisor ", &["aws.trustedadvisor"]),
];

/// Sources of global services, whose events arrive in us-east-1 only.
///
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
const GLOBAL: [&str; 5] =
    ["aws.cloudfront", "aws.iam", "aws.organizations", "aws.route53", "aws.trustedadvisor"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let region = cx.inputs.region.as_str();
    for (_, _, rule) in links.certain("AWS::Events::Rule") {
        let Some(pattern) = rule.property("EventPattern") else { continue };
        // Buses of one's own may be sent events from elsewhere.
        let own = rule.property("EventBusName").is_some_and(|it| it.as_text() != Some("default"));
        let Some(sources) = texts(pattern.get("source")) else { continue };
        if region != "us-east-1"
            && partition(region) == "aws"
            && !own
            && !sources.is_empty()
            && sources.iter().all(|it| GLOBAL.contains(&it.0))
        {
            let (source, value) = sources[0];
            let finding = cx.report_value(
                value,
                message!(
                    "events of `{source}` are in us-east-1 only, not in {region}",
                    source,
                    region
                ),
            );
            finding.help.push(message!(
                "move the rule to a root in us-east-1, or forward the events from there to a bus here"
            ));
        }
        if sources.is_empty() {
            continue;
        }
        for (kind, value) in texts(pattern.get("detail-type")).unwrap_or_default() {
            let Some((_, senders)) = TYPES.iter().find(|it| kind.starts_with(it.0)) else {
                continue;
            };
            if sources.iter().any(|it| senders.contains(&it.0)) {
                continue;
            }
            let source = sources[0].0;
            let finding = cx
                .report_value(value, message!("`{source}` sends no event `{kind}`", source, kind));
            let senders = listed(senders);
            finding.help.push(message!("it comes from {senders}; the rule never matches", senders));
        }
    }
}

/// The texts of a pattern's field, if all are known and plain; none if the field is not there.
fn texts(field: Option<&Value>) -> Option<Vec<(&str, &Value)>> {
    let Some(field) = field else { return Some(Vec::new()) };
    field.as_list()?.iter().map(|it| Some((it.as_text()?, it))).collect()
}
