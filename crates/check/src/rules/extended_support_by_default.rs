use crate::databases::{major_of, majors};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "extended-support-by-default",
    severity: Severity::Warning,
    page: include_str!("extended_support_by_default.md"),
    check,
};

const DATABASES: [&str; 3] =
    ["AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::RDS::GlobalCluster"];
/// Members and copies of another database have its support.
const MEMBERS: [&str; 4] = [
    "DBClusterIdentifier",
    "GlobalClusterIdentifier",
    "SourceDBInstanceIdentifier",
    "SourceDBClusterIdentifier",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, stack, database) in links.all().filter(|it| DATABASES.contains(&&*it.2.type_name)) {
        let cluster = &*database.type_name != "AWS::RDS::DBInstance";
        let member = MEMBERS.iter().any(|it| {
            // A cluster's own identifier is no membership.
            !(cluster && *it == "DBClusterIdentifier") && database.property(it).is_some()
        });
        let global = &*database.type_name == "AWS::RDS::GlobalCluster";
        if (member && !global) || database.property("EngineLifecycleSupport").is_some() {
            continue;
        }
        let text = |property| database.property(property).and_then(Value::as_text);
        let Some(engine) = text("Engine") else { continue };
        if majors(engine).next().is_none() {
            continue;
        }
        let span = cx.declaration(stack, database).name.span;
        let name = &database.logical_id;
        let major = text("EngineVersion").and_then(|it| major_of(engine, it));
        let ends =
            majors(engine).find(|it| Some(it.version) == major).and_then(|it| it.support_ends);
        let finding = match ends {
            Some(ends) => cx.report(
                span,
                message!(
                    "`{name}` goes into paid Extended Support by default when standard support ends \
                     on {ends}",
                    name,
                    ends
                ),
            ),
            None => cx.report(
                span,
                message!(
                    "`{name}` goes into paid Extended Support by default when standard support ends",
                    name
                ),
            ),
        };
        finding.help.push(message!(
            "decide with `EngineLifecycleSupport`; it cannot be changed after creation"
        ));
    }
}
