//! The records of a tree as the planner sees them.

use crate::clock::Clock;
use crate::engine::Engine;
use crate::provider::Provider;
use crate::record::{ResourceRecord, StackRecord};
use crate::status::StackStatus;
use crate::store::{StateStore, StoreError};
use kumiki_plan::Current;
use std::collections::BTreeMap;

impl<S: StateStore, P: Provider, C: Clock> Engine<S, P, C> {
    pub(crate) fn read_current(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Current, StoreError> {
        let ssm_parameters = self.provider.ssm_parameters(account, region)?;
        let mut current = Current { zones: self.zones(), ssm_parameters, ..Current::default() };
        let root = self.root(stack_name, account, region)?;
        let root_id = root.as_ref().map(|it| it.stack_id.as_str());
        for export in self.store.exports(account, region)? {
            if Some(export.root_id.as_str()) != root_id {
                current.other_exports.insert(export.name, export.value);
            }
        }
        for stack in self.store.stacks()? {
            let other = stack.is_root() && Some(stack.stack_id.as_str()) != root_id;
            if other && stack.account == account && stack.status != StackStatus::DeleteComplete {
                let outputs = stack.settled.outputs.into_iter().map(|(name, it)| (name, it.value));
                let stacks = current.other_outputs.entry(stack.region).or_default();
                stacks.insert(stack.name, outputs.collect());
            }
        }
        let Some(root) = root else { return Ok(current) };
        let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for it in self.store.imports(account, region)? {
            imports.entry(it.name).or_default().push(it.stack_name);
        }
        // The root's tags stand for all: what nested stacks add is among their properties.
        let tags = root.settled.tags.clone();
        let protected = root.termination_protection;
        let mut stacks = self.store.tree(&root.stack_id)?;
        stacks.retain(|it| it.status != StackStatus::DeleteComplete);
        stacks.sort_by(|one, two| one.path.cmp(&two.path));
        for mut stack in stacks {
            // A stack whose parent has let go of it is no part of the tree, though another may have
            // its place by now.
            if let Some((parent, logical_id)) = parent_of(&stack.path)
                && current
                    .resource(parent, logical_id)
                    .is_none_or(|it| it.physical_id != stack.stack_id)
            {
                continue;
            }
            for export in stack.settled.outputs.values().filter_map(|it| it.export.as_ref()) {
                if let Some(users) = imports.remove(export) {
                    current.imports.insert(export.clone(), users);
                }
            }
            let resources = self.store.resources(&stack.stack_id)?;
            stack.termination_protection = protected;
            current.stacks.insert(stack.path.clone(), current_stack(stack, resources, &tags));
        }
        Ok(current)
    }
}

/// The path of the parent, and the logical ID there.
pub(crate) fn parent_of(path: &str) -> Option<(&str, &str)> {
    (!path.is_empty()).then(|| path.rsplit_once('/').unwrap_or(("", path)))
}

fn current_stack(
    stack: StackRecord,
    resources: Vec<ResourceRecord>,
    tags: &BTreeMap<String, String>,
) -> kumiki_plan::CurrentStack {
    let exports = stack.settled.outputs.iter();
    let exports =
        exports.filter_map(|(output, it)| Some((it.export.clone()?, output.clone()))).collect();
    let resources = resources
        .into_iter()
        .filter(|it| it.is_owned() && !it.settled.physical_id.is_empty())
        .map(|it| {
            let settled = it.settled;
            let resource = kumiki_plan::CurrentResource {
                type_name: settled.type_name,
                physical_id: settled.physical_id,
                status: it.status.as_str().to_owned(),
                properties: settled.properties,
                attributes: settled.attributes,
                metadata: settled.metadata,
                deletion_policy: settled.deletion_policy,
                update_replace_policy: settled.update_replace_policy,
                depends_on: settled.depends_on,
            };
            (it.logical_id, resource)
        })
        .collect();
    kumiki_plan::CurrentStack {
        stack_id: stack.stack_id,
        name: stack.name,
        status: stack.status.as_str().to_owned(),
        template_digest: stack.settled.template_digest,
        parameters: stack.settled.parameters,
        tags: tags.clone(),
        outputs: stack.settled.outputs.into_iter().map(|(name, it)| (name, it.value)).collect(),
        exports,
        resources,
        stack_policy: stack.stack_policy,
        termination_protection: stack.termination_protection,
    }
}
