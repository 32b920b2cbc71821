//! `kumiki drift` compares what exists with the templates; `kumiki tamper` makes something differ.

use crate::Exit;
use crate::args::{Global, Show, Tamper};
use crate::command::{plan, protect};
use crate::output::{Output, Stop, Style};
use crate::target;
use kumiki_backend_local::Options;
use kumiki_engine::{Backend, ResourceDrift, ResourceDriftStatus, StackDriftStatus};
use kumiki_source::message;
use serde::Serialize;
use serde_json::Value as Json;

/// A resource of a stack of the tree.
#[derive(Serialize)]
struct Row {
    path: String,
    #[serde(flatten)]
    drift: ResourceDrift,
}

pub(crate) fn drift(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &deployment.inputs;
    let mut backend = target::writer(&project, &deployment, global, Options::default())?;
    let root = protect::at(&*backend, inputs, "")?;
    let stacks = backend.stacks().map_err(|it| Stop::new(it.message()))?;
    let mut rows = Vec::new();
    let mut drifted = false;
    for stack in stacks.into_iter().filter(|it| it.root_id == root.stack_id) {
        let found = backend.detect_drift(&stack.stack_id).map_err(|it| Stop::new(it.message()))?;
        drifted |= found.status == StackDriftStatus::Drifted;
        rows.extend(found.resources.into_iter().map(|drift| Row {
            path: match stack.path.as_str() {
                "" => drift.logical_id.clone(),
                path => format!("{path}/{}", drift.logical_id),
            },
            drift,
        }));
    }
    let exit = if drifted { Exit::Failed } else { Exit::Done };
    let stack = &root.name;
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            stack: &'c str,
            drifted: bool,
            resources: Vec<Row>,
        }
        output.document("drift", Content { stack, drifted, resources: rows });
        return Ok(exit);
    }
    show(stack, &rows, output);
    Ok(exit)
}

fn show(stack: &str, rows: &[Row], output: &Output) {
    let of = |status: ResourceDriftStatus| rows.iter().filter(move |it| it.drift.status == status);
    let differ = of(ResourceDriftStatus::Modified).chain(of(ResourceDriftStatus::Deleted));
    for it in differ {
        let status = output.paint(Style::Red, it.drift.status.as_str());
        output.line(&format!(
            "{status}  {}  {}  {}",
            it.path, it.drift.resource_type, it.drift.physical_id
        ));
        for difference in &it.drift.differences {
            let text =
                |it: &Option<Json>| it.as_ref().map_or_else(|| "-".to_owned(), Json::to_string);
            output.line(&format!(
                "  {}  {}  {} -> {}",
                difference.kind,
                difference.path,
                text(&difference.expected),
                text(&difference.actual)
            ));
        }
    }
    output.say(&message!(
        "stack `{stack}`: {modified} modified, {deleted} deleted, {same} as the templates say, {unchecked} not checked",
        stack,
        modified = of(ResourceDriftStatus::Modified).count(),
        deleted = of(ResourceDriftStatus::Deleted).count(),
        same = of(ResourceDriftStatus::InSync).count(),
        unchecked = of(ResourceDriftStatus::NotChecked).count()
    ));
}

pub(crate) fn tamper(args: &Tamper, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let change = args.property.as_deref().map(|text| {
        let no_value = || {
            Stop::new(message!("`{text}` gives no property a value", text))
                .help(message!("write `Property=JSON`, such as `Tags.0.Value=\"x\"`"))
        };
        let (path, value) = text.split_once('=').ok_or_else(no_value)?;
        Ok((path, serde_json::from_str::<Json>(value).map_err(|_| no_value())?))
    });
    let change = change.transpose()?;
    target::local_only("kumiki tamper", true, global)?;
    let mut backend = target::local(&project.state_folder(), Options::default())?;
    let resource = &args.resource;
    let (path, logical_id) = resource.rsplit_once('/').unwrap_or(("", resource));
    let stack = protect::at(&backend, &deployment.inputs, path)?;
    let records = backend.resources(&stack.stack_id).map_err(|it| Stop::new(it.message()))?;
    let nothing = || {
        Stop::new(message!("there is no resource `{resource}` to alter", resource))
            .help(message!("`kumiki resources` lists what exists"))
    };
    let record = records.into_iter().find(|it| it.logical_id == logical_id && it.is_owned());
    let record = record.ok_or_else(nothing)?;
    let alter = change.as_ref().map(|(path, value)| move |json: &mut Json| set(json, path, value));
    let alter = alter.as_ref().map(|it| it as &dyn Fn(&mut Json));
    if !backend.tamper(&stack, &record, alter).map_err(|it| Stop::new(it.message()))? {
        return Err(nothing());
    }
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            resource: &'c str,
            deleted: bool,
        }
        output.document("tamper", Content { resource, deleted: args.delete });
    } else if args.delete {
        output.say(&message!(
            "`{resource}` does not exist any more, and its stack does not know",
            resource
        ));
    } else {
        output.say(&message!("`{resource}` is altered, and its stack does not know", resource));
    }
    Ok(Exit::Done)
}

/// Sets a value at a path such as `Tags.0.Value`, and makes what leads there.
fn set(json: &mut Json, path: &str, value: &Json) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let place = match (json.as_array_mut(), first.parse::<usize>()) {
        (Some(items), Ok(index)) => {
            if index >= items.len() {
                items.push(Json::Null);
            }
            let last = items.len() - 1;
            &mut items[index.min(last)]
        }
        _ => {
            if !json.is_object() {
                *json = Json::Object(serde_json::Map::new());
            }
            match json.as_object_mut() {
                Some(map) => map.entry(first).or_insert(Json::Null),
                None => return,
            }
        }
    };
    if rest.is_empty() { value.clone_into(place) } else { set(place, rest, value) }
}
