//! What services deliver to resources of a tree that have to admit them: notifications, events and
//! logs to functions, queues, topics and buckets, and the policies that admit a service there.

use crate::links::{Links, Place};
use crate::paths::each;
use crate::policies::Policy;
use kumiki_project::{Resource, Unknown, Value};
use std::collections::HashMap;

const BUCKET: &str = "AWS::S3::Bucket";
const FUNCTION: &str = "AWS::Lambda::Function";
const QUEUE: &str = "AWS::SQS::Queue";
const TOPIC: &str = "AWS::SNS::Topic";

/// Types that are delivered to, the property with their name, and what the service does there.
const TARGETS: [(&str, &str, &str); 4] = [
    (BUCKET, "BucketName", "s3:PutObject"),
    (FUNCTION, "FunctionName", "lambda:InvokeFunction"),
    (QUEUE, "QueueName", "sqs:SendMessage"),
    (TOPIC, "TopicName", "sns:Publish"),
];

/// A type, the paths that name a target, the service that delivers, and whether the service tries
/// the target when the resource is made.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html>
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html>
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html>
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html>
const ROUTES: [(&str, &[&str], &str, bool); 17] = [
    ("AWS::Backup::BackupVault", &["Notifications.SNSTopicArn"], "backup", false),
    (
        "AWS::Budgets::Budget",
        &["NotificationsWithSubscribers.Subscribers.Address"],
        "budgets",
        false,
    ),
    ("AWS::CE::AnomalySubscription", &["Subscribers.Address"], "costalerts", false),
    ("AWS::CloudTrail::Trail", &["S3BucketName", "SnsTopicName"], "cloudtrail", true),
    ("AWS::CloudWatch::Alarm", ACTIONS, "cloudwatch", false),
    ("AWS::CloudWatch::CompositeAlarm", ACTIONS, "cloudwatch", false),
    (
        "AWS::CodeStarNotifications::NotificationRule",
        &["Targets.TargetAddress"],
        "codestar-notifications",
        false,
    ),
    (
        "AWS::Cognito::UserPool",
        &[
            "LambdaConfig.CustomMessage",
            "LambdaConfig.PostAuthentication",
            "LambdaConfig.PostConfirmation",
            "LambdaConfig.PreAuthentication",
            "LambdaConfig.PreSignUp",
            "LambdaConfig.PreTokenGeneration",
            "LambdaConfig.UserMigration",
        ],
        "cognito-idp",
        false,
    ),
    ("AWS::Config::ConfigRule", &["Source.SourceIdentifier"], "config", true),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", &["Targets.Id"], "elasticloadbalancing", true),
    ("AWS::Events::Rule", &["Targets.DeadLetterConfig.Arn"], "events", false),
    ("AWS::Logs::SubscriptionFilter", &["DestinationArn"], "logs", true),
    ("AWS::RDS::EventSubscription", &["SnsTopicArn"], "events.rds", false),
    (
        "AWS::S3::Bucket",
        &[
            "NotificationConfiguration.LambdaConfigurations.Function",
            "NotificationConfiguration.QueueConfigurations.Queue",
            "NotificationConfiguration.TopicConfigurations.Topic",
        ],
        "s3",
        true,
    ),
    ("AWS::S3::Bucket", &["LoggingConfiguration.DestinationBucketName"], "logging.s3", false),
    ("AWS::SNS::Subscription", &["Endpoint", "RedrivePolicy.deadLetterTargetArn"], "sns", false),
    ("AWS::SecretsManager::RotationSchedule", &["RotationLambdaARN"], "secretsmanager", true),
];

/// A type, and the path of an address that may be of a function.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integrations.html>
const URIS: [(&str, &str); 4] = [
    ("AWS::ApiGateway::Authorizer", "AuthorizerUri"),
    ("AWS::ApiGateway::Method", "Integration.Uri"),
    ("AWS::ApiGatewayV2::Authorizer", "AuthorizerUri"),
    ("AWS::ApiGatewayV2::Integration", "IntegrationUri"),
];

const ACTIONS: &[&str] = &["AlarmActions", "InsufficientDataActions", "OKActions"];

/// Services that the policy which a topic has by itself admits: they say for which account they
/// publish.
const DEFAULT: [&str; 2] = ["cloudwatch", "events.rds"];

/// A delivery to a resource of the tree.
pub(crate) struct Delivery<'t> {
    /// The resource that asks for it.
    pub(crate) from: Place,
    /// The value that names the target.
    pub(crate) value: &'t Value,
    /// The target.
    pub(crate) to: Place,
    /// The service that delivers, such as `events`.
    service: &'static str,
    /// What it does at the target.
    pub(crate) action: &'static str,
    /// Whether the service tries the target when the resource is made, which fails if it may not.
    pub(crate) tried: bool,
}

impl Delivery<'_> {
    /// The principal of the service.
    pub(crate) fn principal(&self) -> String {
        format!("{}.amazonaws.com", self.service)
    }
}

/// Every delivery to a resource that surely is created.
pub(crate) fn deliveries<'t>(links: &Links<'t>) -> Vec<Delivery<'t>> {
    let names =
        TARGETS.map(|(type_name, property, _)| (type_name, links.names(type_name, property)));
    let mut found = Vec::new();
    for (from, _, resource) in links.all() {
        // The address of a function is put together from its ARN.
        for (_, path) in URIS.iter().filter(|it| *it.0 == *resource.type_name) {
            let credentials =
                ["Integration.Credentials", "AuthorizerCredentials", "CredentialsArn"];
            if credentials.iter().any(|it| resource.property(it).is_some()) {
                continue;
            }
            if let Some(value) = resource.property(path)
                && let Some(Unknown::Attribute(of, _)) = value.as_unknown().map(|it| &**it)
                && &*of.type_name == FUNCTION
                && let Some(to) = links.place(of)
            {
                let action = "lambda:InvokeFunction";
                found.push(Delivery {
                    from,
                    value,
                    to,
                    service: "apigateway",
                    action,
                    tried: false,
                });
            }
        }
        let mut add = |value: &'t Value, service: &'static str, tried: bool| {
            let target =
                TARGETS.iter().zip(&names).find_map(|((type_name, _, action), (_, names))| {
                    Some((links.named(value, type_name, names)?, *action))
                });
            let Some((to, action)) = target else { return };
            // An alarm that calls a function does so under a name of its own.
            let service = match (service, action) {
                ("cloudwatch", "lambda:InvokeFunction") => "lambda.alarms.cloudwatch",
                _ => service,
            };
            found.push(Delivery { from, value, to, service, action, tried });
        };
        for (_, paths, service, tried) in ROUTES.iter().filter(|it| *it.0 == *resource.type_name) {
            for path in *paths {
                each(&resource.properties, path, &mut |value| add(value, service, *tried));
            }
        }
        match &*resource.type_name {
            "AWS::Events::Rule" => each(&resource.properties, "Targets", &mut |target| {
                // With a role of its own, the target is called as that role.
                if let Some(arn) = target.get("Arn").filter(|_| target.get("RoleArn").is_none()) {
                    add(arn, "events", false);
                }
            }),
            TOPIC => each(&resource.properties, "Subscription.Endpoint", &mut |value| {
                add(value, "sns", false);
            }),
            "AWS::ElasticLoadBalancingV2::LoadBalancer" => {
                for value in log_buckets(resource) {
                    add(value, LOAD_BALANCING, true);
                }
            }
            _ => {}
        }
    }
    found
}

/// Load balancers write logs under names of their own, which differ between Regions.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html>
const LOAD_BALANCING: &str = "logdelivery.elasticloadbalancing";

/// The buckets that a load balancer writes logs to.
pub(crate) fn log_buckets(balancer: &Resource) -> Vec<&Value> {
    let attributes = balancer.property("LoadBalancerAttributes").and_then(Value::as_list);
    let of = |key: &str| {
        let attributes = attributes.unwrap_or_default().iter();
        let mut found = attributes.filter(|it| it.get("Key").and_then(Value::as_text) == Some(key));
        found.next().and_then(|it| it.get("Value"))
    };
    ["access_logs.s3", "connection_logs.s3", "health_check_logs.s3"]
        .into_iter()
        .filter(|it| of(&format!("{it}.enabled")).and_then(Value::as_bool) == Some(true))
        .filter_map(|it| of(&format!("{it}.bucket")))
        .collect()
}

/// What admits services to the resources of a tree.
pub(crate) struct Admissions<'t> {
    /// Policies by the resource that they are attached to.
    policies: HashMap<Place, Vec<(Place, &'t Value)>>,
    /// Permissions of functions: who gives it, and to which principal.
    permissions: HashMap<Place, Vec<(Place, Option<&'t str>)>>,
    /// Types with a policy of which it is not known what it is attached to.
    unclear: Vec<&'static str>,
}

impl<'t> Admissions<'t> {
    /// Gathers the policies of a tree.
    pub(crate) fn new(links: &Links<'t>) -> Self {
        const POLICIES: [(&str, &str, &str, &str); 5] = [
            ("AWS::S3::BucketPolicy", "Bucket", BUCKET, "BucketName"),
            ("AWS::SNS::TopicInlinePolicy", "TopicArn", TOPIC, "TopicName"),
            ("AWS::SNS::TopicPolicy", "Topics", TOPIC, "TopicName"),
            ("AWS::SQS::QueueInlinePolicy", "Queue", QUEUE, "QueueName"),
            ("AWS::SQS::QueuePolicy", "Queues", QUEUE, "QueueName"),
        ];
        let mut admissions =
            Self { policies: HashMap::new(), permissions: HashMap::new(), unclear: Vec::new() };
        for (type_name, property, target, name) in POLICIES {
            let names = links.names(target, name);
            for (place, _, resource) in links.certain(type_name) {
                let Some(document) = resource.property("PolicyDocument") else { continue };
                each(&resource.properties, property, &mut |value| match links
                    .named(value, target, &names)
                {
                    Some(to) => {
                        admissions.policies.entry(to).or_default().push((place, document));
                    }
                    None if value.as_text().is_none() => admissions.unclear.push(target),
                    None => {}
                });
            }
            if !links.all_certain(type_name) {
                admissions.unclear.push(target);
            }
        }
        let names = links.names(FUNCTION, "FunctionName");
        for (place, _, permission) in links.certain("AWS::Lambda::Permission") {
            let Some(value) = permission.property("FunctionName") else { continue };
            let principal = permission.property("Principal").and_then(Value::as_text);
            match links.named(value, FUNCTION, &names) {
                Some(to) => {
                    admissions.permissions.entry(to).or_default().push((place, principal));
                }
                None if value.as_text().is_none() => admissions.unclear.push(FUNCTION),
                None => {}
            }
        }
        if !links.all_certain("AWS::Lambda::Permission") || !links.whole() {
            admissions.unclear.push(FUNCTION);
        }
        if !links.whole() {
            admissions.unclear.extend([BUCKET, QUEUE, TOPIC]);
        }
        admissions
    }

    /// What may admit a delivery; nothing if that is not known.
    pub(crate) fn of(&self, links: &Links<'t>, delivery: &Delivery<'_>) -> Option<Vec<Place>> {
        let target: &Resource = links.at(delivery.to);
        if self.unclear.contains(&&*target.type_name) {
            return None;
        }
        if &*target.type_name == FUNCTION {
            let permissions = self.permissions.get(&delivery.to).into_iter().flatten();
            let admits = |principal: &str| {
                principal == "*"
                    || principal.ends_with("amazonaws.com")
                        && principal
                            .strip_prefix(delivery.service)
                            .is_some_and(|it| it.starts_with('.'))
            };
            let admitting = permissions.filter(|it| it.1.is_none_or(admits)).map(|it| it.0);
            return Some(admitting.collect());
        }
        let policies = self.policies.get(&delivery.to);
        // Access logs of S3 may be admitted by ACL as well.
        if delivery.service == "logging.s3" && target.property("AccessControl").is_some() {
            return None;
        }
        if policies.is_none() && &*target.type_name == TOPIC && DEFAULT.contains(&delivery.service)
        {
            return None;
        }
        let mut admitting = Vec::new();
        for (place, document) in policies.into_iter().flatten() {
            let policy = Policy::read(document);
            let service = delivery.principal();
            let admits = match delivery.service {
                LOAD_BALANCING => policy.allowing().any(|it| it.may_cover(delivery.action)),
                _ => policy.may_allow(&service, delivery.action).next().is_some(),
            };
            if !policy.whole || admits {
                admitting.push(*place);
            }
        }
        Some(admitting)
    }
}
