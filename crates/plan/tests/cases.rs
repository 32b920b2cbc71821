//! Each file of `cases/` is a project before and after a change, with the plan that is expected.
//!
//! `=== name` begins a file of the project before the change, `+++ name` one that takes its place
//! afterwards. `=== account.json` says what else is true: who imports, and the stacks' policies by
//! their paths. `=== expected` holds the plan. `KUMIKI_BLESS=1` writes what comes out instead.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "the cases are files")]

use kumiki_plan::{
    Action, Current, CurrentResource, CurrentStack, GuardKind, Operation, Refusal, Replacement,
    Secrets, plan, plan_removal,
};
use kumiki_project::{
    Cloud, FileError, Files, Inputs, Kind, Library, ResourceRef, Tree, Value, parse_parameter_file,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

struct Memory(BTreeMap<String, String>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }
}

/// A cloud in which everything exists: identifiers and attributes say whose they are.
struct Everything;

impl Cloud for Everything {
    fn physical_id(&self, resource: &ResourceRef) -> Option<Value> {
        Some(Value::text(format!("id:{resource}")))
    }
    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        Some(Value::text(format!("{name}:{resource}")))
    }
    fn import(&self, _: &str) -> Option<Value> {
        None
    }
    fn stack_output(&self, _: &str, _: &str, _: &str) -> Option<Value> {
        None
    }
    fn zones(&self, _: &str) -> Option<Vec<String>> {
        Some(vec!["a".to_owned(), "c".to_owned()])
    }
    fn stack_id(&self, path: &str) -> Option<String> {
        Some(format!("arn:{path}"))
    }
    fn stack_name(&self, path: &str) -> Option<String> {
        Some(format!("name:{path}"))
    }
}

fn load(files: &Memory) -> (Library, Inputs) {
    let mut library = Library::default();
    library.load("stack.yaml", files);
    assert_eq!(library.diagnostics, []);
    let file = library.read("parameters.json", files).unwrap();
    let parameters = parse_parameter_file(file, library.sources.get(file).text()).parameters;
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let inputs = Inputs {
        environment: "dev".to_owned(),
        region: "ap-northeast-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "facility-dev".to_owned(),
        tags: parameters
            .iter()
            .filter(|it| &*it.name == "Owner")
            .map(|it| tag("Owner", &it.value))
            .collect(),
        parameters,
        parameter_file: Some(file),
    };
    (library, inputs)
}

/// What the stacks are after the project was deployed.
fn settle(files: &Memory) -> Current {
    let (library, inputs) = load(files);
    let root = library.find("stack.yaml").unwrap();
    let tree = Tree::evaluate_with(&library, root, &inputs, &Everything, &mut |_, _| {});
    assert_eq!(tree.diagnostics, []);
    // Like the engine: what a parameter hides is recorded as a digest.
    let secrets = Secrets::new("root");
    for it in tree.stacks.iter().flat_map(|it| &it.parameters).filter(|it| it.no_echo) {
        secrets.add(it.value.as_text().unwrap());
    }
    let mut current = Current::default();
    current.zones.insert("ap-northeast-1".to_owned(), vec!["a".to_owned(), "c".to_owned()]);
    for (index, stack) in tree.stacks.iter().enumerate() {
        let mut settled = CurrentStack {
            stack_id: format!("arn:{}", stack.path),
            name: format!("name:{}", stack.path),
            status: "CREATE_COMPLETE".to_owned(),
            tags: inputs.tags.iter().cloned().collect(),
            ..Default::default()
        };
        for it in stack.resources.iter().filter(|it| !it.condition.is_false()) {
            let id = match &*stack.path {
                "" => it.logical_id.to_string(),
                path => format!("{path}/{}", it.logical_id),
            };
            let schema = kumiki_schema::resource_type(&it.type_name).unwrap();
            let attributes = schema.attributes().iter().map(|attribute| {
                let name = attribute.name;
                (name.to_owned(), format!("{name}:{id}").into())
            });
            let resource = CurrentResource {
                type_name: it.type_name.to_string(),
                physical_id: format!("id:{id}"),
                status: "CREATE_COMPLETE".to_owned(),
                properties: secrets.json(kumiki_plan::desired_json(&it.properties).unwrap()),
                metadata: Some(secrets.json(kumiki_plan::desired_json(&it.metadata).unwrap())),
                attributes: attributes.collect(),
                deletion_policy: it.deletion_policy.as_str().to_owned(),
                update_replace_policy: it.update_replace_policy.as_str().to_owned(),
                ..Default::default()
            };
            settled.resources.insert(it.logical_id.to_string(), resource);
        }
        for it in &stack.outputs {
            let value = match &it.value.kind {
                Kind::List(items) => {
                    items.iter().filter_map(Value::as_text).collect::<Vec<_>>().join(",")
                }
                _ => it.value.as_text().unwrap().to_owned(),
            };
            settled.outputs.insert(it.name.to_string(), secrets.text(value));
        }
        for it in tree.exports.iter().filter(|it| it.stack == index) {
            let output = &stack.outputs[it.output];
            settled.exports.insert(it.name.to_string(), output.name.to_string());
        }
        current.stacks.insert(stack.path.to_string(), settled);
    }
    for it in &tree.imports {
        let users = current.imports.entry(it.name.to_string()).or_default();
        let name = format!("name:{}", it.path);
        if !users.contains(&name) {
            users.push(name);
        }
    }
    let account: serde_json::Value = files
        .0
        .get("account.json")
        .map_or_else(Default::default, |it| serde_json::from_str(it).unwrap());
    for (export, users) in account["imports"].as_object().into_iter().flatten() {
        let users = serde_json::from_value::<Vec<String>>(users.clone()).unwrap();
        current.imports.entry(export.clone()).or_default().extend(users);
    }
    for (path, policy) in account["policies"].as_object().into_iter().flatten() {
        current.stacks.get_mut(path).unwrap().stack_policy = Some(policy.to_string());
    }
    current
}

fn show(files: &Memory, current: &Current) -> String {
    let (library, inputs) = load(files);
    let root = library.find("stack.yaml").unwrap();
    let plan = match plan(&library, root, &inputs, current) {
        Ok(plan) => plan,
        Err(Refusal::Errors(errors)) => {
            return errors.iter().map(|it| format!("refused: {}\n", it.message)).collect();
        }
        Err(Refusal::Status { stack, status }) => return format!("refused: {stack} is {status}\n"),
    };
    let mut out = String::new();
    for step in &plan.steps {
        let operation = match step.operation {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
        };
        writeln!(out, "{operation} /{}", step.path).unwrap();
        for it in &step.changes {
            let replacement = match (it.action, it.replacement) {
                (Action::Modify, Replacement::True) => " replacement",
                (Action::Modify, Replacement::Conditional) => " replacement?",
                _ => "",
            };
            let policy = it.policy.map(|it| format!(" ({it})")).unwrap_or_default();
            writeln!(
                out,
                "  {:?} {}{replacement}{policy} {:?} {:?}",
                it.action, it.logical_id, it.scope, it.effect
            )
            .unwrap();
            for detail in &it.details {
                let json = |it: &Option<serde_json::Value>| {
                    it.as_ref().map_or("-".to_owned(), ToString::to_string)
                };
                let after = match &detail.waits_for {
                    Some(it) => format!("({it})"),
                    None => json(&detail.after),
                };
                let (path, before) = (&detail.path, json(&detail.before));
                let (source, cause) = (detail.change_source, &detail.cause);
                let entity = detail.causing_entity.as_deref().unwrap_or("-");
                let recreation = detail.recreation;
                writeln!(out, "    {path}: {before} -> {after} {recreation:?}").unwrap();
                writeln!(out, "      {source:?} {entity}, {cause:?}").unwrap();
            }
        }
        for it in &step.outputs {
            let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
            let export = it.export.as_ref().map(|it| format!(" as {it}")).unwrap_or_default();
            writeln!(
                out,
                "  output {}: {} -> {}{export}",
                it.name,
                text(&it.before),
                text(&it.after)
            )
            .unwrap();
        }
    }
    for it in &plan.also_shown {
        let (path, id, replacement) = (&it.path, &it.logical_id, it.replacement);
        writeln!(out, "also shown /{path}: {id} {replacement:?} {:?}", it.change_source).unwrap();
        for it in &it.properties {
            writeln!(out, "    {}: {:?}, {}", it.path, it.recreation, it.waits_for).unwrap();
        }
    }
    for it in &plan.guards {
        writeln!(out, "guard {}: {}", it.resource, it.message).unwrap();
    }
    for it in &plan.estimate.critical_path {
        writeln!(out, "at {} s: {} takes {} s", it.start_seconds, it.resource, it.seconds).unwrap();
    }
    for it in &plan.estimate.slow_dependencies {
        let (resource, on) = (&it.resource, &it.depends_on);
        writeln!(out, "{} s sooner unless {resource} waits for {on}", it.seconds).unwrap();
    }
    if out.is_empty() { "no changes\n".to_owned() } else { out }
}

#[test]
fn plans_are_as_expected() {
    let bless = std::env::var_os("KUMIKI_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let (project, expected) = text.split_once("=== expected\n").unwrap_or((&text, ""));
        let mut before = BTreeMap::new();
        let mut after = BTreeMap::new();
        let mut target: Option<(bool, String)> = None;
        for line in project.lines() {
            if let Some(name) = line.strip_prefix("=== ") {
                target = Some((false, name.to_owned()));
            } else if let Some(name) = line.strip_prefix("+++ ") {
                target = Some((true, name.to_owned()));
            } else if let Some((new, name)) = &target {
                let files = if *new { &mut after } else { &mut before };
                let content: &mut String = files.entry(name.clone()).or_default();
                content.push_str(line);
                content.push('\n');
            }
        }
        let old = Memory(before.clone());
        before.extend(after);
        let new = Memory(before);
        let current = settle(&old);
        assert_eq!(show(&old, &current), "no changes\n", "{}: unchanged", path.display());
        let actual = show(&new, &current);
        if actual == expected {
            continue;
        }
        if bless {
            std::fs::write(&path, format!("{project}=== expected\n{actual}")).unwrap();
        } else {
            let path = path.display();
            wrong.push(format!("{path}\n--- expected\n{expected}--- actual\n{actual}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let files = Memory(BTreeMap::from([
        (
            "stack.yaml".to_owned(),
            "Resources:\n  A: { Type: AWS::SNS::Topic }\n  B: { Type: AWS::SQS::Queue }\n"
                .to_owned(),
        ),
        ("parameters.json".to_owned(), "[]".to_owned()),
    ]));
    let bytes = || {
        let (library, inputs) = load(&files);
        let root = library.find("stack.yaml").unwrap();
        serde_json::to_vec(&plan(&library, root, &inputs, &Current::default()).unwrap()).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_stack_that_does_not_rest_is_refused() {
    let files = Memory(BTreeMap::from([
        ("stack.yaml".to_owned(), "Resources:\n  A: { Type: AWS::SNS::Topic }\n".to_owned()),
        ("parameters.json".to_owned(), "[]".to_owned()),
    ]));
    for status in ["ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"] {
        let mut current = settle(&files);
        current.stacks.get_mut("").unwrap().status = status.to_owned();
        assert_eq!(show(&files, &current), format!("refused: name: is {status}\n"));
    }
}

#[test]
fn a_root_that_is_protected_stops_its_removal() {
    let guards = |termination_protection| {
        let root = CurrentStack { termination_protection, ..CurrentStack::default() };
        let current = Current { stacks: [(String::new(), root)].into(), ..Current::default() };
        let plan = plan_removal("app", "ap-northeast-1", "123456789012", &current);
        plan.guards.iter().map(|it| it.kind).collect::<Vec<_>>()
    };
    assert_eq!(guards(true), [GuardKind::TerminationProtection]);
    assert_eq!(guards(false), []);
}
