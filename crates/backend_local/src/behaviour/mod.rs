//! What single services refuse: behaviour beyond their schemas, where a rehearsal without it
//! would lie.
//!
//! Each type has a list of [`Rule`]s, which are also what `kumiki fidelity` lists. A rule sees the
//! request and the world as it is before it, and stays silent about what it cannot know: values that
//! are secret or still to be filled in, and things of other accounts. Reasons are in the words that
//! stack events have; request IDs, which would be made up, are left out.

mod compute;
mod databases;
mod edge;
mod identity;
mod messaging;
mod monitoring;
mod network;
mod storage;

pub(crate) use storage::{Content, content, written_by};

use crate::shape::{text_at, texts_at};
use crate::world::{Thing, World};
use kumiki_engine::Request;
use kumiki_project::RehearsalConfig;
use kumiki_schema::ReplacementOrder;
use kumiki_source::{Message, message};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a rule sees.
pub(crate) struct Cx<'c> {
    pub(crate) request: &'c Request<'c>,
    pub(crate) world: &'c World,
    pub(crate) rehearsal: &'c RehearsalConfig,
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    /// How long it takes to come to that, in milliseconds, where it is not said at once.
    pub(crate) takes: Option<u64>,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, takes: None }
    }
}

/// A refusal, or that there is none.
pub(crate) type Checked = Result<(), Refusal>;
type Check = fn(&Cx<'_>) -> Checked;

/// A service's answer: its handler error code, and the message, where `{value}` is what was named,
/// `{id}` the thing that is asked about and `{user}` another that is in the way.
#[derive(Clone, Copy)]
pub(crate) struct Says(&'static str, &'static str);

/// Something that a service refuses.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// What a property names is a thing of a type.
    Needs(&'static str, &'static str, Says),
    /// What a property names is a key of KMS.
    Key(&'static str),
    /// A thing is not deleted while one of another type names it in a property.
    Keeps(&'static str, &'static str, Says),
    /// No two things of the type have the same value of a property.
    Once(&'static str, Says),
    /// Anything else when it is created or updated, in a few words.
    Write(fn() -> Message, Check),
    /// Anything else when it is deleted, in a few words.
    Delete(fn() -> Message, Check),
}

/// The hand-written behaviour of a type.
pub(crate) struct Behaviour {
    pub(crate) type_name: &'static str,
    pub(crate) rules: &'static [Rule],
}

const fn behaviour(type_name: &'static str, rules: &'static [Rule]) -> Behaviour {
    Behaviour { type_name, rules }
}

static TABLES: [&[Behaviour]; 8] = [
    compute::BEHAVIOURS,
    databases::BEHAVIOURS,
    edge::BEHAVIOURS,
    identity::BEHAVIOURS,
    messaging::BEHAVIOURS,
    monitoring::BEHAVIOURS,
    network::BEHAVIOURS,
    storage::BEHAVIOURS,
];

static BY_TYPE: LazyLock<HashMap<&'static str, &'static [Rule]>> = LazyLock::new(|| {
    TABLES.iter().flat_map(|it| it.iter()).map(|it| (it.type_name, it.rules)).collect()
});

/// The hand-written behaviour of a type, if it has one.
pub(crate) fn rules_of(type_name: &str) -> Option<&'static [Rule]> {
    BY_TYPE.get(type_name).copied()
}

/// What refuses a creation or an update.
pub(crate) fn check_write(cx: &Cx<'_>) -> Checked {
    for rule in rules_of(cx.request.type_name).unwrap_or_default() {
        match *rule {
            Rule::Needs(path, type_name, says) => {
                let named = cx.texts(path);
                if let Some(value) = named.iter().find(|it| cx.lacks(type_name, it)) {
                    return says.refuse(cx, value, "");
                }
            }
            Rule::Once(path, says) => {
                if let Some(value) = cx.text(path)
                    && let Some(user) = cx.having(cx.request.type_name, path, &value).first()
                {
                    return says.refuse(cx, &value, user);
                }
            }
            Rule::Key(path) => identity::key(cx, path)?,
            Rule::Write(_, check) => check(cx)?,
            Rule::Keeps(..) | Rule::Delete(..) => {}
        }
    }
    Ok(())
}

/// What refuses a deletion.
pub(crate) fn check_delete(cx: &Cx<'_>) -> Checked {
    for rule in rules_of(cx.request.type_name).unwrap_or_default() {
        match *rule {
            Rule::Keeps(type_name, path, says) => {
                if let Some(user) = cx.users(type_name, path).first() {
                    return says.refuse(cx, "", user);
                }
            }
            Rule::Delete(_, check) => check(cx)?,
            Rule::Needs(..) | Rule::Key(_) | Rule::Once(..) | Rule::Write(..) => {}
        }
    }
    Ok(())
}

impl Says {
    fn refuse<T>(self, cx: &Cx<'_>, value: &str, user: &str) -> Result<T, Refusal> {
        let Self(code, text) = self;
        let text = text.replace("{id}", cx.request.physical_id);
        refused(code, text.replace("{value}", value).replace("{user}", user))
    }
}

impl Rule {
    /// What is refused, in a few words.
    pub(crate) fn describe(&self) -> Message {
        match *self {
            Self::Needs(property, type_name, _) => {
                message!("`{property}` names no `{type_name}`", property, type_name)
            }
            Self::Key(property) => message!("`{property}` names no key of KMS", property),
            Self::Keeps(type_name, property, _) => message!(
                "deletion while `{property}` of an `{type_name}` names it",
                property,
                type_name
            ),
            Self::Once(property, _) => message!("`{property}` is taken", property),
            Self::Write(what, _) | Self::Delete(what, _) => what(),
        }
    }
}

/// A service's refusal, as a resource handler passes it on.
///
/// <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html>
pub(crate) fn refused<T>(code: &str, message: impl AsRef<str>) -> Result<T, Refusal> {
    let message = message.as_ref();
    let reason =
        format!("Resource handler returned message: \"{message}\" (HandlerErrorCode: {code})");
    Err(reason.into())
}

/// Where the things of a type are kept: names of some are the whole account's, or the world's.
pub(crate) fn home<'r>(type_name: &str, account: &'r str, region: &'r str) -> (&'r str, &'r str) {
    match type_name {
        "AWS::S3::Bucket" | "AWS::S3::BucketPolicy" => ("", ""),
        _ if type_name.starts_with("AWS::IAM::")
            || type_name.starts_with("AWS::CloudFront::")
            || type_name.starts_with("AWS::Route53::")
            || type_name.starts_with("AWS::Chatbot::") =>
        {
            (account, "")
        }
        _ => (account, region),
    }
}

/// Whether a value stands for another that is not known here: a dynamic reference, a masked
/// secret, or a mark in the place of one that is still to be filled in.
pub(crate) fn stands_for_another(value: &str) -> bool {
    value.contains("{{resolve:") || value.contains("kumiki:secret:") || is_placeholder(value)
}

/// Whether a value is a mark in the place of one that is still to be filled in.
pub(crate) fn is_placeholder(value: &str) -> bool {
    value.len() > 2 && value.starts_with('<') && value.ends_with('>')
}

impl Cx<'_> {
    /// A property as text.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        text_at(self.request.properties, path)
    }

    /// Whether a property is set and not false.
    pub(crate) fn is(&self, path: &str) -> bool {
        self.text(path).as_deref() == Some("true")
    }

    /// A property that is a list of texts, or is found in each item of a list.
    pub(crate) fn texts(&self, path: &str) -> Vec<String> {
        texts_at(self.request.properties, path)
    }

    /// A thing of the account and Region by its physical ID.
    pub(crate) fn get(&self, type_name: &str, id: &str) -> Option<&Thing> {
        let (account, region) = home(type_name, self.request.account, self.request.region);
        self.world.get(account, region, type_name, id)
    }

    /// A thing that is named by its physical ID or its ARN; names of databases come in any case.
    pub(crate) fn named(&self, type_name: &str, value: &str) -> Option<&Thing> {
        // The ARN of a log group ends in `:*`, which most services do without.
        let arn = |text: &str| -> Option<&Thing> {
            let region = text.split(':').nth(3).filter(|it| !it.is_empty());
            let (account, region) =
                home(type_name, self.request.account, region.unwrap_or(self.request.region));
            let found = self.world.having(account, region, type_name, "@Arn", text);
            // Not every type calls its ARN `Arn`; most ARNs end in the identifier.
            let end = text.rsplit([':', '/']).next().unwrap_or(text);
            let ids = [found.first().map_or(text, String::as_str), end];
            ids.iter().find_map(|id| self.world.get(account, region, type_name, id))
        };
        match value.starts_with("arn:") {
            true => arn(value).or_else(|| arn(&format!("{value}:*"))),
            false => self
                .get(type_name, value)
                .or_else(|| self.get(type_name, &value.to_lowercase()))
                .or_else(|| {
                    let id = self.having(type_name, "Name", value).into_iter().next()?;
                    self.get(type_name, &id)
                }),
        }
    }

    /// Whether a value certainly names no thing of a type.
    pub(crate) fn lacks(&self, type_name: &str, value: &str) -> bool {
        if value.is_empty() || stands_for_another(value) || self.rehearsal.exists.contains(value) {
            return false;
        }
        let account = value.starts_with("arn:").then(|| value.split(':').nth(4)).flatten();
        let foreign = account.is_some_and(|it| !it.is_empty() && it != self.request.account);
        !foreign && self.named(type_name, value).is_none()
    }

    /// The things of a type that have a value of a property, without the one that is asked about
    /// and the one it replaces where that goes first.
    pub(crate) fn having(&self, type_name: &str, path: &'static str, value: &str) -> Vec<String> {
        let request = self.request;
        let (account, region) = home(type_name, request.account, request.region);
        let mut found = self.world.having(account, region, type_name, path, value);
        if type_name == request.type_name {
            let goes_first = kumiki_schema::resource_type(type_name)
                .is_some_and(|it| it.replacement_order() == ReplacementOrder::DeleteThenCreate);
            let replaced = request.replaces.filter(|_| goes_first);
            found.retain(|it| *it != request.physical_id && Some(it.as_str()) != replaced);
        }
        found
    }

    /// The other things of a type that have a value of a property.
    pub(crate) fn things_having(
        &self,
        type_name: &'static str,
        path: &'static str,
        value: &str,
    ) -> impl Iterator<Item = (String, &Thing)> {
        let found = self.having(type_name, path, value).into_iter();
        found.filter_map(move |id| self.get(type_name, &id).map(|it| (id, it)))
    }

    /// The things of a type that name the one that is asked about in a property.
    fn users(&self, type_name: &str, path: &'static str) -> Vec<String> {
        let request = self.request;
        let own = self.get(request.type_name, request.physical_id);
        let arn = own.and_then(|it| it.attributes.get("Arn")?.as_str());
        let mut found = self.having(type_name, path, request.physical_id);
        if let Some(arn) = arn {
            found.extend(self.having(type_name, path, arn));
            found.extend(self.having(type_name, path, arn.trim_end_matches(":*")));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiki_schema::{Kind, resource_type};

    /// Whether a type has a property at a path, where lists are followed into their items.
    fn has(type_name: &str, path: &str) -> bool {
        let Some(schema) = resource_type(type_name) else { return false };
        let mut at = schema.root();
        for part in path.split('.') {
            while at.kind() == Kind::Array {
                match at.child("0") {
                    Some(item) => at = item,
                    None => return false,
                }
            }
            match at.child(part) {
                Some(child) => at = child,
                None => return false,
            }
        }
        true
    }

    #[test]
    fn rules_are_about_what_there_is() {
        let mut types = 0;
        for Behaviour { type_name, rules } in TABLES.iter().flat_map(|it| it.iter()) {
            types += 1;
            assert!(resource_type(type_name).is_some(), "{type_name}");
            for rule in *rules {
                let (owner, path, other) = match *rule {
                    Rule::Needs(path, other, _) => (*type_name, path, other),
                    Rule::Keeps(other, path, _) => (other, path, other),
                    Rule::Key(path) | Rule::Once(path, _) => (*type_name, path, *type_name),
                    Rule::Write(..) | Rule::Delete(..) => continue,
                };
                assert!(resource_type(other).is_some(), "{type_name}: {other}");
                assert!(has(owner, path), "{type_name}: {owner} has no {path}");
            }
        }
        assert_eq!(types, BY_TYPE.len(), "a type stands twice");
        assert!(
            !has("AWS::EC2::Subnet", "Vpc")
                && has("AWS::ECS::Service", "LoadBalancers.TargetGroupArn")
        );
    }
}
