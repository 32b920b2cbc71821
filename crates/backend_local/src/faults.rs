//! Failures on purpose.

use kumiki_engine::{Request, Verb};
use kumiki_source::{Message, message};

/// A failure on purpose: `PATH/LogicalId:operation` or `PATH/LogicalId:operation:reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The resource: logical IDs from the root, joined by `/`.
    pub resource: String,
    /// The operation that fails.
    pub verb: Verb,
    /// The reason.
    pub reason: String,
}

impl Fault {
    /// Reads `PATH/LogicalId:create|update|delete[:reason]`.
    ///
    /// # Errors
    /// When it is written otherwise.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let mut parts = text.splitn(3, ':');
        let resource = parts.next().unwrap_or_default().trim_matches('/');
        let verb = match parts.next() {
            Some("create") => Verb::Create,
            Some("update") => Verb::Update,
            Some("delete") => Verb::Delete,
            _ => {
                return Err(message!(
                    "`{text}` is no failure: write `Path/LogicalId:create`, `:update` or `:delete`, and a reason after another `:`",
                    text
                ));
            }
        };
        if resource.is_empty() {
            return Err(message!("`{text}` names no resource", text));
        }
        let reason = parts.next().unwrap_or("Internal failure (injected)").to_owned();
        Ok(Self { resource: resource.to_owned(), verb, reason })
    }

    /// Whether it meets a request.
    pub(crate) fn meets(&self, request: &Request<'_>) -> bool {
        let resource = match request.stack_path {
            "" => self.resource == request.logical_id,
            path => self
                .resource
                .strip_prefix(path)
                .and_then(|it| it.strip_prefix('/'))
                .is_some_and(|it| it == request.logical_id),
        };
        resource && self.verb == request.verb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read() {
        let fault = Fault::parse("Rds/DBInstance:create:no capacity: try later").unwrap();
        assert_eq!(fault.resource, "Rds/DBInstance");
        assert_eq!(fault.reason, "no capacity: try later");
        assert!(Fault::parse("Topic:delete").unwrap().reason.contains("injected"));
        for bad in ["", "Topic", "Topic:explode", ":create"] {
            assert!(Fault::parse(bad).is_err(), "{bad}");
        }
    }
}
