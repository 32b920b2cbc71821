//! AWS CloudFormation as a place to deploy to: the only crate that knows AWS's SDK.
//!
//! Deploys by change sets and by nothing else. Keeps no state of its own: each command asks the
//! account. Never prints, and no secret reaches a message.

mod account;
mod bucket;
mod call;
mod change_set;
pub mod checks;
mod error;
mod live;
mod package;
#[cfg(test)]
mod scripted;
mod session;
mod shown;
mod verbs;
mod watch;

pub use call::{Ask, Call, Request, Service};
pub use change_set::{change_set_name, stage_of};
pub use error::ServiceError;
pub use session::{Caller, Session, Settings};

use crate::account::Account;
use aws_sdk_s3::config::Region;
use kumiki_engine::{
    Backend, ChangeSetRecord, ChangeSetRequest, CreateChangeSetError, DriftRecord, Event,
    ExecuteError, ExecuteOptions, ExportRecord, ImportRecord, Observe, OperationRecord, Outcome,
    ResourceRecord, StackError, StackRecord, StoreError,
};
use kumiki_plan::{Current, ServiceChangeSet};
use kumiki_project::Given;
use kumiki_source::Message;

/// The root that is worked on, and what it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The name of the root stack.
    pub stack_name: String,
    /// The account, 12 digits.
    pub account: String,
    /// The Region of the stacks.
    pub region: String,
    /// The bucket of artifacts, if there is one.
    pub bucket: Option<String>,
    /// The Region of the bucket.
    pub bucket_region: String,
    /// The ARN of the role that CloudFormation acts in, if another than who asks.
    pub service_role: Option<String>,
    /// Whether this root makes bucket and role, so that it is first deployed without them.
    pub bootstraps: bool,
    /// The environment's name.
    pub environment: String,
    /// The root's name in the project.
    pub root: String,
}

/// CloudFormation in an account.
#[derive(Debug)]
pub struct AwsBackend {
    session: Session,
    account: Account,
    warnings: Vec<Message>,
}

impl AwsBackend {
    /// Will work on a root. Asks nobody yet.
    pub fn new(session: Session, place: Place) -> Self {
        let config = session.config();
        let endpoint = config.endpoint_url().map(str::to_owned);
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .region(Region::new(place.bucket_region.clone()))
            // A bucket is no part of the host's name where AWS is elsewhere.
            .force_path_style(endpoint.is_some())
            .build();
        let account = Account {
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            place,
            endpoint,
        };
        Self { session, account, warnings: Vec::new() }
    }
}

impl Backend for AwsBackend {
    fn current(&self, stack_name: &str, _: &str, _: &str) -> Result<Current, StoreError> {
        self.session.wait(self.account.current(stack_name))
    }

    fn create_change_set(
        &mut self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<ChangeSetRecord, CreateChangeSetError> {
        let made = self.session.wait(self.account.create(request))?;
        self.warnings.extend(made.warning);
        Ok(made.record)
    }

    fn take_warnings(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.warnings)
    }

    fn execute_change_set(
        &mut self,
        id: &str,
        options: &ExecuteOptions,
        _: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        self.session.wait(self.account.execute(id, options, observe))
    }

    fn service_change_set(&self, id: &str) -> Result<Option<ServiceChangeSet>, StoreError> {
        Ok(self.session.wait(self.account.shown(id))?)
    }

    fn keep(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        self.session.wait(async {
            match self.account.bucket().await? {
                Some(bucket) => self.account.put(bucket, key, text).await,
                None => Ok(()),
            }
        })?;
        Ok(())
    }

    fn change_set_plan(&self, id: &str) -> Result<Option<serde_json::Value>, StoreError> {
        let kept = self.session.wait(async {
            match self.account.describe(id).await {
                Ok(described) => self.account.kept(&described).await,
                Err(error) if error.is_missing() => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        Ok(kept.map(|it| it.plan))
    }

    fn recorded_text(&self, digest: &str) -> Result<Option<String>, StoreError> {
        Ok(self.session.wait(self.account.recorded(digest))?)
    }

    fn delete_change_set(&mut self, id: &str) -> Result<(), ExecuteError> {
        self.session.wait(self.account.drop_change_set(id))
    }

    fn unfinished(&self) -> Result<Option<OperationRecord>, StoreError> {
        Ok(self.session.wait(self.account.unfinished())?)
    }

    fn resume(
        &mut self,
        _: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Option<Outcome>, ExecuteError> {
        Ok(self.session.wait(self.account.resume(observe))?)
    }

    fn delete_stack(
        &mut self,
        stack_id: &str,
        retain: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.session.wait(self.account.delete(stack_id, retain, observe))
    }

    fn rollback_stack(
        &mut self,
        stack_id: &str,
        retain_except_on_create: bool,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.session.wait(self.account.roll_back(stack_id, retain_except_on_create, observe))
    }

    fn continue_rollback(
        &mut self,
        stack_id: &str,
        skip: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.session.wait(self.account.continue_rollback(stack_id, skip, observe))
    }

    fn cancel_update(
        &mut self,
        stack_id: &str,
        _: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.session.wait(self.account.cancel(stack_id, observe))
    }

    fn set_stack_policy(&mut self, stack_id: &str, policy: &str) -> Result<(), StackError> {
        self.session.wait(self.account.set_policy(stack_id, policy))
    }

    fn set_termination_protection(
        &mut self,
        stack_id: &str,
        protected: bool,
    ) -> Result<(), StackError> {
        self.session.wait(self.account.protect(stack_id, protected))
    }

    fn detect_drift(&mut self, stack_id: &str) -> Result<DriftRecord, StackError> {
        self.session.wait(self.account.drift(stack_id))
    }

    fn template(&self, stack_id: &str) -> Result<Option<String>, StoreError> {
        Ok(self.session.wait(self.account.template(stack_id))?)
    }

    fn events(
        &self,
        stack_name: &str,
        _: &str,
        _: &str,
        after: u64,
    ) -> Result<Vec<Event>, StoreError> {
        Ok(self.session.wait(self.account.events(stack_name, after))?)
    }

    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        Ok(self.session.wait(self.account.stacks())?)
    }

    fn stack_named(
        &self,
        stack_name: &str,
        _: &str,
        _: &str,
    ) -> Result<Option<StackRecord>, StoreError> {
        Ok(self.session.wait(self.account.named(stack_name))?)
    }

    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError> {
        Ok(self.session.wait(self.account.resource_records(stack_id))?)
    }

    fn exports(&self, _: &str, _: &str) -> Result<Vec<ExportRecord>, StoreError> {
        Ok(self.session.wait(self.account.export_records())?)
    }

    fn imports(&self, _: &str, _: &str) -> Result<Vec<ImportRecord>, StoreError> {
        Ok(self.session.wait(self.account.import_records())?)
    }

    fn change_sets(
        &self,
        stack_name: &str,
        _: &str,
        _: &str,
    ) -> Result<Vec<ChangeSetRecord>, StoreError> {
        Ok(self.session.wait(self.account.change_sets(stack_name))?)
    }
}
