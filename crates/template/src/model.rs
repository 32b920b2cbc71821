//! The sections of a template.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>

use crate::document::{Document, Format, Key, Limits, Node, parse_document};
use crate::expression::{Call, Expr, ExprKind, Reader};
use kumiki_source::{Diagnostic, FileId, Span, message};
use std::collections::HashMap;
use std::sync::Arc;

/// A name and where it is written.
#[derive(Clone, Debug)]
pub struct Name {
    /// The text.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// A section: its members in order, found by name.
#[derive(Clone, Debug)]
pub struct Section<T> {
    members: Vec<T>,
    by_name: HashMap<Arc<str>, usize>,
}

impl<T> Default for Section<T> {
    fn default() -> Self {
        Self { members: Vec::new(), by_name: HashMap::new() }
    }
}

impl<T> Section<T> {
    /// The member with this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.index_of(name).map(|index| &self.members[index])
    }

    /// The position of the member with this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The members in the order in which they are written.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.members.iter()
    }

    /// The names, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|it| &**it)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the section is absent or empty.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn push(&mut self, name: Arc<str>, member: T) {
        self.by_name.insert(name, self.members.len());
        self.members.push(member);
    }
}

impl<T> std::ops::Index<usize> for Section<T> {
    type Output = T;
    fn index(&self, index: usize) -> &T {
        &self.members[index]
    }
}

impl<'s, T> IntoIterator for &'s Section<T> {
    type Item = &'s T;
    type IntoIter = std::slice::Iter<'s, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One template.
#[derive(Clone, Debug)]
pub struct Template {
    /// The text it was read from.
    pub file: FileId,
    /// The sections in the order of the text.
    pub sections: Vec<Name>,
    /// `Description`.
    pub description: Option<Name>,
    /// `Transform`: macros and extensions of the language.
    pub transforms: Vec<Name>,
    /// `Parameters`.
    pub parameters: Section<ParameterDecl>,
    /// `Mappings`.
    pub mappings: Section<MappingDecl>,
    /// `Conditions`.
    pub conditions: Section<(Name, Expr)>,
    /// `Rules`.
    pub rules: Section<RuleDecl>,
    /// `Resources`.
    pub resources: Section<ResourceDecl>,
    /// `Outputs`.
    pub outputs: Section<OutputDecl>,
    /// `Metadata`.
    pub metadata: Option<Expr>,
    /// What makes parts that only a deployment shows, so that there is more to the template than
    /// what is written: the first macro, `Fn::Transform` or loop.
    pub maker: Option<Arc<str>>,
}

impl Template {
    /// The macro, loop or module that something of this name may come of, though it is not written
    /// in the template.
    ///
    /// The resources of a module are named after it.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/module-ref-resources.html>
    pub fn maker_of(&self, name: &str) -> Option<&Arc<str>> {
        let mut modules =
            self.resources.iter().filter(|it| it.type_name.text.ends_with("::MODULE"));
        let module = modules.find(|it| name.starts_with(&*it.name.text));
        module.map(|it| &it.type_name.text).or(self.maker.as_ref())
    }
}

/// Whether a transform makes parts of a template that its own text does not name.
fn makes_parts(transform: &Name) -> bool {
    // Loops of the language extensions are seen where they stand.
    let known = ["AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen"];
    !known.contains(&&*transform.text) && !transform.text.starts_with("AWS::SecretsManager-")
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct ParameterDecl {
    /// The name.
    pub name: Name,
    /// `Type`, `String` when it is missing.
    pub type_name: Name,
    /// `Default`, as text.
    pub default: Option<Name>,
    /// `AllowedValues`, as text.
    pub allowed_values: Vec<Name>,
    /// `AllowedPattern`.
    pub allowed_pattern: Option<Name>,
    /// `ConstraintDescription`.
    pub constraint_description: Option<Name>,
    /// `Description`.
    pub description: Option<Name>,
    /// `MinLength`.
    pub min_length: Option<Name>,
    /// `MaxLength`.
    pub max_length: Option<Name>,
    /// `MinValue`.
    pub min_value: Option<Name>,
    /// `MaxValue`.
    pub max_value: Option<Name>,
    /// `NoEcho`: the value is a secret.
    pub no_echo: bool,
}

/// A mapping of two levels.
#[derive(Clone, Debug)]
pub struct MappingDecl {
    /// The name.
    pub name: Name,
    /// First keys, and under each the second keys with their values.
    pub entries: Vec<(Name, Vec<(Name, Expr)>)>,
}

/// A rule: assertions about parameters, checked before anything is created.
#[derive(Clone, Debug)]
pub struct RuleDecl {
    /// The name.
    pub name: Name,
    /// `RuleCondition`: the assertions count only when it holds.
    pub condition: Option<Expr>,
    /// `Assertions`.
    pub assertions: Vec<Assertion>,
}

/// An assertion of a rule.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// What must hold.
    pub assert: Expr,
    /// `AssertDescription`.
    pub description: Option<Name>,
}

/// A resource.
#[derive(Clone, Debug)]
pub struct ResourceDecl {
    /// The logical ID.
    pub name: Name,
    /// `Type`.
    pub type_name: Name,
    /// `Properties`.
    pub properties: Option<Expr>,
    /// `Condition`.
    pub condition: Option<Name>,
    /// `DependsOn`.
    pub depends_on: Vec<Name>,
    /// `DeletionPolicy`.
    pub deletion_policy: Option<Expr>,
    /// `UpdateReplacePolicy`.
    pub update_replace_policy: Option<Expr>,
    /// `CreationPolicy`.
    pub creation_policy: Option<Expr>,
    /// `UpdatePolicy`.
    pub update_policy: Option<Expr>,
    /// `Metadata`.
    pub metadata: Option<Expr>,
    /// The whole resource.
    pub span: Span,
}

/// An output.
#[derive(Clone, Debug)]
pub struct OutputDecl {
    /// The name.
    pub name: Name,
    /// `Value`.
    pub value: Expr,
    /// `Export.Name`.
    pub export: Option<Expr>,
    /// `Condition`.
    pub condition: Option<Name>,
    /// `Description`.
    pub description: Option<Name>,
}

/// Reads a template. Without a template there is always an error among the diagnostics.
pub fn parse_template(file: FileId, text: &str) -> (Option<Template>, Vec<Diagnostic>) {
    let document = parse_document(file, text, Format::of(text), Limits::default());
    parse_template_document(file, text, document)
}

/// Makes a template of a document that was already read from `text`.
pub fn parse_template_document(
    file: FileId,
    text: &str,
    document: Document,
) -> (Option<Template>, Vec<Diagnostic>) {
    let Document { root, mut diagnostics } = document;
    let Some(root) = root.filter(|it| !it.is_null()) else {
        if diagnostics.is_empty() {
            diagnostics.push(
                Diagnostic::error("syntax", message!("the template is empty"))
                    .at(Span::file_start(file))
                    .help(message!("a template has at least a `Resources` section")),
            );
        }
        return (None, diagnostics);
    };
    let mut parser = Parser { text, diagnostics, maker: None };
    let template = parser.template(file, &root);
    (template, parser.diagnostics)
}

struct Parser<'t> {
    text: &'t str,
    diagnostics: Vec<Diagnostic>,
    maker: Option<Arc<str>>,
}

impl Parser<'_> {
    fn reader(&mut self) -> Reader<'_> {
        Reader { text: self.text, diagnostics: &mut self.diagnostics }
    }

    fn wrong(&mut self, at: Span, expected: &str) {
        self.diagnostics.push(
            Diagnostic::error("malformed-template", message!("expected {expected}", expected))
                .at(at),
        );
    }

    /// Notes that something makes parts of the template.
    fn made_by(&mut self, name: &str) {
        self.maker.get_or_insert_with(|| name.into());
    }

    fn template(&mut self, file: FileId, root: &Node) -> Option<Template> {
        let Some(sections) = root.as_map() else {
            self.wrong(root.span, "a map of sections such as `Parameters` and `Resources`");
            return None;
        };
        let transforms = root.get("Transform").map(|it| self.transforms(it)).unwrap_or_default();
        self.maker = transforms.iter().find(|it| makes_parts(it)).map(|it| it.text.clone());
        let mut template = Template {
            file,
            sections: Vec::new(),
            description: None,
            transforms,
            parameters: Section::default(),
            mappings: Section::default(),
            conditions: Section::default(),
            rules: Section::default(),
            resources: Section::default(),
            outputs: Section::default(),
            metadata: None,
            maker: None,
        };
        for (key, node) in sections {
            template.sections.push(Name { text: key.text.clone(), span: key.span });
            match &*key.text {
                "AWSTemplateFormatVersion" | "Hooks" | "Transform" => {}
                "Description" => template.description = self.text(node),
                "Metadata" => template.metadata = Some(self.reader().read(node)),
                "Parameters" => template.parameters = self.section(node, Self::parameter),
                "Mappings" => template.mappings = self.section(node, Self::mapping),
                "Conditions" => {
                    template.conditions = self.section(node, |it, name, node| {
                        Some((name, it.reader().read_condition(node)))
                    });
                }
                "Rules" => template.rules = self.section(node, Self::rule),
                "Resources" => template.resources = self.section(node, Self::resource),
                "Outputs" => template.outputs = self.section(node, Self::output),
                "Fn::Transform" => self.made_by(&key.text),
                _ if self.maker.is_some() => {}
                name => self.diagnostics.push(
                    Diagnostic::error(
                        "malformed-template",
                        message!("a template has no section `{name}`", name),
                    )
                    .at(key.span),
                ),
            }
        }
        template.maker = self.maker.take();
        if template.resources.is_empty() && template.maker.is_none() {
            self.diagnostics.push(
                Diagnostic::error("malformed-template", message!("the template has no resources"))
                    .at(Span::file_start(file))
                    .help(message!("a template has at least a `Resources` section")),
            );
        }
        Some(template)
    }

    fn section<T>(
        &mut self,
        node: &Node,
        read: impl Fn(&mut Self, Name, &Node) -> Option<T>,
    ) -> Section<T> {
        let mut section = Section::default();
        if node.is_null() {
            return section;
        }
        let Some(entries) = node.as_map() else {
            self.wrong(node.span, "a map of names");
            return section;
        };
        for (key, node) in entries {
            // `Fn::ForEach` and `Fn::Transform` make members that only a deployment shows.
            if key.text.starts_with("Fn::") {
                let name = &key.text;
                self.made_by(name);
                self.diagnostics.push(
                    Diagnostic::new(
                        "not-expanded",
                        kumiki_source::Severity::Info,
                        message!("what `{name}` makes is known only to CloudFormation", name),
                    )
                    .at(key.span),
                );
                continue;
            }
            let name = Name { text: key.text.clone(), span: key.span };
            if let Some(member) = read(self, name, node) {
                section.push(key.text.clone(), member);
            }
        }
        section
    }

    fn text(&mut self, node: &Node) -> Option<Name> {
        let text = node.as_text().map(|text| Name { text: text.clone(), span: node.span });
        if text.is_none() {
            self.wrong(node.span, "a string");
        }
        text
    }

    fn texts(&mut self, node: &Node) -> Vec<Name> {
        match node.as_list() {
            Some(items) => items.iter().filter_map(|it| self.text(it)).collect(),
            None => self.text(node).into_iter().collect(),
        }
    }

    fn transforms(&mut self, node: &Node) -> Vec<Name> {
        let items = match node.as_list() {
            Some(items) => items,
            None => std::slice::from_ref(node),
        };
        let mut transforms = Vec::new();
        for item in items {
            match item.get("Name") {
                Some(name) => transforms.extend(self.text(name)),
                None => transforms.extend(self.text(item)),
            }
        }
        transforms
    }

    fn parameter(&mut self, name: Name, node: &Node) -> Option<ParameterDecl> {
        let Some(entries) = node.as_map() else {
            self.wrong(node.span, "a map with `Type`");
            return None;
        };
        let mut parameter = ParameterDecl {
            type_name: Name { text: "String".into(), span: name.span },
            name,
            default: None,
            allowed_values: Vec::new(),
            allowed_pattern: None,
            constraint_description: None,
            description: None,
            min_length: None,
            max_length: None,
            min_value: None,
            max_value: None,
            no_echo: false,
        };
        let mut typed = false;
        for (key, node) in entries {
            let slot = match &*key.text {
                "Type" => {
                    typed = true;
                    if let Some(text) = self.text(node) {
                        parameter.type_name = text;
                    }
                    continue;
                }
                "AllowedValues" => {
                    parameter.allowed_values = self.texts(node);
                    continue;
                }
                "NoEcho" => {
                    parameter.no_echo = node.as_text().is_some_and(|it| &**it == "true");
                    continue;
                }
                "Default" => &mut parameter.default,
                "AllowedPattern" => &mut parameter.allowed_pattern,
                "ConstraintDescription" => &mut parameter.constraint_description,
                "MinLength" => &mut parameter.min_length,
                "MaxLength" => &mut parameter.max_length,
                "MinValue" => &mut parameter.min_value,
                "MaxValue" => &mut parameter.max_value,
                "Description" => &mut parameter.description,
                other => {
                    self.unknown_key(key, other, "parameter");
                    continue;
                }
            };
            match node.as_text() {
                Some(text) => *slot = Some(Name { text: text.clone(), span: node.span }),
                None => self.wrong(node.span, "a string"),
            }
        }
        if !typed {
            self.wrong(parameter.name.span, "a parameter with `Type`");
        }
        Some(parameter)
    }

    fn unknown_key(&mut self, key: &Key, name: &str, of: &str) {
        if self.maker.is_some() {
            return;
        }
        self.diagnostics.push(
            Diagnostic::error(
                "malformed-template",
                message!("a {of} has no key `{name}`", of, name),
            )
            .at(key.span),
        );
    }

    fn mapping(&mut self, name: Name, node: &Node) -> Option<MappingDecl> {
        let Some(entries) = node.as_map() else {
            self.wrong(node.span, "a map of two levels");
            return None;
        };
        let mut mapping = MappingDecl { name, entries: Vec::new() };
        for (first, node) in entries {
            if first.text.starts_with("Fn::") {
                self.made_by(&first.text);
                continue;
            }
            let Some(seconds) = node.as_map() else {
                self.wrong(node.span, "a map of two levels");
                continue;
            };
            if let Some((key, _)) = seconds.iter().find(|it| it.0.text.starts_with("Fn::")) {
                self.made_by(&key.text);
            }
            let mut read = Vec::with_capacity(seconds.len());
            for (key, node) in seconds {
                let value = self.reader().read(node);
                // A mapping whose values look into it would never end.
                let mut function = None;
                value.walk(&mut |it| {
                    if let ExprKind::Call(call) = &it.kind
                        && !matches!(**call, Call::Transform { .. })
                    {
                        function.get_or_insert(it.span);
                    }
                });
                match function {
                    Some(at) => self.diagnostics.push(
                        Diagnostic::error(
                            "malformed-template",
                            message!("a mapping takes no functions"),
                        )
                        .at(at)
                        .help(message!("write the value out, or use a parameter")),
                    ),
                    None => read.push((Name { text: key.text.clone(), span: key.span }, value)),
                }
            }
            mapping.entries.push((Name { text: first.text.clone(), span: first.span }, read));
        }
        Some(mapping)
    }

    fn rule(&mut self, name: Name, node: &Node) -> Option<RuleDecl> {
        let Some(assertions) = node.get("Assertions").and_then(Node::as_list) else {
            self.wrong(node.span, "a rule with a list of `Assertions`");
            return None;
        };
        let condition = node.get("RuleCondition").map(|it| self.reader().read_condition(it));
        let mut rule = RuleDecl { name, condition, assertions: Vec::new() };
        for assertion in assertions {
            let Some(assert) = assertion.get("Assert") else {
                self.wrong(assertion.span, "an assertion with `Assert`");
                continue;
            };
            rule.assertions.push(Assertion {
                assert: self.reader().read_condition(assert),
                description: assertion.get("AssertDescription").and_then(|it| self.text(it)),
            });
        }
        Some(rule)
    }

    fn resource(&mut self, name: Name, node: &Node) -> Option<ResourceDecl> {
        let Some(entries) = node.as_map() else {
            self.wrong(node.span, "a resource: a map with `Type` and `Properties`");
            return None;
        };
        let Some(type_name) = node.get("Type") else {
            self.wrong(name.span, "a resource with `Type`");
            return None;
        };
        let type_name = self.text(type_name)?;
        let mut resource = ResourceDecl {
            span: name.span.to(node.span),
            name,
            type_name,
            properties: None,
            condition: None,
            depends_on: Vec::new(),
            deletion_policy: None,
            update_replace_policy: None,
            creation_policy: None,
            update_policy: None,
            metadata: None,
        };
        for (key, node) in entries {
            let slot = match &*key.text {
                "Type" | "Description" | "Version" => continue,
                "Condition" => {
                    match node.as_text() {
                        Some(text) => {
                            let name = Name { text: text.clone(), span: node.span };
                            resource.condition = Some(name);
                        }
                        // T-05: `Condition: !Not [...]` looks right and is refused.
                        None => self.diagnostics.push(
                            Diagnostic::error(
                                "malformed-template",
                                message!("`Condition` of a resource takes a name, not a function"),
                            )
                            .at(node.span)
                            .help(message!("give the function a name in the `Conditions` section")),
                        ),
                    }
                    continue;
                }
                "DependsOn" => {
                    resource.depends_on = self.texts(node);
                    continue;
                }
                "Properties" => &mut resource.properties,
                "DeletionPolicy" => &mut resource.deletion_policy,
                "UpdateReplacePolicy" => &mut resource.update_replace_policy,
                "CreationPolicy" => &mut resource.creation_policy,
                "UpdatePolicy" => &mut resource.update_policy,
                "Metadata" => &mut resource.metadata,
                name @ "Fn::Transform" => {
                    self.made_by(name);
                    continue;
                }
                other => {
                    self.unknown_key(key, other, "resource");
                    continue;
                }
            };
            *slot = Some(self.reader().read(node));
        }
        Some(resource)
    }

    fn output(&mut self, name: Name, node: &Node) -> Option<OutputDecl> {
        let Some(value) = node.get("Value") else {
            self.wrong(name.span, "an output with `Value`");
            return None;
        };
        let value = self.reader().read(value);
        let export = node.get("Export").and_then(|it| it.get("Name"));
        Some(OutputDecl {
            name,
            value,
            export: export.map(|it| self.reader().read(it)),
            condition: node.get("Condition").and_then(|it| self.text(it)),
            description: node.get("Description").and_then(|it| self.text(it)),
        })
    }
}
