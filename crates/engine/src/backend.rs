//! What a place to deploy to can do: the embedded engine, and AWS.

use crate::capability::Capability;
use crate::event::Event;
use crate::import::ImportRefusal;
use crate::quota::Exceeded;
use crate::record::{
    Cause, ChangeSetRecord, DriftRecord, ExportRecord, ImportRecord, OperationRecord,
    ResourceRecord, ResourceToImport, StackRecord,
};
use crate::status::{OnFailure, StackStatus};
use crate::store::StoreError;
use kumiki_plan::{Current, Plan, ServiceChangeSet};
use kumiki_project::{Given, Inputs, Library, TemplateId};
use kumiki_source::{Message, message};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// What else is asked for.
    pub options: &'r ChangeSetOptions,
}

/// What else is asked for when a change set is made.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
#[derive(Clone, Debug, Default)]
pub struct ChangeSetOptions {
    /// A description.
    pub description: Option<String>,
    /// The capabilities that are acknowledged.
    pub capabilities: BTreeSet<Capability>,
    /// Whether nobody reviews the change set: macros have to be acknowledged then.
    pub unreviewed: bool,
    /// What becomes of the stack when the execution fails.
    pub on_failure: Option<OnFailure>,
    /// Existing resources that the stack takes over; then it does nothing else.
    pub import: Vec<ResourceToImport>,
    /// Whether the change sets of nested stacks are shown.
    pub nested: bool,
    /// Whether a change set without changes is kept as `FAILED` instead of refused.
    pub keep_failed: bool,
}

/// How a change set is executed.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>
#[derive(Clone, Debug, Default)]
pub struct ExecuteOptions {
    /// What becomes of the stack when it fails; what the change set says when nothing is said.
    pub on_failure: Option<OnFailure>,
    /// Whether new resources that are to be retained are deleted all the same by a rollback.
    pub retain_except_on_create: bool,
    /// The text of a policy that stands in for the root's own while it is updated.
    pub stack_policy: Option<String>,
    /// What cancels the update.
    pub cancel: Cancel,
}

/// Cancels an update from elsewhere while it runs. Clones are one and the same.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html>
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the update to be rolled back.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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

    /// What else is to be said about the change sets that were made since this was asked last.
    fn take_warnings(&mut self) -> Vec<Message> {
        Vec::new()
    }

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
        options: &ExecuteOptions,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError>;

    /// Keeps a record in the place itself, under a key such as `audit/dev/….json`, where it has room
    /// for that.
    ///
    /// # Errors
    /// When it was not kept.
    fn keep(&mut self, _key: &str, _text: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// By how many milliseconds the clock stands before the last event, if it does: times go on from
    /// that event.
    fn clock_behind(&self) -> Option<u64> {
        None
    }

    /// A change set as the service itself shows it; nothing where the plan is what it is.
    ///
    /// # Errors
    /// When it cannot be read.
    fn service_change_set(&self, _id: &str) -> Result<Option<ServiceChangeSet>, StoreError> {
        Ok(None)
    }

    /// The plan that a change set was made from, as JSON, if there is such a change set.
    ///
    /// # Errors
    /// When it cannot be read.
    fn change_set_plan(&self, id: &str) -> Result<Option<serde_json::Value>, StoreError>;

    /// A text that a change set was made from: a template, by its SHA-256 in the manifest.
    ///
    /// # Errors
    /// When it cannot be read.
    fn recorded_text(&self, digest: &str) -> Result<Option<String>, StoreError>;

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

    /// Deletes a root, by its ARN, and everything under it, as policies say. Resources in `retain`
    /// stay in the account: paths of logical IDs, which a deletion before could not delete.
    ///
    /// # Errors
    /// When it was not begun, or its end could not be recorded.
    fn delete_stack(
        &mut self,
        stack_id: &str,
        retain: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError>;

    /// Takes back what a failed operation did and left so: the stack is in `CREATE_FAILED` or
    /// `UPDATE_FAILED`.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html>
    ///
    /// # Errors
    /// When it was not begun, or its end could not be recorded.
    fn rollback_stack(
        &mut self,
        stack_id: &str,
        retain_except_on_create: bool,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError>;

    /// Takes up again a rollback that failed: the stack is in `UPDATE_ROLLBACK_FAILED`. Resources in
    /// `skip` are left as they are: paths of logical IDs, or `NestedStackName.LogicalId`.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html>
    ///
    /// # Errors
    /// When it was not begun, or its end could not be recorded.
    fn continue_rollback(
        &mut self,
        stack_id: &str,
        skip: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError>;

    /// Rolls back an update that was interrupted, instead of continuing it. One that runs is
    /// cancelled by its [`Cancel`].
    ///
    /// # Errors
    /// When it was not begun, or its end could not be recorded.
    fn cancel_update(
        &mut self,
        stack_id: &str,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError>;

    /// Gives a stack, nested ones too, a policy.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SetStackPolicy.html>
    ///
    /// # Errors
    /// When it has no such policy now.
    fn set_stack_policy(&mut self, stack_id: &str, policy: &str) -> Result<(), StackError>;

    /// Protects a root, and with it everything under it, from termination, or no longer.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html>
    ///
    /// # Errors
    /// When nothing was changed.
    fn set_termination_protection(
        &mut self,
        stack_id: &str,
        protected: bool,
    ) -> Result<(), StackError>;

    /// Compares the resources of a stack, without those of its nested stacks, with what exists, and
    /// records what was found.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html>
    ///
    /// # Errors
    /// When nothing was found out.
    fn detect_drift(&mut self, stack_id: &str) -> Result<DriftRecord, StackError>;

    /// The text of the template that a stack was last given.
    ///
    /// # Errors
    /// When it cannot be read.
    fn template(&self, stack_id: &str) -> Result<Option<String>, StoreError>;

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

    /// The stack of this name that exists; nested ones have names too.
    ///
    /// # Errors
    /// When it cannot be read.
    fn stack_named(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Option<StackRecord>, StoreError> {
        Ok(self
            .stacks()?
            .into_iter()
            .find(|it| it.name == stack_name && it.account == account && it.region == region))
    }

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
    /// A failed operation was left so: a change set has to leave failures so too.
    Paused {
        /// The stack's name.
        stack: String,
        /// Its status.
        status: StackStatus,
    },
    /// Capabilities were not acknowledged.
    Capabilities {
        /// Which.
        missing: BTreeSet<Capability>,
    },
    /// A stack cannot have this name.
    StackName {
        /// The name.
        stack: String,
    },
    /// The Parameter Store does not have what parameters of the root are looked up from.
    SsmParameters {
        /// The names there.
        missing: Vec<String>,
    },
    /// Something is larger than CloudFormation takes it.
    Quota(Exceeded),
    /// A resource cannot be taken over.
    Import(ImportRefusal),
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
    /// The stack is in a status in which a failed operation has to be left so again.
    Paused {
        /// The stack's name.
        stack: String,
        /// Its status.
        status: StackStatus,
    },
    /// The policy that was to stand in for the root's own is none.
    Policy {
        /// Why.
        reason: String,
    },
}

/// Why something was not done to a stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The state cannot be used.
    Store(#[from] StoreError),
    /// There is no such stack.
    NoSuchStack {
        /// Its name or ARN.
        stack: String,
    },
    /// It is protected from termination.
    Protected {
        /// Its name.
        stack: String,
    },
    /// It is nested, and this is done to roots only.
    Nested {
        /// Its name.
        stack: String,
        /// The name of its root.
        root: String,
    },
    /// Its status does not admit it.
    Status {
        /// Its name.
        stack: String,
        /// Its status.
        status: StackStatus,
        /// The action in CloudFormation's words, `RollbackStack`.
        action: &'static str,
    },
    /// A resource cannot be skipped or retained: it is not among those that failed.
    Resource {
        /// Its path, as it was given.
        resource: String,
    },
    /// A killed process left an operation unfinished.
    Unfinished {
        /// The stack's name.
        stack: String,
    },
    /// The text is no stack policy.
    Policy {
        /// Why.
        reason: String,
    },
    /// A secret that the operation takes, or a recorded template, is missing.
    Execute(Box<ExecuteError>),
}

/// A store's error in words.
fn store(error: &StoreError) -> Message {
    match error {
        StoreError::Failed(cause) => message!("the state cannot be used: {cause}", cause),
        StoreError::Damaged(what) => message!("the state is damaged: {what}", what),
        StoreError::Refused(why) => why.clone(),
    }
}

fn unfinished(stack: &str) -> Message {
    message!("an operation on `{stack}` was interrupted; it is continued first", stack)
}

fn paused(stack: &str, status: StackStatus) -> Message {
    message!(
        "stack `{stack}` is in {status}: roll it back, or take it up again and leave failures as they are",
        stack,
        status
    )
}

fn no_policy(reason: &str) -> Message {
    message!("this is no stack policy: {reason}", reason)
}

/// Capabilities as CloudFormation lists them.
fn words(capabilities: &BTreeSet<Capability>) -> String {
    capabilities.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
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
            Self::Paused { stack, status } => paused(stack, *status),
            Self::Capabilities { missing } => message!(
                "these capabilities have to be acknowledged: {capabilities}",
                capabilities = words(missing)
            ),
            Self::StackName { stack } => message!(
                "a stack cannot be named `{stack}`: a letter, then letters, digits and hyphens",
                stack
            ),
            Self::SsmParameters { missing } => message!(
                "the Parameter Store of this account does not have {parameters}",
                parameters = missing.join(", ")
            ),
            Self::Quota(exceeded) => exceeded.message(),
            Self::Import(refusal) => refusal.message(),
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
            Self::Paused { stack, status } => paused(stack, *status),
            Self::Policy { reason } => no_policy(reason),
        }
    }
}

impl StackError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Store(error) => store(error),
            Self::NoSuchStack { stack } => message!("there is no stack `{stack}`", stack),
            Self::Protected { stack } => {
                message!("stack `{stack}` is protected from termination", stack)
            }
            Self::Nested { stack, root } => {
                message!("stack `{stack}` is nested: ask for its root `{root}`", stack, root)
            }
            Self::Status { stack, status, action } => message!(
                "stack `{stack}` is in {status}, which does not admit {action}",
                stack,
                status,
                action
            ),
            Self::Resource { resource } => message!(
                "`{resource}` is not among the resources that failed: only those can be left out",
                resource
            ),
            Self::Unfinished { stack } => unfinished(stack),
            Self::Policy { reason } => no_policy(reason),
            Self::Execute(error) => error.message(),
        }
    }
}

impl From<ExecuteError> for StackError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Store(error) => Self::Store(error),
            other => Self::Execute(Box::new(other)),
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

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}
