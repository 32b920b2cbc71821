//! `cargo xtask handlers`: the permissions of CloudFormation's handlers, from AWS's resource provider
//! schemas, into `crates/schema/data/handlers.txt`.
//!
//! `cloudformation-validate-data-source` leaves the `handlers` of the schemas out; cfn-lint, which
//! `make oracles` installs at a pinned version, ships the schemas whole. The permissions of `list`
//! are not taken: CloudFormation lists nothing when it deploys.

use crate::{root, target};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

const FILE: &str = "crates/schema/data/handlers.txt";

/// Names that the schemas have and that IAM does not: operations of the API, or slips. S3's actions
/// are those of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.
const CORRECTIONS: &[(&str, Option<&str>)] = &[
    ("iam:DescribeOrganization", Some("organizations:DescribeOrganization")),
    ("s3:DeleteBucketAnalyticsConfiguration", Some("s3:PutAnalyticsConfiguration")),
    ("s3:DeleteBucketCors", Some("s3:PutBucketCORS")),
    ("s3:DeleteBucketEncryption", Some("s3:PutEncryptionConfiguration")),
    ("s3:DeleteBucketLifecycle", Some("s3:PutLifecycleConfiguration")),
    ("s3:DeleteBucketMetricsConfiguration", Some("s3:PutMetricsConfiguration")),
    ("s3:DeleteBucketReplication", Some("s3:PutReplicationConfiguration")),
    ("s3:PutBucketReplication", Some("s3:PutReplicationConfiguration")),
    ("s3:PutObjectLockConfiguration", Some("s3:PutBucketObjectLockConfiguration")),
    ("s3:REST.PUT.OBJECT", None),
];

/// `cargo xtask handlers`: writes the file; with `check`, says whether it is what would be written.
pub(crate) fn run(check: bool) -> Result<(), String> {
    let tools = std::env::var_os("KUMIKI_TOOLS").map(PathBuf::from);
    let python = tools.unwrap_or_else(|| target().join("tools")).join("python/lib");
    let schemas = entries(&python)?
        .into_iter()
        .map(|it| it.join("site-packages/cfnlint/data/schemas"))
        .find(|it| it.is_dir())
        .ok_or_else(|| format!("cfn-lint is not in {}: `make python`", python.display()))?;
    let version = json(&schemas.join("version.json"))?;
    let date = version["schema_date"].as_str().ok_or("cfn-lint's schemas have no date")?;
    let mut types = BTreeMap::new();
    let mut used = BTreeSet::new();
    for file in entries(&schemas.join("resources"))? {
        let schema = json(&file)?;
        let Some(name) = schema["typeName"].as_str() else { continue };
        let actions = actions(&schema["handlers"], &mut used);
        if !actions.is_empty() {
            types.insert(name.to_owned(), actions);
        }
    }
    if let Some((idle, _)) = CORRECTIONS.iter().find(|(it, _)| !used.contains(it)) {
        return Err(format!("no schema says `{idle}` any more: delete its correction"));
    }
    let mut text = format!(
        "# The actions of CloudFormation's create, read, update and delete handlers, by type.\n\
         # From AWS's resource provider schemas of {date}, by `cargo xtask handlers`.\n"
    );
    for (name, actions) in &types {
        let groups = actions.iter().map(|(service, names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!(" {service}:{}", names.join(","))
        });
        text.push_str(&format!("{name}{}\n", groups.collect::<String>()));
    }
    let path = root().join(FILE);
    if !check {
        return fs::write(&path, text).map_err(|error| format!("{FILE}: {error}"));
    }
    match fs::read_to_string(&path) {
        Ok(now) if now == text => Ok(()),
        _ => Err(format!("{FILE} is not what the schemas say: `cargo xtask handlers`")),
    }
}

/// The actions of a type's handlers, by service; notes which corrections were needed.
fn actions(
    handlers: &Value,
    used: &mut BTreeSet<&'static str>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (kind, handler) in handlers.as_object().into_iter().flatten() {
        let permissions = handler["permissions"].as_array().into_iter().flatten();
        for action in permissions.filter_map(Value::as_str).filter(|_| kind != "list") {
            let corrected = match CORRECTIONS.iter().find(|(it, _)| *it == action) {
                Some((name, instead)) => {
                    used.insert(name);
                    *instead
                }
                None => Some(action),
            };
            // IAM's names of services are in lower case; one schema has an empty string.
            if let Some((service, name)) = corrected.and_then(|it| it.split_once(':')) {
                found.entry(service.to_ascii_lowercase()).or_default().insert(name.to_owned());
            }
        }
    }
    found
}

fn entries(folder: &std::path::Path) -> Result<Vec<PathBuf>, String> {
    let shown = folder.display();
    let found = fs::read_dir(folder).map_err(|error| format!("{shown}: {error}"))?;
    Ok(found.filter_map(Result::ok).map(|it| it.path()).collect())
}

fn json(file: &std::path::Path) -> Result<Value, String> {
    let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    // Not every file of the folder is a schema.
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_grouped_and_corrected() {
        let handlers = serde_json::json!({
            "create": { "permissions": ["EC2:CreateTags", "s3:DeleteBucketCors", ""] },
            "delete": { "permissions": ["ec2:DeleteTags", "s3:REST.PUT.OBJECT"] },
            "list": { "permissions": ["ec2:DescribeTags"] },
        });
        let found = actions(&handlers, &mut BTreeSet::new());
        let names = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
        let expected = BTreeMap::from([
            ("ec2".to_owned(), names(&["CreateTags", "DeleteTags"])),
            ("s3".to_owned(), names(&["PutBucketCORS"])),
        ]);
        assert_eq!(found, expected);
    }
}
