//! Values of a template with their intrinsic functions recognised, short form or long.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use crate::document::{Key, Node, Value};
use crate::model::Name;
use kumiki_source::{Diagnostic, Span, message};
use std::borrow::Cow;
use std::sync::Arc;

/// A value as it is written.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`, in the spellings of YAML 1.1.
    Bool(bool),
    /// A number, with the text that it is written in.
    Number(Arc<str>),
    /// A string.
    String(Arc<str>),
    /// A list.
    List(Vec<Expr>),
    /// A map.
    Map(Vec<Entry>),
    /// An intrinsic function.
    Call(Box<Call>),
}

/// An entry of a map.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Name,
    /// The value.
    pub value: Expr,
}

/// An intrinsic function and its arguments.
#[derive(Clone, Debug)]
pub enum Call {
    /// `Ref`: a parameter, a pseudo parameter or a resource.
    Ref(Name),
    /// `Fn::GetAtt`.
    GetAtt {
        /// The resource.
        resource: Name,
        /// The attribute, which may itself use `Ref`.
        attribute: Expr,
    },
    /// `Fn::Sub`.
    Sub {
        /// The string in pieces.
        parts: Vec<SubPart>,
        /// The variables of the two-argument form.
        variables: Vec<Entry>,
    },
    /// `Fn::Join`.
    Join {
        /// What stands between the items.
        separator: Expr,
        /// The items.
        items: Expr,
    },
    /// `Fn::Select`.
    Select {
        /// Which item, from 0.
        index: Expr,
        /// The items.
        items: Expr,
    },
    /// `Fn::Split`.
    Split {
        /// What stands between the items.
        separator: Expr,
        /// The string.
        text: Expr,
    },
    /// `Fn::FindInMap`.
    FindInMap {
        /// The mapping.
        map: Expr,
        /// The first key.
        first: Expr,
        /// The second key.
        second: Expr,
        /// `DefaultValue`, an extension.
        default: Option<Expr>,
    },
    /// `Fn::If`.
    If {
        /// The condition.
        condition: Name,
        /// The value when it holds.
        then: Expr,
        /// The value when it does not.
        otherwise: Expr,
    },
    /// `Fn::ImportValue`.
    ImportValue(Expr),
    /// `Fn::GetStackOutput`.
    GetStackOutput {
        /// The other stack.
        stack: Expr,
        /// Its output.
        output: Expr,
        /// Its Region, if another.
        region: Option<Expr>,
    },
    /// `Fn::Base64`.
    Base64(Expr),
    /// `Fn::Cidr`.
    Cidr {
        /// The block to divide.
        block: Expr,
        /// How many blocks.
        count: Expr,
        /// Host bits of each block.
        bits: Option<Expr>,
    },
    /// `Fn::GetAZs`.
    GetAZs(Expr),
    /// `Fn::Length`, an extension.
    Length(Expr),
    /// `Fn::ToJsonString`, an extension.
    ToJsonString(Expr),
    /// `Fn::Transform`: what the macro makes of it, only a deployment can tell.
    Transform {
        /// The macro.
        name: Name,
        /// What it is given: its parameters, and whatever stands beside it.
        given: Vec<Entry>,
    },
    /// `Condition`: another condition's truth.
    Condition(Name),
    /// `Fn::Equals`.
    Equals(Expr, Expr),
    /// `Fn::And`.
    And(Vec<Expr>),
    /// `Fn::Or`.
    Or(Vec<Expr>),
    /// `Fn::Not`.
    Not(Expr),
    /// `Fn::Contains`, in rules: the second is one of the first.
    Contains(Expr, Expr),
    /// `Fn::EachMemberEquals`, in rules.
    EachMemberEquals(Expr, Expr),
    /// `Fn::EachMemberIn`, in rules.
    EachMemberIn(Expr, Expr),
    /// `Fn::RefAll`, `Fn::ValueOf` and `Fn::ValueOfAll`, in rules: they ask the account.
    AccountValue(Name),
}

/// A piece of an `Fn::Sub` string.
#[derive(Clone, Debug)]
pub enum SubPart {
    /// Text that stays.
    Text(Arc<str>),
    /// `${Name}` or `${Name.Attribute}`.
    Reference(Reference),
}

/// A reference inside an `Fn::Sub` string.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The parameter, variable or resource, with the place of the whole `${…}`.
    pub name: Name,
    /// The attribute after the first dot.
    pub attribute: Option<Arc<str>>,
}

impl Reference {
    /// What stands between the braces, which may be the name of a variable.
    pub fn written(&self) -> Cow<'_, str> {
        match &self.attribute {
            Some(attribute) => Cow::Owned(format!("{}.{attribute}", self.name.text)),
            None => Cow::Borrowed(&self.name.text),
        }
    }
}

impl Expr {
    /// The text of a scalar, whatever its type.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::String(text) | ExprKind::Number(text) => Some(text),
            ExprKind::Bool(true) => Some("true"),
            ExprKind::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The entries of a map that is no function.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            ExprKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list that is no function.
    pub fn as_list(&self) -> Option<&[Expr]> {
        match &self.kind {
            ExprKind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key of a map that is no function.
    pub fn get(&self, key: &str) -> Option<&Expr> {
        self.as_map()?.iter().find(|entry| &*entry.key.text == key).map(|entry| &entry.value)
    }

    /// Calls `visit` with this value and every value below it, parents first.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        visit(self);
        match &self.kind {
            ExprKind::List(items) => items.iter().for_each(|it| it.walk(visit)),
            ExprKind::Map(entries) => entries.iter().for_each(|it| it.value.walk(visit)),
            ExprKind::Call(call) => call.arguments(&mut |it| it.walk(visit)),
            _ => {}
        }
    }
}

impl Call {
    /// Calls `visit` with each argument that is a value.
    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Self::Ref(_) | Self::Condition(_) | Self::AccountValue(_) => {}
            Self::GetAtt { attribute: one, .. }
            | Self::ImportValue(one)
            | Self::Base64(one)
            | Self::GetAZs(one)
            | Self::Length(one)
            | Self::ToJsonString(one)
            | Self::Not(one) => visit(one),
            Self::Join { separator: one, items: two }
            | Self::Select { index: one, items: two }
            | Self::Split { separator: one, text: two }
            | Self::If { then: one, otherwise: two, .. }
            | Self::Equals(one, two)
            | Self::Contains(one, two)
            | Self::EachMemberEquals(one, two)
            | Self::EachMemberIn(one, two) => {
                visit(one);
                visit(two);
            }
            Self::Sub { variables: entries, .. } | Self::Transform { given: entries, .. } => {
                entries.iter().for_each(|it| visit(&it.value));
            }
            Self::And(items) | Self::Or(items) => items.iter().for_each(visit),
            Self::FindInMap { map, first, second, default } => {
                [map, first, second].into_iter().chain(default).for_each(visit);
            }
            Self::Cidr { block, count, bits } => {
                [block, count].into_iter().chain(bits).for_each(visit);
            }
            Self::GetStackOutput { stack, output, region } => {
                [stack, output].into_iter().chain(region).for_each(visit);
            }
        }
    }
}

const TRANSFORM: &str = "Fn::Transform";

/// Turns a node into a value; mistakes are reported and leave the node as it is written.
pub(crate) struct Reader<'t> {
    pub(crate) text: &'t str,
    pub(crate) diagnostics: &'t mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(crate) fn read(&mut self, node: &Node) -> Expr {
        if let Value::Tagged { tag, node: argument } = &node.value {
            let function = match &*tag.text {
                "Ref" | "Condition" => tag.text.to_string(),
                name => format!("Fn::{name}"),
            };
            return match self.call(&function, tag.span, argument) {
                Some(call) => Expr { span: node.span, kind: ExprKind::Call(Box::new(call)) },
                None => self.plain(argument),
            };
        }
        if let Some([(key, argument)]) = node.as_map()
            && (&*key.text == "Ref" || key.text.starts_with("Fn::"))
            && let Some(call) = self.call(&key.text, key.span, argument)
        {
            return Expr { span: node.span, kind: ExprKind::Call(Box::new(call)) };
        }
        // A macro replaces the whole map that it stands in, its siblings included.
        if let Some(entries) = node.as_map().filter(|it| it.len() > 1)
            && let Some((key, argument)) = entries.iter().find(|it| &*it.0.text == TRANSFORM)
            && let Some(Call::Transform { name, mut given }) =
                self.call(TRANSFORM, key.span, argument)
        {
            let beside = entries.iter().filter(|it| &*it.0.text != TRANSFORM);
            given.extend(beside.map(|(key, node)| self.entry(key, node)));
            let call = Call::Transform { name, given };
            return Expr { span: node.span, kind: ExprKind::Call(Box::new(call)) };
        }
        self.plain(node)
    }

    /// Reads a value of the Conditions section, where `Condition: Name` is a function too.
    pub(crate) fn read_condition(&mut self, node: &Node) -> Expr {
        if let Some([(key, argument)]) = node.as_map()
            && &*key.text == "Condition"
            && let Some(text) = argument.as_text()
        {
            let name = Name { text: text.clone(), span: argument.span };
            return Expr { span: node.span, kind: ExprKind::Call(Box::new(Call::Condition(name))) };
        }
        self.read(node)
    }

    fn plain(&mut self, node: &Node) -> Expr {
        let kind = match &node.value {
            Value::Scalar { text, plain } => scalar(text, *plain),
            Value::List(items) => ExprKind::List(items.iter().map(|it| self.read(it)).collect()),
            Value::Map(entries) => ExprKind::Map(self.entries(entries)),
            Value::Tagged { .. } => return self.read(node),
        };
        Expr { span: node.span, kind }
    }

    fn entries(&mut self, entries: &[(Key, Node)]) -> Vec<Entry> {
        entries.iter().map(|(key, node)| self.entry(key, node)).collect()
    }

    fn entry(&mut self, key: &Key, node: &Node) -> Entry {
        let key = Name { text: key.text.clone(), span: key.span };
        Entry { key, value: self.read(node) }
    }

    fn call(&mut self, function: &str, at: Span, argument: &Node) -> Option<Call> {
        // Macros come first: whatever this one makes becomes the argument.
        if let Some([(key, inner)]) = argument.as_map()
            && &*key.text == TRANSFORM
        {
            return self.call(TRANSFORM, key.span, inner);
        }
        let call = match function {
            "Ref" => Call::Ref(self.name(function, argument)?),
            "Condition" => Call::Condition(self.name(function, argument)?),
            "Fn::GetAtt" => self.get_att(argument)?,
            "Fn::Sub" => self.sub(argument)?,
            "Fn::ImportValue" => Call::ImportValue(self.read(argument)),
            "Fn::Base64" => Call::Base64(self.read(argument)),
            "Fn::GetAZs" => Call::GetAZs(self.read(argument)),
            "Fn::Length" => Call::Length(self.read(argument)),
            "Fn::ToJsonString" => Call::ToJsonString(self.read(argument)),
            "Fn::Join" => {
                let [separator, items] = self.arguments(function, argument)?;
                Call::Join { separator, items }
            }
            "Fn::Select" => {
                let [index, items] = self.arguments(function, argument)?;
                Call::Select { index, items }
            }
            "Fn::Split" => {
                let [separator, text] = self.arguments(function, argument)?;
                Call::Split { separator, text }
            }
            "Fn::Equals" => {
                let [one, two] = self.arguments(function, argument)?;
                Call::Equals(one, two)
            }
            "Fn::Contains" => {
                let [one, two] = self.arguments(function, argument)?;
                Call::Contains(one, two)
            }
            "Fn::EachMemberEquals" => {
                let [one, two] = self.arguments(function, argument)?;
                Call::EachMemberEquals(one, two)
            }
            "Fn::EachMemberIn" => {
                let [one, two] = self.arguments(function, argument)?;
                Call::EachMemberIn(one, two)
            }
            "Fn::Not" => {
                let items = self.items(function, argument, 1..=1)?;
                Call::Not(self.read_condition(&items[0]))
            }
            "Fn::And" | "Fn::Or" => {
                let items = self.items(function, argument, 2..=10)?;
                let items = items.iter().map(|it| self.read_condition(it)).collect();
                if function == "Fn::And" { Call::And(items) } else { Call::Or(items) }
            }
            "Fn::If" => {
                let items = self.items(function, argument, 3..=3)?;
                let condition = self.name(function, &items[0])?;
                Call::If { condition, then: self.read(&items[1]), otherwise: self.read(&items[2]) }
            }
            "Fn::FindInMap" => {
                let items = self.items(function, argument, 3..=4)?;
                let default = items.get(3).and_then(|it| it.get("DefaultValue"));
                Call::FindInMap {
                    map: self.read(&items[0]),
                    first: self.read(&items[1]),
                    second: self.read(&items[2]),
                    default: default.map(|it| self.read(it)),
                }
            }
            "Fn::Cidr" => {
                let items = self.items(function, argument, 2..=3)?;
                Call::Cidr {
                    block: self.read(&items[0]),
                    count: self.read(&items[1]),
                    bits: items.get(2).map(|it| self.read(it)),
                }
            }
            "Fn::GetStackOutput" => {
                let (Some(stack), Some(output)) =
                    (argument.get("StackName"), argument.get("OutputName"))
                else {
                    self.malformed(
                        function,
                        argument.span,
                        "a map with `StackName` and `OutputName`, and `Region` if it is another",
                    );
                    return None;
                };
                Call::GetStackOutput {
                    stack: self.read(stack),
                    output: self.read(output),
                    region: argument.get("Region").map(|it| self.read(it)),
                }
            }
            TRANSFORM => {
                let name = argument.get("Name").and_then(|it| it.as_text().map(|text| (it, text)));
                let (node, text) = match name {
                    Some(name) => name,
                    None => {
                        self.malformed(function, argument.span, "a map with `Name`");
                        return None;
                    }
                };
                let given = argument.get("Parameters").and_then(Node::as_map);
                Call::Transform {
                    name: Name { text: text.clone(), span: node.span },
                    given: self.entries(given.unwrap_or_default()),
                }
            }
            "Fn::RefAll" | "Fn::ValueOf" | "Fn::ValueOfAll" => {
                Call::AccountValue(Name { text: function.into(), span: at })
            }
            _ => {
                let name = function.trim_start_matches("Fn::");
                self.diagnostics.push(
                    Diagnostic::error(
                        "unknown-function",
                        message!("there is no intrinsic function `{name}`", name),
                    )
                    .at(at)
                    .help(message!("a string that begins with `!` must be in quotes")),
                );
                return None;
            }
        };
        Some(call)
    }

    fn malformed(&mut self, function: &str, at: Span, expected: &str) {
        self.diagnostics.push(
            Diagnostic::error(
                "malformed-function",
                message!("`{function}` takes {expected}", function, expected),
            )
            .at(at),
        );
    }

    fn name(&mut self, function: &str, node: &Node) -> Option<Name> {
        match node.as_text() {
            Some(text) => Some(Name { text: text.clone(), span: node.span }),
            None => {
                self.malformed(function, node.span, "a name");
                None
            }
        }
    }

    fn items<'n>(
        &mut self,
        function: &str,
        node: &'n Node,
        count: std::ops::RangeInclusive<usize>,
    ) -> Option<&'n [Node]> {
        match node.as_list() {
            Some(items) if count.contains(&items.len()) => Some(items),
            _ => {
                let expected = if count.start() == count.end() {
                    format!("a list of {}", count.start())
                } else {
                    format!("a list of {} to {}", count.start(), count.end())
                };
                self.malformed(function, node.span, &expected);
                None
            }
        }
    }

    fn arguments<const N: usize>(&mut self, function: &str, node: &Node) -> Option<[Expr; N]> {
        let items = self.items(function, node, N..=N)?;
        let items: Vec<Expr> = items.iter().map(|it| self.read_condition(it)).collect();
        items.try_into().ok()
    }

    fn get_att(&mut self, node: &Node) -> Option<Call> {
        let expected = "`Resource.Attribute` or a list of the two";
        if let Some(text) = node.as_text() {
            let Some((resource, attribute)) = text.split_once('.') else {
                self.malformed("Fn::GetAtt", node.span, expected);
                return None;
            };
            // The span of the whole, where quotes or escapes keep bytes and text apart.
            let exact = self.text.get(node.span.range()) == Some(&**text);
            let split = node.span.start as usize + resource.len();
            let (left, right) = if exact {
                let file = node.span.file;
                let end = node.span.end as usize;
                (Span::new(file, node.span.start as usize, split), Span::new(file, split + 1, end))
            } else {
                (node.span, node.span)
            };
            return Some(Call::GetAtt {
                resource: Name { text: resource.into(), span: left },
                attribute: Expr { span: right, kind: ExprKind::String(attribute.into()) },
            });
        }
        match node.as_list() {
            Some([resource, rest @ ..]) if !rest.is_empty() => {
                let resource = self.name("Fn::GetAtt", resource)?;
                let attribute = match rest {
                    [one] => self.read(one),
                    // `[Nested, Outputs, Name]` is written by some generators.
                    many => {
                        let names: Option<Vec<&str>> =
                            many.iter().map(|it| it.as_text().map(|it| &**it)).collect();
                        let Some(names) = names else {
                            self.malformed("Fn::GetAtt", node.span, expected);
                            return None;
                        };
                        let span = many[0].span.to(many[many.len() - 1].span);
                        Expr { span, kind: ExprKind::String(names.join(".").into()) }
                    }
                };
                Some(Call::GetAtt { resource, attribute })
            }
            _ => {
                self.malformed("Fn::GetAtt", node.span, expected);
                None
            }
        }
    }

    fn sub(&mut self, node: &Node) -> Option<Call> {
        let (text, variables) = match &node.value {
            Value::Scalar { .. } => (node, Vec::new()),
            Value::List(items) => match items.as_slice() {
                [text, variables] if variables.as_map().is_some() => {
                    let entries = variables.as_map().unwrap_or_default();
                    (text, self.entries(entries))
                }
                [text] => (text, Vec::new()),
                _ => {
                    self.malformed(
                        "Fn::Sub",
                        node.span,
                        "a string, or a list of a string and a map",
                    );
                    return None;
                }
            },
            Value::Map(_) | Value::Tagged { .. } => {
                self.malformed("Fn::Sub", node.span, "a string, or a list of a string and a map");
                return None;
            }
        };
        let Some(content) = text.as_text() else {
            self.malformed("Fn::Sub", text.span, "a string, or a list of a string and a map");
            return None;
        };
        Some(Call::Sub { parts: self.sub_parts(content, text.span), variables })
    }

    /// Divides `a-${B.C}-${!d}` into its pieces.
    fn sub_parts(&mut self, content: &str, span: Span) -> Vec<SubPart> {
        let source = self.text.get(span.range()).unwrap_or_default();
        let mut searched = 0;
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = content;
        while let Some(open) = rest.find("${") {
            text.push_str(&rest[..open]);
            let inside = &rest[open + 2..];
            // The n-th `${` of the text is the n-th `${` of the source, however it is quoted.
            let found = source[searched..].find("${").map(|at| searched + at);
            let start = found.map_or(span.start as usize, |at| span.start as usize + at);
            searched = found.map_or(source.len(), |at| at + 2);
            let Some(close) = inside.find('}') else {
                let at = Span::new(span.file, start, (start + 2).min(span.end as usize));
                self.diagnostics.push(
                    Diagnostic::error(
                        "malformed-function",
                        message!("`${` is not closed in this `Fn::Sub` string"),
                    )
                    .at(at)
                    .help(message!("write `${!` where the text itself needs `${`")),
                );
                // Nothing is closed from here on.
                text.push_str("${");
                rest = inside;
                break;
            };
            let name = &inside[..close];
            rest = &inside[close + 1..];
            if let Some(literal) = name.strip_prefix('!') {
                text.push_str("${");
                text.push_str(literal);
                text.push('}');
                continue;
            }
            if !text.is_empty() {
                parts.push(SubPart::Text(std::mem::take(&mut text).into()));
            }
            let end = if found.is_some() { start + close + 3 } else { span.end as usize };
            let end = end.min(span.end as usize);
            let at = if self.text.is_char_boundary(end) {
                Span::new(span.file, start, end)
            } else {
                span
            };
            let name = name.trim();
            let (name, attribute) = match name.split_once('.') {
                Some((name, attribute)) => (name, Some(attribute.into())),
                None => (name, None),
            };
            let name = Name { text: name.into(), span: at };
            parts.push(SubPart::Reference(Reference { name, attribute }));
        }
        text.push_str(rest);
        if !text.is_empty() || parts.is_empty() {
            parts.push(SubPart::Text(text.into()));
        }
        parts
    }
}

fn scalar(text: &Arc<str>, plain: bool) -> ExprKind {
    if !plain {
        return ExprKind::String(text.clone());
    }
    match &**text {
        "" | "~" | "null" | "Null" | "NULL" => ExprKind::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            ExprKind::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            ExprKind::Bool(false)
        }
        text_ if is_number(text_) => ExprKind::Number(text.clone()),
        _ => ExprKind::String(text.clone()),
    }
}

/// A JSON number. Octal, sexagesimal and underscored numbers of YAML 1.1 stay text, and so does
/// `012345678901`, which is an account and not a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    digits.starts_with(|it: char| it.is_ascii_digit())
        && !leading_zero
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}
