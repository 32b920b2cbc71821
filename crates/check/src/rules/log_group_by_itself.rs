use crate::links::Links;
use crate::log_groups::writers;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "log-group-by-itself",
    severity: Severity::Info,
    page: include_str!("log_group_by_itself.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut groups: HashSet<&str> = HashSet::new();
    for (_, group) in cx.resources("AWS::Logs::LogGroup") {
        match group.property("LogGroupName") {
            Some(name) => match name.as_text() {
                Some(name) => groups.extend([name]),
                // It may be the one that is missed.
                None => return,
            },
            None => continue,
        }
    }
    if !links.whole() {
        return;
    }
    for writer in writers(&links) {
        if groups.contains(writer.group.as_str()) {
            continue;
        }
        let (name, log) = (writer.name, &writer.group);
        let finding = cx.report_value(
            writer.value,
            message!("`{name}` makes log group `{log}` by itself, to be kept for ever", name, log),
        );
        finding.help.push(message!(
            "declare the log group, with `RetentionInDays` and `KmsKeyId`, and create it first"
        ));
    }
}
