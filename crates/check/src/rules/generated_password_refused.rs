use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use crate::secrets::SECRET;
use kumiki_project::{Resource, Unknown, Value};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "generated-password-refused",
    severity: Severity::Error,
    page: include_str!("generated_password_refused.md"),
    check,
};

/// Characters that RDS takes in no password of a master user.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>
const REFUSED: [char; 3] = ['/', '"', '@'];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, database) in links.all() {
        if !matches!(
            &*database.type_name,
            "AWS::DocDB::DBCluster" | "AWS::RDS::DBCluster" | "AWS::RDS::DBInstance"
        ) {
            continue;
        }
        let Some(value) = database.property("MasterUserPassword") else { continue };
        let Some(secret) = secret(&links, value) else { continue };
        let secret = links.at(secret);
        let Some(generated) = secret.property("GenerateSecretString") else { continue };
        if generated.as_map().is_some() {
            password(cx, value, database, secret, generated);
        }
    }
}

/// The secret that a value reads.
fn secret(links: &Links<'_>, value: &Value) -> Option<Place> {
    let mut found = None;
    value.as_unknown()?.each(&mut |it| {
        if let Unknown::PhysicalId(of) = it
            && &*of.type_name == SECRET
        {
            found = links.place(of);
        }
    });
    found
}

fn password(
    cx: &mut Cx<'_>,
    value: &Value,
    database: &Resource,
    secret: &Resource,
    generated: &Value,
) {
    let (name, database_name) = (&secret.logical_id, &database.logical_id);
    let set = |property| generated.get(property).map(|it| it.as_bool());
    let excluded = generated.get("ExcludeCharacters").map(|it| it.as_text());
    // Without punctuation, nothing that is refused is left.
    if set("ExcludePunctuation").is_none_or(|it| it == Some(false))
        && let Some(excluded) = excluded.unwrap_or(Some(""))
    {
        let mut missing: Vec<String> = REFUSED
            .iter()
            .filter(|it| !excluded.contains(**it))
            .map(|it| format!("`{it}`"))
            .collect();
        if set("IncludeSpace") == Some(Some(true)) && !excluded.contains(' ') {
            missing.push("` `".to_owned());
        }
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let finding = cx.report_value(
                value,
                message!(
                    "the password that `{name}` makes may hold {missing}, which RDS refuses",
                    name,
                    missing
                ),
            );
            finding.hops.push(Hop { span: secret.span, label: Some(message!("the secret")) });
            finding.help.push(message!(
                "add `ExcludeCharacters: {characters}` to `GenerateSecretString`",
                characters = "'/@\"'"
            ));
        }
    }
    // 41 for MySQL and MariaDB, as their protocol has it; 128 for PostgreSQL.
    let most = match database.property("Engine").and_then(Value::as_text) {
        Some("mysql" | "mariadb" | "aurora-mysql") => 41,
        Some("postgres" | "aurora-postgresql") => 128,
        _ => return,
    };
    let length = match generated.get("PasswordLength") {
        Some(length) => length.as_integer(),
        None => Some(32),
    };
    if let Some(length) = length
        && !(8..=most).contains(&length)
    {
        let finding = cx.report_value(
            value,
            message!(
                "the password that `{name}` makes has {length} characters, and `{database_name}` takes \
                 8 to {most}",
                name,
                length,
                database_name,
                most
            ),
        );
        finding.hops.push(Hop { span: secret.span, label: Some(message!("the secret")) });
        finding.help.push(message!("change `PasswordLength`"));
    }
}
