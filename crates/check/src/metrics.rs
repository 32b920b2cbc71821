//! Which resources emit which CloudWatch metrics, and what alarms look at.
//!
//! A dimension holds a name, an identifier or a part of an ARN, and each service has its own habit.
//! Only namespaces that are listed here are judged.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html>

use kumiki_project::{Resource, Value};

/// A dimension of a namespace, and the resources that its values come from.
pub(crate) struct Dimension {
    namespaces: &'static [&'static str],
    /// The dimension.
    pub(crate) name: &'static str,
    /// The type of resource.
    pub(crate) type_name: &'static str,
    /// The attributes that hold the value; `Ref` is the empty one.
    pub(crate) attributes: &'static [&'static str],
    /// The property that a value which is known beforehand equals, if there is one.
    pub(crate) property: Option<&'static str>,
}

const REF: &[&str] = &[""];

const fn dimension(
    namespaces: &'static [&'static str],
    name: &'static str,
    type_name: &'static str,
    attributes: &'static [&'static str],
    property: Option<&'static str>,
) -> Dimension {
    Dimension { namespaces, name, type_name, attributes, property }
}

const ELB: &[&str] = &["AWS/ApplicationELB", "AWS/NetworkELB", "AWS/GatewayELB"];
const ECS: &[&str] = &["AWS/ECS", "ECS/ContainerInsights"];
const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

/// Every dimension that is judged.
pub(crate) static DIMENSIONS: &[Dimension] = &[
    dimension(ELB, "LoadBalancer", LOAD_BALANCER, &["LoadBalancerFullName"], None),
    dimension(ELB, "TargetGroup", TARGET_GROUP, &["TargetGroupFullName"], None),
    dimension(ECS, "ClusterName", "AWS::ECS::Cluster", REF, Some("ClusterName")),
    dimension(ECS, "ServiceName", "AWS::ECS::Service", &["Name"], Some("ServiceName")),
    dimension(
        &["AWS/RDS"],
        "DBInstanceIdentifier",
        "AWS::RDS::DBInstance",
        REF,
        Some("DBInstanceIdentifier"),
    ),
    dimension(
        &["AWS/RDS"],
        "DBClusterIdentifier",
        "AWS::RDS::DBCluster",
        REF,
        Some("DBClusterIdentifier"),
    ),
    dimension(&["AWS/SQS"], "QueueName", "AWS::SQS::Queue", &["QueueName"], Some("QueueName")),
    dimension(&["AWS/SNS"], "TopicName", "AWS::SNS::Topic", &["TopicName"], Some("TopicName")),
    dimension(&["AWS/Lambda"], "FunctionName", "AWS::Lambda::Function", REF, Some("FunctionName")),
    dimension(&["AWS/DynamoDB"], "TableName", "AWS::DynamoDB::Table", REF, Some("TableName")),
    dimension(&["AWS/Kinesis"], "StreamName", "AWS::Kinesis::Stream", REF, Some("Name")),
    dimension(
        &["AWS/Firehose"],
        "DeliveryStreamName",
        "AWS::KinesisFirehose::DeliveryStream",
        REF,
        Some("DeliveryStreamName"),
    ),
    dimension(
        &["AWS/States"],
        "StateMachineArn",
        "AWS::StepFunctions::StateMachine",
        &["", "Arn"],
        None,
    ),
    dimension(&["AWS/EC2"], "InstanceId", "AWS::EC2::Instance", &["", "InstanceId"], None),
    dimension(
        &["AWS/NATGateway"],
        "NatGatewayId",
        "AWS::EC2::NatGateway",
        &["", "NatGatewayId"],
        None,
    ),
    dimension(
        &["AWS/CloudFront"],
        "DistributionId",
        "AWS::CloudFront::Distribution",
        &["", "Id"],
        None,
    ),
    dimension(
        &["AWS/CertificateManager"],
        "CertificateArn",
        "AWS::CertificateManager::Certificate",
        REF,
        None,
    ),
    dimension(&["AWS/EFS"], "FileSystemId", "AWS::EFS::FileSystem", &["", "FileSystemId"], None),
    dimension(&["AWS/Logs"], "LogGroupName", "AWS::Logs::LogGroup", REF, Some("LogGroupName")),
    dimension(&["AWS/S3"], "BucketName", "AWS::S3::Bucket", REF, Some("BucketName")),
];

/// What is known of a dimension of a namespace.
pub(crate) fn dimension_of(namespace: &str, name: &str) -> Option<&'static Dimension> {
    DIMENSIONS.iter().find(|it| it.name == name && it.namespaces.contains(&namespace))
}

/// A metric that an alarm looks at.
pub(crate) struct Metric<'v> {
    /// The namespace.
    pub(crate) namespace: &'v str,
    /// The metric's name.
    pub(crate) name: &'v str,
    /// The value that names it.
    pub(crate) value: &'v Value,
    /// The dimensions: name and value.
    pub(crate) dimensions: Vec<(&'v str, &'v Value)>,
    /// Whether there is no dimension that only a deployment can tell.
    pub(crate) whole: bool,
}

impl Metric<'_> {
    /// The value of a dimension.
    pub(crate) fn dimension(&self, name: &str) -> Option<&Value> {
        self.dimensions.iter().find(|(it, _)| *it == name).map(|(_, value)| *value)
    }
}

/// The metrics that an alarm looks at, itself or by metric math, where name and namespace are known.
pub(crate) fn metrics(alarm: &Resource) -> Vec<Metric<'_>> {
    let math = alarm.property("Metrics").and_then(Value::as_list).unwrap_or_default();
    let queries = math.iter().filter_map(|it| it.at("MetricStat.Metric"));
    std::iter::once(&alarm.properties).chain(queries).filter_map(metric).collect()
}

fn metric(value: &Value) -> Option<Metric<'_>> {
    let name = value.get("MetricName")?;
    let mut metric = Metric {
        namespace: value.get("Namespace")?.as_text()?,
        name: name.as_text()?,
        value: name,
        dimensions: Vec::new(),
        whole: true,
    };
    let Some(dimensions) = value.get("Dimensions") else { return Some(metric) };
    let Some(list) = dimensions.as_list() else {
        metric.whole = false;
        return Some(metric);
    };
    for item in list {
        match (item.get("Name").and_then(Value::as_text), item.get("Value")) {
            (Some(name), Some(value)) => metric.dimensions.push((name, value)),
            _ => metric.whole = false,
        }
    }
    Some(metric)
}
