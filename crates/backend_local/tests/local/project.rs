//! Projects run through library, tree, plan and the embedded backend.

use crate::folder::Folder;
use kumiki_backend_local::{Fault, LocalBackend, Options};
use kumiki_engine::{
    Backend, ChangeSetOptions, ChangeSetRequest, Event, ExecuteOptions, Outcome, Stopped,
};
use kumiki_plan::{Plan, plan};
use kumiki_project::{FileError, Files, Given, Inputs, Library};
use std::collections::BTreeMap;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "ap-northeast-1";

pub struct Texts(pub BTreeMap<String, String>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }
}

pub fn open(folder: &Folder, faults: &[&str]) -> LocalBackend {
    let faults = faults.iter().map(|it| Fault::parse(it).unwrap()).collect();
    open_with(folder, Options { faults, ..Options::default() })
}

pub fn open_with(folder: &Folder, options: Options) -> LocalBackend {
    let clock = Box::new(Stopped(1_795_478_399_000));
    LocalBackend::open(&folder.state(), clock, "kumiki test", options).unwrap()
}

pub fn inputs(stack_name: &str, parameters: &[(&str, &str)]) -> Inputs {
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
        stack_name: stack_name.into(),
        parameters: parameters.iter().map(given).collect(),
        parameter_file: None,
        tags: vec![("Project".into(), "test".into())],
    }
}

/// A library of one template.
pub fn library(text: &str) -> Library {
    let mut library = Library::default();
    library.load("stack.yaml", &Texts([("stack.yaml".to_owned(), text.to_owned())].into()));
    assert!(library.diagnostics.is_empty(), "{:#?}", library.diagnostics);
    library
}

pub fn planned(backend: &LocalBackend, library: &Library, inputs: &Inputs) -> Plan {
    let current = backend.current(&inputs.stack_name, ACCOUNT, REGION).unwrap();
    let root = library.find("stack.yaml").unwrap();
    match plan(library, root, inputs, &current) {
        Ok(plan) => plan,
        Err(refusal) => panic!("{refusal:#?}"),
    }
}

pub fn up(
    backend: &mut LocalBackend,
    library: &Library,
    inputs: &Inputs,
) -> Option<(Outcome, Vec<Event>)> {
    let plan = planned(backend, library, inputs);
    if plan.is_empty() {
        return None;
    }
    Some(execute(backend, library, inputs, &plan))
}

pub fn execute(
    backend: &mut LocalBackend,
    library: &Library,
    inputs: &Inputs,
    plan: &Plan,
) -> (Outcome, Vec<Event>) {
    let root = library.find("stack.yaml").unwrap();
    let capabilities = kumiki_engine::Demanded::by(library, root).capabilities;
    let options = &ChangeSetOptions { capabilities, ..ChangeSetOptions::default() };
    let request = ChangeSetRequest { library, root, inputs, plan, name: None, options };
    let id = backend.create_change_set(&request).unwrap().id;
    let mut events = Vec::new();
    let outcome = backend
        .execute_change_set(&id, &ExecuteOptions::default(), &inputs.parameters, &mut |it| {
            events.push(it.clone());
        })
        .unwrap();
    (outcome, events)
}

/// The ARN of a root.
pub fn root_id(backend: &LocalBackend, name: &str) -> String {
    backend.stack_named(name, ACCOUNT, REGION).unwrap().unwrap().stack_id
}

pub fn failures(events: &[Event]) -> String {
    let mut text = String::new();
    for it in events.iter().filter(|it| it.is_failure()) {
        let reason = it.reason.as_deref().unwrap_or_default();
        text.push_str(&format!("{}/{} {} {reason}\n", it.stack_path, it.logical_id, it.status));
    }
    text
}
