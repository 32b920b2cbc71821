//! What is done to stacks that exist: the ways out of every status that is no rest, and what is
//! set on a stack.

use crate::backend::{Backend as _, Cancel, Observe, Outcome, StackError};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::execute::{STACK_TYPE, child_path};
use crate::provider::Provider;
use crate::record::{OperationKind, Phase, ResourceRecord, Settings, StackRecord};
use crate::status::{ResourceStatus, StackStatus};
use crate::store::{Change, StateStore};
use kumiki_project::Given;
use std::collections::BTreeSet;

impl<S: StateStore, P: Provider, C: Clock> Engine<S, P, C> {
    /// The stack with this ARN that exists.
    pub(crate) fn stack(&self, stack_id: &str) -> Result<StackRecord, StackError> {
        let found = self.store.stacks()?.into_iter().find(|it| it.stack_id == stack_id);
        found
            .filter(|it| it.status != StackStatus::DeleteComplete)
            .ok_or_else(|| StackError::NoSuchStack { stack: stack_id.to_owned() })
    }

    /// The same, if it is a root.
    pub(crate) fn only_root(&self, stack_id: &str) -> Result<StackRecord, StackError> {
        let stack = self.stack(stack_id)?;
        if stack.is_root() {
            return Ok(stack);
        }
        let root = self.stack(&stack.root_id)?.name;
        Err(StackError::Nested { stack: stack.name, root })
    }

    /// The same, if no operation was interrupted.
    fn resting_root(&self, stack_id: &str) -> Result<StackRecord, StackError> {
        let root = self.only_root(stack_id)?;
        match self.interrupted()? {
            Some(stack) => Err(StackError::Unfinished { stack }),
            None => Ok(root),
        }
    }

    /// Changes what is set on a stack.
    pub(crate) fn amend_stack(
        &mut self,
        stack_id: &str,
        amend: impl FnOnce(&mut StackRecord),
    ) -> Result<(), StackError> {
        if let Some(stack) = self.interrupted()? {
            return Err(StackError::Unfinished { stack });
        }
        let mut stack = self.stack(stack_id)?;
        amend(&mut stack);
        Ok(self.store.commit(&[Change::Stack(&stack)])?)
    }

    pub(crate) fn delete(
        &mut self,
        stack_id: &str,
        retain: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let root = self.resting_root(stack_id)?;
        if root.termination_protection {
            return Err(StackError::Protected { stack: root.name });
        }
        if !retain.is_empty() && root.status != StackStatus::DeleteFailed {
            let (stack, status) = (root.name, root.status);
            return Err(StackError::Status { stack, status, action: "RetainResources" });
        }
        let retain =
            self.named_resources(&root, retain, |it, _| it.status == ResourceStatus::DeleteFailed)?;
        let settings = Settings { retain, ..Settings::default() };
        let operation = self.operation(&root, OperationKind::Delete, None, settings);
        Ok(self.run(operation, root, &[], &Cancel::default(), observe)?)
    }

    pub(crate) fn roll_back(
        &mut self,
        stack_id: &str,
        retain_except_on_create: bool,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let root = self.resting_root(stack_id)?;
        if !root.status.is_paused() {
            let (stack, status) = (root.name, root.status);
            return Err(StackError::Status { stack, status, action: "RollbackStack" });
        }
        let settings = Settings { retain_except_on_create, ..Settings::default() };
        let operation = self.operation(&root, OperationKind::Rollback, None, settings);
        Ok(self.run(operation, root, &[], &Cancel::default(), observe)?)
    }

    pub(crate) fn go_on_rolling_back(
        &mut self,
        stack_id: &str,
        skip: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let root = self.resting_root(stack_id)?;
        if root.status != StackStatus::UpdateRollbackFailed {
            let (stack, status) = (root.name, root.status);
            return Err(StackError::Status { stack, status, action: "ContinueUpdateRollback" });
        }
        // A nested stack is skipped as a whole only when it is gone, or nearly.
        let skip = self.named_resources(&root, skip, |it, child| {
            let gone = child.is_none_or(|it| it.status == StackStatus::DeleteFailed);
            it.status == ResourceStatus::UpdateFailed
                && (it.settled.type_name != STACK_TYPE || gone)
        })?;
        let settings = Settings { skip, ..Settings::default() };
        let operation = self.operation(&root, OperationKind::ContinueRollback, None, settings);
        Ok(self.run(operation, root, &[], &Cancel::default(), observe)?)
    }

    pub(crate) fn cancel(
        &mut self,
        stack_id: &str,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let root = self.only_root(stack_id)?;
        let running = self.unfinished()?.filter(|it| {
            it.root_id == root.stack_id
                && it.kind == OperationKind::Update
                && it.phase == Phase::Forward
        });
        let Some(operation) = running else {
            let (stack, status) = (root.name, root.status);
            return Err(StackError::Status { stack, status, action: "CancelUpdateStack" });
        };
        let cancel = Cancel::default();
        cancel.cancel();
        Ok(self.take_up(operation, given, &cancel, observe)?)
    }

    /// Resources by their paths, or by the name of a nested stack and their logical ID, as paths.
    fn named_resources(
        &self,
        root: &StackRecord,
        names: &[String],
        admitted: impl Fn(&ResourceRecord, Option<&StackRecord>) -> bool,
    ) -> Result<BTreeSet<String>, StackError> {
        let mut paths = BTreeSet::new();
        if names.is_empty() {
            return Ok(paths);
        }
        let stacks = self.store.tree(&root.stack_id)?;
        let there = |it: &&StackRecord| it.status != StackStatus::DeleteComplete;
        for name in names {
            let refused = || StackError::Resource { resource: name.clone() };
            let by_name = name.rsplit_once('.').and_then(|(stack, logical_id)| {
                let stack = stacks.iter().filter(there).find(|it| it.name == stack)?;
                Some((stack, logical_id))
            });
            let by_path = || {
                let (path, logical_id) = name.rsplit_once('/').unwrap_or(("", name));
                Some((stacks.iter().filter(there).find(|it| it.path == path)?, logical_id))
            };
            let (stack, logical_id) = by_name.or_else(by_path).ok_or_else(refused)?;
            let resources = self.store.resources(&stack.stack_id)?;
            let record = resources.iter().find(|it| it.logical_id == logical_id);
            let path = child_path(&stack.path, logical_id);
            let child = stacks.iter().filter(there).find(|it| it.path == path);
            if !record.is_some_and(|it| admitted(it, child)) {
                return Err(refused());
            }
            paths.insert(path);
        }
        Ok(paths)
    }
}
