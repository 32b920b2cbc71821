//! Stack events, in the vocabulary of `DescribeStackEvents`.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html>

use serde::{Deserialize, Serialize};

/// One event of one stack. A nested stack has events of its own and is a resource of its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place among all events of the account.
    pub sequence: u64,
    /// When it was recorded: milliseconds since 1970, UTC.
    pub time: u64,
    /// How long AWS would have been at work by then: milliseconds since the operation began.
    pub elapsed: u64,
    /// The operation that it belongs to.
    pub operation: String,
    /// The stack's path in its tree; empty for the root.
    pub stack_path: String,
    /// The stack's name.
    pub stack_name: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// The ARN of the root.
    pub root_id: String,
    /// The resource's logical ID; the stack's name for an event of the stack itself.
    pub logical_id: String,
    /// The resource's physical ID, as far as there is one.
    pub physical_id: String,
    /// The resource's type; `AWS::CloudFormation::Stack` for the stack itself.
    pub resource_type: String,
    /// A stack's or a resource's status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

impl Event {
    /// Whether the event is about the stack itself and not about one of its resources.
    pub fn is_of_stack(&self) -> bool {
        self.physical_id == self.stack_id
    }

    /// Whether something failed.
    pub fn is_failure(&self) -> bool {
        self.status.ends_with("_FAILED")
    }
}
