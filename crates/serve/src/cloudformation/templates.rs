//! Templates by themselves: `GetTemplate`, `GetTemplateSummary`, `ValidateTemplate`.

use super::source::Source;
use super::{Context, words};
use crate::refusal::Refusal;
use crate::xml::Fields;
use kumiki_engine::Demanded;
use kumiki_project::Tree;
use kumiki_template::ParameterDecl;
use std::collections::{BTreeMap, BTreeSet};

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html>
pub(super) fn get(context: &Context<'_>) -> Result<Fields, Refusal> {
    let digest = match context.form.get("ChangeSetName") {
        Some(_) => {
            let record = context.change_set()?.0;
            record.manifest.get(&record.root).cloned().unwrap_or_default()
        }
        None => context.stack()?.settled.template_digest,
    };
    let text = context.records().text(&digest)?.unwrap_or_default();
    Ok(Fields::default()
        .with("TemplateBody", text)
        .list("StagesAvailable", ["Original", "Processed"]))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html>
pub(super) fn validate(context: &Context<'_>) -> Result<Fields, Refusal> {
    let source = context.source(None)?;
    words::refuse_template(&source.library, source.root)?;
    let template = source.library.template(source.root);
    // This action looks at one template: what it nests is not followed.
    let inputs = context.inputs("template", Vec::new(), Vec::new());
    let mut findings = Tree::evaluate(&source.library, source.root, &inputs).diagnostics;
    findings.retain(|it| {
        it.rule != "missing-child" && it.span.is_none_or(|it| it.file == template.file)
    });
    words::refuse(&source.library, &findings)?;
    let parameters = template.parameters.iter().map(|it| {
        Fields::default()
            .with("ParameterKey", &*it.name.text)
            .maybe("DefaultValue", it.default.as_ref().map(|it| &*it.text))
            .with("NoEcho", it.no_echo)
            .maybe("Description", it.description.as_ref().map(|it| &*it.text))
    });
    Ok(Fields::default().list("Parameters", parameters).and(told(&source)))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplateSummary.html>
pub(super) fn summary(context: &Context<'_>) -> Result<Fields, Refusal> {
    let source = context.source_or_stack()?;
    let template = source.library.template(source.root);
    let types: BTreeSet<&str> = template.resources.iter().map(|it| &*it.type_name.text).collect();
    let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in &template.resources {
        by_type.entry(&it.type_name.text).or_default().push(&it.name.text);
    }
    let identifiers = by_type.into_iter().filter_map(|(type_name, logical_ids)| {
        let schema = kumiki_schema::resource_type(type_name)?;
        let identifier = schema.primary_identifier().map(|it| it.as_str().replace('/', "."));
        Some(
            Fields::default()
                .with("ResourceType", type_name)
                .list("LogicalResourceIds", logical_ids)
                .list("ResourceIdentifiers", identifier),
        )
    });
    Ok(Fields::default()
        .list("Parameters", template.parameters.iter().map(parameter))
        .and(told(&source))
        .list("ResourceTypes", types)
        .with("Version", "2010-09-09")
        .list("ResourceIdentifierSummaries", identifiers))
}

/// What is told of a template in either way.
fn told(source: &Source) -> Fields {
    let template = source.library.template(source.root);
    let demanded = Demanded::by(&source.library, source.root);
    let mut fields = Fields::default()
        .maybe("Description", template.description.as_ref().map(|it| &*it.text))
        .list("Capabilities", demanded.capabilities.iter().map(|it| it.as_str()));
    if !demanded.types.is_empty() {
        let types = demanded.types.into_iter().collect::<Vec<_>>().join(", ");
        let reason = format!("The following resource(s) require capabilities: [{types}]");
        fields = fields.with("CapabilitiesReason", reason);
    }
    fields.list("DeclaredTransforms", template.transforms.iter().map(|it| &*it.text))
}

fn parameter(it: &ParameterDecl) -> Fields {
    let allowed = it.allowed_values.iter().map(|it| &*it.text);
    let constraints = match it.allowed_values.is_empty() {
        true => Fields::default(),
        false => Fields::default().list("AllowedValues", allowed),
    };
    Fields::default()
        .with("ParameterKey", &*it.name.text)
        .maybe("DefaultValue", it.default.as_ref().map(|it| &*it.text))
        .with("ParameterType", &*it.type_name.text)
        .with("NoEcho", it.no_echo)
        .maybe("Description", it.description.as_ref().map(|it| &*it.text))
        .with("ParameterConstraints", constraints)
}
