//! Types and constraints of parameters.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>

use crate::pattern::admits;
use crate::value::{Kind, Origin, Value, holds_stand_in};
use kumiki_source::{Diagnostic, Message, message};
use kumiki_template::{Name, ParameterDecl};
use std::sync::Arc;

/// A parameter's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// `String`.
    String,
    /// `Number`.
    Number,
    /// `CommaDelimitedList`.
    CommaDelimitedList,
    /// An AWS-specific type such as `AWS::EC2::VPC::Id`.
    Specific(Arc<str>),
    /// `List<…>`.
    List(Box<ParameterType>),
    /// `AWS::SSM::Parameter::…`: the value names a parameter that AWS looks up.
    Ssm(Arc<str>),
}

impl ParameterType {
    /// The type of this name, or nothing when there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "String" => Self::String,
            "Number" => Self::Number,
            "CommaDelimitedList" => Self::CommaDelimitedList,
            _ if name.starts_with("AWS::SSM::Parameter::") => Self::Ssm(name.into()),
            _ if name.starts_with("List<") => {
                Self::List(Box::new(Self::parse(name.strip_prefix("List<")?.strip_suffix('>')?)?))
            }
            _ if shape(name).is_some() => Self::Specific(name.into()),
            _ => return None,
        })
    }

    /// Whether `Ref` gives a list.
    pub fn is_list(&self) -> bool {
        match self {
            Self::CommaDelimitedList | Self::List(_) => true,
            Self::Ssm(name) => name.contains("List<") || name.contains("CommaDelimitedList"),
            _ => false,
        }
    }

    /// What `Ref` gives for a value that was handed over as text.
    pub fn value(&self, text: &Arc<str>, origin: Origin) -> Value {
        let kind = match self {
            Self::Number => Kind::Number(text.clone()),
            Self::CommaDelimitedList | Self::List(_) if text.is_empty() => Kind::List(Vec::new()),
            Self::CommaDelimitedList | Self::List(_) => Kind::List(
                text.split(',')
                    .map(|it| Value {
                        kind: Kind::String(it.trim().into()),
                        origin: origin.clone(),
                    })
                    .collect(),
            ),
            _ => Kind::String(text.clone()),
        };
        Value { kind, origin }
    }
}

/// The shape of the values of an AWS-specific type, as a pattern, or nothing for an unknown type.
///
/// The service checks that the value exists in the account; the shape is what can be seen before.
fn shape(name: &str) -> Option<&'static str> {
    Some(match name {
        "AWS::EC2::AvailabilityZone::Name" => "[a-z]{2}(-[a-z]+)+-[0-9][a-z]",
        "AWS::EC2::Image::Id" => "ami-[0-9a-f]{8,17}",
        "AWS::EC2::Instance::Id" => "i-[0-9a-f]{8,17}",
        "AWS::EC2::SecurityGroup::Id" => "sg-[0-9a-f]{8,17}",
        "AWS::EC2::Subnet::Id" => "subnet-[0-9a-f]{8,17}",
        "AWS::EC2::Volume::Id" => "vol-[0-9a-f]{8,17}",
        "AWS::EC2::VPC::Id" => "vpc-[0-9a-f]{8,17}",
        "AWS::Route53::HostedZone::Id" => "Z[0-9A-Z]{1,31}",
        "AWS::EC2::KeyPair::KeyName" | "AWS::EC2::SecurityGroup::GroupName" => ".{1,255}",
        _ => return None,
    })
}

/// Finds what is wrong with a value for a parameter.
///
/// Nothing is found for a value that is not known, and nothing that only an account can tell. What
/// is `secret` is not quoted, and neither is the text that it is written in.
pub fn check_value(decl: &ParameterDecl, value: &Value, secret: bool) -> Vec<Diagnostic> {
    let name = &decl.name.text;
    let Some(kind) = ParameterType::parse(&decl.type_name.text) else {
        let type_name = &decl.type_name.text;
        return vec![
            Diagnostic::error(
                "parameter-type",
                message!("there is no parameter type `{type_name}`", type_name),
            )
            .at(decl.type_name.span),
        ];
    };
    let untold = value.as_text().is_some_and(holds_stand_in);
    if untold || matches!(value.kind, Kind::Unknown(_)) {
        return Vec::new();
    }
    let found = |message: Message, constraint: &Name| {
        let mut diagnostic = Diagnostic::error("parameter-value", message);
        // The place to change is where the value is written, however far it has come. What is
        // written there is shown, so a secret is told by its declaration.
        let written = value.origin.span.filter(|_| !secret);
        diagnostic.span = written.or(Some(decl.name.span));
        diagnostic = diagnostic.hop(constraint.span, message!("the constraint"));
        if let Some(text) = &decl.constraint_description {
            diagnostic = diagnostic.help(Message::verbatim(text.text.to_string()));
        }
        diagnostic
    };
    let items: Vec<&Value> = match &value.kind {
        Kind::List(items) if kind.is_list() => items.iter().collect(),
        Kind::List(_) | Kind::Map(_) => {
            return vec![found(
                message!("parameter `{name}` takes one value, and this is a list or a map", name),
                &decl.type_name,
            )];
        }
        _ => vec![value],
    };
    let length = items.iter().filter_map(|it| it.as_text()).map(|it| it.len() + 1).sum::<usize>();
    if length > MAX_VALUE + 1 {
        let limit = MAX_VALUE;
        let message =
            message!("the value of parameter `{name}` has more than {limit} bytes", name, limit);
        return vec![found(message, &decl.type_name)];
    }
    let mut diagnostics = Vec::new();
    for item in items {
        if let Some(text) = item.as_text() {
            check_text(decl, &kind, text, secret, &mut |message, constraint| {
                diagnostics.push(found(message, constraint));
            });
        }
    }
    diagnostics
}

/// Stands for a secret, as it does on AWS.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>
const SECRET: &str = "****";

/// The name or ARN of a parameter of Systems Manager, with a version or label.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
const SSM_NAME: &str = "[a-zA-Z0-9_./:-]{1,2048}";

/// The longest value that a parameter takes, in bytes.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const MAX_VALUE: usize = 4096;

fn check_text(
    decl: &ParameterDecl,
    kind: &ParameterType,
    text: &str,
    secret: bool,
    found: &mut dyn FnMut(Message, &Name),
) {
    let name = &decl.name.text;
    let value = if secret { SECRET } else { text };
    let number = text.parse::<f64>().ok().filter(|it| it.is_finite());
    let element = match kind {
        ParameterType::List(element) => element,
        kind => kind,
    };
    match element {
        ParameterType::Number if number.is_none() => found(
            message!("parameter `{name}` takes a number, and `{value}` is not one", name, value),
            &decl.type_name,
        ),
        ParameterType::Specific(type_name)
            if shape(type_name).is_none_or(|it| admits(it, text) == Some(false)) =>
        {
            found(
                message!(
                    "parameter `{name}` takes an `{type_name}`, and `{value}` is not one",
                    name,
                    type_name,
                    value
                ),
                &decl.type_name,
            );
        }
        ParameterType::Ssm(_) if admits(SSM_NAME, text) == Some(false) => found(
            message!(
                "parameter `{name}` takes the name of a parameter of Systems Manager, and `{value}` is not one",
                name,
                value
            ),
            &decl.type_name,
        ),
        _ => {}
    }
    if let Some(first) = decl.allowed_values.first()
        && !decl.allowed_values.iter().any(|it| &*it.text == text)
    {
        const SHOWN: usize = 20;
        let mut allowed: Vec<String> =
            decl.allowed_values.iter().take(SHOWN).map(|it| format!("`{}`", it.text)).collect();
        if decl.allowed_values.len() > SHOWN {
            allowed.push("…".to_owned());
        }
        found(
            message!(
                "parameter `{name}` takes one of {allowed}, not `{value}`",
                name,
                value,
                allowed = allowed.join(", ")
            ),
            first,
        );
    }
    if let Some(pattern) = &decl.allowed_pattern {
        match admits(&pattern.text, text) {
            Some(true) => {}
            Some(false) => found(
                message!(
                    "parameter `{name}` does not admit `{value}`: it must match `{pattern}`",
                    name,
                    value,
                    pattern = pattern.text
                ),
                pattern,
            ),
            None => found(
                message!("`{pattern}` is not a regular expression", pattern = pattern.text),
                pattern,
            ),
        }
    }
    let length = text.chars().count();
    let limit = |it: &Option<Name>| it.as_ref().and_then(|it| it.text.parse::<f64>().ok());
    let bounds = [
        (&decl.min_length, Some(length as f64), true),
        (&decl.max_length, Some(length as f64), false),
        (&decl.min_value, number, true),
        (&decl.max_value, number, false),
    ];
    for (index, (constraint, actual, least)) in bounds.into_iter().enumerate() {
        let (Some(bound), Some(actual), Some(at)) = (limit(constraint), actual, constraint) else {
            continue;
        };
        let bound_text = &at.text;
        if least && actual < bound || !least && actual > bound {
            let message = match (index < 2, least) {
                (true, true) => message!(
                    "parameter `{name}` takes at least {bound_text} characters, and `{value}` has {length}",
                    name,
                    bound_text,
                    value,
                    length
                ),
                (true, false) => message!(
                    "parameter `{name}` takes at most {bound_text} characters, and `{value}` has {length}",
                    name,
                    bound_text,
                    value,
                    length
                ),
                (false, true) => message!(
                    "parameter `{name}` takes at least {bound_text}, not `{value}`",
                    name,
                    bound_text,
                    value
                ),
                (false, false) => message!(
                    "parameter `{name}` takes at most {bound_text}, not `{value}`",
                    name,
                    bound_text,
                    value
                ),
            };
            found(message, at);
        }
    }
}
