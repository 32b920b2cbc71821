//! The ECS services of a tree, with the task definition that each runs and the target groups that
//! it registers in.

use crate::links::{Certain, Links, Place};
use kumiki_project::{Resource, Unknown, Value};

const SERVICE: &str = "AWS::ECS::Service";
pub(crate) const TASK_DEFINITION: &str = "AWS::ECS::TaskDefinition";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

/// A service that surely is created.
pub(crate) struct Service<'t> {
    pub(crate) certain: Certain<'t>,
    /// Its task definition, if it is one of the tree.
    pub(crate) task: Option<Place>,
}

impl<'t> Service<'t> {
    /// Every service of the tree whose deployments ECS itself controls.
    pub(crate) fn all(links: &Links<'t>) -> Vec<Self> {
        links
            .certain(SERVICE)
            .filter(|(_, _, resource)| {
                let controller = resource.property("DeploymentController.Type");
                controller.is_none_or(|it| it.as_text().is_some_and(|it| it != "EXTERNAL"))
            })
            .map(|certain| {
                let task = certain.2.property("TaskDefinition");
                Self { certain, task: task.and_then(|it| named(links, it, TASK_DEFINITION)) }
            })
            .collect()
    }

    /// The target groups of the tree where it registers its tasks, with the values that name them.
    pub(crate) fn target_groups(&self, links: &Links<'t>) -> Vec<(&'t Value, Place)> {
        let entries = self.certain.2.property("LoadBalancers").and_then(Value::as_list);
        entries
            .unwrap_or_default()
            .iter()
            .filter_map(|it| it.get("TargetGroupArn"))
            .filter_map(|it| Some((it, named(links, it, TARGET_GROUP)?)))
            .collect()
    }
}

/// The resource of a type that a value is the ARN or identifier of.
pub(crate) fn named(links: &Links<'_>, value: &Value, type_name: &str) -> Option<Place> {
    let reference = links.reference(value)?;
    if &*reference.resource.type_name != type_name {
        return None;
    }
    // Of other attributes, none is another name of the resource.
    let is_id = reference.attribute.is_none_or(|it| {
        it == "Arn" || type_name.rsplit("::").next().is_some_and(|name| it == format!("{name}Arn"))
    });
    is_id.then(|| links.place(reference.resource)).flatten()
}

/// Whether a task definition is one that Fargate has to admit.
pub(crate) fn on_fargate(task: &Resource) -> bool {
    let list = task.property("RequiresCompatibilities").and_then(Value::as_list);
    list.unwrap_or_default().iter().any(|it| it.as_text() == Some("FARGATE"))
}

/// The containers of a task definition by name, if all their names are known.
pub(crate) fn containers(task: &Resource) -> Option<Vec<(&str, &Value)>> {
    let list = task.property("ContainerDefinitions")?.as_list()?;
    list.iter().map(|it| Some((it.get("Name")?.as_text()?, it))).collect()
}

/// The ports that a container maps, if all are known.
pub(crate) fn ports(container: &Value) -> Option<Vec<i64>> {
    let Some(mappings) = container.get("PortMappings") else {
        // What is there must be known to be absent, not only to be no list.
        return container.as_map().map(|_| Vec::new());
    };
    mappings.as_list()?.iter().map(|it| it.get("ContainerPort")?.as_integer()).collect()
}

/// The names of a cluster and of a service in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names<'t> {
    pub(crate) cluster: &'t str,
    pub(crate) service: &'t str,
}

impl<'t> Names<'t> {
    /// The names in a `ResourceId` of Application Auto Scaling, `service/cluster/service`.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("service"), Some(cluster), Some(service), None)
                if !cluster.is_empty() && !service.is_empty() =>
            {
                Some(Self { cluster, service })
            }
            _ => None,
        }
    }
}

impl<'t> Service<'t> {
    /// Its name, if it is given one that is known.
    pub(crate) fn name(&self) -> Option<&'t str> {
        self.certain.2.property("ServiceName")?.as_text()
    }

    /// The name of its cluster, if that is known.
    pub(crate) fn cluster(&self, links: &Links<'t>) -> Option<&'t str> {
        let Some(cluster) = self.certain.2.property("Cluster") else { return Some("default") };
        if let Some(text) = cluster.as_text() {
            return text.rsplit('/').next();
        }
        let cluster = named(links, cluster, "AWS::ECS::Cluster")?;
        links.at(cluster).property("ClusterName")?.as_text()
    }
}

/// The service of the tree whose count a scalable target scales: by the references in its
/// `ResourceId`, or by the names there.
pub(crate) fn scaled<'t>(
    links: &Links<'t>,
    services: &[Service<'t>],
    target: &'t Resource,
) -> Option<Place> {
    let id = target.property("ResourceId")?;
    if let Some(text) = id.as_text() {
        let names = Names::parse(text)?;
        let service = services.iter().find(|it| {
            it.name() == Some(names.service) && it.cluster(links) == Some(names.cluster)
        })?;
        return Some(service.certain.0);
    }
    let mut found = None;
    id.unknowns(&mut |it| {
        it.each(&mut |it| {
            if let Unknown::PhysicalId(of) | Unknown::Attribute(of, _) = it
                && &*of.type_name == SERVICE
            {
                found = links.place(of);
            }
        });
    });
    found
}
