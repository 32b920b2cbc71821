//! The stacks as an execution left them, from what it was made of.

use crate::current::{Current, CurrentResource, CurrentStack};
use crate::diff::desired_json;
use crate::planner::{Planner, secrets, text};
use crate::secret::digest;
use kumiki_project::{Inputs, Library, TemplateId, Tree, Unknown, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the stacks would be if nothing had touched them since a root was deployed with these
/// templates and inputs. Identifiers and attributes are those of now; what is not known without
/// another execution is as it is now too.
pub fn settled(library: &Library, root: TemplateId, inputs: &Inputs, current: &Current) -> Current {
    let planner = Planner::new(current);
    let tree = Tree::evaluate_with(library, root, inputs, &planner, &mut |_, _| {});
    let secrets = secrets(&tree);
    let stacks = tree.stacks.iter().enumerate().map(|(index, stack)| {
        let now = current.stacks.get(&*stack.path).cloned().unwrap_or_default();
        let parameters = stack.parameters.iter();
        let outputs = stack.outputs.iter();
        let resources = stack.resources.iter().filter(|it| !it.condition.is_false());
        let settled = CurrentStack {
            status: "UPDATE_COMPLETE".to_owned(),
            template_digest: digest(
                library.sources.get(library.template(stack.template).file).text(),
            ),
            parameters: parameters
                .filter_map(|it| Some((it.name.to_string(), secrets.text(text(&it.value)?))))
                .collect(),
            tags: inputs.tags.iter().cloned().collect(),
            outputs: outputs
                .filter_map(|it| {
                    let known = text(&it.value).map(|it| secrets.text(it));
                    Some((
                        it.name.to_string(),
                        known.or_else(|| now.outputs.get(&*it.name).cloned())?,
                    ))
                })
                .collect(),
            exports: tree
                .exports
                .iter()
                .filter(|it| it.stack == index)
                .map(|it| (it.name.to_string(), stack.outputs[it.output].name.to_string()))
                .collect(),
            resources: resources
                .filter_map(|it| {
                    let now = now.resources.get(&*it.logical_id).cloned().unwrap_or_default();
                    let properties = match desired_json(&it.properties) {
                        Some(json) => secrets.json(json),
                        None if now.type_name != *it.type_name => return None,
                        None if now.properties.is_null() => secrets.json(described(&it.properties)),
                        None => now.properties.clone(),
                    };
                    let depends_on = it.dependencies.iter();
                    let depends_on: BTreeSet<String> = depends_on
                        .map(|it| stack.resources[it.on].logical_id.to_string())
                        .collect();
                    let resource = CurrentResource {
                        type_name: it.type_name.to_string(),
                        status: "UPDATE_COMPLETE".to_owned(),
                        properties,
                        metadata: match desired_json(&it.metadata) {
                            Some(json) => Some(secrets.json(json)),
                            None => now.metadata.clone(),
                        },
                        deletion_policy: it.deletion_policy.as_str().to_owned(),
                        update_replace_policy: it.update_replace_policy.as_str().to_owned(),
                        depends_on: depends_on.into_iter().collect(),
                        ..now
                    };
                    Some((it.logical_id.to_string(), resource))
                })
                .collect(),
            ..now
        };
        (stack.path.to_string(), settled)
    });
    Current { stacks: stacks.collect(), ..current.clone() }
}

/// Properties of which nothing was recorded: what is not known stands as what it waits for.
fn described(properties: &Value) -> Json {
    let words = |it: &Arc<Unknown>| Some(Json::String(it.describe().to_string()));
    properties.to_json(&words).unwrap_or_default()
}
