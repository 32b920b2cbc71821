//! What AWS's services answer when they do not do what was asked.

use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use kumiki_engine::StoreError;
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
            None => Self { action, code: UNREACHABLE.to_owned(), text: with_sources(error) },
        }
    }

    /// What is wrong, and what to do where that is known.
    pub fn message(&self) -> Message {
        let Self { action, code, text } = self;
        if self.is_expired() {
            return message!(
                "the credentials are not valid or have expired: sign in again and run the same command ({action}: {text})",
                action,
                text
            );
        }
        if self.is_denied() {
            return message!(
                "the credentials do not allow `{action}`: {text} ({code})",
                action,
                text,
                code
            );
        }
        if code == UNREACHABLE {
            return message!("AWS cannot be asked ({action}): {text}", action, text);
        }
        message!("AWS refuses {action}: {text} ({code})", action, text, code)
    }

    /// Whether new credentials are needed.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
    pub fn is_expired(&self) -> bool {
        let codes = [
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "RequestExpired",
            "UnrecognizedClientException",
        ];
        let none = self.code == UNREACHABLE && self.text.contains("credentials");
        none || codes.contains(&&*self.code)
    }

    /// Whether a right is missing.
    pub(crate) fn is_denied(&self) -> bool {
        ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"]
            .contains(&&*self.code)
    }

    /// Whether what was asked for does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        let codes = ["ChangeSetNotFound", "NoSuchBucket", "NoSuchKey", "NotFound"];
        codes.contains(&&*self.code)
            || self.code == "ValidationError" && self.text.contains("does not exist")
    }

    /// Whether the same call may do later what it does not do now: the service is throttled or
    /// failing, or was not reached.
    pub(crate) fn is_passing(&self) -> bool {
        let codes = [
            UNREACHABLE,
            "InternalFailure",
            "InternalError",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "Unknown",
        ];
        !self.is_expired() && codes.contains(&&*self.code)
    }
}

/// An error and what is behind it, each in its own words.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |it| it.source());
    sources.fold(error.to_string(), |text, it| format!("{text}: {it}"))
}

impl From<ServiceError> for StoreError {
    fn from(error: ServiceError) -> Self {
        Self::Refused(error.message())
    }
}
