use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::{TASK_DEFINITION, on_fargate};
use kumiki_project::Value;
use kumiki_source::{Message, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "task-without-execution-role",
    severity: Severity::Error,
    page: include_str!("task_without_execution_role.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, task) in links.certain(TASK_DEFINITION) {
        if task.property("ExecutionRoleArn").is_some() || task.properties.as_map().is_none() {
            continue;
        }
        let containers = task.property("ContainerDefinitions").and_then(Value::as_list);
        let need = containers
            .unwrap_or_default()
            .iter()
            .find_map(|container| need(container, on_fargate(task)));
        let Some((value, need)) = need else { continue };
        let name = &task.logical_id;
        cx.report_value(value, message!("`{name}` needs `ExecutionRoleArn`: {need}", name, need))
            .help
            .push(message!("give it a role that `ecs-tasks.amazonaws.com` may assume"));
    }
}

/// What ECS itself has to do for a container, before the container is there.
fn need(container: &Value, fargate: bool) -> Option<(&Value, Message)> {
    let filled = |path: &str| {
        container.at(path).filter(|it| it.as_list().is_some_and(|items| !items.is_empty()))
    };
    if let Some(secrets) = filled("Secrets").or_else(|| filled("LogConfiguration.SecretOptions")) {
        return Some((secrets, message!("ECS reads the secrets with it")));
    }
    if let Some(credentials) = container.at("RepositoryCredentials.CredentialsParameter") {
        return Some((credentials, message!("ECS logs in to the registry with it")));
    }
    if !fargate {
        return None;
    }
    let driver = container.at("LogConfiguration.LogDriver");
    if let Some(driver) = driver.filter(|it| it.as_text() == Some("awslogs")) {
        return Some((driver, message!("Fargate writes the logs with it")));
    }
    let image = container.get("Image").filter(|it| {
        it.as_text().is_some_and(|it| it.contains(".dkr.ecr.") && it.contains(".amazonaws.com"))
    })?;
    Some((image, message!("Fargate pulls the image with it")))
}
