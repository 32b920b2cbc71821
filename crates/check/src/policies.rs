//! Policy documents of IAM and of resources: their statements, and who may do what.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use crate::links::{Certain, Links, Place};
use kumiki_project::{Field, Kind, Value};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// A document as it is written. What is not known of it is left out and counted.
pub(crate) struct Policy<'v> {
    /// Its statements.
    pub(crate) statements: Vec<Statement<'v>>,
    /// Whether there is no statement that only a deployment can tell.
    pub(crate) whole: bool,
}

/// A statement.
#[derive(Clone, Copy)]
pub(crate) struct Statement<'v>(&'v [Field]);

/// The items of an element that may be one string or a list.
#[derive(Default)]
pub(crate) struct Items<'v> {
    /// Those that are known, with their values.
    pub(crate) known: Vec<(&'v str, &'v Value)>,
    /// Those that only a deployment can tell.
    pub(crate) unknown: Vec<&'v Value>,
    /// Whether the element is there at all.
    pub(crate) present: bool,
}

impl<'v> Policy<'v> {
    /// Reads a document.
    pub(crate) fn read(document: &'v Value) -> Self {
        let mut policy = Self { statements: Vec::new(), whole: document.as_map().is_some() };
        let Some(statements) = document.get("Statement") else { return policy };
        let list = match &statements.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(statements),
        };
        for value in list {
            match value.as_map() {
                Some(fields) => policy.statements.push(Statement(fields)),
                None => policy.whole = false,
            }
        }
        policy
    }

    /// The statements that allow something.
    pub(crate) fn allowing(&self) -> impl Iterator<Item = Statement<'v>> {
        self.statements.iter().copied().filter(|it| it.effect() == Some("Allow"))
    }

    /// The statements that may allow an action to a service, whatever their conditions.
    pub(crate) fn may_allow(
        &self,
        service: &str,
        action: &str,
    ) -> impl Iterator<Item = Statement<'v>> {
        self.statements.iter().copied().filter(move |it| {
            it.effect() != Some("Deny") && it.may_admit(service) && it.may_cover(action)
        })
    }
}

impl<'v> Statement<'v> {
    /// A field, unless it is absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        let field = self.0.iter().find(|it| &*it.name == name)?;
        (!field.value.is_absent()).then_some(&field.value)
    }

    /// `Allow` or `Deny`, if known.
    pub(crate) fn effect(&self) -> Option<&'v str> {
        self.get("Effect")?.as_text()
    }

    /// `Action`.
    pub(crate) fn actions(&self) -> Items<'v> {
        Items::read(self.get("Action"))
    }

    /// `Resource`.
    pub(crate) fn resources(&self) -> Items<'v> {
        Items::read(self.get("Resource"))
    }

    /// The principals of a kind, such as `Service`.
    pub(crate) fn principals(&self, kind: &str) -> Items<'v> {
        Items::read(self.get("Principal").and_then(|it| it.get(kind)))
    }

    /// Whether the statement is for everybody: `Principal: "*"`, or `AWS: "*"`.
    pub(crate) fn for_everybody(&self) -> bool {
        self.get("Principal").and_then(Value::as_text) == Some("*")
            || self.principals("AWS").known.iter().any(|(it, _)| *it == "*")
    }

    /// Whether there is any condition, or there may be.
    pub(crate) fn is_conditional(&self) -> bool {
        self.get("Condition").is_some_and(|it| it.as_map().is_none_or(|it| !it.is_empty()))
    }

    /// Calls `visit` with operator, key and value of every condition that is known.
    pub(crate) fn conditions(&self, visit: &mut dyn FnMut(&'v str, &'v str, &'v Value)) {
        for operator in self.get("Condition").and_then(Value::as_map).unwrap_or_default() {
            for key in operator.value.as_map().unwrap_or_default() {
                if !key.value.is_absent() {
                    visit(&operator.name, &key.name, &key.value);
                }
            }
        }
    }

    /// Whether a condition looks at one of these keys, or there may be one that does.
    pub(crate) fn looks_at(&self, keys: &[&str]) -> bool {
        if self.get("Condition").is_some_and(|it| it.as_map().is_none()) {
            return true;
        }
        let mut found = false;
        self.conditions(&mut |_, key, _| {
            let key = key.to_ascii_lowercase();
            found |= keys.iter().any(|it| key.starts_with(&it.to_ascii_lowercase()));
        });
        found
    }

    /// Whether the statement may be for a service.
    fn may_admit(&self, service: &str) -> bool {
        let Some(principal) = self.get("Principal") else {
            return self.get("NotPrincipal").is_some();
        };
        if principal.as_unknown().is_some() || self.for_everybody() {
            return true;
        }
        let services = self.principals("Service");
        !services.unknown.is_empty() || services.known.iter().any(|(it, _)| *it == service)
    }

    /// Whether the statement may be about an action.
    pub(crate) fn may_cover(&self, action: &str) -> bool {
        if self.get("NotAction").is_some() {
            return true;
        }
        let actions = self.actions();
        !actions.unknown.is_empty() || actions.known.iter().any(|(it, _)| matches(it, action))
    }
}

impl<'v> Items<'v> {
    /// The items of an element.
    pub(crate) fn read(value: Option<&'v Value>) -> Self {
        let mut items = Self { present: value.is_some(), ..Self::default() };
        let Some(value) = value else { return items };
        let list = match &value.kind {
            Kind::List(list) => list.as_slice(),
            _ => std::slice::from_ref(value),
        };
        for value in list {
            match value.as_text() {
                Some(text) => items.known.push((text, value)),
                None => items.unknown.push(value),
            }
        }
        items
    }

    /// The value of the item that is this text.
    pub(crate) fn find(&self, text: &str) -> Option<&'v Value> {
        self.known.iter().find(|(it, _)| *it == text).map(|(_, value)| *value)
    }
}

/// Whether a pattern with `*` and `?` covers a text, whatever the case of either.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where the last star stands, and how far the text was when it was met.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(it) if *it == b'?' || it.eq_ignore_ascii_case(&text[position]) => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((before, reached)) => {
                    star = Some((before, reached + 1));
                    at = before + 1;
                    position = reached + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|it| *it == b'*')
}

/// A policy of an identity, and the resource that gives it.
pub(crate) struct IdentityPolicy<'t> {
    /// The role, user, group or policy.
    pub(crate) of: Certain<'t>,
    /// The document.
    pub(crate) document: &'t Value,
}

/// Every policy document that gives rights to roles, users and groups.
///
/// Permissions boundaries give none: they say what may be given at most. Besides those that the
/// tree itself uses so, a managed policy that nothing attaches and that denies something is taken
/// for one.
pub(crate) fn identity_policies<'t>(links: &Links<'t>) -> Vec<IdentityPolicy<'t>> {
    let mut found = Vec::new();
    let mut boundaries: HashSet<Place> = HashSet::new();
    let mut attached: HashSet<Place> = HashSet::new();
    for of in links.all() {
        let (_, _, resource) = of;
        let place = |it: &Value| links.reference(it).and_then(|it| links.place(it.resource));
        boundaries.extend(resource.property("PermissionsBoundary").and_then(place));
        let managed = resource.property("ManagedPolicyArns").and_then(Value::as_list);
        attached.extend(managed.unwrap_or_default().iter().filter_map(place));
        match &*resource.type_name {
            "AWS::IAM::Policy"
            | "AWS::IAM::ManagedPolicy"
            | "AWS::IAM::RolePolicy"
            | "AWS::IAM::UserPolicy"
            | "AWS::IAM::GroupPolicy" => {
                let document = resource.property("PolicyDocument");
                found.extend(document.map(|document| IdentityPolicy { of, document }));
            }
            "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => {
                let inline = resource.property("Policies").and_then(Value::as_list);
                for policy in inline.unwrap_or_default() {
                    let document = policy.get("PolicyDocument");
                    found.extend(document.map(|document| IdentityPolicy { of, document }));
                }
            }
            _ => {}
        }
    }
    found.retain(|it| {
        let (place, _, resource) = it.of;
        let loose = &*resource.type_name == "AWS::IAM::ManagedPolicy"
            && !["Roles", "Users", "Groups"].iter().any(|it| resource.property(it).is_some())
            && !attached.contains(&place);
        let denies = || {
            let statements = Policy::read(it.document).statements;
            statements.iter().any(|it| it.effect() != Some("Allow"))
        };
        let boundary = boundaries.contains(&place) || loose && denies();
        !boundary
    });
    found
}

/// Every policy document in a value: every map with statements that have effects.
pub(crate) fn documents<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v Value)) {
    match &value.kind {
        Kind::List(items) => items.iter().for_each(|it| documents(it, visit)),
        Kind::Map(fields) => {
            let statement = value.get("Statement").map(|it| match &it.kind {
                Kind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(it),
            });
            if statement.is_some_and(|it| it.iter().any(|it| it.get("Effect").is_some())) {
                visit(value);
            } else {
                fields.iter().for_each(|it| documents(&it.value, visit));
            }
        }
        _ => {}
    }
}

/// The actions of a service, in lower case, if they are known here.
///
/// The facts are in `data/iam-actions.txt`, with date and source.
pub(crate) fn actions_of(service: &str) -> Option<&'static [&'static str]> {
    static SERVICES: OnceLock<HashMap<&str, Vec<&str>>> = OnceLock::new();
    let services = SERVICES.get_or_init(|| {
        let mut services: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut open = "";
        for line in ACTIONS.lines().filter(|it| !it.starts_with('#')) {
            for word in line.split_whitespace() {
                match word.strip_suffix(':') {
                    Some(service) => open = service,
                    None => services.entry(open).or_default().push(word),
                }
            }
        }
        services
    });
    services.get(service.to_ascii_lowercase().as_str()).map(Vec::as_slice)
}

const ACTIONS: &str = include_str!("../data/iam-actions.txt");

/// The fewest characters that a value has as JSON, without white space, as IAM counts them.
///
/// What only a deployment can tell counts nothing.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(crate) fn least_size(value: &Value) -> usize {
    let text = |it: &str| it.chars().filter(|it| !it.is_whitespace()).count() + 2;
    match &value.kind {
        Kind::String(it) => text(it),
        Kind::Number(it) => it.len(),
        Kind::Bool(it) => it.to_string().len(),
        Kind::Null => 4,
        Kind::List(items) => {
            2 + items.iter().map(least_size).sum::<usize>() + items.len().saturating_sub(1)
        }
        Kind::Map(fields) => {
            let there = || fields.iter().filter(|it| !it.value.is_absent());
            let inner: usize = there().map(|it| text(&it.name) + 1 + least_size(&it.value)).sum();
            2 + inner + there().count().saturating_sub(1)
        }
        Kind::Unknown(_) | Kind::Absent => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{actions_of, least_size, matches};
    use kumiki_project::Value;

    #[test]
    fn patterns_cover_as_iam_has_them() {
        assert!(matches("*", "s3:GetObject"));
        assert!(matches("s3:Get*", "s3:getobject"));
        assert!(matches("kms:GenerateDataKey*", "kms:GenerateDataKey"));
        assert!(matches("iam:*Role", "iam:PassRole"));
        assert!(matches("s3:?etObject", "s3:GetObject"));
        assert!(matches("*a*b*", "xaxxbx"));
        assert!(!matches("s3:Get*", "s3:PutObject"));
        assert!(!matches("s3:Get", "s3:GetObject"));
        assert!(!matches("", "s3:GetObject"));
    }

    #[test]
    fn actions_are_known_by_service() {
        let kms = actions_of("KMS").expect("kms");
        assert!(kms.contains(&"decrypt") && !kms.contains(&"decryptdatakey"));
        assert_eq!(actions_of("nosuchservice"), None);
    }

    #[test]
    fn white_space_does_not_count() {
        let document = Value::text("a b");
        assert_eq!(least_size(&document), 4);
    }
}
