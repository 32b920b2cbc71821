//! What one deployment of a root is given: its parameters, account, Region and name.

use kumiki_source::{Diagnostic, FileId, Span, message};
use kumiki_template::{Format, Limits, Node, parse_document};
use std::collections::HashMap;
use std::sync::Arc;

/// The account of a rehearsal when the environment names none: AWS never gives it out.
pub const REHEARSAL_ACCOUNT: &str = "000000000000";

/// The inputs of one root in one environment and scenario.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The environment's name, as it appears in findings; empty when there is none.
    pub environment: String,
    /// The Region that the root is deployed to.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// The name of the root stack.
    pub stack_name: String,
    /// Parameter values, and where they are written.
    pub parameters: Vec<Given>,
    /// The parameter file, for findings about what it lacks.
    pub parameter_file: Option<FileId>,
    /// Tags of the root, which every resource of the tree inherits.
    pub tags: Vec<(String, String)>,
}

impl Inputs {
    /// Whether values were given, be it none at all. A template that is looked at by itself is
    /// judged for whatever values it will be given.
    pub fn are_given(&self) -> bool {
        self.parameter_file.is_some() || !self.parameters.is_empty()
    }
}

/// A parameter value that was given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The parameter.
    pub name: Arc<str>,
    /// Its value.
    pub value: Arc<str>,
    /// Where the name is written.
    pub name_span: Option<Span>,
    /// Where the value is written.
    pub value_span: Option<Span>,
}

/// A parameter file that was read.
#[derive(Clone, Debug, Default)]
pub struct ParameterFile {
    /// Its parameters in order.
    pub parameters: Vec<Given>,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// Where each parameter stands in `parameters`.
    by_name: HashMap<Arc<str>, usize>,
}

/// The partition that a Region belongs to.
///
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// Reads a parameter file, JSON or YAML, in any of the shapes in use: the list of `ParameterKey` and
/// `ParameterValue` that the change-set API takes, the list of `Name=Value` that the command line
/// also takes, a map of names to values, or any of these under `Parameters`, beside the `Tags` and
/// `StackPolicy` of CodePipeline and rain.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/>
pub fn parse_parameter_file(file: FileId, text: &str) -> ParameterFile {
    let document = parse_document(file, text, Format::of(text), Limits::default());
    let mut read = ParameterFile { diagnostics: document.diagnostics, ..Default::default() };
    let Some(root) = document.root else {
        if read.diagnostics.is_empty() {
            read.shape(Span::file_start(file));
        }
        return read;
    };
    // A parameter may itself have that name.
    let section = root.get("Parameters").filter(|it| it.as_text().is_none());
    let parameters = section.unwrap_or(&root);
    if let Some(items) = parameters.as_list() {
        for item in items {
            read.item(item);
        }
    } else if let Some(map) = parameters.as_map() {
        for (key, node) in map {
            read.value(&key.text, key.span, node);
        }
    } else {
        read.shape(parameters.span);
    }
    read
}

impl ParameterFile {
    fn shape(&mut self, at: Span) {
        self.diagnostics.push(
            Diagnostic::error("parameter-file", message!("this is no parameter file"))
                .at(at)
                .help(message!("write a list of objects with `ParameterKey` and `ParameterValue`")),
        );
    }

    fn item(&mut self, item: &Node) {
        if let Some((name, value)) = item.as_text().and_then(|it| it.split_once('=')) {
            return self.given(name.into(), item.span, value.into(), item.span);
        }
        let Some(key) = item.get("ParameterKey") else {
            return self.shape(item.span);
        };
        let Some(name) = key.as_text() else {
            return self.shape(key.span);
        };
        match item.get("ParameterValue") {
            Some(value) => self.value(name, key.span, value),
            None => self.diagnostics.push(
                Diagnostic::error(
                    "parameter-file",
                    message!("parameter `{name}` has no `ParameterValue`", name),
                )
                .at(item.span)
                .help(message!(
                    "`UsePreviousValue` leaves the value to the account; write the value here"
                )),
            ),
        }
        for (key, _) in item.as_map().unwrap_or_default() {
            let known = ["ParameterKey", "ParameterValue", "UsePreviousValue", "ResolvedValue"];
            if !known.contains(&&*key.text) {
                let name = &key.text;
                self.diagnostics.push(
                    Diagnostic::error(
                        "parameter-file",
                        message!("a parameter has no key `{name}`", name),
                    )
                    .at(key.span),
                );
            }
        }
    }

    fn value(&mut self, name: &Arc<str>, name_span: Span, node: &Node) {
        // A list is what people write for a list parameter; the API takes it with commas.
        let value = match node.as_list() {
            Some(items) => {
                let items: Option<Vec<&str>> =
                    items.iter().map(|it| it.as_text().map(|it| &**it)).collect();
                items.map(|it| it.join(",").into())
            }
            None => node.as_text().cloned(),
        };
        match value.filter(|_| !node.is_null()) {
            Some(value) => self.given(name.clone(), name_span, value, node.span),
            None => self.diagnostics.push(
                Diagnostic::error(
                    "parameter-file",
                    message!("the value of parameter `{name}` is not a string", name),
                )
                .at(node.span),
            ),
        }
    }

    fn given(&mut self, name: Arc<str>, name_span: Span, value: Arc<str>, value_span: Span) {
        if let Some(first) = self.by_name.get(&name).map(|it| &self.parameters[*it]) {
            let mut diagnostic =
                Diagnostic::error("duplicate-key", message!("`{text}` is here twice", text = name))
                    .at(name_span)
                    .help(message!("remove or rename one of them; the service keeps only one"));
            if let Some(span) = first.name_span {
                diagnostic = diagnostic.hop(span, message!("first here"));
            }
            self.diagnostics.push(diagnostic);
            return;
        }
        self.by_name.insert(name.clone(), self.parameters.len());
        self.parameters.push(Given {
            name,
            value,
            name_span: Some(name_span),
            value_span: Some(value_span),
        });
    }
}
