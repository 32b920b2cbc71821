//! Projects as text, run through library, tree, plan and engine.

use crate::toy::Toy;
use kumiki_engine::{
    Backend, ChangeSetRequest, Engine, Event, ExecuteError, ExecuteOptions, MemoryStore, OnFailure,
    Outcome, StateStore, Stopped,
};
use kumiki_plan::{Plan, Refusal, plan};
use kumiki_project::{FileError, Files, Given, Inputs, Library};
use std::collections::BTreeMap;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "ap-northeast-1";

/// Files by path, separated in one text by lines `--- path`.
pub struct Project(BTreeMap<String, String>);

impl Files for Project {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    fn list(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

pub fn project(text: &str) -> Project {
    let mut files = BTreeMap::new();
    for part in text.split("--- ").skip(1) {
        let (path, body) = part.split_once('\n').unwrap();
        files.insert(path.trim().to_owned(), body.to_owned());
    }
    Project(files)
}

pub type Toys<S = MemoryStore> = Engine<S, Toy, Stopped>;

pub fn engine() -> Toys {
    Engine { store: MemoryStore::default(), provider: Toy::default(), clock: Stopped(7) }
}

pub fn inputs(parameters: &[(&str, &str)]) -> Inputs {
    let given = |(name, value): &(&str, &str)| Given {
        name: (*name).into(),
        value: (*value).into(),
        name_span: None,
        value_span: None,
    };
    Inputs {
        environment: "dev".into(),
        region: REGION.into(),
        account: ACCOUNT.into(),
        stack_name: "app".into(),
        parameters: parameters.iter().map(given).collect(),
        parameter_file: None,
        tags: vec![("Owner".into(), "team".into())],
    }
}

pub fn load(project: &Project) -> Library {
    let mut library = Library::default();
    library.load("stack.yaml", project);
    assert!(library.diagnostics.is_empty(), "{:#?}", library.diagnostics);
    library
}

pub fn planned<S: StateStore>(
    engine: &Toys<S>,
    library: &Library,
    inputs: &Inputs,
) -> Result<Plan, Refusal> {
    let current = engine.current(&inputs.stack_name, ACCOUNT, REGION).unwrap();
    plan(library, library.find("stack.yaml").unwrap(), inputs, &current)
}

/// Plans and executes; `None` when there is nothing to do.
pub fn up_with<S: StateStore>(
    engine: &mut Toys<S>,
    text: &str,
    inputs: &Inputs,
) -> Result<Option<(Outcome, Vec<Event>)>, ExecuteError> {
    up_as(engine, text, inputs, &ExecuteOptions::default())
}

/// The same, in a way.
pub fn up_as<S: StateStore>(
    engine: &mut Toys<S>,
    text: &str,
    inputs: &Inputs,
    options: &ExecuteOptions,
) -> Result<Option<(Outcome, Vec<Event>)>, ExecuteError> {
    let library = load(&project(text));
    let plan = planned(engine, &library, inputs).unwrap();
    if plan.is_empty() {
        return Ok(None);
    }
    let request = ChangeSetRequest {
        library: &library,
        root: library.find("stack.yaml").unwrap(),
        inputs,
        plan: &plan,
        name: None,
        options: &Default::default(),
    };
    let change_set = match engine.create_change_set(&request) {
        Ok(it) => it,
        Err(kumiki_engine::CreateChangeSetError::Store(error)) => return Err(error.into()),
        Err(error) => panic!("{error}"),
    };
    let mut events = Vec::new();
    let outcome =
        engine.execute_change_set(&change_set.id, options, &inputs.parameters, &mut |event| {
            events.push(event.clone());
        })?;
    Ok(Some((outcome, events)))
}

/// Failures are left as they are.
pub fn leaving() -> ExecuteOptions {
    ExecuteOptions { on_failure: Some(OnFailure::DoNothing), ..ExecuteOptions::default() }
}

/// Plans and executes, and leaves failures as they are.
pub fn up_leaving(engine: &mut Toys, text: &str) -> (Outcome, Vec<Event>) {
    up_as(engine, text, &inputs(&[]), &leaving()).unwrap().expect("something to do")
}

pub fn up(engine: &mut Toys, text: &str) -> (Outcome, Vec<Event>) {
    up_with(engine, text, &inputs(&[])).unwrap().expect("something to do")
}

pub fn succeeds(engine: &mut Toys, text: &str) -> Vec<Event> {
    let (outcome, events) = up(engine, text);
    assert!(outcome.succeeded, "{outcome:#?}\n{}", shown(&events));
    let again = planned(engine, &load(&project(text)), &inputs(&[])).unwrap();
    assert!(again.is_empty(), "{again:#?}");
    events
}

/// The ARN of the root.
pub fn root_id(engine: &impl Backend) -> String {
    engine.stack_named("app", ACCOUNT, REGION).unwrap().unwrap().stack_id
}

pub fn destroy<S: StateStore>(engine: &mut Toys<S>) -> (Outcome, Vec<Event>) {
    let mut events = Vec::new();
    let root = root_id(engine);
    let outcome = engine.delete_stack(&root, &[], &mut |event| events.push(event.clone())).unwrap();
    (outcome, events)
}

/// Events as lines: `elapsed path logical STATUS reason`, with identifiers shortened.
pub fn shown(events: &[Event]) -> String {
    let mut text = String::new();
    for it in events {
        let path = if it.stack_path.is_empty() { "." } else { &it.stack_path };
        let reason = it.reason.as_deref().unwrap_or_default();
        let subject = if it.is_of_stack() && it.logical_id == it.stack_name {
            "(stack)"
        } else {
            &it.logical_id
        };
        text.push_str(format!("{path} {subject} {} {reason}", it.status).trim_end());
        text.push('\n');
    }
    text
}

/// The statuses that one subject went through.
pub fn course<'e>(events: &'e [Event], path: &str, logical_id: &str) -> Vec<&'e str> {
    events
        .iter()
        .filter(|it| it.stack_path == path)
        .filter(|it| match logical_id {
            "" => it.is_of_stack() && it.logical_id == it.stack_name,
            _ => it.logical_id == logical_id,
        })
        .map(|it| it.status.as_str())
        .collect()
}
