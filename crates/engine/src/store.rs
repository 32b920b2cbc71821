//! Where the engine's records are kept.

use crate::event::Event;
use crate::record::{
    ChangeSetRecord, ExportRecord, ImportRecord, OperationRecord, ResourceRecord, StackRecord,
};
use kumiki_source::Message;

/// Why records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system or the database refuses.
    #[error("the state cannot be used: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A record is not what it should be.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// The service that keeps them refuses, or cannot be reached.
    #[error("the service refuses")]
    Refused(Message),
}

/// One change of the records. Applying it twice is the same as once.
#[derive(Clone, Copy, Debug)]
pub enum Change<'r> {
    /// A stack is as given.
    Stack(&'r StackRecord),
    /// A resource of the stack with this ARN is as given.
    Resource(&'r str, &'r ResourceRecord),
    /// The stack with this ARN has no resources any more.
    NoResources(&'r str),
    /// An export is as given.
    Export(&'r ExportRecord),
    /// An account and Region no longer have an export of this name.
    NoExport(&'r ExportRecord),
    /// A stack uses an export.
    Import(&'r ImportRecord),
    /// A stack no longer uses an export.
    NoImport(&'r ImportRecord),
    /// A change set is as given.
    ChangeSet(&'r ChangeSetRecord),
    /// An operation is as given.
    Operation(&'r OperationRecord),
    /// A text: its SHA-256 in hexadecimal, and itself.
    Text(&'r str, &'r str),
    /// Something happened.
    Event(&'r Event),
}

/// Where the engine's records are kept. Reading sees everything that was committed.
pub trait StateStore {
    /// Every stack, deleted ones included, in the order of their ARNs.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError>;

    /// The stacks of a tree.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn tree(&self, root_id: &str) -> Result<Vec<StackRecord>, StoreError>;

    /// The resources of a stack, in the order of their logical IDs.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError>;

    /// The exports of an account and Region, by name.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError>;

    /// The uses of exports of an account and Region, by name of the export, then of the stack.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError>;

    /// Every change set, in the order in which they were made.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn change_sets(&self) -> Result<Vec<ChangeSetRecord>, StoreError>;

    /// The change set with this ARN.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn change_set(&self, id: &str) -> Result<Option<ChangeSetRecord>, StoreError>;

    /// The operation with this ID.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn operation(&self, id: &str) -> Result<Option<OperationRecord>, StoreError>;

    /// The operation that began last: no other can be unfinished.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn last_operation(&self) -> Result<Option<OperationRecord>, StoreError>;

    /// The text with this SHA-256.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn text(&self, digest: &str) -> Result<Option<String>, StoreError>;

    /// The events after a sequence number, oldest first; of one tree only, if its root is given.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn events(&self, root_id: Option<&str>, after: u64) -> Result<Vec<Event>, StoreError>;

    /// The sequence number of the latest event, 0 when there is none.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn last_sequence(&self) -> Result<u64, StoreError>;

    /// Makes all of the changes, or none.
    ///
    /// # Errors
    /// When nothing was changed.
    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError>;
}
