//! What a running deployment has made known.

use crate::record::{ExportRecord, Settled};
use kumiki_project::{Cloud, ResourceRef, Value};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a running deployment has made known so far; expressions are evaluated against it.
#[derive(Default)]
pub(crate) struct Live {
    stacks: RefCell<HashMap<String, Known>>,
    exports: RefCell<BTreeMap<String, ExportRecord>>,
    imported: RefCell<BTreeSet<String>>,
    zones: HashMap<String, Vec<String>>,
    /// Outputs of every stack of the account by Region, stack and output.
    outputs: HashMap<(String, String), BTreeMap<String, String>>,
}

#[derive(Default)]
struct Known {
    stack_id: String,
    name: String,
    resources: HashMap<String, (String, serde_json::Map<String, Json>)>,
}

impl Live {
    pub(crate) fn new(
        exports: Vec<ExportRecord>,
        zones: HashMap<String, Vec<String>>,
        outputs: HashMap<(String, String), BTreeMap<String, String>>,
    ) -> Self {
        let exports = exports.into_iter().map(|it| (it.name.clone(), it)).collect();
        Self { exports: RefCell::new(exports), zones, outputs, ..Self::default() }
    }

    pub(crate) fn add_stack(&self, path: &str, stack_id: &str, name: &str) {
        let mut stacks = self.stacks.borrow_mut();
        let known = stacks.entry(path.to_owned()).or_default();
        stack_id.clone_into(&mut known.stack_id);
        name.clone_into(&mut known.name);
    }

    /// From now on the resource can be referred to.
    pub(crate) fn learn(&self, path: &str, logical_id: &str, settled: &Settled) {
        if let Some(known) = self.stacks.borrow_mut().get_mut(path) {
            let facts = (settled.physical_id.clone(), settled.attributes.clone());
            known.resources.insert(logical_id.to_owned(), facts);
        }
    }

    pub(crate) fn export(&self, name: &str) -> Option<ExportRecord> {
        self.exports.borrow().get(name).cloned()
    }

    pub(crate) fn put_export(&self, export: ExportRecord) {
        self.exports.borrow_mut().insert(export.name.clone(), export);
    }

    pub(crate) fn remove_export(&self, name: &str) {
        self.exports.borrow_mut().remove(name);
    }

    /// The exports that were asked for since the last time.
    pub(crate) fn take_imported(&self) -> BTreeSet<String> {
        self.imported.take()
    }
}

/// An attribute by its name, or inside one that is an object: `Endpoint.Address`.
fn attribute<'j>(attributes: &'j serde_json::Map<String, Json>, name: &str) -> Option<&'j Json> {
    if let Some(value) = attributes.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    rest.split('.').try_fold(attributes.get(first)?, |value, part| value.get(part))
}

impl Cloud for Live {
    fn physical_id(&self, resource: &ResourceRef) -> Option<Value> {
        let stacks = self.stacks.borrow();
        let (physical_id, _) =
            stacks.get(&*resource.stack)?.resources.get(&*resource.logical_id)?;
        Some(Value::text(physical_id.as_str()))
    }

    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        let stacks = self.stacks.borrow();
        let (_, attributes) = stacks.get(&*resource.stack)?.resources.get(&*resource.logical_id)?;
        attribute(attributes, name).map(Value::from_json)
    }

    fn import(&self, name: &str) -> Option<Value> {
        self.imported.borrow_mut().insert(name.to_owned());
        self.exports.borrow().get(name).map(|it| Value::text(it.value.as_str()))
    }

    fn stack_output(&self, stack: &str, output: &str, region: &str) -> Option<Value> {
        let outputs = self.outputs.get(&(region.to_owned(), stack.to_owned()))?;
        outputs.get(output).map(|it| Value::text(it.as_str()))
    }

    fn zones(&self, region: &str) -> Option<Vec<String>> {
        self.zones.get(region).cloned()
    }

    fn stack_id(&self, path: &str) -> Option<String> {
        self.stacks.borrow().get(path).map(|it| it.stack_id.clone())
    }

    fn stack_name(&self, path: &str) -> Option<String> {
        self.stacks.borrow().get(path).map(|it| it.name.clone())
    }
}
