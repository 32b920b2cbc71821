//! Stack policies: which resources an update may touch, and how.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html>,
//! read on 2026-11-24.

use serde_json::{Map, Value as Json};

/// The longest text of a policy, in bytes.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SetStackPolicy.html>
const LONGEST: usize = 16_384;

/// What an update does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateAction {
    /// It is changed in place, perhaps with an interruption.
    Modify,
    /// A new one takes its place.
    Replace,
    /// It leaves the stack.
    Delete,
}

impl UpdateAction {
    /// The word that policies use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modify => "Update:Modify",
            Self::Replace => "Update:Replace",
            Self::Delete => "Update:Delete",
        }
    }
}

/// A stack policy.
#[derive(Clone, Debug, PartialEq)]
pub struct StackPolicy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    allows: bool,
    actions: Matches,
    resources: Matches,
    /// Patterns of types that it is limited to, each condition with its own.
    types: Vec<Vec<String>>,
}

/// Patterns, one of which has to match, or none of which may.
#[derive(Clone, Debug, PartialEq)]
struct Matches {
    patterns: Vec<String>,
    negated: bool,
}

impl Matches {
    fn meets(&self, text: &str) -> bool {
        self.patterns.iter().any(|it| matches(it, text)) != self.negated
    }
}

impl StackPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// What keeps it from being one, in English.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("longer than {LONGEST} bytes"));
        }
        let json: Json = serde_json::from_str(text).map_err(|it| it.to_string())?;
        let statements = match json.get("Statement") {
            Some(Json::Array(statements)) => statements.iter().collect(),
            Some(statement @ Json::Object(_)) => vec![statement],
            _ => return Err("Statement is missing".to_owned()),
        };
        let statements = statements.into_iter().enumerate().map(|(index, it)| {
            let object = it.as_object().ok_or_else(|| "not an object".to_owned());
            object.and_then(statement).map_err(|it| format!("Statement [#{}]: {it}", index + 1))
        });
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    /// Whether an update may do this to a resource; if not, why, in CloudFormation's words.
    ///
    /// What nothing allows is denied, and a denial stands above every permission.
    ///
    /// # Errors
    /// Why it may not.
    pub fn decide(
        &self,
        action: UpdateAction,
        logical_id: &str,
        type_name: &str,
    ) -> Result<(), String> {
        let resource = format!("LogicalResourceId/{logical_id}");
        let mut allowed = false;
        for (index, it) in self.statements.iter().enumerate() {
            let of_type = it.types.iter().all(|it| it.iter().any(|it| matches(it, type_name)));
            if !of_type || !it.actions.meets(action.as_str()) || !it.resources.meets(&resource) {
                continue;
            }
            if !it.allows {
                return Err(format!(
                    "Action denied by stack policy: Statement [#{}] does not allow [{}] for \
                     resource [{logical_id}]",
                    index + 1,
                    action.as_str()
                ));
            }
            allowed = true;
        }
        if allowed {
            return Ok(());
        }
        Err(format!(
            "Action denied by stack policy: no statement allows [{}] for resource [{logical_id}]",
            action.as_str()
        ))
    }
}

fn statement(object: &Map<String, Json>) -> Result<Statement, String> {
    const KNOWN: [&str; 8] = [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Principal",
        "Resource",
        "NotResource",
        "Condition",
    ];
    if let Some(other) = object.keys().find(|it| !KNOWN.contains(&it.as_str())) {
        return Err(format!("{other} is no element of a stack policy"));
    }
    let allows = match object.get("Effect").and_then(Json::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("Effect has to be Allow or Deny".to_owned()),
    };
    let everyone = match object.get("Principal") {
        Some(Json::String(it)) => it == "*",
        Some(Json::Object(it)) => it.get("AWS").and_then(Json::as_str) == Some("*"),
        _ => false,
    };
    if !everyone {
        return Err("Principal has to be *".to_owned());
    }
    let actions = patterns(object, "Action", "NotAction")?;
    for it in &actions.patterns {
        if !matches!(&**it, "Update:Modify" | "Update:Replace" | "Update:Delete" | "Update:*") {
            return Err(format!("{it} is no action of a stack policy"));
        }
    }
    let resources = patterns(object, "Resource", "NotResource")?;
    for it in &resources.patterns {
        if it != "*" && !it.starts_with("LogicalResourceId/") {
            return Err(format!("{it} is no LogicalResourceId/…"));
        }
    }
    let mut types = Vec::new();
    for (operator, keys) in object.get("Condition").and_then(Json::as_object).into_iter().flatten()
    {
        if !matches!(&**operator, "StringEquals" | "StringLike") {
            return Err(format!("{operator} is no condition of a stack policy"));
        }
        for (key, values) in keys.as_object().into_iter().flatten() {
            if key != "ResourceType" {
                return Err(format!("{key} is no key of a condition of a stack policy"));
            }
            types.push(texts(values)?);
        }
    }
    Ok(Statement { allows, actions, resources, types })
}

fn patterns(object: &Map<String, Json>, name: &str, not: &str) -> Result<Matches, String> {
    match (object.get(name), object.get(not)) {
        (Some(it), None) => Ok(Matches { patterns: texts(it)?, negated: false }),
        (None, Some(it)) => Ok(Matches { patterns: texts(it)?, negated: true }),
        _ => Err(format!("either {name} or {not} is needed")),
    }
}

fn texts(json: &Json) -> Result<Vec<String>, String> {
    let text = |it: &Json| it.as_str().map(str::to_owned);
    let texts = match json {
        Json::Array(items) => items.iter().map(text).collect(),
        other => text(other).map(|it| vec![it]),
    };
    texts.ok_or_else(|| format!("{json} is no text"))
}

/// Whether a pattern with `*` matches a text. Linear in both: after a `*`, the first place where
/// the next piece stands is as good as any later one.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    /// A policy that allows everything and denies some.
    const GUARDED: &str = r#"{"Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": ["Update:Replace", "Update:Delete"],
         "Resource": "*", "Condition": {"StringEquals": {"ResourceType": ["AWS::RDS::DBInstance"]}}},
        {"Effect": "Deny", "Principal": "*", "Action": "Update:*",
         "Resource": ["LogicalResourceId/Prod*Key", "LogicalResourceId/Vpc"]},
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "NotResource": "LogicalResourceId/Odd"}
    ]}"#;

    #[test]
    fn a_denial_stands_above_permissions_and_nothing_is_allowed_by_itself() {
        use UpdateAction::{Delete, Modify, Replace};
        let policy = StackPolicy::parse(GUARDED).unwrap();
        let cases = [
            (Modify, "Db", "AWS::RDS::DBInstance", None),
            (
                Replace,
                "Db",
                "AWS::RDS::DBInstance",
                Some("Statement [#1] does not allow [Update:Replace] for resource [Db]"),
            ),
            (Delete, "Db", "AWS::RDS::DBInstance", Some("Statement [#1]")),
            (Replace, "Db", "AWS::RDS::DBCluster", None),
            (Modify, "ProdMainKey", "AWS::KMS::Key", Some("Statement [#2]")),
            (Modify, "ProdKeys", "AWS::KMS::Key", None),
            (
                Modify,
                "Vpc",
                "AWS::EC2::VPC",
                Some("Statement [#2] does not allow [Update:Modify] for resource [Vpc]"),
            ),
            (
                Modify,
                "Odd",
                "AWS::EC2::VPC",
                Some("no statement allows [Update:Modify] for resource [Odd]"),
            ),
        ];
        for (action, logical_id, type_name, expected) in cases {
            let decided = policy.decide(action, logical_id, type_name);
            match expected {
                None => assert_eq!(decided, Ok(()), "{logical_id}"),
                Some(text) => assert!(decided.unwrap_err().contains(text), "{logical_id}"),
            }
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let whole = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}}"#;
        assert!(StackPolicy::parse(whole).is_ok());
        let cases = [
            ("Allow", "Maybe"),
            ("\"*\", \"Action\"", "\"me\", \"Action\""),
            ("Update:*", "Update:Rename"),
            ("\"Resource\": \"*\"", "\"Resource\": \"Vpc\""),
            ("\"Resource\": \"*\"", "\"Target\": \"*\""),
            ("\"Resource\": \"*\"", "\"Sid\": \"no resource\""),
            ("Statement", "Statements"),
            ("{", "["),
        ];
        for (from, to) in cases {
            let text = whole.replacen(from, to, 1);
            assert!(StackPolicy::parse(&text).is_err(), "{text}");
        }
        assert!(StackPolicy::parse(&format!("{whole}{}", " ".repeat(LONGEST))).is_err());
    }

    #[test]
    fn stars_match_anything() {
        let cases = [
            ("*", "", true),
            ("a*", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "aXbYc", true),
            ("a*bc", "abc", true),
            ("a*c", "ab", false),
            ("ab*ba", "aba", false),
            ("abc", "abcd", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
