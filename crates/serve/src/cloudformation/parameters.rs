//! The values of a root's parameters, and what CloudFormation says of those that it refuses.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>

use super::Context;
use crate::refusal::Refusal;
use kumiki_engine::StackRecord;
use kumiki_project::{Given, ParameterType, Value, check_value};
use kumiki_source::Diagnostic;
use kumiki_template::{Name, ParameterDecl, Template};

impl Context<'_> {
    /// The values that a request gives to the parameters of a template.
    pub(crate) fn parameters(
        &self,
        template: &Template,
        before: Option<&StackRecord>,
    ) -> Result<Vec<Given>, Refusal> {
        let mut given: Vec<Given> = Vec::new();
        let mut unknown = Vec::new();
        for parameter in self.form.structures("Parameters") {
            let name = parameter.get("ParameterKey").unwrap_or_default();
            let Some(decl) = template.parameters.get(name) else {
                unknown.push(name.to_owned());
                continue;
            };
            let value = match parameter.flag("UsePreviousValue") {
                true => self.previous(decl, before)?,
                false => parameter.raw("ParameterValue").unwrap_or_default().to_owned(),
            };
            given.retain(|it| *it.name != *name);
            given.push(Given {
                name: name.into(),
                value: value.into(),
                name_span: None,
                value_span: None,
            });
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            let reason = format!("Parameters: [{unknown}] do not exist in the template");
            return Err(Refusal::validation(reason));
        }
        let lacks = |it: &&ParameterDecl| {
            it.default.is_none() && !given.iter().any(|given| given.name == it.name.text)
        };
        let missing: Vec<&str> =
            template.parameters.iter().filter(lacks).map(|it| &*it.name.text).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(Refusal::validation(format!("Parameters: [{missing}] must have values")));
        }
        for decl in &template.parameters {
            let value = given.iter().find(|it| it.name == decl.name.text).map(|it| &it.value);
            let value = value.or(decl.default.as_ref().map(|it| &it.text));
            let kind = ParameterType::parse(&decl.type_name.text);
            let (Some(text), Some(kind)) = (value, kind) else { continue };
            let value: Value = kind.value(text, kumiki_project::Origin::default());
            if let Some(found) = check_value(decl, &value, decl.no_echo).first() {
                return Err(Refusal::validation(unfit(decl, text, found)));
            }
        }
        Ok(given)
    }

    /// The value that a stack has.
    fn previous(
        &self,
        decl: &ParameterDecl,
        before: Option<&StackRecord>,
    ) -> Result<String, Refusal> {
        let name = &*decl.name.text;
        let recorded = before.and_then(|it| it.settled.parameters.get(name));
        let Some(recorded) = recorded else {
            let reason = format!(
                "Invalid input for parameter key {name}. Cannot specify usePreviousValue as true \
                 for a parameter key not in the previous template"
            );
            return Err(Refusal::validation(reason));
        };
        if !kumiki_engine::is_mask(recorded) {
            return Ok(recorded.clone());
        }
        let kept = self.service.memory.secret(recorded);
        let value = kept.or_else(|| decl.default.as_ref().map(|it| it.text.to_string()));
        value.filter(|it| kumiki_engine::is_mask_of(recorded, it)).ok_or_else(|| {
            let reason = format!(
                "Parameter {name} is secret and is kept nowhere but in memory: give its value again"
            );
            Refusal::validation(reason)
        })
    }
}

/// Why a value is refused. The constraint that it does not meet is among the hops of the finding.
fn unfit(decl: &ParameterDecl, value: &str, found: &Diagnostic) -> String {
    let name = &decl.name.text;
    if let Some(description) = &decl.constraint_description {
        return format!("Parameter {name} failed to satisfy constraint: {}", description.text);
    }
    let spans: Vec<_> = found.hops.iter().map(|it| it.span).collect();
    let broken = |it: &Option<Name>| {
        it.as_ref().filter(|it| spans.contains(&it.span)).map(|it| it.text.to_string())
    };
    if let Some(pattern) = broken(&decl.allowed_pattern) {
        return format!("Parameter {name} must match pattern {pattern}");
    }
    if let Some(least) = broken(&decl.min_length) {
        return format!("Parameter {name} must contain at least {least} characters");
    }
    if let Some(most) = broken(&decl.max_length) {
        return format!("Parameter {name} must contain at most {most} characters");
    }
    if let Some(least) = broken(&decl.min_value) {
        return format!("Parameter {name} must be a number not less than {least}");
    }
    if let Some(most) = broken(&decl.max_value) {
        return format!("Parameter {name} must be a number not greater than {most}");
    }
    let type_name = &decl.type_name;
    if spans.contains(&type_name.span) {
        let value = if decl.no_echo { "****" } else { value };
        return match &*type_name.text {
            "Number" => format!("Parameter '{name}' must be a number"),
            kind => format!(
                "Parameter validation failed: parameter value {value} for parameter name {name} \
                 is not a valid {kind}"
            ),
        };
    }
    format!("Parameter '{name}' must be one of AllowedValues")
}
