//! Containers and load balancers: a service finds everything that it is given, and starts only with
//! an image and with the secrets that it asks for.

use super::network::{has_gateway, zones_of};
use super::{
    Behaviour, Checked, Cx, Refusal, Rule, Says, behaviour, refused, stands_for_another, storage,
};
use crate::shape::{text_at, texts_at};
use crate::world::Thing;
use kumiki_source::message;
use serde_json::Value as Json;

const SUBNET: &str = "AWS::EC2::Subnet";
const GROUP: &str = "AWS::EC2::SecurityGroup";
const VPC: &str = "AWS::EC2::VPC";
const CLUSTER: &str = "AWS::ECS::Cluster";
const SERVICE: &str = "AWS::ECS::Service";
const TASK: &str = "AWS::ECS::TaskDefinition";
const REPOSITORY: &str = "AWS::ECR::Repository";
const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const TARGETS: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const SCALABLE: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
const CERTIFICATE: &str = "AWS::CertificateManager::Certificate";

/// Where listeners and their rules name target groups.
const FORWARDS: [(&str, &str); 4] = [
    (LISTENER, "DefaultActions.TargetGroupArn"),
    (LISTENER, "DefaultActions.ForwardConfig.TargetGroups.TargetGroupArn"),
    (LISTENER_RULE, "Actions.TargetGroupArn"),
    (LISTENER_RULE, "Actions.ForwardConfig.TargetGroups.TargetGroupArn"),
];

const NO_SUBNET: Says = Says("InvalidRequest", "The subnet ID '{value}' is not valid");
const NO_GROUP: Says = Says("InvalidRequest", "The security group '{value}' does not exist");
const NO_TARGETS: Says = Says("NotFound", "One or more target groups not found");
const TARGETS_KEPT: Says =
    Says("ResourceConflict", "Target group '{id}' is currently in use by a listener or a rule");

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour("AWS::ApplicationAutoScaling::ScalingPolicy", &[
        Rule::Needs("ScalingTargetId", SCALABLE, Says("NotFound", "No scalable target registered for {value}")),
        Rule::Write(|| message!("a service that no scalable target was registered for"), policy_target),
    ]),
    behaviour(SCALABLE, &[
        Rule::Write(|| message!("an ECS service that does not exist"), scalable_service),
        Rule::Write(|| message!("a maximum below the minimum"), scalable_range),
    ]),
    behaviour(REPOSITORY, &[
        Rule::Key("EncryptionConfiguration.KmsKey"),
    ]),
    behaviour(CLUSTER, &[
        Rule::Keeps(SERVICE, "Cluster", Says("ResourceConflict", "The Cluster cannot be deleted while Services are active.")),
    ]),
    behaviour(SERVICE, &[
        Rule::Needs("Cluster", CLUSTER, Says("NotFound", "Cluster not found.")),
        Rule::Write(|| message!("a task definition that does not exist"), service_task),
        Rule::Needs("NetworkConfiguration.AwsvpcConfiguration.Subnets", SUBNET, Says("InvalidRequest", "Invalid request provided: CreateService error: Error retrieving subnet information for [{value}]: The subnet ID '{value}' does not exist (ErrorCode: InvalidSubnetID.NotFound)")),
        Rule::Needs("NetworkConfiguration.AwsvpcConfiguration.SecurityGroups", GROUP, Says("InvalidRequest", "Invalid request provided: CreateService error: Error retrieving security group information for [{value}]: The security group '{value}' does not exist (ErrorCode: InvalidGroup.NotFound)")),
        Rule::Needs("LoadBalancers.TargetGroupArn", TARGETS, Says("InvalidRequest", "Invalid request provided: CreateService error: The specified target group does not exist.")),
        Rule::Write(|| message!("a target group that no listener forwards to"), service_listener),
        Rule::Write(|| message!("a container or port that the task definition lacks"), service_container),
        Rule::Write(|| message!("an image that nobody can have pushed: it does not stabilise"), service_image),
        Rule::Write(|| message!("a secret, a key of one or a log group that does not exist: it does not stabilise"), service_secrets),
    ]),
    behaviour(TASK, &[
        Rule::Write(|| message!("a size that Fargate does not have"), task_size),
        Rule::Write(|| message!("a volume that is not defined"), task_volumes),
    ]),
    behaviour(LISTENER, &[
        Rule::Needs("LoadBalancerArn", BALANCER, Says("NotFound", "One or more load balancers not found")),
        Rule::Needs("DefaultActions.TargetGroupArn", TARGETS, NO_TARGETS),
        Rule::Needs("DefaultActions.ForwardConfig.TargetGroups.TargetGroupArn", TARGETS, NO_TARGETS),
        Rule::Needs("Certificates.CertificateArn", CERTIFICATE, Says("NotFound", "Certificate '{value}' not found")),
        Rule::Write(|| message!("HTTPS or TLS without a certificate"), listener_certificate),
        Rule::Write(|| message!("a port that the load balancer listens on already"), listener_port),
    ]),
    behaviour(LISTENER_RULE, &[
        Rule::Needs("ListenerArn", LISTENER, Says("NotFound", "One or more listeners not found")),
        Rule::Needs("Actions.TargetGroupArn", TARGETS, NO_TARGETS),
        Rule::Write(|| message!("a priority that another rule of the listener has"), rule_priority),
    ]),
    behaviour(BALANCER, &[
        Rule::Needs("Subnets", SUBNET, NO_SUBNET),
        Rule::Needs("SecurityGroups", GROUP, NO_GROUP),
        Rule::Once("Name", Says("AlreadyExists", "A load balancer with the same name '{value}' exists, but with different settings")),
        Rule::Write(|| message!("subnets in fewer than two zones"), balancer_zones),
        Rule::Write(|| message!("an Internet-facing load balancer in a VPC without an Internet gateway"), balancer_gateway),
        Rule::Write(|| message!("logs to a bucket that does not exist or has no policy for them"), balancer_logs),
        Rule::Delete(|| message!("deletion while it is protected"), balancer_protected),
    ]),
    behaviour(TARGETS, &[
        Rule::Needs("VpcId", VPC, Says("NotFound", "The VPC ID '{value}' is not found")),
        Rule::Once("Name", Says("AlreadyExists", "A target group with the same name '{value}' exists, but with different settings")),
        Rule::Keeps(LISTENER, "DefaultActions.TargetGroupArn", TARGETS_KEPT),
        Rule::Keeps(LISTENER, "DefaultActions.ForwardConfig.TargetGroups.TargetGroupArn", TARGETS_KEPT),
        Rule::Keeps(LISTENER_RULE, "Actions.TargetGroupArn", TARGETS_KEPT),
    ]),
];

/// The scalable target that a policy names by its parts and not by its identifier.
fn policy_target(cx: &Cx<'_>) -> Checked {
    let part = |name| cx.text(name);
    let (Some(resource), Some(dimension), Some(namespace)) =
        (part("ResourceId"), part("ScalableDimension"), part("ServiceNamespace"))
    else {
        return Ok(());
    };
    match cx.lacks(SCALABLE, &format!("{resource}|{dimension}|{namespace}")) {
        true => refused(
            "NotFound",
            format!(
                "No scalable target registered for service namespace: {namespace}, resource ID: {resource}, scalable dimension: {dimension}"
            ),
        ),
        false => Ok(()),
    }
}

fn scalable_service(cx: &Cx<'_>) -> Checked {
    if cx.text("ServiceNamespace").as_deref() != Some("ecs") {
        return Ok(());
    }
    let resource = cx.text("ResourceId").unwrap_or_default();
    let (account, region) = (cx.request.account, cx.request.region);
    let partition = kumiki_project::partition(region);
    match cx.lacks(SERVICE, &format!("arn:{partition}:ecs:{region}:{account}:{resource}")) {
        true => refused("InvalidRequest", format!("ECS service doesn't exist: {resource}")),
        false => Ok(()),
    }
}

fn scalable_range(cx: &Cx<'_>) -> Checked {
    let number = |name| cx.text(name).and_then(|it| it.parse::<u32>().ok());
    match (number("MinCapacity"), number("MaxCapacity")) {
        (Some(least), Some(most)) if most < least => {
            refused("InvalidRequest", "Maximum capacity cannot be less than minimum capacity")
        }
        _ => Ok(()),
    }
}

/// The task definition of a service. By its family, the newest is meant, which may have been
/// registered elsewhere.
fn task_of<'c>(cx: &'c Cx<'_>) -> Option<&'c Thing> {
    cx.named(TASK, &cx.text("TaskDefinition").filter(|it| it.starts_with("arn:"))?)
}

fn service_task(cx: &Cx<'_>) -> Checked {
    match cx.text("TaskDefinition") {
        Some(name) if name.starts_with("arn:") && cx.lacks(TASK, &name) => refused(
            "InvalidRequest",
            "Invalid request provided: CreateService error: TaskDefinition not found.",
        ),
        _ => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html>
fn service_listener(cx: &Cx<'_>) -> Checked {
    for arn in cx.texts("LoadBalancers.TargetGroupArn") {
        let known = cx.get(TARGETS, &arn).is_some();
        let forwarded =
            FORWARDS.iter().any(|(type_name, path)| !cx.having(type_name, path, &arn).is_empty());
        if known && !forwarded {
            return refused(
                "InvalidRequest",
                format!(
                    "Invalid request provided: CreateService error: The target group with targetGroupArn {arn} does not have an associated load balancer."
                ),
            );
        }
    }
    Ok(())
}

fn list<'j>(value: &'j Json, name: &str) -> impl Iterator<Item = &'j Json> {
    value.get(name).and_then(Json::as_array).into_iter().flatten()
}

fn service_container(cx: &Cx<'_>) -> Checked {
    let Some(task) = task_of(cx) else { return Ok(()) };
    for balanced in list(cx.request.properties, "LoadBalancers") {
        let name = text_at(balanced, "ContainerName").unwrap_or_default();
        let port = text_at(balanced, "ContainerPort").unwrap_or_default();
        let mut containers = list(&task.properties, "ContainerDefinitions");
        let container = containers.find(|it| text_at(it, "Name").as_deref() == Some(&name));
        let Some(container) = container else {
            return refused(
                "InvalidRequest",
                format!(
                    "Invalid request provided: CreateService error: The container {name} does not exist in the task definition."
                ),
            );
        };
        if !texts_at(container, "PortMappings.ContainerPort").contains(&port) {
            return refused(
                "InvalidRequest",
                format!(
                    "Invalid request provided: CreateService error: The container {name} did not have a container port {port} defined."
                ),
            );
        }
    }
    Ok(())
}

/// How long ECS tries before its circuit breaker gives up, and how long CloudFormation waits
/// without one.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
const BREAKER: u64 = 600_000;
const PATIENCE: u64 = 3 * 3_600_000;

/// A service whose tasks stop again and again. A service without tasks is stable.
fn unstable(cx: &Cx<'_>, because: &str) -> Checked {
    if cx.text("DesiredCount").as_deref() == Some("0") {
        return Ok(());
    }
    let (code, message, takes) =
        match cx.is("DeploymentConfiguration.DeploymentCircuitBreaker.Enable") {
            true => (
                "GeneralServiceException",
                "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
                BREAKER,
            ),
            false => ("NotStabilized", "Exceeded attempts to wait", PATIENCE),
        };
    let refusal: Result<(), Refusal> = refused(code, message);
    refusal.map_err(|it| Refusal {
        // What only the events of the service say.
        reason: format!("{} Tasks stopped: {because}", it.reason),
        takes: Some(takes),
    })
}

/// Nobody can have pushed an image to a repository that the same operation made; that is what
/// creating services in a second step is for. Later, images are taken to be there.
fn service_image(cx: &Cx<'_>) -> Checked {
    let Some(task) = task_of(cx) else { return Ok(()) };
    let host = format!("{}.dkr.ecr.{}.amazonaws.com/", cx.request.account, cx.request.region);
    for image in texts_at(&task.properties, "ContainerDefinitions.Image") {
        let Some(rest) = image.strip_prefix(&host) else { continue };
        let name = rest.split(['@', ':']).next().unwrap_or(rest);
        if cx.lacks(REPOSITORY, name) {
            return unstable(
                cx,
                &format!("CannotPullContainerError: the repository {name} does not exist"),
            );
        }
        let fresh = cx.get(REPOSITORY, name).is_some_and(|it| it.operation == cx.request.operation);
        if !cx.rehearsal.images.unwrap_or(!fresh) {
            return unstable(cx, &format!("CannotPullContainerError: {image}: not found"));
        }
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
fn service_secrets(cx: &Cx<'_>) -> Checked {
    let Some(task) = task_of(cx) else { return Ok(()) };
    for container in list(&task.properties, "ContainerDefinitions") {
        for from in texts_at(container, "Secrets.ValueFrom") {
            if let Err(missing) = storage::secret_key(cx, &from) {
                return unstable(
                    cx,
                    &format!(
                        "ResourceInitializationError: unable to pull secrets or registry auth: {missing}"
                    ),
                );
            }
        }
        let options = "LogConfiguration.Options";
        let creates = text_at(container, &format!("{options}.awslogs-create-group"));
        if let Some(group) = text_at(container, &format!("{options}.awslogs-group"))
            && creates.as_deref() != Some("true")
            && cx.lacks("AWS::Logs::LogGroup", &group)
        {
            return unstable(
                cx,
                &format!(
                    "ResourceInitializationError: failed to validate logger args: the specified log group {group} does not exist"
                ),
            );
        }
    }
    Ok(())
}

/// CPU units, and the smallest and largest memory in MiB with the steps between.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>, read
/// 2026-11-24.
const SIZES: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

fn task_size(cx: &Cx<'_>) -> Checked {
    let number = |name| cx.text(name).and_then(|it| it.parse::<u32>().ok());
    let fargate = cx.texts("RequiresCompatibilities").iter().any(|it| it == "FARGATE");
    let (true, Some(cpu), Some(memory)) = (fargate, number("Cpu"), number("Memory")) else {
        return Ok(());
    };
    let fits = match SIZES.iter().find(|it| it.0 == cpu) {
        // The smallest has no size between 1 and 2 GiB.
        Some((256, ..)) => matches!(memory, 512 | 1024 | 2048),
        Some((_, least, most, step)) => {
            (*least..=*most).contains(&memory) && (memory - least) % step == 0
        }
        // Larger ones may have come since.
        None => cpu > SIZES.iter().map(|it| it.0).max().unwrap_or(0),
    };
    match fits {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
            ),
        ),
    }
}

fn task_volumes(cx: &Cx<'_>) -> Checked {
    let volumes = cx.texts("Volumes.Name");
    let mounted = cx.texts("ContainerDefinitions.MountPoints.SourceVolume");
    match mounted.iter().find(|it| !volumes.contains(it) && !stands_for_another(it)) {
        Some(volume) => refused("InvalidRequest", format!("Unknown volume '{volume}'.")),
        None => Ok(()),
    }
}

fn listener_certificate(cx: &Cx<'_>) -> Checked {
    let secure = matches!(cx.text("Protocol").as_deref(), Some("HTTPS" | "TLS"));
    match secure && cx.texts("Certificates.CertificateArn").is_empty() {
        true => {
            let protocol = cx.text("Protocol").unwrap_or_default();
            refused(
                "InvalidRequest",
                format!("A certificate must be specified for {protocol} listeners"),
            )
        }
        false => Ok(()),
    }
}

fn listener_port(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("LoadBalancerArn").unwrap_or_default();
    let port = cx.text("Port");
    let mut others = cx.things_having(LISTENER, "LoadBalancerArn", &arn);
    match others.any(|(_, it)| text_at(&it.properties, "Port") == port) {
        true => refused(
            "AlreadyExists",
            format!("A listener already exists on this port for this load balancer '{arn}'"),
        ),
        false => Ok(()),
    }
}

fn rule_priority(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("ListenerArn").unwrap_or_default();
    let priority = cx.text("Priority");
    let mut others = cx.things_having(LISTENER_RULE, "ListenerArn", &arn);
    match others.any(|(_, it)| text_at(&it.properties, "Priority") == priority) {
        true => refused(
            "AlreadyExists",
            format!("Priority '{}' is currently in use", priority.unwrap_or_default()),
        ),
        false => Ok(()),
    }
}

fn balancer_zones(cx: &Cx<'_>) -> Checked {
    let subnets = cx.texts("Subnets");
    let application = cx.text("Type").is_none_or(|it| it == "application");
    match zones_of(cx, &subnets) {
        Some(zones) if application && !subnets.is_empty() && zones.len() < 2 => refused(
            "InvalidRequest",
            "At least two subnets in two different Availability Zones must be specified",
        ),
        _ => Ok(()),
    }
}

fn balancer_gateway(cx: &Cx<'_>) -> Checked {
    if cx.text("Scheme").is_some_and(|it| it != "internet-facing") {
        return Ok(());
    }
    let vpc =
        cx.texts("Subnets").iter().find_map(|it| text_at(&cx.get(SUBNET, it)?.properties, "VpcId"));
    match vpc {
        Some(vpc) if !has_gateway(cx, &vpc) => {
            refused("InvalidRequest", format!("VPC {vpc} has no internet gateway"))
        }
        _ => Ok(()),
    }
}

/// The value of an attribute of a load balancer.
fn attribute(properties: &Json, key: &str) -> Option<String> {
    let mut attributes = list(properties, "LoadBalancerAttributes");
    let found = attributes.find(|it| text_at(it, "Key").as_deref() == Some(key))?;
    text_at(found, "Value")
}

/// The buckets that a load balancer writes into.
pub(super) fn logs_of(properties: &Json) -> Vec<String> {
    let kinds = ["access_logs", "connection_logs"].iter();
    kinds
        .filter(|it| attribute(properties, &format!("{it}.s3.enabled")).as_deref() == Some("true"))
        .filter_map(|it| attribute(properties, &format!("{it}.s3.bucket")))
        .collect()
}

fn balancer_logs(cx: &Cx<'_>) -> Checked {
    for bucket in logs_of(cx.request.properties) {
        let unwritable = cx.get("AWS::S3::Bucket", &bucket).is_some()
            && cx.get("AWS::S3::BucketPolicy", &bucket).is_none();
        if unwritable || cx.lacks("AWS::S3::Bucket", &bucket) {
            return refused(
                "InvalidRequest",
                format!("Access Denied for bucket: {bucket}. Please check S3bucket permission"),
            );
        }
    }
    Ok(())
}

fn balancer_protected(cx: &Cx<'_>) -> Checked {
    let protected = attribute(cx.request.properties, "deletion_protection.enabled");
    match protected.as_deref() {
        Some("true") => refused(
            "InvalidRequest",
            format!(
                "Load balancer '{}' cannot be deleted because deletion protection is enabled",
                cx.request.physical_id
            ),
        ),
        _ => Ok(()),
    }
}
