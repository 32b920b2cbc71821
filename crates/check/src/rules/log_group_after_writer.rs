use crate::links::Links;
use crate::log_groups::writers;
use crate::ordering::{dependency, waits};
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "log-group-after-writer",
    severity: Severity::Error,
    page: include_str!("log_group_after_writer.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let groups = links.names("AWS::Logs::LogGroup", "LogGroupName");
    let tree = cx.tree;
    for writer in writers(&links) {
        let Some(place) = groups.get(writer.group.as_str()).copied() else { continue };
        if waits(tree, writer.place, place) {
            continue;
        }
        let late = waits(tree, place, writer.place);
        let surely = late && writer.at_once;
        let (group, name) = (links.at(place), writer.name);
        let log = &writer.group;
        let finding = match surely {
            true => cx.report_value(
                writer.value,
                message!("`{name}` makes log group `{log}` before the template does", name, log),
            ),
            false => cx.report_value(
                writer.value,
                message!("`{name}` may make log group `{log}` before the template does", name, log),
            ),
        };
        if !surely {
            finding.severity = Severity::Warning;
        }
        finding.hops.push(Hop { span: group.span, label: Some(message!("the log group")) });
        if let Some((waiting, on)) = dependency(tree, writer.place, place) {
            finding.help.push(match late {
                true => message!(
                    "create the log group first: let `{waiting}` depend on `{on}`, not the reverse",
                    waiting,
                    on
                ),
                false => message!("add `DependsOn: {on}` to `{waiting}`", on, waiting),
            });
        }
    }
}
