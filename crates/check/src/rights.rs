//! What roles are allowed by the policies of a tree, and what resources need them to be allowed.

use crate::links::{Links, Place};
use crate::policies::{Policy, Statement, matches};
use crate::services::named;
use kumiki_project::{Kind, Resource, ResourceRef, Unknown, Value};
use std::collections::{HashMap, HashSet};

const FUNCTION: &str = "AWS::Lambda::Function";
const POLICY: &str = "AWS::IAM::ManagedPolicy";
const ROLE: &str = "AWS::IAM::Role";
const SECRET: &str = "AWS::SecretsManager::Secret";

/// Managed policies of AWS, and what they allow of the actions that are asked for here.
///
/// As of 2026-11-24, <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html>.
/// One that is not here may allow anything.
const MANAGED: [(&str, &[&str]); 8] = [
    ("AWSLambdaBasicExecutionRole", &[]),
    ("AWSLambdaDynamoDBExecutionRole", &["dynamodb:*"]),
    ("AWSLambdaKinesisExecutionRole", &["kinesis:*"]),
    ("AWSLambdaSQSQueueExecutionRole", &["sqs:*"]),
    ("AWSLambdaVPCAccessExecutionRole", &["ec2:*"]),
    ("AWSXRayDaemonWriteAccess", &[]),
    ("AmazonECSTaskExecutionRolePolicy", &["ecr:*", "logs:*"]),
    ("CloudWatchLambdaInsightsExecutionRolePolicy", &[]),
];

/// What a role is allowed.
#[derive(Default)]
pub(crate) struct Rights<'t> {
    /// The documents, each with the resource that gives it: the role itself or a policy.
    documents: Vec<(Place, Policy<'t>)>,
    managed: Vec<&'static str>,
    /// Whether there may be more that is not seen.
    more: bool,
}

/// What gives a role the right to do something.
pub(crate) enum Given {
    /// It surely has none.
    No,
    /// One of these documents does.
    By(Vec<Place>),
    /// It is not known whether and by what.
    Unclear,
}

impl Rights<'_> {
    /// The resources that give rights, the role itself among them.
    pub(crate) fn givers(&self) -> impl Iterator<Item = Place> {
        self.documents.iter().map(|it| it.0)
    }

    /// What gives the right to an action on a resource of the tree, or on anything.
    pub(crate) fn give(
        &self,
        links: &Links<'_>,
        action: &str,
        target: Option<&ResourceRef>,
    ) -> Given {
        if self.more || self.managed.iter().any(|it| matches(it, action)) {
            return Given::Unclear;
        }
        let mut givers = Vec::new();
        for (place, policy) in &self.documents {
            if !policy.whole {
                return Given::Unclear;
            }
            let gives = policy.statements.iter().any(|it| {
                it.effect() != Some("Deny")
                    && it.may_cover(action)
                    && target.is_none_or(|target| may_be_about(links, *it, target))
            });
            if gives {
                givers.push(*place);
            }
        }
        if givers.is_empty() { Given::No } else { Given::By(givers) }
    }
}

/// Whether a statement may be about a resource: it names it, or something that is not known, or
/// gives a pattern that may cover it.
fn may_be_about(links: &Links<'_>, statement: Statement<'_>, target: &ResourceRef) -> bool {
    let resources = statement.resources();
    if !resources.present {
        return true;
    }
    let name = || {
        let resource = links.at(links.place(target)?);
        (&*target.type_name == SECRET).then_some(resource.property("Name")?.as_text()?)
    };
    let by_text =
        resources.known.iter().any(|(text, _)| match (name(), text.split_once(":secret:")) {
            // An ARN ends in a hyphen and six characters that nobody knows beforehand.
            (Some(name), Some((_, pattern))) => matches(pattern, &format!("{name}-abcdef")),
            _ => true,
        });
    let by_reference = resources.unknown.iter().any(|it| {
        let mut may = false;
        it.unknowns(&mut |it| {
            it.each(&mut |it| {
                may |= match it {
                    Unknown::PhysicalId(of) | Unknown::Attribute(of, _) => {
                        of == target || of.type_name != target.type_name
                    }
                    _ => true,
                };
            });
        });
        may
    });
    by_text || by_reference
}

/// The rights of every role that surely is created.
pub(crate) fn rights<'t>(links: &Links<'t>) -> HashMap<Place, Rights<'t>> {
    let names = links.names(ROLE, "RoleName");
    let mut rights: HashMap<Place, Rights<'t>> = HashMap::new();
    for (place, _, role) in links.certain(ROLE) {
        let of = rights.entry(place).or_default();
        match role.property("Policies").map(|it| (it, it.as_list())) {
            None => {}
            Some((_, Some(list))) => {
                for policy in list {
                    match policy.get("PolicyDocument") {
                        Some(document) => of.documents.push((place, Policy::read(document))),
                        None => of.more = true,
                    }
                }
            }
            Some(_) => of.more = true,
        }
        match role.property("ManagedPolicyArns").map(|it| (it, it.as_list())) {
            None => {}
            Some((_, Some(list))) => list.iter().for_each(|it| of.attach(links, it)),
            Some(_) => of.more = true,
        }
    }
    // Policies that are attached to who knows what.
    let mut loose = !links.whole() || !links.all_certain(ROLE);
    for (type_name, property) in
        [("AWS::IAM::Policy", "Roles"), ("AWS::IAM::RolePolicy", "RoleName"), (POLICY, "Roles")]
    {
        loose |= !links.all_certain(type_name);
        for (place, _, policy) in links.certain(type_name) {
            let Some(roles) = policy.property(property) else { continue };
            for value in roles.as_list().unwrap_or(std::slice::from_ref(roles)) {
                let role = links.named(value, ROLE, &names);
                match (role, policy.property("PolicyDocument")) {
                    (Some(role), Some(document)) => {
                        let of = rights.entry(role).or_default();
                        of.documents.push((place, Policy::read(document)));
                    }
                    _ => loose |= value.as_text().is_none(),
                }
            }
        }
    }
    if loose {
        rights.values_mut().for_each(|it| it.more = true);
    }
    rights
}

impl<'t> Rights<'t> {
    fn attach(&mut self, links: &Links<'t>, policy: &Value) {
        if let Some(arn) = policy.as_text() {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            match MANAGED.iter().find(|it| it.0 == name && arn.contains(":iam::aws:")) {
                Some((_, actions)) => self.managed.extend(*actions),
                None => self.more = true,
            }
            return;
        }
        let place = links.reference(policy).and_then(|it| links.place(it.resource));
        let document = place.and_then(|it| links.at(it).property("PolicyDocument"));
        match (place, document) {
            (Some(place), Some(document)) => {
                self.documents.push((place, Policy::read(document)));
            }
            _ => self.more = true,
        }
    }
}

/// What a resource needs its role to be allowed.
pub(crate) struct Need<'t> {
    /// The resource.
    pub(crate) of: Place,
    /// The value that makes it need that.
    pub(crate) value: &'t Value,
    /// The role.
    pub(crate) role: Place,
    /// The action.
    pub(crate) action: &'static str,
    /// What the action is for, if it is a resource of the tree.
    pub(crate) target: Option<ResourceRef>,
    /// Whether the service tries it when the resource is made.
    pub(crate) tried: bool,
}

/// Everything that resources are known to need of roles of the tree.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html>
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions>
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
pub(crate) fn needs<'t>(links: &Links<'t>) -> Vec<Need<'t>> {
    let mut needs = Vec::new();
    let opened = opened(links);
    for (of, _, resource) in links.all() {
        let mut add = |value: &'t Value, role, action, target, tried| {
            needs.push(Need { of, value, role, action, target, tried });
        };
        let role = |of: &'t Resource, property: &str| named(links, of.property(property)?, ROLE);
        match &*resource.type_name {
            "AWS::ECS::TaskDefinition" => {
                if let Some(role) = role(resource, "ExecutionRoleArn") {
                    task(links, opened.as_ref(), resource, &mut |value, action, target| {
                        add(value, role, action, target, false);
                    });
                }
            }
            FUNCTION => {
                if let Some(subnets) = resource.property("VpcConfig.SubnetIds")
                    && subnets.as_list().is_some_and(|it| !it.is_empty())
                    && let Some(role) = role(resource, "Role")
                {
                    add(subnets, role, "ec2:CreateNetworkInterface", None, true);
                }
            }
            "AWS::Lambda::EventSourceMapping" => {
                let function = resource.property("FunctionName");
                let function = function.and_then(|it| named(links, it, FUNCTION));
                if let Some(function) = function
                    && let Some(role) = role(links.at(function), "Role")
                    && let Some(source) = resource.property("EventSourceArn")
                    && let Some(reference) = links.reference(source)
                {
                    let action = match &*reference.resource.type_name {
                        "AWS::SQS::Queue" => "sqs:ReceiveMessage",
                        "AWS::Kinesis::Stream" => "kinesis:GetRecords",
                        "AWS::DynamoDB::Table" => "dynamodb:GetRecords",
                        _ => continue,
                    };
                    add(source, role, action, Some(reference.resource.clone()), true);
                }
            }
            "AWS::Logs::SubscriptionFilter" => {
                if let Some(role) = role(resource, "RoleArn")
                    && let Some(destination) = resource.property("DestinationArn")
                    && let Some(reference) = links.reference(destination)
                {
                    let action = match &*reference.resource.type_name {
                        "AWS::KinesisFirehose::DeliveryStream" => "firehose:PutRecord",
                        "AWS::Kinesis::Stream" => "kinesis:PutRecord",
                        _ => continue,
                    };
                    add(destination, role, action, Some(reference.resource.clone()), true);
                }
            }
            "AWS::CloudTrail::Trail" => {
                if let Some(role) = role(resource, "CloudWatchLogsRoleArn")
                    && let Some(group) = resource.property("CloudWatchLogsLogGroupArn")
                {
                    add(group, role, "logs:PutLogEvents", None, true);
                }
            }
            "AWS::StepFunctions::StateMachine" => {
                let level = resource.property("LoggingConfiguration.Level");
                if let Some(role) = role(resource, "RoleArn")
                    && let Some(level) = level
                    && matches!(level.as_text(), Some("ALL" | "ERROR" | "FATAL"))
                {
                    add(level, role, "logs:CreateLogDelivery", None, true);
                }
            }
            _ => {}
        }
    }
    needs
}

/// What the containers of a task definition need before they start.
fn task<'t>(
    links: &Links<'t>,
    opened: Option<&HashSet<Place>>,
    task: &'t Resource,
    add: &mut dyn FnMut(&'t Value, &'static str, Option<ResourceRef>),
) {
    for container in
        task.property("ContainerDefinitions").and_then(Value::as_list).unwrap_or_default()
    {
        if let Some(image) = container.get("Image")
            && of_ecr(image)
        {
            add(image, "ecr:GetAuthorizationToken", None);
        }
        if let Some(log) = container.get("LogConfiguration")
            && log.get("LogDriver").and_then(Value::as_text) == Some("awslogs")
        {
            add(log, "logs:CreateLogStream", None);
            add(log, "logs:PutLogEvents", None);
        }
        for secret in container.get("Secrets").and_then(Value::as_list).unwrap_or_default() {
            let Some(from) = secret.get("ValueFrom") else { continue };
            let mut named = None;
            from.unknowns(&mut |it| {
                it.each(&mut |it| {
                    if let Unknown::PhysicalId(of) | Unknown::Attribute(of, _) = it {
                        named = Some(of.clone());
                    }
                });
            });
            match named {
                Some(of) if &*of.type_name == SECRET => {
                    // The secret may open itself to the role.
                    let place = links.place(&of);
                    let may =
                        place.is_none_or(|it| opened.is_none_or(|opened| opened.contains(&it)));
                    if !may {
                        add(from, "secretsmanager:GetSecretValue", Some(of));
                    }
                }
                Some(of) if &*of.type_name == "AWS::SSM::Parameter" => {
                    add(from, "ssm:GetParameters", None);
                }
                _ => match from.as_text() {
                    Some(it) if it.starts_with("arn:aws:secretsmanager:") => {
                        add(from, "secretsmanager:GetSecretValue", None);
                    }
                    Some(_) => add(from, "ssm:GetParameters", None),
                    None => {}
                },
            }
        }
    }
}

/// Whether an image lies in a repository of ECR.
fn of_ecr(image: &Value) -> bool {
    match &image.kind {
        Kind::Unknown(unknown) => {
            let mut found = false;
            unknown.each(&mut |it| {
                if let Unknown::PhysicalId(of) | Unknown::Attribute(of, _) = it {
                    found |= &*of.type_name == "AWS::ECR::Repository";
                }
            });
            found
        }
        _ => image.as_text().is_some_and(|it| it.contains(".dkr.ecr.")),
    }
}

/// The secrets whose own policy may admit somebody; nothing if it may be any of them.
fn opened(links: &Links<'_>) -> Option<HashSet<Place>> {
    let mut opened = HashSet::new();
    for (_, _, policy) in links.certain("AWS::SecretsManager::ResourcePolicy") {
        let document = policy.property("ResourcePolicy").map(Policy::read);
        if document.is_none_or(|it| !it.whole || it.allowing().next().is_some()) {
            let secret = policy.property("SecretId").and_then(|it| links.reference(it))?;
            opened.extend(links.place(secret.resource));
        }
    }
    Some(opened)
}
