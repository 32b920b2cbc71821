//! What a client is answered.

use crate::refusal::Refusal;
use crate::xml::{Fields, document};
use std::borrow::Cow;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer of so many bytes as they are.
    pub(crate) fn of(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// An XML document.
    pub(crate) fn xml(status: u16, root: &str, namespace: &str, fields: Fields) -> Self {
        Self::of(status, document(root, namespace, fields).into_bytes())
            .with("content-type", "text/xml")
    }

    /// And a header.
    pub(crate) fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What an action of a Query service gives.
    ///
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
    pub(crate) fn query(
        namespace: &str,
        action: &str,
        request_id: &str,
        result: Result<Fields, Refusal>,
    ) -> Self {
        match result {
            Ok(fields) => {
                let fields = Fields::default()
                    .with(format!("{action}Result"), fields)
                    .with("ResponseMetadata", Fields::default().with("RequestId", request_id));
                Self::xml(200, &format!("{action}Response"), namespace, fields)
            }
            Err(Refusal { status, code, message }) => {
                let kind = if status < 500 { "Sender" } else { "Receiver" };
                let error = Fields::default()
                    .with("Type", kind)
                    .with("Code", code)
                    .with("Message", message);
                let fields = Fields::default().with("Error", error).with("RequestId", request_id);
                Self::xml(status, "ErrorResponse", namespace, fields)
            }
        }
    }
}
