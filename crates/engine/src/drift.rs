//! Drift: what exists is compared with what the templates say.
//!
//! Only what a template says is compared: a property that it does not name may have any value, as
//! its default is the service's. What a service never gives back, or alone decides, is left out.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html>

use crate::clock::Clock;
use crate::engine::Engine;
use crate::execute::STACK_TYPE;
use crate::provider::Provider;
use crate::record::{DriftRecord, PropertyDifference, ResourceDrift, ResourceRecord, StackRecord};
use crate::status::{DifferenceType, ResourceDriftStatus, StackDriftStatus};
use crate::store::{StateStore, StoreError};
use kumiki_schema::ResourceType;
use serde_json::Value as Json;

impl<S: StateStore, P: Provider, C: Clock> Engine<S, P, C> {
    /// Compares the resources of a stack with what exists.
    pub(crate) fn drift(&mut self, stack: &StackRecord) -> Result<DriftRecord, StoreError> {
        let mut resources = Vec::new();
        for record in self.store.resources(&stack.stack_id)? {
            if record.is_owned() && !record.settled.physical_id.is_empty() {
                resources.push(self.resource_drift(stack, record)?);
            }
        }
        let drifted = |it: &ResourceDrift| {
            matches!(it.status, ResourceDriftStatus::Modified | ResourceDriftStatus::Deleted)
        };
        let status = match resources.iter().any(drifted) {
            true => StackDriftStatus::Drifted,
            false => StackDriftStatus::InSync,
        };
        Ok(DriftRecord { status, checked: self.clock.now(), resources })
    }

    fn resource_drift(
        &mut self,
        stack: &StackRecord,
        record: ResourceRecord,
    ) -> Result<ResourceDrift, StoreError> {
        let settled = record.settled;
        let mut drift = ResourceDrift {
            logical_id: record.logical_id,
            physical_id: settled.physical_id,
            resource_type: settled.type_name,
            status: ResourceDriftStatus::NotChecked,
            expected: settled.properties,
            actual: None,
            differences: Vec::new(),
        };
        // A nested stack is compared by itself; of a type without a schema nothing is known.
        let schema = kumiki_schema::resource_type(&drift.resource_type);
        let Some(schema) = schema.filter(|_| drift.resource_type != STACK_TYPE) else {
            return Ok(drift);
        };
        let (type_name, id) = (&drift.resource_type, &drift.physical_id);
        drift.actual = self.provider.read(&stack.account, &stack.region, type_name, id)?;
        drift.status = match &drift.actual {
            None => ResourceDriftStatus::Deleted,
            Some(actual) => {
                let (expected, differences) = (&drift.expected, &mut drift.differences);
                compare(schema, &mut Vec::new(), Some(expected), Some(actual), differences);
                match differences.is_empty() {
                    true => ResourceDriftStatus::InSync,
                    false => ResourceDriftStatus::Modified,
                }
            }
        };
        Ok(drift)
    }
}

fn compare(
    schema: &ResourceType,
    path: &mut Vec<String>,
    expected: Option<&Json>,
    actual: Option<&Json>,
    differences: &mut Vec<PropertyDifference>,
) {
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    if !path.is_empty() && (schema.is_read_only(&segments) || schema.is_write_only(&segments)) {
        return;
    }
    let (expected, actual) =
        (expected.filter(|it| !it.is_null()), actual.filter(|it| !it.is_null()));
    let kind = match (expected, actual) {
        (Some(Json::Object(wanted)), Some(Json::Object(found))) => {
            let more = found.keys().filter(|_| !path.is_empty());
            let mut names: Vec<&String> = wanted.keys().chain(more).collect();
            names.sort();
            names.dedup();
            for name in names {
                path.push(name.clone());
                compare(schema, path, wanted.get(name), found.get(name), differences);
                path.pop();
            }
            return;
        }
        (Some(Json::Array(wanted)), Some(Json::Array(found))) => {
            for index in 0..wanted.len().max(found.len()) {
                path.push(index.to_string());
                compare(schema, path, wanted.get(index), found.get(index), differences);
                path.pop();
            }
            return;
        }
        (None, None) => return,
        (Some(one), Some(other)) if same(one, other) => return,
        (Some(_), Some(_)) => DifferenceType::NotEqual,
        (Some(_), None) => DifferenceType::Remove,
        (None, Some(_)) => DifferenceType::Add,
    };
    let escaped = |it: &String| it.replace('~', "~0").replace('/', "~1");
    differences.push(PropertyDifference {
        path: path.iter().fold(String::new(), |text, it| text + "/" + &escaped(it)),
        kind,
        expected: expected.cloned(),
        actual: actual.cloned(),
    });
}

/// Providers read `"80"` and `80` alike, so they are no difference.
fn same(one: &Json, other: &Json) -> bool {
    let scalar = |it: &Json| match it {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(it.to_string()),
        _ => None,
    };
    one == other || scalar(one).is_some_and(|it| Some(it) == scalar(other))
}
