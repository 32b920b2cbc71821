//! Statuses in CloudFormation's exact words.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word that CloudFormation uses.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The status of this word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The status of a stack.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html>
    StackStatus {
        /// A change set was made, and nothing else yet.
        ReviewInProgress = "REVIEW_IN_PROGRESS",
        /// Being created.
        CreateInProgress = "CREATE_IN_PROGRESS",
        /// Created.
        CreateComplete = "CREATE_COMPLETE",
        /// Could not be created.
        CreateFailed = "CREATE_FAILED",
        /// What was created is being removed.
        RollbackInProgress = "ROLLBACK_IN_PROGRESS",
        /// Nothing is left of a failed creation; the stack can only be deleted.
        RollbackComplete = "ROLLBACK_COMPLETE",
        /// Something is left of a failed creation.
        RollbackFailed = "ROLLBACK_FAILED",
        /// Being deleted.
        DeleteInProgress = "DELETE_IN_PROGRESS",
        /// Deleted.
        DeleteComplete = "DELETE_COMPLETE",
        /// Could not be deleted.
        DeleteFailed = "DELETE_FAILED",
        /// Being updated.
        UpdateInProgress = "UPDATE_IN_PROGRESS",
        /// Updated; what is no longer needed is being removed.
        UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        /// Updated.
        UpdateComplete = "UPDATE_COMPLETE",
        /// Could not be updated, and was left so.
        UpdateFailed = "UPDATE_FAILED",
        /// Going back to what it was before the update.
        UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS",
        /// As before the update; what the update had made is being removed.
        UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        /// As before the update.
        UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE",
        /// Could not go back.
        UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED",
        /// Taking over existing resources.
        ImportInProgress = "IMPORT_IN_PROGRESS",
        /// Took over existing resources.
        ImportComplete = "IMPORT_COMPLETE",
        /// Giving back resources.
        ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS",
        /// Gave back resources.
        ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE",
        /// Could not give back resources.
        ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED",
    }
}

words! {
    /// The status of a resource of a stack.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResource.html>
    ResourceStatus {
        /// Being created.
        CreateInProgress = "CREATE_IN_PROGRESS",
        /// Created.
        CreateComplete = "CREATE_COMPLETE",
        /// Could not be created.
        CreateFailed = "CREATE_FAILED",
        /// Being updated or replaced.
        UpdateInProgress = "UPDATE_IN_PROGRESS",
        /// Updated or replaced.
        UpdateComplete = "UPDATE_COMPLETE",
        /// Could not be updated or replaced.
        UpdateFailed = "UPDATE_FAILED",
        /// Being deleted.
        DeleteInProgress = "DELETE_IN_PROGRESS",
        /// Deleted.
        DeleteComplete = "DELETE_COMPLETE",
        /// Could not be deleted.
        DeleteFailed = "DELETE_FAILED",
        /// Left alone by a policy; no stack owns it any more.
        DeleteSkipped = "DELETE_SKIPPED",
        /// Being taken over.
        ImportInProgress = "IMPORT_IN_PROGRESS",
        /// Taken over.
        ImportComplete = "IMPORT_COMPLETE",
        /// Could not be taken over.
        ImportFailed = "IMPORT_FAILED",
        /// Being given back.
        ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS",
        /// Given back; the stack does not own it.
        ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE",
    }
}

words! {
    /// What becomes of what was done when an operation fails.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>
    OnFailure {
        /// It is taken back.
        Rollback = "ROLLBACK",
        /// It stays: the operation can be taken up again, or rolled back later.
        DoNothing = "DO_NOTHING",
        /// A stack that could not be created is deleted; an update is taken back.
        Delete = "DELETE",
    }
}

words! {
    /// Whether a stack is as its template says, when it was last looked at.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackDriftInformation.html>
    StackDriftStatus {
        /// A resource is not as the template says.
        Drifted = "DRIFTED",
        /// Every resource that was looked at is as the template says.
        InSync = "IN_SYNC",
        /// It was never looked at.
        NotChecked = "NOT_CHECKED",
    }
}

words! {
    /// Whether a resource is as its template says.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResourceDrift.html>
    ResourceDriftStatus {
        /// It is.
        InSync = "IN_SYNC",
        /// A property has another value.
        Modified = "MODIFIED",
        /// It does not exist any more.
        Deleted = "DELETED",
        /// It cannot be told.
        NotChecked = "NOT_CHECKED",
    }
}

words! {
    /// How a property differs from what the template says.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_PropertyDifference.html>
    DifferenceType {
        /// It is there, and the template does not say it.
        Add = "ADD",
        /// It is not there, and the template says it.
        Remove = "REMOVE",
        /// It has another value.
        NotEqual = "NOT_EQUAL",
    }
}

words! {
    /// The status of a change set.
    ChangeSetStatus {
        /// Waiting to be made.
        CreatePending = "CREATE_PENDING",
        /// Being made.
        CreateInProgress = "CREATE_IN_PROGRESS",
        /// Made.
        CreateComplete = "CREATE_COMPLETE",
        /// Could not be made.
        Failed = "FAILED",
        /// Deleted.
        DeleteComplete = "DELETE_COMPLETE",
    }
}

words! {
    /// Whether a change set can be executed, or what became of it.
    ExecutionStatus {
        /// It cannot be executed.
        Unavailable = "UNAVAILABLE",
        /// It can be executed.
        Available = "AVAILABLE",
        /// It is being executed.
        ExecuteInProgress = "EXECUTE_IN_PROGRESS",
        /// It was executed.
        ExecuteComplete = "EXECUTE_COMPLETE",
        /// It was executed and failed.
        ExecuteFailed = "EXECUTE_FAILED",
        /// The stack changed since it was made.
        Obsolete = "OBSOLETE",
    }
}

impl StackStatus {
    /// Whether an operation is under way.
    pub fn in_progress(self) -> bool {
        self.as_str().ends_with("_IN_PROGRESS") && self != Self::ReviewInProgress
    }

    /// Whether an operation failed in this status and was left so: it can be taken up again, or
    /// rolled back.
    pub fn is_paused(self) -> bool {
        matches!(self, Self::CreateFailed | Self::UpdateFailed)
    }

    /// Whether a change set can be made and executed in this status.
    pub fn updatable(self) -> bool {
        matches!(
            self,
            Self::CreateComplete
                | Self::UpdateComplete
                | Self::UpdateRollbackComplete
                | Self::ImportComplete
                | Self::ImportRollbackComplete
        )
    }
}

impl ResourceStatus {
    /// Whether an operation is under way.
    pub fn in_progress(self) -> bool {
        self.as_str().ends_with("_IN_PROGRESS")
    }

    /// Whether it is as a failure left it.
    pub fn is_failed(self) -> bool {
        matches!(
            self,
            Self::CreateFailed | Self::UpdateFailed | Self::DeleteFailed | Self::ImportFailed
        )
    }

    /// Whether the stack no longer has the resource.
    pub fn is_gone(self) -> bool {
        matches!(self, Self::DeleteComplete | Self::DeleteSkipped | Self::ImportRollbackComplete)
    }

    /// Whether the resource is as the stack wants it.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::CreateComplete | Self::UpdateComplete | Self::ImportComplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for word in ["REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"] {
            assert_eq!(StackStatus::parse(word).map(StackStatus::as_str), Some(word));
            assert!(serde_json::to_string(&StackStatus::parse(word)).unwrap().contains(word));
        }
        assert_eq!(StackStatus::parse("create_complete"), None);
        assert!(!StackStatus::ReviewInProgress.in_progress());
        assert!(!StackStatus::RollbackComplete.updatable());
    }
}
