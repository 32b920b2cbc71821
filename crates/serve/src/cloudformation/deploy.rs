//! From a request to a change set of the engine.

use super::source::Source;
use super::{Context, words};
use crate::memory::Memory;
use crate::refusal::Refusal;
use crate::writer::FirstAnswer;
use crate::xml::Fields;
use kumiki_backend_local::LocalBackend;
use kumiki_engine::{
    Backend, Cancel, Capability, ChangeSetOptions, ChangeSetRecord, ChangeSetRequest, Event,
    ExecuteOptions, OnFailure, Outcome, StackRecord,
};
use kumiki_plan::plan;
use kumiki_project::{Given, Inputs};
use std::sync::Arc;

/// What a stack is to become.
pub(crate) struct Desired {
    source: Source,
    inputs: Inputs,
    pub(crate) options: ChangeSetOptions,
    /// The ARN of the stack, if it exists.
    stack_id: String,
}

/// The name of the change sets behind `CreateStack` and `UpdateStack`, which clients do not see.
pub(crate) const DIRECT: &str = "kumiki-direct-";

impl Context<'_> {
    pub(crate) fn inputs(
        &self,
        stack_name: &str,
        parameters: Vec<Given>,
        tags: Vec<(String, String)>,
    ) -> Inputs {
        Inputs {
            environment: String::new(),
            region: self.caller.region.clone(),
            account: self.caller.account.clone(),
            stack_name: stack_name.to_owned(),
            parameters,
            parameter_file: None,
            tags,
        }
    }

    /// What the request says that a stack is to become, which it was before if it is there.
    pub(crate) fn desired(
        &self,
        stack_name: &str,
        before: Option<&StackRecord>,
    ) -> Result<Desired, Refusal> {
        let source = self.source(before)?;
        words::refuse_template(&source.library, source.root)?;
        let template = source.library.template(source.root);
        let parameters = self.parameters(template, before)?;
        let tags = match before {
            Some(before) if !self.form.has_list("Tags") => {
                before.settled.tags.clone().into_iter().collect()
            }
            _ => self.tags()?,
        };
        let options = ChangeSetOptions {
            description: self.form.get("Description").map(str::to_owned),
            capabilities: self.capabilities()?,
            on_failure: self.on_failure()?,
            ..ChangeSetOptions::default()
        };
        let stack_id = before.map(|it| it.stack_id.clone()).unwrap_or_default();
        Ok(Desired { inputs: self.inputs(stack_name, parameters, tags), source, options, stack_id })
    }

    fn tags(&self) -> Result<Vec<(String, String)>, Refusal> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for tag in self.form.structures("Tags") {
            let key = tag.get("Key").unwrap_or_default();
            if key.is_empty() || key.starts_with("aws:") {
                let reason = format!("Tag key {key:?} must not be empty or begin with aws:");
                return Err(Refusal::validation(reason));
            }
            tags.retain(|(it, _)| it != key);
            tags.push((key.to_owned(), tag.get("Value").unwrap_or_default().to_owned()));
        }
        match tags.len() {
            0..=50 => Ok(tags),
            count => Err(Refusal::validation(format!(
                "1 validation error detected: Value of {count} tags at 'tags' failed to satisfy \
                 constraint: Member must have length less than or equal to 50"
            ))),
        }
    }

    fn capabilities(&self) -> Result<std::collections::BTreeSet<Capability>, Refusal> {
        let words = self.form.texts("Capabilities");
        let capabilities = words.into_iter().filter(|it| !it.is_empty()).map(|it| {
            Capability::parse(it).ok_or_else(|| {
                Refusal::validation(format!(
                    "1 validation error detected: Value '[{it}]' at 'capabilities' failed to \
                     satisfy constraint: Member must satisfy constraint: [Member must satisfy enum \
                     value set: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]]"
                ))
            })
        });
        capabilities.collect()
    }

    /// `OnFailure` of a creation, `OnStackFailure` of a change set, or `DisableRollback`.
    fn on_failure(&self) -> Result<Option<OnFailure>, Refusal> {
        let form = &self.form;
        let word = form.get("OnFailure").or(form.get("OnStackFailure"));
        match (word, form.choice("DisableRollback")) {
            (Some(_), Some(_)) => Err(Refusal::validation(
                "You can specify either DisableRollback or OnFailure, but not both.",
            )),
            (Some(word), None) => OnFailure::parse(word)
                .map(Some)
                .ok_or_else(|| Refusal::validation(format!("{word} is no value of OnFailure"))),
            (None, disabled) => Ok(disabled.filter(|it| *it).map(|_| OnFailure::DoNothing)),
        }
    }
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
pub(crate) fn stack_name(name: &str) -> Result<&str, Refusal> {
    let good = name.len() <= 128
        && name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    match good {
        true => Ok(name),
        false => Err(Refusal::validation(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        ))),
    }
}

impl Desired {
    /// Makes a change set: the one of a name, or one that clients do not see.
    pub(crate) fn change_set(
        &self,
        backend: &mut LocalBackend,
        memory: &Memory,
        name: Option<&str>,
    ) -> Result<ChangeSetRecord, Refusal> {
        let Inputs { stack_name, account, region, .. } = &self.inputs;
        let current = backend.current(stack_name, account, region)?;
        let Source { library, root } = &self.source;
        let plan =
            plan(library, *root, &self.inputs, &current).map_err(|refusal| match refusal {
                kumiki_plan::Refusal::Errors(errors) => {
                    let refused = words::refuse(library, &errors).err();
                    refused.unwrap_or_else(|| Refusal::validation("Template format error"))
                }
                kumiki_plan::Refusal::Status { status, .. } => {
                    words::not_updatable(&self.stack_id, &status)
                }
            })?;
        let direct = match name {
            Some(_) => None,
            None => {
                let known = backend.change_sets(stack_name, account, region)?.len();
                Some(format!("{DIRECT}{}", known + 1))
            }
        };
        let record = backend
            .create_change_set(&ChangeSetRequest {
                library,
                root: *root,
                inputs: &self.inputs,
                plan: &plan,
                name: name.or(direct.as_deref()),
                options: &self.options,
            })
            .map_err(|error| words::not_made(error, &self.stack_id))?;
        memory.keep_secrets(&record.inputs, &self.inputs.parameters);
        Ok(record)
    }
}

/// Executes a change set, and answers as soon as it is recorded that it began.
pub(crate) fn execute(
    backend: &mut LocalBackend,
    memory: &Arc<Memory>,
    record: &ChangeSetRecord,
    options: ExecuteOptions,
    token: Option<&str>,
    answer: &mut FirstAnswer<Fields>,
) -> Option<Outcome> {
    let given = memory.secrets(&record.inputs);
    let cancel = options.cancel.clone();
    memory.begins(&record.stack_id, &cancel);
    let mut begun = begun(memory, token, &record.stack_id, answer);
    let result = backend.execute_change_set(&record.id, &options, &given, &mut begun);
    drop(begun);
    memory.ends(&record.stack_id);
    match result {
        Ok(outcome) => Some(outcome),
        Err(error) => {
            let status = record.status.as_str();
            answer.give(Err(words::not_executed(error, &record.name, status)));
            None
        }
    }
}

/// What hears of the events of an operation, and answers at the first.
pub(crate) fn begun<'b>(
    memory: &'b Memory,
    token: Option<&'b str>,
    stack_id: &'b str,
    answer: &'b mut FirstAnswer<Fields>,
) -> impl FnMut(&Event) + 'b {
    let mut first = true;
    move |event| {
        if std::mem::take(&mut first) {
            if let Some(token) = token {
                memory.keep_token(&event.operation, token);
            }
            answer.give(Ok(Fields::default()
                .with("StackId", stack_id)
                .with("OperationId", &event.operation)));
        }
    }
}

/// How a change set is executed when a request says so.
pub(crate) fn execute_options(context: &Context<'_>) -> Result<ExecuteOptions, Refusal> {
    let form = &context.form;
    let policy = match form.get("StackPolicyDuringUpdateURL") {
        Some(url) => Some(context.object(url)?),
        None => form.get("StackPolicyDuringUpdateBody").map(str::to_owned),
    };
    Ok(ExecuteOptions {
        on_failure: form.flag("DisableRollback").then_some(OnFailure::DoNothing),
        retain_except_on_create: form.flag("RetainExceptOnCreate"),
        stack_policy: policy,
        cancel: Cancel::default(),
    })
}
