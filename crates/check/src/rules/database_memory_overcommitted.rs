use crate::databases::{
    GIB, PARAMETER_GROUP, Setting, class_memory, parameter_group, postgres_default, setting,
};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "database-memory-overcommitted",
    severity: Severity::Warning,
    page: include_str!("database_memory_overcommitted.md"),
    check,
};

/// The share of the memory that buffers and sorts of all connections may take together; the rest
/// is for the connections themselves, maintenance and the file cache.
const SHARE: f64 = 0.75;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let names = links.names(PARAMETER_GROUP, "DBParameterGroupName");
    for (_, _, database) in links.certain("AWS::RDS::DBInstance") {
        if database.property("Engine").and_then(Value::as_text) != Some("postgres") {
            continue;
        }
        let Some(class) = database.property("DBInstanceClass") else { continue };
        let Some(memory) = class.as_text().and_then(class_memory) else { continue };
        let Some(group) = parameter_group(&links, &names, database) else { continue };
        // What is written, and its number.
        let parameter = |name| match setting(group, name, memory) {
            Setting::Value(value, number) => Some((Some(value), number)),
            Setting::Default => postgres_default(name, memory).map(|it| (None, it)),
            Setting::Unknown => None,
        };
        let (Some(buffers), Some(connections), Some(work)) =
            (parameter("shared_buffers"), parameter("max_connections"), parameter("work_mem"))
        else {
            continue;
        };
        let sorts = connections.1 * work.1 * 1024.0;
        let total = buffers.1 * 8192.0 + sorts;
        let Some(value) = work.0.or(connections.0).or(buffers.0) else { continue };
        // Buffers that take all of it are another rule's finding.
        if total <= SHARE * memory || buffers.1 * 8192.0 >= memory {
            continue;
        }
        let percent = (total / memory * 100.0).round();
        let (connections, work) = (connections.1, work.1);
        let buffers = format!("{:.2}", buffers.1 * 8192.0 / GIB);
        let class_name = class.as_text().unwrap_or_default();
        let finding = cx.report_value(
            value,
            message!(
                "{connections} connections with {work} kB each and {buffers} GiB of buffers take \
                 {percent} % of the memory of `{class}`",
                connections,
                work,
                buffers,
                percent,
                class = class_name
            ),
        );
        if let Some(span) = class.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the class")) });
        }
        finding.help.push(message!(
            "keep `shared_buffers` + `max_connections` × `work_mem` under 75 %, or take a larger class"
        ));
    }
}
