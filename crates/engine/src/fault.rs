//! Errors as CloudFormation's API tells them: a code and a sentence.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>

use crate::backend::{CreateChangeSetError, ExecuteError, StackError};
use crate::import::ImportRefusal;
use crate::status::StackStatus;

/// An error as CloudFormation's API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code, `ValidationError`.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
}

fn fault(code: &'static str, message: impl Into<String>) -> Fault {
    Fault { code, message: message.into() }
}

fn invalid(message: impl Into<String>) -> Fault {
    fault("ValidationError", message)
}

fn paused(status: StackStatus) -> Fault {
    invalid(format!(
        "This stack is currently in a non-terminal [{status}] state. To update the stack from this \
         state, please use the disable-rollback parameter with update-stack API. To rollback to the \
         last known good state, use the rollback-stack API"
    ))
}

fn policy(reason: &str) -> Fault {
    invalid(format!("Error validating stack policy: {reason}"))
}

/// What an operation that was interrupted, or a state that cannot be used, is to a client.
fn internal(error: &dyn std::fmt::Display) -> Fault {
    fault("InternalFailure", error.to_string())
}

impl CreateChangeSetError {
    /// The error as CloudFormation's API tells it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoChanges => invalid(NO_CHANGES),
            Self::Status { stack, status } => {
                invalid(format!("Stack:{stack} is in {status} state and can not be updated."))
            }
            Self::NameTaken { name } => fault(
                "AlreadyExistsException",
                format!(
                    "ChangeSet {name} cannot be created due to a mismatch with existing attribute"
                ),
            ),
            Self::TypeChanged { resources } => invalid(format!(
                "Update of resource type is not permitted. The new template modifies resource type \
                 of the following resources: [{}]",
                resources.join(", ")
            )),
            Self::Paused { status, .. } => paused(*status),
            Self::Capabilities { missing } => {
                let words: Vec<&str> = missing.iter().map(|it| it.as_str()).collect();
                let words = words.join(", ");
                fault(
                    "InsufficientCapabilitiesException",
                    format!("Requires capabilities : [{words}]"),
                )
            }
            Self::StackName { stack } => invalid(format!(
                "1 validation error detected: Value '{stack}' at 'stackName' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: \
                 [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
            )),
            Self::SsmParameters { missing } => invalid(format!(
                "Unable to fetch parameters [{}] from parameter store for this account.",
                missing.join(",")
            )),
            Self::Quota(it) => match it.what {
                "Resources" | "Parameters" | "Outputs" | "Mappings" => invalid(format!(
                    "Template format error: Number of {}, {}, is greater than maximum allowed, {}",
                    it.what.to_lowercase(),
                    it.found,
                    it.most
                )),
                what => invalid(format!(
                    "1 validation error detected: Value at '{}' failed to satisfy constraint: \
                     Member must have length less than or equal to {}",
                    what, it.most
                )),
            },
            Self::Import(refusal) => import(refusal),
            Self::Store(_) | Self::Unfinished { .. } | Self::OtherStack => internal(self),
        }
    }
}

/// What CloudFormation says of a change set without changes.
pub(crate) const NO_CHANGES: &str = "The submitted information didn't contain changes. Submit \
                                     different information to create a change set.";

fn import(refusal: &ImportRefusal) -> Fault {
    invalid(match refusal {
        ImportRefusal::NotInTemplate { resource } => {
            format!("Resource {resource} to import is not in the template")
        }
        ImportRefusal::NoPolicy { resource } => format!(
            "The following resources to import [{resource}] must have DeletionPolicy attribute \
             specified in the template."
        ),
        ImportRefusal::Owned { resource } => format!(
            "Resources [{resource}] passed in ResourceToImport are already in a stack and cannot be \
             imported."
        ),
        ImportRefusal::Identifier { resource, expected } => {
            format!("Invalid ResourceIdentifier for resource {resource}. Expected [{expected}]")
        }
        ImportRefusal::Other { resource } => format!(
            "You have modified resources [{resource}] in your template that are not being imported. \
             Update, create or delete operations cannot be executed during import operations."
        ),
    })
}

impl ExecuteError {
    /// The error as CloudFormation's API tells it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoSuchChangeSet { id } => {
                fault("ChangeSetNotFound", format!("ChangeSet [{id}] does not exist"))
            }
            Self::NotAvailable { name, execution } => fault(
                "InvalidChangeSetStatus",
                format!(
                    "ChangeSet [{name}] cannot be executed in its current execution status of \
                     [{execution}]"
                ),
            ),
            Self::Paused { status, .. } => paused(*status),
            Self::Policy { reason } => policy(reason),
            Self::Secret { parameter } => {
                invalid(format!("Parameters: [{parameter}] must have values"))
            }
            Self::Store(_) | Self::Unfinished { .. } | Self::Template { .. } => internal(self),
        }
    }
}

impl StackError {
    /// The error as CloudFormation's API tells it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoSuchStack { stack } => invalid(format!("Stack [{stack}] does not exist")),
            Self::Protected { stack } => invalid(format!(
                "Stack [{stack}] cannot be deleted while TerminationProtection is enabled"
            )),
            Self::Nested { stack, root } => invalid(format!(
                "Operation is not allowed on nested stack [{stack}]. Please use the root stack \
                 [{root}]"
            )),
            Self::Status { stack, status, action } => {
                invalid(format!("Stack:{stack} is in {status} state and can not do {action}."))
            }
            Self::Resource { resource } => invalid(format!(
                "Invalid operation on stack: resource [{resource}] is not in a failed state"
            )),
            Self::Policy { reason } => policy(reason),
            Self::Execute(error) => error.fault(),
            Self::Store(_) | Self::Unfinished { .. } => internal(self),
        }
    }
}
