//! What a template uses by name, whatever its conditions say.
//!
//! A tree shows what one environment uses; what is used nowhere at all is a matter of the text.

use kumiki_project::{Library, TemplateId};
use kumiki_template::{Call, Expr, ExprKind, Reference, SubPart, Template};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// What the templates of a library use: found once, however many trees are made of them.
#[derive(Debug)]
pub struct Usages<'t> {
    library: &'t Library,
    templates: HashMap<TemplateId, OnceLock<Usage<'t>>>,
    imports: OnceLock<ImportPatterns<'t>>,
}

impl<'t> Usages<'t> {
    /// The uses in all templates that are loaded.
    pub fn of(library: &'t Library) -> Self {
        let templates = library.templates().map(|(id, _)| (id, OnceLock::new())).collect();
        Self { library, templates, imports: OnceLock::new() }
    }

    /// The uses in one template.
    pub(crate) fn template(&self, id: TemplateId) -> &Usage<'t> {
        self.templates[&id].get_or_init(|| Usage::of(self.library.template(id)))
    }

    /// Names that imports may ask for.
    pub(crate) fn imports(&self) -> &ImportPatterns<'t> {
        self.imports.get_or_init(|| ImportPatterns::of(self.library))
    }
}

/// The uses of one template's names.
#[derive(Debug, Default)]
pub(crate) struct Usage<'t> {
    /// Parameters by position.
    pub(crate) parameters: Vec<ParameterUsage<'t>>,
    /// Outputs of nested stacks that are read, by the position of the nested stack's resource.
    pub(crate) outputs: HashMap<usize, HashSet<&'t str>>,
    /// Nested stacks of which some output is read whose name only a value tells.
    pub(crate) any_output: HashSet<usize>,
    /// Whether a macro sees the template, and with it whatever a macro may use.
    pub(crate) opaque: bool,
}

/// The uses of one parameter.
#[derive(Debug, Default)]
pub(crate) struct ParameterUsage<'t> {
    /// Something other than a nested stack's parameters uses it.
    pub(crate) used: bool,
    /// Nested stacks that it is passed to, by position, and as which parameter.
    pub(crate) passed: Vec<(usize, &'t str)>,
}

impl<'t> Usage<'t> {
    fn of(template: &'t Template) -> Self {
        let mut usage = Self {
            parameters: template.parameters.iter().map(|_| ParameterUsage::default()).collect(),
            opaque: !template.transforms.is_empty(),
            ..Self::default()
        };
        for (_, condition) in &template.conditions {
            usage.read(template, condition, None);
        }
        for rule in &template.rules {
            let assertions = rule.assertions.iter().map(|it| &it.assert);
            assertions.chain(&rule.condition).for_each(|it| usage.read(template, it, None));
        }
        for output in &template.outputs {
            usage.read(template, &output.value, None);
            output.export.iter().for_each(|it| usage.read(template, it, None));
        }
        for (index, resource) in template.resources.iter().enumerate() {
            let policies = [
                &resource.deletion_policy,
                &resource.update_replace_policy,
                &resource.creation_policy,
                &resource.update_policy,
                &resource.metadata,
            ];
            policies.into_iter().flatten().for_each(|it| usage.read(template, it, None));
            let Some(properties) = &resource.properties else { continue };
            let passed = match &*resource.type_name.text {
                STACK_TYPE => properties.get("Parameters").and_then(Expr::as_map),
                _ => None,
            };
            let (Some(entries), Some(passed)) = (properties.as_map(), passed) else {
                usage.read(template, properties, None);
                continue;
            };
            for entry in entries.iter().filter(|it| &*it.key.text != "Parameters") {
                usage.read(template, &entry.value, None);
            }
            for entry in passed {
                usage.read(template, &entry.value, Some((index, &entry.key.text)));
            }
        }
        usage
    }

    fn read(&mut self, template: &Template, expr: &'t Expr, passed: Option<(usize, &'t str)>) {
        expr.walk(&mut |it| {
            let ExprKind::Call(call) = &it.kind else { return };
            match &**call {
                Call::Ref(name) => self.parameter(template, &name.text, passed),
                Call::GetAtt { resource, attribute } => {
                    let Some(index) = template.resources.index_of(&resource.text) else { return };
                    match attribute.as_text() {
                        Some(text) => self.output(index, text),
                        None => {
                            self.any_output.insert(index);
                        }
                    }
                }
                Call::Sub { parts, variables } => {
                    for part in parts {
                        let SubPart::Reference(Reference { name, attribute }) = part else {
                            continue;
                        };
                        if variables.iter().any(|it| it.key.text == name.text) {
                            continue;
                        }
                        self.parameter(template, &name.text, passed);
                        if let (Some(attribute), Some(index)) =
                            (attribute, template.resources.index_of(&name.text))
                        {
                            self.output(index, attribute);
                        }
                    }
                }
                // What a macro inside a value sees is not known.
                Call::Transform { .. } | Call::AccountValue(_) => self.opaque = true,
                _ => {}
            }
        });
    }

    fn parameter(&mut self, template: &Template, name: &str, passed: Option<(usize, &'t str)>) {
        let Some(index) = template.parameters.index_of(name) else { return };
        let usage = &mut self.parameters[index];
        match passed {
            Some(passed) => usage.passed.push(passed),
            None => usage.used = true,
        }
    }

    fn output(&mut self, resource: usize, attribute: &'t str) {
        if let Some(output) = attribute.strip_prefix("Outputs.") {
            self.outputs.entry(resource).or_default().insert(output);
        }
    }

    /// Whether an output of a nested stack may be read.
    pub(crate) fn reads(&self, resource: usize, output: &str) -> bool {
        self.opaque
            || self.any_output.contains(&resource)
            || self.outputs.get(&resource).is_some_and(|it| it.contains(output))
    }
}

/// Names that imports may ask for, by what their text says: `*` stands for what only a value tells.
///
/// A nested stack that an environment leaves out is not evaluated, and still imports in another.
#[derive(Debug, Default)]
pub(crate) struct ImportPatterns<'t> {
    patterns: HashSet<Vec<&'t str>>,
}

impl<'t> ImportPatterns<'t> {
    fn of(library: &'t Library) -> Self {
        let mut found = Self::default();
        for (_, template) in library.templates() {
            let resources = template.resources.iter().filter_map(|it| it.properties.as_ref());
            let outputs = template.outputs.iter().map(|it| &it.value);
            for expr in resources.chain(outputs) {
                expr.walk(&mut |it| {
                    if let ExprKind::Call(call) = &it.kind
                        && let Call::ImportValue(name) = &**call
                    {
                        found.patterns.insert(pattern(name));
                    }
                });
            }
        }
        found
    }

    /// Whether some import may ask for this name.
    pub(crate) fn may_ask_for(&self, name: &str) -> bool {
        self.patterns.iter().any(|it| matches(it, name))
    }
}

/// The fixed texts of a name, with `*` for everything else.
fn pattern(name: &Expr) -> Vec<&str> {
    if let Some(text) = name.as_text() {
        return vec![text];
    }
    let ExprKind::Call(call) = &name.kind else { return vec!["*"] };
    match &**call {
        Call::Sub { parts, .. } => parts
            .iter()
            .map(|it| match it {
                SubPart::Text(text) => &**text,
                SubPart::Reference(_) => "*",
            })
            .collect(),
        Call::Join { separator, items } => match (separator.as_text(), items.as_list()) {
            (Some(separator), Some(items)) => {
                let mut parts = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        parts.push(separator);
                    }
                    parts.push(item.as_text().unwrap_or("*"));
                }
                parts
            }
            _ => vec!["*"],
        },
        _ => vec!["*"],
    }
}

/// Whether a name is made of a pattern's texts in order, with anything where a `*` is.
fn matches(pattern: &[&str], name: &str) -> bool {
    let mut pieces = pattern.split(|it| *it == "*").map(|it| it.concat());
    let Some(mut rest) = pieces.next().and_then(|it| name.strip_prefix(&*it)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    // The first place that fits leaves the most for what comes after it.
    for piece in pieces {
        let Some(at) = rest.find(&*piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(&*last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_match_what_their_texts_say() {
        let pattern = ["*", "-", "*", "-VpcId"];
        assert!(matches(&pattern, "facility-prod-VpcId"));
        assert!(matches(&pattern, "a-b-c-VpcId"));
        assert!(!matches(&pattern, "facility-VpcId-x"));
        assert!(!matches(&pattern, "VpcId"));
        assert!(matches(&["*"], "anything"));
        assert!(!matches(&["dev-VpcId"], "prod-VpcId"));
    }
}
