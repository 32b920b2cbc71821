use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "database-name-refused",
    severity: Severity::Error,
    page: include_str!("database_name_refused.md"),
    check,
};

/// Words that are reserved in SQL for every engine here, so that RDS takes them neither for a user
/// nor for a database.
///
/// <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>
/// <https://dev.mysql.com/doc/refman/8.4/en/keywords.html>
const RESERVED: [&str; 24] = [
    "all",
    "and",
    "as",
    "asc",
    "case",
    "check",
    "column",
    "create",
    "default",
    "desc",
    "distinct",
    "else",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "in",
    "order",
    "references",
    "select",
    "table",
    "to",
    "where",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let database = match &*resource.type_name {
            "AWS::RDS::DBCluster" => "DatabaseName",
            "AWS::RDS::DBInstance" => "DBName",
            _ => continue,
        };
        let Some(engine) = resource.property("Engine").and_then(Value::as_text) else { continue };
        let postgres = matches!(engine, "postgres" | "aurora-postgresql");
        let mysql = matches!(engine, "mysql" | "mariadb" | "aurora-mysql");
        // A name means something else to the other engines.
        if postgres || mysql {
            user(cx, resource, engine, postgres);
            name(cx, resource, database, engine, postgres);
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>
fn user(cx: &mut Cx<'_>, resource: &Resource, engine: &str, postgres: bool) {
    let Some(value) = resource.property("MasterUsername") else { return };
    let Some(user) = value.as_text() else { return };
    let folded = user.to_ascii_lowercase();
    let reserved = folded == "rdsadmin"
        || postgres && (folded == "admin" || folded.starts_with("pg_") || folded == "user")
        || RESERVED.contains(&&*folded);
    if reserved {
        let finding = cx.report_value(
            value,
            message!("`{engine}` has reserved the user name `{user}`", engine, user),
        );
        finding.help.push(message!("choose another name"));
    }
}

fn name(cx: &mut Cx<'_>, resource: &Resource, property: &str, engine: &str, postgres: bool) {
    let Some(value) = resource.property(property) else { return };
    let Some(name) = value.as_text() else { return };
    let mut characters = name.chars();
    let begins =
        characters.next().is_some_and(|it| it.is_ascii_alphabetic() || it == '_' && postgres);
    let legal = characters.all(|it| it.is_ascii_alphanumeric() || it == '_');
    let most = if postgres { 63 } else { 64 };
    if RESERVED.contains(&&*name.to_ascii_lowercase()) {
        let finding = cx.report_value(
            value,
            message!("`{engine}` has reserved the database name `{name}`", engine, name),
        );
        finding.help.push(message!("choose another name"));
    } else if !begins || !legal || name.len() > most {
        let finding = cx.report_value(
            value,
            message!("`{name}` is no name that RDS gives a database of `{engine}`", name, engine),
        );
        finding.help.push(message!(
            "begin with a letter and use letters, digits and underscores, {most} at most",
            most
        ));
    }
}
