//! Roles, policies, keys and pools of users.

use super::{Behaviour, Checked, Cx, Rule, Says, behaviour, refused, stands_for_another};
use crate::shape::text_at;
use kumiki_source::message;

const ROLE: &str = "AWS::IAM::Role";
const MANAGED: &str = "AWS::IAM::ManagedPolicy";
const POLICY: &str = "AWS::IAM::Policy";
const PROFILE: &str = "AWS::IAM::InstanceProfile";
const PROVIDER: &str = "AWS::IAM::OIDCProvider";
const KEY: &str = "AWS::KMS::Key";
const ALIAS: &str = "AWS::KMS::Alias";
const POOL: &str = "AWS::Cognito::UserPool";
const CLIENT: &str = "AWS::Cognito::UserPoolClient";
const DOMAIN: &str = "AWS::Cognito::UserPoolDomain";
const GROUP: &str = "AWS::Cognito::UserPoolGroup";
const IDENTITIES: &str = "AWS::Cognito::IdentityPool";
const ATTACHMENT: &str = "AWS::Cognito::IdentityPoolRoleAttachment";

const NO_ROLE: Says = Says("NotFound", "The role with name {value} cannot be found.");
const ROLE_KEPT: Says =
    Says("ResourceConflict", "Cannot delete entity, must detach all policies first.");
const NO_POOL: Says = Says("NotFound", "User pool {value} does not exist.");

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour(IDENTITIES, &[
        Rule::Needs("CognitoIdentityProviders.ClientId", CLIENT, Says("InvalidRequest", "The client {value} does not exist")),
    ]),
    behaviour(ATTACHMENT, &[
        Rule::Needs("IdentityPoolId", IDENTITIES, Says("NotFound", "IdentityPool '{value}' not found.")),
        Rule::Once("IdentityPoolId", Says("AlreadyExists", "Roles of the identity pool {value} are attached already")),
    ]),
    behaviour(POOL, &[
        Rule::Delete(|| message!("deletion while it is protected"), pool_protected),
        Rule::Keeps(DOMAIN, "UserPoolId", Says("InvalidRequest", "User pool cannot be deleted. It has a domain configured that should be deleted first.")),
    ]),
    behaviour(CLIENT, &[
        Rule::Needs("UserPoolId", POOL, NO_POOL),
    ]),
    behaviour(DOMAIN, &[
        Rule::Needs("UserPoolId", POOL, NO_POOL),
        Rule::Once("Domain", Says("AlreadyExists", "Domain already associated with another user pool.")),
        Rule::Once("UserPoolId", Says("InvalidRequest", "User pool already has a domain configured.")),
    ]),
    behaviour(GROUP, &[
        Rule::Needs("UserPoolId", POOL, NO_POOL),
        Rule::Needs("RoleArn", ROLE, Says("InvalidRequest", "The role {value} does not exist")),
        Rule::Write(|| message!("a name that another group of the pool has"), pool_group),
    ]),
    behaviour(PROFILE, &[
        Rule::Needs("Roles", ROLE, NO_ROLE),
    ]),
    behaviour(MANAGED, &[
        Rule::Needs("Roles", ROLE, NO_ROLE),
        Rule::Keeps(ROLE, "ManagedPolicyArns", Says("ResourceConflict", "Cannot delete a policy attached to entities.")),
        Rule::Keeps(ROLE, "PermissionsBoundary", Says("ResourceConflict", "Cannot delete a policy attached to entities.")),
    ]),
    behaviour(PROVIDER, &[
        Rule::Once("Url", Says("AlreadyExists", "Provider with url {value} already exists.")),
    ]),
    behaviour(POLICY, &[
        Rule::Needs("Roles", ROLE, NO_ROLE),
        Rule::Write(|| message!("neither a role, a user nor a group"), policy_targets),
    ]),
    behaviour(ROLE, &[
        Rule::Needs("ManagedPolicyArns", MANAGED, Says("NotFound", "Policy {value} does not exist or is not attachable.")),
        Rule::Needs("PermissionsBoundary", MANAGED, Says("NotFound", "Scope ARN: {value} does not exist or is not attachable.")),
        Rule::Keeps(PROFILE, "Roles", Says("ResourceConflict", "Cannot delete entity, must remove roles from instance profile first.")),
        Rule::Keeps(MANAGED, "Roles", ROLE_KEPT),
        Rule::Keeps(POLICY, "Roles", ROLE_KEPT),
    ]),
    behaviour(ALIAS, &[
        Rule::Write(|| message!("a name that does not begin with `alias/`, or is AWS's own"), alias_name),
        Rule::Key("TargetKeyId"),
    ]),
    behaviour(KEY, &[
        Rule::Write(|| message!("a policy that no one could change any more"), key_policy),
    ]),
];

/// Whether a key of this account and Region that is named by its ARN, ID or alias exists. Keys
/// elsewhere cannot be looked at.
fn key_exists(cx: &Cx<'_>, named: &str) -> bool {
    if stands_for_another(named) || named.is_empty() || cx.rehearsal.exists.contains(named) {
        return true;
    }
    let own = format!(":kms:{}:{}:", cx.request.region, cx.request.account);
    let name = match named.split_once(&own) {
        Some((_, name)) => name,
        None if named.starts_with("arn:") => return true,
        None => named,
    };
    if name.starts_with("alias/aws/") {
        return true;
    }
    match name.starts_with("alias/") {
        true => !cx.lacks(ALIAS, name),
        false => !cx.lacks(KEY, name.trim_start_matches("key/")),
    }
}

/// What every service says of a key that it is given and cannot find.
pub(super) fn key(cx: &Cx<'_>, property: &str) -> Checked {
    match cx.texts(property).iter().find(|it| !key_exists(cx, it)) {
        Some(named) => refused("NotFound", format!("Invalid keyId {named}")),
        None => Ok(()),
    }
}

fn alias_name(cx: &Cx<'_>) -> Checked {
    let name = cx.text("AliasName").unwrap_or_default();
    let invalid = !name.starts_with("alias/") || name.starts_with("alias/aws/");
    match invalid && !stands_for_another(&name) {
        true => refused("InvalidRequest", format!("Alias name {name} is not valid")),
        false => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>
fn key_policy(cx: &Cx<'_>) -> Checked {
    let statements = cx.request.properties.pointer("/KeyPolicy/Statement");
    let Some(statements) = statements.and_then(serde_json::Value::as_array) else { return Ok(()) };
    let lets_change = statements.iter().any(|it| {
        let text = it.get("Action").map(ToString::to_string).unwrap_or_default();
        // Anything that is not an exact list may include it.
        it.get("NotAction").is_some() || text.contains('*') || text.contains("PutKeyPolicy")
    });
    match lets_change || statements.is_empty() {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            "The new key policy will not allow you to update the key policy in the future.",
        ),
    }
}

fn policy_targets(cx: &Cx<'_>) -> Checked {
    match ["Roles", "Users", "Groups"].iter().all(|it| cx.texts(it).is_empty()) {
        true => {
            refused("InvalidRequest", "At least one of [Groups,Roles,Users] must be non-empty.")
        }
        false => Ok(()),
    }
}

fn pool_protected(cx: &Cx<'_>) -> Checked {
    match cx.text("DeletionProtection").as_deref() {
        Some("ACTIVE") => refused(
            "InvalidRequest",
            "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.",
        ),
        _ => Ok(()),
    }
}

fn pool_group(cx: &Cx<'_>) -> Checked {
    let pool = cx.text("UserPoolId").unwrap_or_default();
    let name = cx.text("GroupName");
    let mut others = cx.things_having(GROUP, "UserPoolId", &pool);
    match name.is_some() && others.any(|(_, it)| text_at(&it.properties, "GroupName") == name) {
        true => refused("AlreadyExists", "A group with the name already exists."),
        false => Ok(()),
    }
}
