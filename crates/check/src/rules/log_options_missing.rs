use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::{TASK_DEFINITION, on_fargate};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "log-options-missing",
    severity: Severity::Error,
    page: include_str!("log_options_missing.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let groups = links.names("AWS::Logs::LogGroup", "LogGroupName");
    for (_, _, task) in links.certain(TASK_DEFINITION) {
        let containers = task.property("ContainerDefinitions").and_then(Value::as_list);
        for container in containers.unwrap_or_default() {
            let Some(driver) = container.at("LogConfiguration.LogDriver") else { continue };
            if driver.as_text() != Some("awslogs") {
                continue;
            }
            let options = container.at("LogConfiguration.Options");
            if options.is_some_and(|it| it.as_map().is_none()) {
                continue;
            }
            let option = |name: &str| options.and_then(|it| it.get(name));
            let prefix = on_fargate(task).then_some("awslogs-stream-prefix");
            let needed = ["awslogs-group", "awslogs-region"].into_iter().chain(prefix);
            let missing: Vec<String> =
                needed.filter(|it| option(it).is_none()).map(|it| format!("`{it}`")).collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                cx.report_value(driver, message!("log driver `awslogs` needs {missing}", missing))
                    .help
                    .push(message!("add it to `Options`"));
            }
            let (Some(group), Some(region)) = (option("awslogs-group"), option("awslogs-region"))
            else {
                continue;
            };
            let Some(place) = links.named(group, "AWS::Logs::LogGroup", &groups) else { continue };
            let here = &cx.inputs.region;
            let Some(text) = region.as_text().filter(|it| it != here) else { continue };
            let finding = cx.report_value(
                region,
                message!("the logs go to `{text}`, and their log group is in `{here}`", text, here),
            );
            let span = links.at(place).span;
            finding.hops.push(Hop { span, label: Some(message!("the log group")) });
            finding.help.push(message!("write `!Ref AWS::Region`"));
        }
    }
}
