//! How large CloudFormation takes things: what a check of single templates cannot leave to a
//! service that is asked directly.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>, read
//! on 2026-11-24. The 2,500 resources of a nested operation are a matter of pace, and adjustable:
//! they refuse nothing here.

use kumiki_plan::Plan;
use kumiki_project::{Inputs, Library};
use kumiki_source::{Message, message};
use kumiki_template::Template;

/// The longest text of a template that is passed in a request; longer ones come from S3.
pub const TEMPLATE_BODY: usize = 51_200;
/// The longest text of a template in S3.
const TEMPLATE: usize = 1_048_576;
const RESOURCES: usize = 500;
const PARAMETERS: usize = 200;
const OUTPUTS: usize = 200;
const MAPPINGS: usize = 200;
const MAPPING_ATTRIBUTES: usize = 200;
const NAME: usize = 255;
const DESCRIPTION: usize = 1_024;
const PARAMETER_VALUE: usize = 4_096;
/// The longest name of a stack.
pub(crate) const STACK_NAME: usize = 128;

/// Something that is larger than CloudFormation takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What, in the words of a template: `Resources`.
    pub what: &'static str,
    /// Where: the path of a template, or a name.
    pub place: String,
    /// How large it is.
    pub found: usize,
    /// How large it may be.
    pub most: usize,
}

impl Exceeded {
    /// The error in words.
    pub fn message(&self) -> Message {
        let Self { what, place, found, most } = self;
        message!(
            "`{place}` is too large in {what}: {found}, and CloudFormation takes {most}",
            place,
            what,
            found,
            most
        )
    }
}

/// The first thing that is too large, if anything is.
pub(crate) fn exceeded(library: &Library, inputs: &Inputs, plan: &Plan) -> Option<Exceeded> {
    let given = inputs
        .parameters
        .iter()
        .find_map(|it| over("Value", &it.name, it.value.len(), PARAMETER_VALUE));
    let exports = plan.steps.iter().flat_map(|it| &it.outputs);
    let export = || {
        let mut names = exports.filter_map(|it| it.export.as_deref());
        names.find_map(|it| over("Export", it, it.chars().count(), NAME))
    };
    let template = || {
        library.templates().find_map(|(_, it)| {
            let source = library.sources.get(it.file);
            over("Template", source.path(), source.text().len(), TEMPLATE)
                .or_else(|| in_template(it, source.path()))
        })
    };
    over("StackName", &inputs.stack_name, inputs.stack_name.len(), STACK_NAME)
        .or(given)
        .or_else(template)
        .or_else(export)
}

fn in_template(it: &Template, path: &str) -> Option<Exceeded> {
    let description = it.description.as_ref().map_or(0, |it| it.text.len());
    let sections = [
        ("Resources", it.resources.len(), RESOURCES),
        ("Parameters", it.parameters.len(), PARAMETERS),
        ("Outputs", it.outputs.len(), OUTPUTS),
        ("Mappings", it.mappings.len(), MAPPINGS),
        ("Description", description, DESCRIPTION),
    ];
    let sections =
        sections.into_iter().find_map(|(what, found, most)| over(what, path, found, most));
    let names = || {
        let names = it.resources.iter().map(|it| &it.name.text);
        let names = names.chain(it.parameters.iter().map(|it| &it.name.text));
        let mut names = names.chain(it.outputs.iter().map(|it| &it.name.text));
        names.find_map(|it| over("Name", it, it.chars().count(), NAME))
    };
    let attributes = || {
        it.mappings
            .iter()
            .find_map(|it| over("Attributes", &it.name.text, it.entries.len(), MAPPING_ATTRIBUTES))
    };
    sections.or_else(attributes).or_else(names)
}

fn over(what: &'static str, place: &str, found: usize, most: usize) -> Option<Exceeded> {
    (found > most).then(|| Exceeded { what, place: place.to_owned(), found, most })
}

/// Whether a stack can have this name, its length aside.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
pub(crate) fn is_stack_name(name: &str) -> bool {
    name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-')
}
