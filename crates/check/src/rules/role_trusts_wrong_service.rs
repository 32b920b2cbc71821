use crate::links::Links;
use crate::paths::each;
use crate::policies::Policy;
use crate::rule::{Cx, Rule};
use kumiki_project::{Value, partition};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "role-trusts-wrong-service",
    severity: Severity::Error,
    page: include_str!("role_trusts_wrong_service.md"),
    check,
};

/// A type, the path of a role, and the service that takes it.
const USES: [(&str, &str, &str); 32] = [
    ("AWS::ApiGateway::Account", "CloudWatchRoleArn", "apigateway"),
    ("AWS::Backup::BackupSelection", "BackupSelection.IamRoleArn", "backup"),
    ("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", "IamRoleArn", "chatbot"),
    ("AWS::Chatbot::SlackChannelConfiguration", "IamRoleArn", "chatbot"),
    ("AWS::CloudTrail::Trail", "CloudWatchLogsRoleArn", "cloudtrail"),
    ("AWS::CodeBuild::Project", "ServiceRole", "codebuild"),
    ("AWS::CodeDeploy::DeploymentGroup", "ServiceRoleArn", "codedeploy"),
    ("AWS::CodePipeline::Pipeline", "RoleArn", "codepipeline"),
    ("AWS::Config::ConfigurationRecorder", "RoleARN", "config"),
    ("AWS::EC2::FlowLog", "DeliverLogsPermissionArn", "vpc-flow-logs"),
    ("AWS::ECS::TaskDefinition", "ExecutionRoleArn", "ecs-tasks"),
    ("AWS::ECS::TaskDefinition", "TaskRoleArn", "ecs-tasks"),
    ("AWS::EKS::Cluster", "RoleArn", "eks"),
    ("AWS::EKS::Nodegroup", "NodeRole", "ec2"),
    ("AWS::Events::Rule", "Targets.RoleArn", "events"),
    ("AWS::Glue::Crawler", "Role", "glue"),
    ("AWS::Glue::Job", "Role", "glue"),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "ExtendedS3DestinationConfiguration.RoleARN",
        "firehose",
    ),
    ("AWS::KinesisFirehose::DeliveryStream", "S3DestinationConfiguration.RoleARN", "firehose"),
    ("AWS::Lambda::Function", "Role", "lambda"),
    ("AWS::Logs::SubscriptionFilter", "RoleArn", "logs"),
    ("AWS::Pipes::Pipe", "RoleArn", "pipes"),
    ("AWS::RDS::DBCluster", "MonitoringRoleArn", "monitoring.rds"),
    ("AWS::RDS::DBInstance", "MonitoringRoleArn", "monitoring.rds"),
    ("AWS::S3::Bucket", "ReplicationConfiguration.Role", "s3"),
    ("AWS::Scheduler::Schedule", "Target.RoleArn", "scheduler"),
    ("AWS::StepFunctions::StateMachine", "RoleArn", "states"),
    ("AWS::Transfer::Server", "LoggingRole", "transfer"),
    ("AWS::AppSync::DataSource", "ServiceRoleArn", "appsync"),
    ("AWS::Cognito::UserPool", "SmsConfiguration.SnsCallerArn", "cognito-idp"),
    ("AWS::SageMaker::NotebookInstance", "RoleArn", "sagemaker"),
    ("AWS::SageMaker::Model", "ExecutionRoleArn", "sagemaker"),
];

fn check(cx: &mut Cx<'_>) {
    // Other partitions have principals of their own.
    if partition(&cx.inputs.region) != "aws" {
        return;
    }
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        for (_, path, service) in USES.iter().filter(|it| *it.0 == *resource.type_name) {
            each(&resource.properties, path, &mut |value| {
                check_role(cx, &links, value, service, &resource.logical_id);
            });
        }
    }
}

fn check_role(cx: &mut Cx<'_>, links: &Links<'_>, value: &Value, service: &str, user: &str) {
    let Some(reference) = links.reference(value) else { return };
    if &*reference.resource.type_name != "AWS::IAM::Role" {
        return;
    }
    let Some(role) = links.place(reference.resource).map(|it| links.at(it)) else { return };
    let Some(document) = role.property("AssumeRolePolicyDocument") else { return };
    let policy = Policy::read(document);
    if !policy.whole {
        return;
    }
    let mut trusted: Vec<&str> = Vec::new();
    for statement in &policy.statements {
        let services = statement.principals("Service");
        let principal = statement.get("Principal");
        if statement.effect().is_none()
            || principal.is_none_or(|it| it.as_unknown().is_some())
            || statement.for_everybody()
            || !services.unknown.is_empty()
        {
            return;
        }
        if statement.effect() == Some("Allow") {
            trusted.extend(services.known.iter().map(|(it, _)| *it));
        }
    }
    let is_it = |principal: &&str| {
        principal
            .strip_prefix(service)
            .and_then(|it| it.strip_prefix('.'))
            // Some services have a principal in each Region as well.
            .is_some_and(|it| it.ends_with("amazonaws.com"))
    };
    if trusted.iter().any(is_it) {
        return;
    }
    let (name, service) = (&role.logical_id, format!("{service}.amazonaws.com"));
    let finding = cx.report_value(
        value,
        message!(
            "role `{name}` does not trust `{service}`, which `{user}` needs",
            name,
            service,
            user
        ),
    );
    if let Some(span) = document.origin.nearest() {
        finding.hops.push(Hop { span, label: Some(message!("what the role trusts")) });
    }
    finding.help.push(match trusted.first() {
        Some(trusted) => {
            message!("it trusts `{trusted}`; use another role, or add the service", trusted)
        }
        None => message!("add the service to the role's `AssumeRolePolicyDocument`"),
    });
}
