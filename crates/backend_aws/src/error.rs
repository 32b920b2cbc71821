//! What AWS's services answer when they do not do what was asked.

use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use kumiki_source::{Message, message};

/// A call that a service refused, or that did not reach it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{action}: {code}: {text}")]
pub struct ServiceError {
    /// The action in the service's words, `CreateChangeSet`.
    pub action: &'static str,
    /// The service's code, such as `ValidationError`; `Unreachable` when there was no answer.
    pub code: String,
    /// The service's own words.
    pub text: String,
}

/// The code of a call that got no answer.
pub const UNREACHABLE: &str = "Unreachable";

impl ServiceError {
    /// What the SDK says about a call.
    pub fn new<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error.as_service_error() {
            Some(it) => Self {
                action,
                code: it.code().unwrap_or("Unknown").to_owned(),
                text: it.message().unwrap_or("no reason is given").to_owned(),
            },
            None => Self {
                action,
                code: UNREACHABLE.to_owned(),
                text: DisplayErrorContext(error).to_string(),
            },
        }
    }

    /// What is wrong.
    pub fn message(&self) -> Message {
        let Self { action, code, text } = self;
        if code == UNREACHABLE {
            return message!("AWS cannot be asked ({action}): {text}", action, text);
        }
        message!("AWS refuses {action}: {text} ({code})", action, text, code)
    }
}
