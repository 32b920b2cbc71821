//! The real service account, rehearsed with its real parameters.

use crate::folder::Folder;
use crate::project::*;
use kumiki_backend_local::{Fidelity, fidelity};
use kumiki_engine::{Backend, Event, StackStatus};
use kumiki_project::{FileError, Files, Inputs, Library, parse_parameter_file};
use std::path::PathBuf;

struct Disk(PathBuf);

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.0.join(path)).map_err(|it| FileError::Other(it.to_string()))
    }
}

pub fn service(environment: &str) -> (Library, Inputs) {
    let disk = Disk(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/service")));
    let mut library = Library::default();
    library.load("stack.yaml", &disk);
    let file = library.read(&format!("parameters/{environment}.json"), &disk).unwrap();
    let parameters = parse_parameter_file(file, library.sources.get(file).text()).parameters;
    let mut inputs = inputs("facility", &[]);
    inputs.parameters = parameters;
    // The gate to another root, which does not exist here.
    for parameter in inputs.parameters.iter_mut().filter(|it| &*it.name == "EdgeEnabled") {
        parameter.value = "false".into();
    }
    inputs.environment = environment.into();
    (library, inputs)
}

#[test]
fn dev_is_created_changed_and_deleted() {
    let folder = Folder::new();
    let mut backend = open(&folder, &[]);
    let (library, mut dev) = service("dev");
    let (outcome, events) = up(&mut backend, &library, &dev).unwrap();
    assert!(outcome.succeeded, "{:#?}\n{}", outcome.cause, failures(&events));
    assert_eq!(outcome.status, StackStatus::CreateComplete);
    assert!(outcome.elapsed > 600_000 && outcome.elapsed < 7_200_000, "{}", outcome.elapsed);
    assert!(up(&mut backend, &library, &dev).is_none());
    let stacks = backend.stacks().unwrap();
    let output = |name: &str| stacks[0].settled.outputs[name].value.clone();
    let endpoint = output("DBEndpoint");
    assert!(
        endpoint.starts_with("facility-dev-db.c") && endpoint.ends_with(".rds.amazonaws.com"),
        "{endpoint}"
    );
    assert!(output("VpcId").starts_with("vpc-"));
    for parameter in &mut dev.parameters {
        if &*parameter.name == "DBMaxAllocatedStorage" {
            parameter.value = "200".into();
        }
    }
    let (outcome, events) = up(&mut backend, &library, &dev).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    let touched: Vec<_> = events
        .iter()
        .filter(|it| it.status == "UPDATE_COMPLETE")
        .map(|it| it.resource_type.as_str())
        .filter(|it| *it != "AWS::CloudFormation::Stack")
        .collect();
    assert_eq!(touched, ["AWS::RDS::DBInstance"]);
    assert!(up(&mut backend, &library, &dev).is_none());
    let mut events = Vec::new();
    let root = root_id(&backend, "facility");
    let outcome = backend.delete_stack(&root, &[], &mut |it| events.push(it.clone())).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    assert!(backend.exports(ACCOUNT, REGION).unwrap().is_empty());
    let kept = events.iter().filter(|it| it.status == "DELETE_SKIPPED").count();
    assert!(kept > 5, "{kept}");
    // What was retained keeps its name: the account cannot be created again as it is.
    let (outcome, events) = up(&mut backend, &library, &dev).unwrap();
    only_protected_pools_are_left(&events, outcome.status);
    assert!(outcome.cause.unwrap().reason.contains("already exists in stack"));
}

/// A creation that fails leaves the pools of users that are there by then: they are protected from
/// deletion from the start, so `RetainExceptOnCreate` cannot remove them.
pub fn only_protected_pools_are_left(events: &[Event], status: StackStatus) {
    let stuck: Vec<_> = events
        .iter()
        .filter(|it| it.status == "DELETE_FAILED" && !it.resource_type.ends_with("::Stack"))
        .map(|it| (it.resource_type.as_str(), it.reason.clone().unwrap_or_default()))
        .collect();
    for (type_name, reason) in &stuck {
        assert_eq!(*type_name, "AWS::Cognito::UserPool", "{reason}");
        assert!(reason.contains("deletion protection is activated"), "{reason}");
    }
    let expected = match stuck.is_empty() {
        true => StackStatus::RollbackComplete,
        false => StackStatus::RollbackFailed,
    };
    assert_eq!(status, expected, "{}", failures(events));
}

#[test]
fn a_database_that_fails_is_the_first_cause() {
    let folder = Folder::new();
    let mut backend = open(&folder, &["RdsStack/DBInstance:create:No capacity"]);
    let (library, dev) = service("dev");
    let (outcome, events) = up(&mut backend, &library, &dev).unwrap();
    only_protected_pools_are_left(&events, outcome.status);
    let cause = outcome.cause.unwrap();
    assert_eq!(
        (&*cause.stack_path, &*cause.logical_id, &*cause.reason),
        ("RdsStack", "DBInstance", "No capacity")
    );
    let exports = backend.exports(ACCOUNT, REGION).unwrap();
    assert!(exports.iter().all(|it| it.stack_name.contains("UserPool")), "{exports:#?}");
}

#[test]
fn every_type_is_modelled() {
    let (mut library, _) = service("dev");
    let disk = Disk(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/service")));
    for root in ["bootstrap", "dr", "edge", "rotation"] {
        library.load(&format!("{root}/stack.yaml"), &disk);
    }
    for (_, template) in library.templates() {
        for resource in &template.resources {
            let name = &*resource.type_name.text;
            assert_eq!(fidelity(name), Fidelity::Modelled, "{name}");
        }
    }
}
