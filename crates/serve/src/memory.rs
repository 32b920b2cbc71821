//! What the server remembers besides the state, as long as it runs: values of secret parameters,
//! requests by their tokens, and what is running.

use crate::refusal::Refusal;
use crate::xml::Fields;
use kumiki_engine::{Cancel, InputsRecord};
use kumiki_project::Given;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// Values of secret parameters, by what is recorded in their place.
    secrets: HashMap<String, String>,
    /// What was asked with a token, and the answer.
    tokens: HashMap<String, (String, Fields)>,
    /// The tokens that operations were begun with.
    operations: HashMap<String, String>,
    /// What cancels the update of a stack, by ARN.
    running: HashMap<String, Cancel>,
}

impl Memory {
    fn locked(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secret value that a record stands for.
    pub(crate) fn secret(&self, recorded: &str) -> Option<String> {
        self.locked().secrets.get(recorded).cloned()
    }

    /// Keeps the secret values that a change set was made with.
    pub(crate) fn keep_secrets(&self, inputs: &InputsRecord, given: &[Given]) {
        let mut remembered = self.locked();
        for it in given.iter().filter(|it| inputs.secrets.contains(&*it.name)) {
            if let Some(recorded) = inputs.parameters.get(&*it.name) {
                remembered.secrets.insert(recorded.clone(), it.value.to_string());
            }
        }
    }

    /// The secret values that executing a change set takes.
    pub(crate) fn secrets(&self, inputs: &InputsRecord) -> Vec<Given> {
        let secret = |name: &String| {
            let value = self.secret(inputs.parameters.get(name)?)?;
            Some(Given {
                name: name.as_str().into(),
                value: value.into(),
                name_span: None,
                value_span: None,
            })
        };
        inputs.secrets.iter().filter_map(secret).collect()
    }

    /// The answer to an equal request with this token.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
    pub(crate) fn answered(&self, token: &str, asked: &str) -> Result<Option<Fields>, Refusal> {
        match self.locked().tokens.get(token) {
            Some((before, answer)) if before == asked => Ok(Some(answer.clone())),
            Some(_) => {
                let reason = "A client request token already exists for another request.";
                Err(Refusal::new(400, "TokenAlreadyExistsException", reason))
            }
            None => Ok(None),
        }
    }

    pub(crate) fn keep_answer(&self, token: String, asked: String, answer: Fields) {
        self.locked().tokens.insert(token, (asked, answer));
    }

    /// The token that an operation was begun with.
    pub(crate) fn token(&self, operation: &str) -> Option<String> {
        self.locked().operations.get(operation).cloned()
    }

    pub(crate) fn keep_token(&self, operation: &str, token: &str) {
        self.locked().operations.insert(operation.to_owned(), token.to_owned());
    }

    /// An update of a stack begins.
    pub(crate) fn begins(&self, stack_id: &str, cancel: &Cancel) {
        self.locked().running.insert(stack_id.to_owned(), cancel.clone());
    }

    /// It has ended.
    pub(crate) fn ends(&self, stack_id: &str) {
        self.locked().running.remove(stack_id);
    }

    /// Cancels an update that runs; false when none does.
    pub(crate) fn cancel(&self, stack_id: &str) -> bool {
        let remembered = self.locked();
        let running = remembered.running.get(stack_id);
        running.inspect(|it| it.cancel()).is_some()
    }
}
