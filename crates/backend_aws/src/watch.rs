//! An operation followed to its end by the events of a root and of every stack under it.
//!
//! Only the service says how an operation ends: an answer that does not come is waited for, within
//! bounds, and never taken for an end.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html>

use crate::account::{Account, Pause, STACK_TYPE, child_path, millis, name_in, status_of};
use crate::error::ServiceError;
use aws_sdk_cloudformation::types::StackEvent;
use kumiki_engine::{
    Cancel, Cause, Event, Observe, OperationKind, Outcome, StackStatus, StoreError,
};
use kumiki_source::message;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many times in a row nothing may be heard before an operation is given up: with the pauses
/// between, and the SDK's own tries, about ten minutes.
const PATIENCE: u32 = 20;

/// What is known of a stack that is followed.
#[derive(Debug)]
struct Followed {
    path: String,
    /// The latest event that is known.
    seen: Option<String>,
    /// Whether more is to be expected.
    open: bool,
}

/// An operation that is followed.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    account: &'a Account,
    root_id: String,
    stacks: BTreeMap<String, Followed>,
    /// When the operation began, and what the service calls it.
    began: Option<(u64, String)>,
    sequence: u64,
    /// Events that were read and not shown yet: another stack may have an earlier one.
    held: Vec<Event>,
    failures: Vec<Event>,
    /// The latest event.
    last: u64,
    /// The status of the root in its latest event.
    status: Option<StackStatus>,
}

impl<'a> Watch<'a> {
    /// Will follow what is about to begin: everything after the latest event.
    pub(crate) async fn before(account: &'a Account, root_id: &str) -> Result<Self, StoreError> {
        let ask = account.cloudformation.describe_stack_events().stack_name(root_id);
        let page = ask.send().await;
        let page = page.map_err(|it| ServiceError::new("DescribeStackEvents", &it))?;
        let latest = page.stack_events().first().and_then(|it| it.event_id());
        Ok(Self::after(account, root_id, latest.map(str::to_owned), None))
    }

    /// Follows what began at some time before.
    pub(crate) fn since(account: &'a Account, root_id: &str, began: (u64, String)) -> Self {
        Self::after(account, root_id, None, Some(began))
    }

    fn after(
        account: &'a Account,
        root_id: &str,
        seen: Option<String>,
        began: Option<(u64, String)>,
    ) -> Self {
        let root = Followed { path: String::new(), seen, open: true };
        Self {
            account,
            root_id: root_id.to_owned(),
            stacks: BTreeMap::from([(root_id.to_owned(), root)]),
            began,
            sequence: 0,
            held: Vec::new(),
            failures: Vec::new(),
            last: 0,
            status: None,
        }
    }

    /// Follows the operation to its end; `good` are the statuses in which it succeeded.
    pub(crate) async fn follow(
        mut self,
        good: &[StackStatus],
        cancel: Option<&Cancel>,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StoreError> {
        let end = self.listen(cancel, observe).await;
        self.show(Some(u64::MAX), observe);
        end.map(|()| self.outcome(good))
    }

    async fn listen(
        &mut self,
        cancel: Option<&Cancel>,
        observe: &mut Observe<'_>,
    ) -> Result<(), StoreError> {
        let mut pause = Pause::new(2, 5);
        let mut silence = Pause::new(5, 30);
        let mut silent = 0;
        let mut cancelled = false;
        loop {
            // Everything that was read before this round is shown after it, in order.
            let complete = self.held.iter().map(|it| it.time).max();
            let heard = self.round().await;
            if heard.is_ok() {
                self.show(complete, observe);
            }
            match heard {
                Ok(true) => return Ok(()),
                Ok(false) if self.began.is_none() => silent += 1,
                Ok(false) => (silent, silence) = (0, Pause::new(5, 30)),
                Err(error) if error.is_passing() => silent += 1,
                Err(error) => return Err(error.into()),
            }
            if silent > PATIENCE {
                let stack = name_in(&self.root_id);
                return Err(StoreError::Refused(message!(
                    "nothing is heard of stack `{stack}` any more; what was begun goes on in the account: run the same command again, and it is followed to its end",
                    stack
                )));
            }
            let wanted = !cancelled && cancel.is_some_and(Cancel::is_cancelled);
            if wanted && self.status == Some(StackStatus::UpdateInProgress) {
                cancelled = self.cancel().await?;
            }
            match silent {
                0 => pause.wait().await,
                _ => silence.wait().await,
            }
        }
    }

    /// Asks for the update to be rolled back; whether the service heard.
    async fn cancel(&self) -> Result<bool, ServiceError> {
        let ask = self.account.cloudformation.cancel_update_stack();
        match ask.stack_name(&self.root_id).send().await {
            Ok(_) => Ok(true),
            Err(error) => match ServiceError::new("CancelUpdateStack", &error) {
                // It ended in the meantime.
                error if error.code == "ValidationError" => Ok(true),
                error if error.is_passing() => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Reads everything that is new; whether the operation has ended.
    async fn round(&mut self) -> Result<bool, ServiceError> {
        // The status before the events: what ended before they were read is among them.
        let Some(root) = self.account.stack(&self.root_id).await? else {
            // AWS tells of a deleted stack for 90 days; others that answer like it forget it.
            self.status = Some(StackStatus::DeleteComplete);
            return Ok(true);
        };
        let mut open: Vec<String> =
            self.stacks.iter().filter(|it| it.1.open).map(|it| it.0.clone()).collect();
        // The root's events first: they tell when the operation began.
        open.sort_by_key(|it| self.stacks.get(it).map(|it| it.path.len()));
        let mut open = VecDeque::from(open);
        let mut asked = BTreeSet::new();
        while let Some(stack) = open.pop_front() {
            if !asked.insert(stack.clone()) {
                continue;
            }
            for event in self.new_events(&stack).await? {
                open.extend(self.take(&stack, &event));
                self.held.push(self.event(&stack, &event));
            }
            if self.began.is_none() {
                return Ok(false);
            }
        }
        let status = status_of(&root);
        Ok(!status.in_progress() && self.status == Some(status))
    }

    /// Notes what an event says about the stacks; the nested stack that it is about.
    fn take(&mut self, stack: &str, event: &StackEvent) -> Option<String> {
        let status = event.resource_status().map_or("", |it| it.as_str());
        let physical_id = event.physical_resource_id().unwrap_or_default();
        let working = status.ends_with("_IN_PROGRESS");
        if event.resource_type() != Some(STACK_TYPE) || !physical_id.starts_with("arn:") {
            return None;
        }
        if physical_id == stack {
            let known = self.stacks.get_mut(stack)?;
            known.open = working || known.path.is_empty();
            if stack == self.root_id {
                self.status = StackStatus::parse(status);
                if self.began.is_none() {
                    let token = event.client_request_token().or(event.event_id());
                    let began = millis(event.timestamp());
                    self.began = Some((began, token.unwrap_or_default().to_owned()));
                }
            }
            return None;
        }
        let logical_id = event.logical_resource_id().unwrap_or_default();
        let path = child_path(&self.stacks.get(stack)?.path, logical_id);
        let known = self.stacks.entry(physical_id.to_owned());
        // Whatever is said about a nested stack, it may have more to say itself.
        known.or_insert(Followed { path, seen: None, open: true }).open = true;
        Some(physical_id.to_owned())
    }

    /// The events of a stack that are not known yet, oldest first.
    async fn new_events(&mut self, stack: &str) -> Result<Vec<StackEvent>, ServiceError> {
        let began = self.began.as_ref().map(|it| it.0);
        let Some(followed) = self.stacks.get_mut(stack) else { return Ok(Vec::new()) };
        let mut new: Vec<StackEvent> = Vec::new();
        let mut next = None;
        'pages: loop {
            let ask = self.account.cloudformation.describe_stack_events();
            let page = ask.stack_name(stack).set_next_token(next).send().await;
            let page = match page.map_err(|it| ServiceError::new("DescribeStackEvents", &it)) {
                Ok(page) => page,
                // A nested stack that could not even be begun.
                Err(error) if error.is_missing() && !followed.path.is_empty() => break,
                Err(error) => return Err(error),
            };
            next = page.next_token;
            for event in page.stack_events.unwrap_or_default() {
                let known = event.event_id.is_some() && event.event_id == followed.seen;
                if known || began.is_some_and(|it| millis(event.timestamp()) < it) {
                    break 'pages;
                }
                new.push(event);
            }
            if next.is_none() {
                break;
            }
        }
        if let Some(latest) = new.first() {
            followed.seen.clone_from(&latest.event_id);
        }
        new.reverse();
        Ok(new)
    }

    /// Shows what was read, up to a time, in the order of time.
    fn show(&mut self, until: Option<u64>, observe: &mut Observe<'_>) {
        self.held.sort_by_key(|it| it.time);
        let ready = self.held.partition_point(|it| until.is_some_and(|until| it.time <= until));
        for mut event in self.held.drain(..ready) {
            // The same event has the same place for whoever reads them all.
            self.sequence = (self.sequence + 1).max(event.time * 1000);
            event.sequence = self.sequence;
            self.last = self.last.max(event.time);
            if event.is_failure() {
                self.failures.push(event.clone());
            }
            observe(&event);
        }
    }

    fn event(&self, stack: &str, event: &StackEvent) -> Event {
        let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
        let (began, operation) = self.began.clone().unwrap_or_default();
        let time = millis(event.timestamp());
        Event {
            sequence: 0,
            time,
            elapsed: time.saturating_sub(began),
            operation: event.client_request_token().map_or(operation, str::to_owned),
            stack_path: self.stacks.get(stack).map(|it| it.path.clone()).unwrap_or_default(),
            stack_name: text(event.stack_name()),
            stack_id: stack.to_owned(),
            root_id: self.root_id.clone(),
            logical_id: text(event.logical_resource_id()),
            physical_id: text(event.physical_resource_id()),
            resource_type: text(event.resource_type()),
            status: text(event.resource_status().map(|it| it.as_str())),
            reason: event.resource_status_reason().map(str::to_owned),
        }
    }

    fn outcome(self, good: &[StackStatus]) -> Outcome {
        let (began, operation) = self.began.unwrap_or_default();
        let status = self.status.unwrap_or(StackStatus::UpdateFailed);
        let succeeded = good.contains(&status);
        Outcome {
            stack_name: name_in(&self.root_id).to_owned(),
            stack_id: self.root_id,
            status,
            succeeded,
            cause: (!succeeded).then(|| first_cause(&self.failures)).flatten(),
            elapsed: self.last.saturating_sub(began),
            operation,
        }
    }

    /// Every event that the service still knows of a root and everything under it.
    pub(crate) async fn all(
        account: &'a Account,
        root_id: &str,
        observe: &mut Observe<'_>,
    ) -> Result<(), ServiceError> {
        let mut watch = Self::since(account, root_id, (0, String::new()));
        watch.round().await?;
        watch.show(Some(u64::MAX), observe);
        Ok(())
    }
}

/// The first failure that is not the consequence of another; of several at one time, the deepest.
fn first_cause(failures: &[Event]) -> Option<Cause> {
    let original = |it: &&Event| it.reason.as_deref().is_some_and(|it| !is_consequence(it));
    let depth = |it: &Event| usize::MAX - it.stack_path.len();
    let first = failures.iter().filter(original).min_by_key(|it| (it.time, depth(it)));
    let event = first.or_else(|| failures.iter().min_by_key(|it| (it.time, depth(it))))?;
    Some(Cause {
        stack_path: event.stack_path.clone(),
        stack_name: event.stack_name.clone(),
        logical_id: event.logical_id.clone(),
        resource_type: event.resource_type.clone(),
        status: event.status.clone(),
        reason: event.reason.clone().unwrap_or_default(),
    })
}

/// Whether a reason only says that something else failed.
fn is_consequence(reason: &str) -> bool {
    let embedded = reason.starts_with("Embedded stack ")
        && (reason.contains("was not successfully") || reason.contains("failed"));
    embedded
        || reason.ends_with("cancelled")
        || reason.ends_with("cancelled.")
        || reason.starts_with("The following resource(s) failed")
}

/// The operation that a root is in the middle of: its kind, and when it began.
pub(crate) async fn beginning(
    account: &Account,
    root_id: &str,
) -> Result<Option<(OperationKind, (u64, String))>, ServiceError> {
    let mut next = None;
    loop {
        let ask = account.cloudformation.describe_stack_events().stack_name(root_id);
        let page = ask.set_next_token(next).send().await;
        let page = page.map_err(|it| ServiceError::new("DescribeStackEvents", &it))?;
        for event in page.stack_events() {
            if event.physical_resource_id() != Some(root_id) {
                continue;
            }
            let status = event.resource_status().map_or("", |it| it.as_str());
            // An update that fails is rolled back by itself; only people begin a rollback so.
            let asked = event.resource_status_reason() == Some("User Initiated");
            let kind = match status {
                "CREATE_IN_PROGRESS" => OperationKind::Create,
                "UPDATE_IN_PROGRESS" => OperationKind::Update,
                "DELETE_IN_PROGRESS" => OperationKind::Delete,
                "IMPORT_IN_PROGRESS" => OperationKind::Import,
                "ROLLBACK_IN_PROGRESS" if asked => OperationKind::Rollback,
                "UPDATE_ROLLBACK_IN_PROGRESS" if asked => OperationKind::ContinueRollback,
                _ => continue,
            };
            let token = event.client_request_token().or(event.event_id()).unwrap_or_default();
            return Ok(Some((kind, (millis(event.timestamp()), token.to_owned()))));
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(None);
        }
    }
}

/// The statuses in which an operation has done what was asked.
pub(crate) fn good(kind: OperationKind) -> &'static [StackStatus] {
    match kind {
        OperationKind::Create => &[StackStatus::CreateComplete],
        OperationKind::Update => &[StackStatus::UpdateComplete],
        OperationKind::Delete => &[StackStatus::DeleteComplete],
        OperationKind::Import => &[StackStatus::ImportComplete],
        OperationKind::Rollback => {
            &[StackStatus::RollbackComplete, StackStatus::UpdateRollbackComplete]
        }
        OperationKind::ContinueRollback => &[StackStatus::UpdateRollbackComplete],
    }
}
