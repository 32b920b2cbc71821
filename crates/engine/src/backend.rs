//! What a place to deploy to can do: the embedded engine, and AWS.

use crate::event::Event;
use crate::record::{
    Cause, ChangeSetRecord, ExportRecord, ImportRecord, OperationRecord, ResourceRecord,
    StackRecord,
};
use crate::status::StackStatus;
use crate::store::StoreError;
use kumiki_plan::{Current, Plan};
use kumiki_project::{Given, Inputs, Library, TemplateId};
use kumiki_source::{Message, message};
use std::fmt;

/// Hears of events once they are recorded.
pub type Observe<'o> = dyn FnMut(&Event) + 'o;

/// What a change set is made from.
#[derive(Clone, Copy)]
pub struct ChangeSetRequest<'r> {
    /// The templates.
    pub library: &'r Library,
    /// The root's template.
    pub root: TemplateId,
    /// What the root is given.
    pub inputs: &'r Inputs,
    /// What will be done.
    pub plan: &'r Plan,
    /// The name of the change set; made up when there is none.
    pub name: Option<&'r str>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The ARN of the root.
    pub stack_id: String,
    /// The name of the root.
    pub stack_name: String,
    /// The status of the root.
    pub status: StackStatus,
    /// Whether what was asked for was done.
    pub succeeded: bool,
    /// Why not: the deepest resource that failed first.
    pub cause: Option<Cause>,
    /// How long AWS would have taken, in milliseconds.
    pub elapsed: u64,
    /// The operation, as in events.
    pub operation: String,
}

/// A place to deploy to.
pub trait Backend {
    /// The recorded state of a root, and what else its account offers it.
    ///
    /// # Errors
    /// When it cannot be read.
    fn current(&self, stack_name: &str, account: &str, region: &str)
    -> Result<Current, StoreError>;

    /// Makes a change set. A root that does not exist comes to be, in `REVIEW_IN_PROGRESS`.
    ///
    /// # Errors
    /// When nothing was made.
    fn create_change_set(
        &mut self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<ChangeSetRecord, CreateChangeSetError>;

    /// Executes a change set to its end, good or bad.
    ///
    /// `given` has the values of secret parameters again, which are nowhere recorded; others in it
    /// are not looked at.
    ///
    /// # Errors
    /// When it was not begun, or its end could not be recorded.
    fn execute_change_set(
        &mut self,
        id: &str,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError>;

    /// The plan that a change set was made from, as JSON, if there is such a change set.
    ///
    /// # Errors
    /// When it cannot be read.
    fn change_set_plan(&self, id: &str) -> Result<Option<serde_json::Value>, StoreError>;

    /// Deletes a change set that was not executed, and with it a root that was never created.
    ///
    /// # Errors
    /// When nothing was deleted.
    fn delete_change_set(&mut self, id: &str) -> Result<(), ExecuteError>;

    /// The operation that a process began and did not end, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn unfinished(&self) -> Result<Option<OperationRecord>, StoreError>;

    /// Continues such an operation to its end, if there is one.
    ///
    /// # Errors
    /// When its end could not be recorded.
    fn resume(
        &mut self,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Option<Outcome>, ExecuteError>;

    /// Deletes a root and everything under it, as policies say.
    ///
    /// # Errors
    /// When it was not begun, or its end could not be recorded.
    fn delete_stack(
        &mut self,
        stack_name: &str,
        account: &str,
        region: &str,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, DeleteError>;

    /// The events of a root and everything under it, oldest first, after a sequence number. Those
    /// of the latest stack of this name, also when it was deleted.
    ///
    /// # Errors
    /// When they cannot be read.
    fn events(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
        after: u64,
    ) -> Result<Vec<Event>, StoreError>;

    /// The stacks that exist: roots in the order of their names, each before what is under it.
    ///
    /// # Errors
    /// When they cannot be read.
    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError>;

    /// The resources of a stack by its ARN, in the order of their logical IDs.
    ///
    /// # Errors
    /// When they cannot be read.
    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError>;

    /// The exports of an account and Region, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError>;

    /// The uses of exports in an account and Region.
    ///
    /// # Errors
    /// When they cannot be read.
    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError>;

    /// The change sets of a root, in the order in which they were made.
    ///
    /// # Errors
    /// When they cannot be read.
    fn change_sets(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Vec<ChangeSetRecord>, StoreError>;
}

/// Why a change set was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateChangeSetError {
    /// The state cannot be used.
    Store(#[from] StoreError),
    /// Nothing would change.
    NoChanges,
    /// The stack cannot be updated in its status.
    Status {
        /// The stack's name.
        stack: String,
        /// Its status.
        status: StackStatus,
    },
    /// A killed process left an operation of this stack unfinished.
    Unfinished {
        /// The stack's name.
        stack: String,
    },
    /// The plan is for another stack than the inputs.
    OtherStack,
    /// The stack already has a change set of this name.
    NameTaken {
        /// The name.
        name: String,
    },
    /// A resource would change its type, which CloudFormation does not do.
    TypeChanged {
        /// The logical IDs.
        resources: Vec<String>,
    },
}

/// Why a change set was not executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The state cannot be used.
    Store(#[from] StoreError),
    /// There is no such change set.
    NoSuchChangeSet {
        /// What was asked for.
        id: String,
    },
    /// It cannot be executed any more: it was, or the stack changed since.
    NotAvailable {
        /// Its name.
        name: String,
        /// Its execution status.
        execution: &'static str,
    },
    /// The value of a secret parameter was not given again, or is another than before.
    Secret {
        /// The parameter.
        parameter: String,
    },
    /// A killed process left an operation unfinished.
    Unfinished {
        /// The stack's name.
        stack: String,
    },
    /// A recorded template is missing or cannot be read.
    Template {
        /// Its path.
        path: String,
    },
}

/// Why a stack was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The state cannot be used.
    Store(#[from] StoreError),
    /// There is no such stack.
    NoSuchStack {
        /// Its name.
        stack: String,
    },
    /// It is protected.
    Protected {
        /// Its name.
        stack: String,
    },
    /// A killed process left an operation unfinished.
    Unfinished {
        /// The stack's name.
        stack: String,
    },
}

/// A store's error in words.
fn store(error: &StoreError) -> Message {
    match error {
        StoreError::Failed(cause) => message!("the state cannot be used: {cause}", cause),
        StoreError::Damaged(what) => message!("the state is damaged: {what}", what),
    }
}

fn unfinished(stack: &str) -> Message {
    message!("an operation on `{stack}` was interrupted; it is continued first", stack)
}

impl StoreError {
    /// The error in words.
    pub fn message(&self) -> Message {
        store(self)
    }
}

impl CreateChangeSetError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Store(error) => store(error),
            Self::NoChanges => message!("nothing would change, so there is no change set"),
            Self::Status { stack, status } => {
                message!("stack `{stack}` is in {status} and cannot be updated", stack, status)
            }
            Self::Unfinished { stack } => unfinished(stack),
            Self::OtherStack => message!("the plan is for another stack"),
            Self::NameTaken { name } => message!("there is a change set `{name}` already", name),
            Self::TypeChanged { resources } => message!(
                "a resource cannot change its type: {resources}",
                resources = resources.join(", ")
            ),
        }
    }
}

impl ExecuteError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Store(error) => store(error),
            Self::NoSuchChangeSet { id } => message!("there is no change set `{id}`", id),
            Self::NotAvailable { name, execution } => {
                message!(
                    "change set `{name}` is {execution} and cannot be executed",
                    name,
                    execution
                )
            }
            Self::Secret { parameter } => message!(
                "parameter `{parameter}` is secret and recorded nowhere: give the same value again",
                parameter
            ),
            Self::Unfinished { stack } => unfinished(stack),
            Self::Template { path } => {
                message!("the recorded template `{path}` cannot be read", path)
            }
        }
    }
}

impl DeleteError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Store(error) => store(error),
            Self::NoSuchStack { stack } => message!("there is no stack `{stack}`", stack),
            Self::Protected { stack } => {
                message!("stack `{stack}` is protected from termination", stack)
            }
            Self::Unfinished { stack } => unfinished(stack),
        }
    }
}

impl fmt::Display for CreateChangeSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl fmt::Display for ExecuteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl fmt::Display for DeleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}
