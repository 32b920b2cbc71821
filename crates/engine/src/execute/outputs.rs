//! The end of going forward: outputs and exports.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html>

use super::desired::{created, text_of, unresolved};
use super::journal::and_list;
use super::{Desired, Run, exports_of};
use crate::record::{ExportRecord, How, OperationKind, OutputRecord, Phase, Touched};
use crate::status::StackStatus;
use kumiki_project::Scope;
use kumiki_template::Template;
use std::collections::BTreeMap;

impl Run<'_> {
    /// Every resource of a stack is what it should be.
    pub(super) fn forward_over(&mut self, stack: usize) {
        if !self.failures.is_empty() {
            return;
        }
        if self.stacks[stack].stage.as_ref().is_some_and(|it| !it.failed.is_empty()) {
            return self.left_failed(stack, None);
        }
        let outputs = match self.outputs(stack) {
            Ok(outputs) => outputs,
            Err(reason) => return self.stack_failed(stack, reason, None),
        };
        let record = &self.stacks[stack].record;
        let before = exports_of(record, &record.settled);
        let mut settled = record.settled.clone();
        settled.outputs = outputs;
        let after = exports_of(record, &settled);
        if let Err(reason) = self.check_exports(stack, &before, &after) {
            return self.stack_failed(stack, reason, None);
        }
        let changed = record.settled.outputs != settled.outputs;
        let gone = self.mark_removed(stack);
        if changed || gone {
            self.activate(stack);
        }
        for (name, export) in &before {
            if !after.contains_key(name) {
                self.set_export(export.clone(), false);
            }
        }
        for (name, export) in after {
            if before.get(&name) != Some(&export) {
                self.set_export(export, true);
            }
        }
        let imports = std::mem::take(&mut self.stacks[stack].imports);
        let unused: Vec<String> =
            self.stacks[stack].record.settled.imports.difference(&imports).cloned().collect();
        for name in unused {
            self.set_import(stack, &name, false);
        }
        settled.imports = imports;
        let state = &mut self.stacks[stack];
        let silent = state.record.previous.as_deref() != Some(&settled);
        state.record.settled = settled;
        if silent || state.active {
            self.journal.stack(stack);
        }
        self.forward_ended(stack);
    }

    /// What marks a stack that was given values that only AWS knows.
    fn made_up(&self, stack: usize) -> Option<String> {
        let names = &self.stacks[stack].desired.as_ref()?.made_up;
        (!names.is_empty())
            .then(|| format!("Rehearsed with made-up values of {}", names.join(", ")))
    }

    fn forward_ended(&mut self, stack: usize) {
        let creating = self.stacks[stack].record.status == StackStatus::CreateInProgress;
        if self.stacks[stack].active {
            let status = match creating {
                true => StackStatus::CreateComplete,
                false => StackStatus::UpdateCompleteCleanupInProgress,
            };
            if stack == 0 && self.operation.kind == OperationKind::Import {
                return self.end(StackStatus::ImportComplete, None, true);
            }
            if stack == 0 && creating {
                return self.end(status, self.made_up(stack), true);
            }
            self.stack_status(stack, status, self.made_up(stack));
        }
        if stack != 0 {
            return self.nested_applied(stack);
        }
        self.operation.phase = Phase::Cleanup;
        self.journal.operation = true;
        self.enter_cleanup(0);
    }

    fn outputs(&mut self, stack: usize) -> Result<BTreeMap<String, OutputRecord>, String> {
        let Some(Desired { template, scope, .. }) = &self.stacks[stack].desired else {
            return Ok(BTreeMap::new());
        };
        let mut outputs = BTreeMap::new();
        for decl in &template.outputs {
            if decl.condition.as_ref().is_some_and(|it| scope.condition(it).is_false()) {
                continue;
            }
            let value = scope.evaluate(&decl.value);
            if value.is_absent() {
                continue;
            }
            let Some(text) = text_of(&value) else { return Err(unresolved(&value)) };
            let export = match &decl.export {
                None => None,
                Some(expr) => {
                    let name = scope.evaluate(expr);
                    match name.as_text() {
                        Some(text) => Some(text.to_owned()),
                        None => return Err(unresolved(&name)),
                    }
                }
            };
            let output = OutputRecord {
                value: self.frame.secrets.text(text),
                export,
                description: decl.description.as_ref().map(|it| it.text.to_string()),
            };
            outputs.insert(decl.name.text.to_string(), output);
        }
        self.note_imports(stack);
        Ok(outputs)
    }

    fn check_exports(
        &self,
        stack: usize,
        before: &BTreeMap<String, ExportRecord>,
        after: &BTreeMap<String, ExportRecord>,
    ) -> Result<(), String> {
        for (name, export) in after {
            if let Some(other) = self.frame.live.export(name)
                && other.stack_id != export.stack_id
            {
                let by = other.stack_id;
                return Err(format!("Export with name {name} is already exported by stack {by}"));
            }
        }
        for (name, export) in before {
            let what = match after.get(name) {
                Some(new) if new.value == export.value => continue,
                Some(_) => "update",
                None => "delete",
            };
            let users = self.importers(stack, name);
            if !users.is_empty() {
                let users = and_list(&users);
                return Err(format!("Cannot {what} export {name} as it is in use by {users}."));
            }
        }
        Ok(())
    }

    /// The resources that a stack has and its template has not.
    pub(super) fn leaving(
        &self,
        stack: usize,
        template: &Template,
        scope: &Scope<'_>,
    ) -> Vec<String> {
        let stays = |logical_id: &str| {
            template.resources.get(logical_id).is_some_and(|it| created(it, scope))
        };
        let owned = self.stacks[stack].resources.values().filter(|it| it.is_owned());
        owned.filter(|it| !stays(&it.logical_id)).map(|it| it.logical_id.clone()).collect()
    }

    /// Marks what leaves the stack, to be deleted once the whole tree has become what it should.
    fn mark_removed(&mut self, stack: usize) -> bool {
        if self.operation.kind == OperationKind::Create {
            return false;
        }
        let Some(Desired { template, scope, .. }) = &self.stacks[stack].desired else {
            return false;
        };
        let gone = self.leaving(stack, template, scope);
        for logical_id in &gone {
            let touched = Touched::new(&self.operation.id, How::Removed);
            if let Some(record) = self.stacks[stack].resources.get_mut(logical_id) {
                record.touched = Some(touched);
                self.journal.resource(stack, logical_id);
            }
        }
        !gone.is_empty()
    }
}
