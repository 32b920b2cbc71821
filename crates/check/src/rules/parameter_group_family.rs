use crate::databases::{PARAMETER_GROUP, family};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "parameter-group-family",
    severity: Severity::Error,
    page: include_str!("parameter_group_family.md"),
    check,
};

/// A type, the property that names its group, and the group's type and name.
const USERS: [(&str, &str, &str, &str); 2] = [
    ("AWS::RDS::DBInstance", "DBParameterGroupName", PARAMETER_GROUP, "DBParameterGroupName"),
    (
        "AWS::RDS::DBCluster",
        "DBClusterParameterGroupName",
        "AWS::RDS::DBClusterParameterGroup",
        "DBClusterParameterGroupName",
    ),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (user, property, group_type, group_name) in USERS {
        let names = links.names(group_type, group_name);
        for (_, _, database) in links.certain(user) {
            let Some(engine) = database.property("Engine").and_then(Value::as_text) else {
                continue;
            };
            let Some(used) = database.property(property) else { continue };
            let group = links.named(used, group_type, &names).map(|it| links.at(it));
            let declared = group.and_then(|it| it.property("Family"));
            let given = match (declared, used.as_text()) {
                (Some(declared), _) => declared.as_text(),
                (None, Some(name)) => name.strip_prefix("default."),
                _ => None,
            };
            let version = database.property("EngineVersion").map(Value::as_text);
            let Some(given) = given else { continue };
            let fits = match version {
                // Limitless databases have families of their own.
                Some(Some(version)) if version.contains("limitless") => continue,
                Some(Some(version)) => match family(engine, version) {
                    Some(family) => family == given,
                    None => continue,
                },
                // The service chooses the version.
                None => match engine {
                    "postgres" | "mysql" | "mariadb" | "aurora-mysql" | "aurora-postgresql" => {
                        let rest = given.strip_prefix(engine);
                        rest.is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()))
                    }
                    _ => continue,
                },
                Some(None) => continue,
            };
            if fits {
                continue;
            }
            let version = version.flatten().unwrap_or_default();
            let database = format!("{engine} {version}");
            let database = database.trim();
            let finding = cx.report_value(
                used,
                message!(
                    "a parameter group of `{given}` does not fit `{database}`",
                    given,
                    database
                ),
            );
            if let Some(span) = declared.and_then(|it| it.origin.nearest()) {
                finding.hops.push(Hop { span, label: Some(message!("the group's family")) });
            }
            finding.help.push(message!("let `Family` follow the engine and its major version"));
        }
    }
}
