//! Who makes single resources.

use crate::store::StoreError;
use kumiki_plan::Detail;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// What is asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A new resource.
    Create,
    /// A change in place.
    Update,
    /// The end of a resource.
    Delete,
    /// A resource that exists gets an owner; nothing about it changes.
    Import,
}

impl Verb {
    /// The word used in commands, `create`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Import => "import",
        }
    }
}

/// A request for one resource.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// What is asked.
    pub verb: Verb,
    /// The type.
    pub type_name: &'r str,
    /// The account.
    pub account: &'r str,
    /// The Region.
    pub region: &'r str,
    /// The path of the stack in its tree.
    pub stack_path: &'r str,
    /// The stack's name.
    pub stack_name: &'r str,
    /// The stack's ARN.
    pub stack_id: &'r str,
    /// The logical ID.
    pub logical_id: &'r str,
    /// The physical ID, unless it is created.
    pub physical_id: &'r str,
    /// The physical ID of the resource that a new one takes the place of.
    pub replaces: Option<&'r str>,
    /// The properties that it should have; for a deletion, those that it has. Values that come
    /// from secret parameters are masked.
    pub properties: &'r Json,
    /// The properties that it has, for an update.
    pub previous: Option<&'r Json>,
    /// The tags that it gets besides those among its properties.
    pub tags: &'r [(String, String)],
    /// Whether a snapshot is taken before it is deleted.
    pub snapshot: bool,
    /// Whether it takes back what a failed operation did.
    pub rollback: bool,
    /// The operation that asks.
    pub operation: &'r str,
    /// Requests with equal tokens are one request: the second gets the answer of the first.
    pub token: &'r str,
    /// What everything made up for the resource follows from: one for each physical resource.
    pub seed: [u8; 32],
}

/// What a provider answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How it went.
    pub result: Result<Made, Refused>,
    /// How long AWS would take, in milliseconds.
    pub takes: u64,
}

/// A resource as it is after a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    /// What `Ref` gives.
    pub physical_id: String,
    /// What `Fn::GetAtt` gives, by attribute.
    pub attributes: Map<String, Json>,
    /// What is not modelled about it, if the provider stands in for one that it does not have.
    pub fidelity: Option<String>,
}

/// A value of the Parameter Store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsmParameter {
    /// The value.
    pub value: String,
    /// Whether only AWS knows it, and another stands in its place.
    pub made_up: bool,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason, in the words of the service.
    pub reason: String,
}

/// Makes single resources. What it has answered is not durable before [`flush`](Self::flush).
pub trait Provider {
    /// Does what is asked. A deletion of what does not exist succeeds.
    ///
    /// # Errors
    /// When the provider's own records cannot be used; a resource that fails is an answer.
    fn perform(&mut self, request: &Request<'_>) -> Result<Answer, StoreError>;

    /// Makes durable what was answered since the last time: all of it, or nothing.
    ///
    /// # Errors
    /// When nothing was made durable.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// Forgets all tokens: their operation has ended, and every answer is recorded.
    ///
    /// # Errors
    /// When the provider's own records cannot be used.
    fn forget(&mut self) -> Result<(), StoreError>;

    /// The properties of a resource as they are in the world, if it exists.
    ///
    /// # Errors
    /// When the provider's own records cannot be used.
    fn read(
        &mut self,
        account: &str,
        region: &str,
        type_name: &str,
        physical_id: &str,
    ) -> Result<Option<Json>, StoreError>;

    /// The value of the Parameter Store with this name or ARN, if there is one.
    ///
    /// # Errors
    /// When the provider's own records cannot be used.
    fn ssm_parameter(
        &mut self,
        _account: &str,
        _region: &str,
        _name: &str,
    ) -> Result<Option<SsmParameter>, StoreError> {
        Ok(None)
    }

    /// The values of the Parameter Store that it can list: name, value.
    ///
    /// # Errors
    /// When the provider's own records cannot be used.
    fn ssm_parameters(
        &self,
        _account: &str,
        _region: &str,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        Ok(BTreeMap::new())
    }

    /// Whether changes that replace a resource conditionally do so in this case.
    fn replaces(&self, type_name: &str, details: &[Detail]) -> bool;

    /// The zones of each Region, as `Fn::GetAZs` lists them in the account.
    fn zones(&self, region: &str) -> Option<Vec<String>>;
}
