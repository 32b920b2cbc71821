//! The commands that only read the state: each is a table for people and a list for machines.

use crate::Exit;
use crate::args::{Global, Show};
use crate::command::plan;
use crate::output::{Output, Stop};
use crate::target;
use crate::watch::time;
use kumiki_backend_local::fidelity;
use kumiki_engine::{Backend, StackRecord};
use kumiki_project::Inputs;
use kumiki_source::message;
use serde::Serialize;
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

pub(crate) fn status(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    #[derive(Serialize)]
    struct Row {
        path: String,
        name: String,
        status: String,
        reason: Option<String>,
        resources: usize,
        template: String,
    }
    shown(
        args,
        global,
        output,
        "status",
        "stacks",
        |backend, _, stacks| {
            let mut rows = Vec::new();
            for stack in stacks {
                let resources =
                    backend.resources(&stack.stack_id).map_err(|it| Stop::new(it.message()))?;
                rows.push(Row {
                    path: stack.path,
                    name: stack.name,
                    status: stack.status.to_string(),
                    reason: stack.reason,
                    resources: resources.len(),
                    template: stack.template,
                });
            }
            Ok(rows)
        },
        |it| {
            vec![it.name.clone(), it.status.clone(), it.resources.to_string(), it.template.clone()]
        },
    )
}

pub(crate) fn events(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    shown(
        args,
        global,
        output,
        "events",
        "events",
        |backend, inputs, _| {
            backend
                .events(&inputs.stack_name, &inputs.account, &inputs.region, 0)
                .map_err(|it| Stop::new(it.message()))
        },
        |it| {
            vec![
                timestamp(it.time),
                time(it.elapsed),
                it.status.clone(),
                match it.stack_path.as_str() {
                    "" => it.logical_id.clone(),
                    path => format!("{path}/{}", it.logical_id),
                },
                it.resource_type.clone(),
                it.reason.clone().unwrap_or_default(),
            ]
        },
    )
}

pub(crate) fn outputs(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    #[derive(Serialize)]
    struct Row {
        name: String,
        value: String,
        export: Option<String>,
    }
    shown(
        args,
        global,
        output,
        "outputs",
        "outputs",
        |_, _, stacks| {
            let root = stacks.into_iter().next();
            let outputs = root.map(|it| it.settled.outputs).unwrap_or_default();
            let row = |(name, it): (String, kumiki_engine::OutputRecord)| Row {
                name,
                value: it.value,
                export: it.export,
            };
            Ok(outputs.into_iter().map(row).collect())
        },
        |it| vec![it.name.clone(), it.value.clone()],
    )
}

pub(crate) fn exports(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    #[derive(Serialize)]
    struct Row {
        name: String,
        value: String,
        exporter: String,
        importers: Vec<String>,
    }
    shown(
        args,
        global,
        output,
        "exports",
        "exports",
        |backend, inputs, stacks| {
            let ours: BTreeMap<String, String> =
                stacks.into_iter().map(|it| (it.stack_id, it.name)).collect();
            let failed = |it: kumiki_engine::StoreError| Stop::new(it.message());
            let imports = backend.imports(&inputs.account, &inputs.region).map_err(failed)?;
            let exports = backend.exports(&inputs.account, &inputs.region).map_err(failed)?;
            let rows = exports.into_iter().filter_map(|it| {
                let exporter = ours.get(&it.stack_id)?.clone();
                let importers = imports.iter().filter(|import| import.name == it.name);
                Some(Row {
                    exporter,
                    importers: importers.map(|it| it.stack_name.clone()).collect(),
                    name: it.name,
                    value: it.value,
                })
            });
            Ok(rows.collect())
        },
        |it| vec![it.name.clone(), it.value.clone(), it.importers.len().to_string()],
    )
}

pub(crate) fn resources(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    #[derive(Serialize)]
    struct Row {
        path: String,
        r#type: String,
        physical_id: String,
        status: String,
        /// How well the type is rehearsed, and what of this resource is not.
        fidelity: &'static str,
        note: Option<String>,
    }
    shown(
        args,
        global,
        output,
        "resources",
        "resources",
        |backend, _, stacks| {
            let mut rows = Vec::new();
            for stack in stacks {
                let records =
                    backend.resources(&stack.stack_id).map_err(|it| Stop::new(it.message()))?;
                rows.extend(records.into_iter().map(|it| Row {
                    path: match stack.path.as_str() {
                        "" => it.logical_id,
                        path => format!("{path}/{}", it.logical_id),
                    },
                    r#type: it.settled.type_name.clone(),
                    physical_id: it.settled.physical_id,
                    status: it.status.to_string(),
                    fidelity: fidelity(&it.settled.type_name).as_str(),
                    note: it.settled.fidelity,
                }));
            }
            Ok(rows)
        },
        |it| vec![it.path.clone(), it.r#type.clone(), it.status.clone(), it.physical_id.clone()],
    )
}

/// Reads rows about the stacks of a root and shows them.
fn shown<R: Serialize>(
    args: &Show,
    global: &Global,
    output: &Output,
    command: &str,
    list: &'static str,
    read: impl FnOnce(&dyn Backend, &Inputs, Vec<StackRecord>) -> Result<Vec<R>, Stop>,
    cells: impl Fn(&R) -> Vec<String>,
) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &deployment.inputs;
    let backend = target::reader(&project, &deployment, global)?;
    let mut stacks = backend.stacks().map_err(|it| Stop::new(it.message()))?;
    let root = stacks.iter().find(|it| {
        it.path.is_empty()
            && it.name == inputs.stack_name
            && it.account == inputs.account
            && it.region == inputs.region
    });
    let root = root.map(|it| it.stack_id.clone());
    stacks.retain(|it| Some(&it.root_id) == root.as_ref());
    let exists = !stacks.is_empty();
    let rows = read(&*backend, inputs, stacks)?;
    if output.json {
        #[derive(Serialize)]
        struct Content<'c, R: Serialize> {
            stack: &'c str,
            #[serde(flatten)]
            list: BTreeMap<&'static str, Vec<R>>,
        }
        let stack = &inputs.stack_name;
        output.document(command, Content { stack, list: BTreeMap::from([(list, rows)]) });
        return Ok(Exit::Done);
    }
    if !exists && rows.is_empty() {
        let (stack, target) = (&inputs.stack_name, target::words(&args.target, global));
        output.say(&message!(
            "there is no stack `{stack}` yet: `kumiki up {target}` creates it",
            stack,
            target
        ));
        return Ok(Exit::Done);
    }
    table(rows.iter().map(cells).collect(), output);
    Ok(Exit::Done)
}

/// Columns as wide as their widest cell; the last one is not padded.
fn table(rows: Vec<Vec<String>>, output: &Output) {
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    for row in &rows {
        let mut line = String::new();
        for (index, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if row[index + 1..].iter().any(|it| !it.is_empty()) {
                line.extend(std::iter::repeat_n(' ', widths[index] - cell.width() + 2));
            }
        }
        output.line(&line);
    }
}

/// Milliseconds since 1970 as RFC 3339 in UTC, to the second.
fn timestamp(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(chrono::DateTime::from_timestamp_millis);
    time.map(|it| it.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn timestamps_are_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_510_094_999, "2026-11-24T08:48:14Z"),
        ];
        for (milliseconds, expected) in cases {
            assert_eq!(super::timestamp(milliseconds), expected);
        }
    }
}
