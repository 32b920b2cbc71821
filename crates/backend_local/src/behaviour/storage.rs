//! Buckets and secrets, and what is in a secret.

use super::{Behaviour, Checked, Cx, Rule, Says, behaviour, refused, stands_for_another};
use crate::lookup::ParameterStore;
use crate::shape::text_at;
use kumiki_source::message;
use serde_json::Value as Json;

const BUCKET: &str = "AWS::S3::Bucket";
const POLICY: &str = "AWS::S3::BucketPolicy";
const SECRET: &str = "AWS::SecretsManager::Secret";

const NO_SECRET: Says = Says("NotFound", "Secrets Manager can't find the specified secret.");

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour(BUCKET, &[
        Rule::Write(|| message!("a name that no bucket can have"), bucket_name),
        Rule::Write(|| message!("logs to a bucket that does not exist"), bucket_logs),
        Rule::Key("BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault.KMSMasterKeyID"),
        Rule::Delete(|| message!("deletion of what a service has written into"), bucket_filled),
    ]),
    behaviour(POLICY, &[
        Rule::Needs("Bucket", BUCKET, Says("NotFound", "The specified bucket does not exist")),
        Rule::Once("Bucket", Says("AlreadyExists", "The bucket policy already exists on bucket {value}.")),
    ]),
    behaviour("AWS::SecretsManager::ResourcePolicy", &[
        Rule::Needs("SecretId", SECRET, NO_SECRET),
    ]),
    behaviour("AWS::SecretsManager::RotationSchedule", &[
        Rule::Needs("SecretId", SECRET, NO_SECRET),
        Rule::Needs("RotationLambdaARN", "AWS::Lambda::Function", Says("NotFound", "Lambda function {value} does not exist")),
    ]),
    behaviour(SECRET, &[
        Rule::Once("Name", Says("AlreadyExists", "The operation failed because the secret {value} already exists.")),
        Rule::Write(|| message!("both a value and a value to be made up"), secret_value),
        Rule::Write(|| message!("a template that is not a JSON object"), secret_template),
        Rule::Key("KmsKeyId"),
    ]),
];

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn bucket_name(cx: &Cx<'_>) -> Checked {
    let Some(name) = cx.text("BucketName") else { return Ok(()) };
    let edge =
        |it: Option<char>| it.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    let inside =
        |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, '-' | '.');
    let valid = (3..=63).contains(&name.len())
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(inside)
        && !name.contains("..");
    match valid || stands_for_another(&name) {
        true => Ok(()),
        false => Err(format!(
            "Bucket name should be between 3 and 63 characters long and should contain only lowercase letters, numbers, periods, and dashes: {name}"
        )
        .into()),
    }
}

fn bucket_logs(cx: &Cx<'_>) -> Checked {
    let target = cx.text("LoggingConfiguration.DestinationBucketName");
    match target.filter(|it| Some(it) != cx.text("BucketName").as_ref()) {
        Some(target) if cx.lacks(BUCKET, &target) => {
            refused("InvalidRequest", "The target bucket for logging does not exist")
        }
        _ => Ok(()),
    }
}

/// The buckets that a new thing writes into as soon as it is there: load balancers write a test
/// file, and trails check what they may.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html>
pub(crate) fn written_by(type_name: &str, properties: &Json) -> Vec<String> {
    match type_name {
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => super::compute::logs_of(properties),
        "AWS::CloudTrail::Trail" => text_at(properties, "S3BucketName").into_iter().collect(),
        _ => Vec::new(),
    }
}

fn bucket_filled(cx: &Cx<'_>) -> Checked {
    match cx.get(BUCKET, cx.request.physical_id) {
        Some(bucket) if bucket.filled => refused(
            "GeneralServiceException",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        ),
        _ => Ok(()),
    }
}

fn secret_value(cx: &Cx<'_>) -> Checked {
    let made_up = cx.request.properties.get("GenerateSecretString").is_some();
    match made_up && cx.text("SecretString").is_some() {
        true => refused(
            "InvalidRequest",
            "You can't specify both GenerateSecretString and SecretString.",
        ),
        false => Ok(()),
    }
}

fn secret_template(cx: &Cx<'_>) -> Checked {
    let Some(text) = cx.text("GenerateSecretString.SecretStringTemplate") else { return Ok(()) };
    let object = serde_json::from_str::<Json>(&text).is_ok_and(|it| it.is_object());
    match object || stands_for_another(&text) {
        true => Ok(()),
        false => refused("InvalidRequest", "Invalid JSON for secret template"),
    }
}

/// What is in a secret, as far as its properties or the rehearsal's configuration tell: nothing
/// when that is not known.
pub(crate) enum Content {
    /// Its value.
    Value(String),
    /// A value that is made up, with these keys if it has keys.
    MadeUp(Option<Vec<String>>),
}

/// A secret that is named by its ARN or its name, or why there is none.
///
/// # Errors
/// When it certainly does not exist.
pub(crate) fn content(cx: &Cx<'_>, id: &str) -> Result<Option<Content>, String> {
    if let Some(value) = cx.rehearsal.secrets.get(id) {
        return Ok(Some(Content::Value(value.clone())));
    }
    let Some(secret) = cx.named(SECRET, id) else {
        return match cx.lacks(SECRET, id) && !managed(cx, id) {
            true => Err("Secrets Manager can't find the specified secret.".to_owned()),
            false => Ok(None),
        };
    };
    let name = text_at(&secret.properties, "Name").unwrap_or_default();
    if let Some(value) = cx.rehearsal.secrets.get(&name) {
        return Ok(Some(Content::Value(value.clone())));
    }
    if let Some(value) = text_at(&secret.properties, "SecretString") {
        return Ok((!stands_for_another(&value)).then_some(Content::Value(value)));
    }
    let template = text_at(&secret.properties, "GenerateSecretString.SecretStringTemplate");
    let template = template.and_then(|it| serde_json::from_str::<Json>(&it).ok());
    let keys = template.as_ref().and_then(Json::as_object).map(|it| {
        let made_up = text_at(&secret.properties, "GenerateSecretString.GenerateStringKey");
        it.keys().cloned().chain(made_up).collect()
    });
    let made_up = secret.properties.get("GenerateSecretString").is_some();
    Ok(made_up.then_some(Content::MadeUp(keys)))
}

/// Whether a service keeps the secret: its ARN is an attribute of what belongs to it.
fn managed(cx: &Cx<'_>, id: &str) -> bool {
    let database = "AWS::RDS::DBInstance";
    let (account, region) = (cx.request.account, cx.request.region);
    id.contains("secret:rds!")
        || !cx.world.having(account, region, database, "@MasterUserSecret.SecretArn", id).is_empty()
}

/// Whether a container finds what it asks for: `ARN`, or `ARN:key:stage:version`.
///
/// # Errors
/// What it does not find.
pub(super) fn secret_key(cx: &Cx<'_>, from: &str) -> Result<(), String> {
    if stands_for_another(from) {
        return Ok(());
    }
    let parts: Vec<&str> = from.split(':').collect();
    let (id, key) = match parts.as_slice() {
        ["arn", _, "secretsmanager", ..] if parts.len() > 7 => (parts[..7].join(":"), parts[7]),
        ["arn", _, "secretsmanager", ..] => (from.to_owned(), ""),
        _ => {
            return match ParameterStore::of(cx).get(from) {
                Some(_) => Ok(()),
                None => Err(format!("invalid ssm parameters: {from}")),
            };
        }
    };
    let lacking = match content(cx, &id) {
        Err(missing) => return Err(missing),
        Ok(Some(Content::Value(value))) if !key.is_empty() => {
            let value = serde_json::from_str::<Json>(&value).unwrap_or_default();
            // A value that is written out may be a beginning that somebody replaces.
            value.get(key).is_none() && cx.rehearsal.secrets.contains_key(&id)
        }
        Ok(Some(Content::MadeUp(keys))) if !key.is_empty() => {
            !keys.unwrap_or_default().iter().any(|it| it == key)
        }
        Ok(_) => false,
    };
    match lacking {
        true => {
            Err(format!("retrieved secret from Secrets Manager did not contain json key {key}"))
        }
        false => Ok(()),
    }
}
