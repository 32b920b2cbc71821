use crate::databases::{PARAMETER_GROUP, Setting, class_memory, parameter_group, setting};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "buffers-beyond-memory",
    severity: Severity::Error,
    page: include_str!("buffers_beyond_memory.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let names = links.names(PARAMETER_GROUP, "DBParameterGroupName");
    for (_, _, database) in links.certain("AWS::RDS::DBInstance") {
        let Some(class) = database.property("DBInstanceClass") else { continue };
        let Some(memory) = class.as_text().and_then(class_memory) else { continue };
        let Some(group) = parameter_group(&links, &names, database) else { continue };
        let family = group.property("Family").and_then(Value::as_text).unwrap_or_default();
        // Bytes of one unit of the parameter.
        let (name, unit) = match family {
            _ if family.starts_with("postgres") => ("shared_buffers", 8192.0),
            _ if family.starts_with("mysql") || family.starts_with("mariadb") => {
                ("innodb_buffer_pool_size", 1.0)
            }
            _ => continue,
        };
        let Setting::Value(value, number) = setting(group, name, memory) else { continue };
        let bytes = number * unit;
        if bytes < memory {
            continue;
        }
        let percent = (bytes / memory * 100.0).round();
        let class_name = class.as_text().unwrap_or_default();
        let finding = cx.report_value(
            value,
            message!(
                "`{name}` takes {percent} % of the memory of `{class}`: the database never starts",
                name,
                percent,
                class = class_name
            ),
        );
        if let Some(span) = class.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the class")) });
        }
        finding.help.push(match name {
            "shared_buffers" => message!(
                "`shared_buffers` counts pages of 8 kB: `{formula}` is a quarter of the memory",
                formula = "{DBInstanceClassMemory/32768}"
            ),
            _ => message!(
                "`{formula}` is three quarters of the memory",
                formula = "{DBInstanceClassMemory*3/4}"
            ),
        });
    }
}
