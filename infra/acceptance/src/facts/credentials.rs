//! Part 11 and 8.4.2: credentials.

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::text;
use crate::view::View;
use serde_json::Value as Json;

const SECRETS: &str = "nested/security/secrets-manager.yaml";

/// The secrets of the database's roles: who makes them, and the role.
const ROLES: &[(&str, &str)] = &[
    ("SecretsManagerStack/StaffApiDbSecret", "facility_staff_api"),
    ("SecretsManagerStack/VendorApiDbSecret", "facility_vendor_api"),
    ("SecretsManagerStack/BatchDbSecret", "facility_batch"),
    ("RdsStack/DBSecret", "facility_owner"),
];

/// Parts of names that only a store of secrets may give a value to.
const SECRET_NAMES: &[&str] = &["PASSWORD", "PASSWD", "TOKEN", "APIKEY", "API_KEY", "CREDENTIAL"];

/// The facts of credentials.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "SEC-1",
        level: R,
        says: "the secret of each database role tells engine, host, port, database, user and URL, \
               and makes its password up",
        check: |world| {
            world.views(|it| {
                for (secret, role) in ROLES {
                    let host = "<RdsStack/DBInstance.Endpoint.Address>";
                    let port = "<RdsStack/DBInstance.Endpoint.Port>";
                    let written = template(it, secret);
                    let fields = [
                        ("engine", "postgres"),
                        ("host", host),
                        ("port", port),
                        ("dbname", "facility"),
                        ("username", role),
                    ];
                    for (name, expected) in fields {
                        it.equal(format!("{name} of {secret}"), text(&written[name]), expected);
                    }
                    let url = text(&written["DATABASE_URL"]);
                    let start = format!("postgres://{role}@{host}:{port}/facility?");
                    it.require(url.starts_with(&start), format!("{secret}: the URL is {url}"));
                    let count = written.as_object().map_or(0, |it| it.len());
                    it.equal(format!("the number of fields of {secret}"), count, 6);
                    for (property, expected) in [
                        ("GenerateSecretString.GenerateStringKey", "password"),
                        ("GenerateSecretString.PasswordLength", "40"),
                        ("GenerateSecretString.ExcludePunctuation", "true"),
                        ("GenerateSecretString.IncludeSpace", "false"),
                        ("KmsKeyId", "<KmsKeysStack/SecretsKey.Arn>"),
                    ] {
                        it.expect(secret, property, expected);
                    }
                }
            })
        },
        fault: Fault { file: SECRETS, from: "\"engine\":\"postgres\",", to: "" },
    },
    Fact {
        id: "SEC-2",
        level: R,
        says: "the URL carries no password, and verifies the server with the bundle of the Region",
        check: |world| {
            world.views(|it| {
                for (secret, _) in ROLES {
                    let url = text(&template(it, secret)["DATABASE_URL"]);
                    let user = url
                        .strip_prefix("postgres://")
                        .and_then(|it| it.split_once('@'))
                        .map_or("", |(user, _)| user);
                    let named = !user.is_empty() && !user.contains(':');
                    it.require(named, format!("{secret}: the user is {user:?}"));
                    let (_, settings) = url.split_once('?').unwrap_or_default();
                    let mut settings: Vec<_> = settings.split('&').collect();
                    settings.sort_unstable();
                    it.equal(
                        format!("the settings of {secret}"),
                        settings,
                        [
                            "sslmode=verify-full",
                            "sslrootcert=/etc/ssl/certs/rds-ap-northeast-1.pem",
                        ],
                    );
                }
            })
        },
        fault: Fault { file: SECRETS, from: "sslmode=verify-full", to: "sslmode=require" },
    },
    Fact {
        id: "SEC-3",
        level: S,
        says: "no template writes a secret into a property by a dynamic reference",
        check: |world| {
            world.texts(|it| {
                for (path, text) in &world.texts.0 {
                    let found = text.lines().position(|line| {
                        line.contains("{{resolve:") && !line.trim_start().starts_with('#')
                    });
                    if let Some(line) = found {
                        it.say(format!("{path}:{} has a dynamic reference", line + 1));
                    }
                }
            })
        },
        fault: Fault {
            file: SECRETS,
            from: "SecretString: '{\"status\":\"unset\"}'",
            to: "SecretString: '{{resolve:ssm-secure:external-api}}'",
        },
    },
    Fact {
        id: "CRD-3",
        level: R,
        says: "no template, parameter file or task environment contains a password",
        check: |world| {
            let mut problems = world.texts(|it| {
                for (path, text) in &world.texts.0 {
                    for (number, line) in text.lines().enumerate() {
                        if let Some(what) = credential(line) {
                            it.say(format!("{path}:{} has {what}", number + 1));
                        }
                    }
                }
            });
            let check = |it: &View<'_>| {
                for resource in it.resources() {
                    let password = ["MasterUserPassword", "Password", "SecretString"]
                        .into_iter()
                        .find(|property| resource.has(property));
                    // The shell of the external API's secret, whose value is set by hand.
                    let shell = resource.text("SecretString") == r#"{"status":"unset"}"#;
                    if let Some(property) = password.filter(|_| !shell) {
                        it.say(format!("{} has {property}", resource.name));
                    }
                }
                for task in it.all("AWS::ECS::TaskDefinition") {
                    for variable in task.list("ContainerDefinitions.0.Environment") {
                        let name = text(&variable["Name"]);
                        let secret = SECRET_NAMES.iter().any(|it| name.contains(it));
                        it.require(!secret, format!("{} gives {name} in clear", task.name));
                        let value = text(&variable["Value"]);
                        let found = credential(&value);
                        it.equal(format!("what {name} of {} has", task.name), found, None);
                    }
                }
                for given in &it.inputs.parameters {
                    let name = given.name.to_ascii_uppercase();
                    let secret = SECRET_NAMES.iter().any(|it| name.contains(it));
                    it.require(!secret, format!("parameter {} may be a secret", given.name));
                }
            };
            problems.extend(world.views(check));
            for root in ["bootstrap", "dr", "edge", "rotation"] {
                problems.extend(world.root_views(root, check));
            }
            problems
        },
        fault: Fault {
            file: "nested/compute/staff-api-task-definition.yaml",
            from: "            - Name: TZ\n              Value: Asia/Tokyo\n",
            to: "            - Name: PGPASSWORD\n              Value: hunter2\n",
        },
    },
];

/// What a secret is made with.
fn template(view: &View<'_>, secret: &str) -> Json {
    let template = view.resource(secret).text("GenerateSecretString.SecretStringTemplate");
    serde_json::from_str(&template).unwrap_or_default()
}

/// What a line shows that nobody may see.
fn credential(line: &str) -> Option<&'static str> {
    let access_key = line.match_indices("AKIA").any(|(at, _)| {
        let key = line.get(at..at + 20).unwrap_or_default();
        key.len() == 20 && key.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
    });
    if access_key {
        return Some("an access key");
    }
    if line.contains("-----BEGIN") {
        return Some("key material");
    }
    for (at, _) in line.match_indices("://") {
        let authority = line[at + 3..].split(['/', ' ', '"', '\'']).next().unwrap_or_default();
        // Gaps of `Fn::Sub` are no text: `user@${Host}:${Port}`.
        let Some((user, _)) = authority.split_once('@') else { continue };
        if user.contains(':') {
            return Some("a password in a URL");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::credential;

    #[test]
    fn credentials_are_recognised() {
        for (line, expected) in [
            ("Value: postgres://facility:secret@db:5432/facility", Some("a password in a URL")),
            ("Value: postgres://facility@${Host}:${Port}/facility?sslmode=verify-full", None),
            ("id: AKIAABCDEFGHIJKLMNOP", Some("an access key")),
            ("id: AKIA", None),
            ("-----BEGIN PRIVATE KEY-----", Some("key material")),
        ] {
            assert_eq!(credential(line), expected, "{line}");
        }
    }
}
