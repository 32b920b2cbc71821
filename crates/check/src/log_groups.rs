//! Log groups that services make by themselves when nobody made them before: without encryption
//! by a key of one's own, and kept for ever.

use crate::links::{Links, Place};
use kumiki_project::{Resource, Value};

/// A resource that makes a log group.
pub(crate) struct Writer<'t> {
    /// The resource.
    pub(crate) place: Place,
    /// Its logical ID.
    pub(crate) name: &'t str,
    /// The name of the log group.
    pub(crate) group: String,
    /// The value that asks for the log.
    pub(crate) value: &'t Value,
    /// Whether the log group is there as soon as the resource is.
    pub(crate) at_once: bool,
}

/// Every resource whose log groups have names that are known.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-container-insights.html>
/// <https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html>
pub(crate) fn writers<'t>(links: &Links<'t>) -> Vec<Writer<'t>> {
    let mut writers = Vec::new();
    for (place, _, resource) in links.all() {
        let mut add = |group: String, value: &'t Value| {
            // Container Insights may take its time.
            let at_once = &*resource.type_name != "AWS::ECS::Cluster";
            writers.push(Writer { place, name: &resource.logical_id, group, value, at_once });
        };
        match &*resource.type_name {
            "AWS::RDS::DBInstance" => {
                exports(resource, "instance", "DBInstanceIdentifier", &mut add);
            }
            "AWS::RDS::DBCluster" => exports(resource, "cluster", "DBClusterIdentifier", &mut add),
            "AWS::ECS::Cluster" => {
                let settings = resource.property("ClusterSettings").and_then(Value::as_list);
                let insights = settings.unwrap_or_default().iter().find(|it| {
                    it.get("Name").and_then(Value::as_text) == Some("containerInsights")
                });
                let value = insights.and_then(|it| it.get("Value"));
                if let Some(name) = known(resource, "ClusterName")
                    && let Some(value) = value
                    && matches!(value.as_text(), Some("enabled" | "enhanced"))
                {
                    add(format!("/aws/ecs/containerinsights/{name}/performance"), value);
                }
            }
            "AWS::EKS::Cluster" => {
                let types = resource.property("Logging.ClusterLogging.EnabledTypes");
                if let Some(name) = known(resource, "Name")
                    && let Some(types) =
                        types.filter(|it| it.as_list().is_some_and(|it| !it.is_empty()))
                {
                    add(format!("/aws/eks/{name}/cluster"), types);
                }
            }
            _ => {}
        }
    }
    writers
}

fn known<'t>(resource: &'t Resource, property: &str) -> Option<&'t str> {
    resource.property(property)?.as_text()
}

fn exports<'t>(
    database: &'t Resource,
    kind: &str,
    identifier: &str,
    add: &mut dyn FnMut(String, &'t Value),
) {
    let Some(name) = known(database, identifier) else { return };
    let name = name.to_ascii_lowercase();
    let logs = database.property("EnableCloudwatchLogsExports").and_then(Value::as_list);
    for value in logs.unwrap_or_default() {
        if let Some(log) = value.as_text() {
            add(format!("/aws/rds/{kind}/{name}/{log}"), value);
        }
    }
}
