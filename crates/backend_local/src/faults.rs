//! Failures on purpose.

use kumiki_engine::{Request, Verb};
use kumiki_source::{Message, message};

/// The requests that a failure meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meets {
    /// `create`: it is created.
    Create,
    /// `update`: it is updated, not on the way back.
    Update,
    /// `delete`: it is deleted, in whatever phase.
    Delete,
    /// `rollback`: it is updated on the way back after a failed update.
    Rollback,
}

/// A failure on purpose: `PATH/LogicalId:operation` or `PATH/LogicalId:operation:reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The resource: logical IDs from the root, joined by `/`.
    pub resource: String,
    /// What fails.
    pub meets: Meets,
    /// The reason.
    pub reason: String,
}

impl Fault {
    /// Reads `PATH/LogicalId:create|update|delete|rollback[:reason]`.
    ///
    /// # Errors
    /// When it is written otherwise.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let mut parts = text.splitn(3, ':');
        let resource = parts.next().unwrap_or_default().trim_matches('/');
        let meets = match parts.next() {
            Some("create") => Meets::Create,
            Some("update") => Meets::Update,
            Some("delete") => Meets::Delete,
            Some("rollback") => Meets::Rollback,
            _ => {
                return Err(message!(
                    "`{text}` is no failure: write `Path/LogicalId:create`, `:update`, `:delete` or `:rollback`, and a reason after another `:`",
                    text
                ));
            }
        };
        if resource.is_empty() {
            return Err(message!("`{text}` names no resource", text));
        }
        let reason = parts.next().unwrap_or("Internal failure (injected)").to_owned();
        Ok(Self { resource: resource.to_owned(), meets, reason })
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
        let meets = match self.meets {
            Meets::Create => request.verb == Verb::Create,
            Meets::Update => request.verb == Verb::Update && !request.rollback,
            Meets::Delete => request.verb == Verb::Delete,
            Meets::Rollback => request.verb == Verb::Update && request.rollback,
        };
        resource && meets
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
