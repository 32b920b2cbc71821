//! The real service account on the embedded engine, through the real binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod project;

use project::copy;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A copy of `infra/service` that a test may deploy.
struct Service {
    folder: tempfile::TempDir,
}

impl Service {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/service");
        copy(&source, folder.path());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kumiki"));
        command.args(arguments).arg("--project").arg(self.folder.path());
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and gives its JSON.
    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Everything that a user can ask about dev, without times.
    fn state(&self) -> Vec<serde_json::Value> {
        ["status", "resources", "outputs", "exports"]
            .map(|it| self.json(&[it, "dev"]))
            .into_iter()
            .collect()
    }
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// Every file below a folder with its bytes, without the index that SQLite's readers share.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "db-shm" || it == "db-wal") {
                continue;
            }
            if path.is_dir() {
                open.push(path)
            } else {
                found.push((path.clone(), std::fs::read(path).unwrap()))
            }
        }
    }
    found.sort();
    found
}

#[test]
fn dev_is_created_once_and_deleted_as_policies_say() {
    let service = Service::new();
    let plan = service.run(&["plan", "dev", "--detailed-exitcode"]);
    assert_eq!(plan.status.code(), Some(2), "{}", text(&plan));

    let up = service.json(&["up", "dev", "--yes"]);
    assert_eq!(up["status"], "UPDATE_COMPLETE");
    assert_eq!(up["stack"], "facility-dev-service");
    for name in ["VpcId", "DBEndpoint", "AlertTopicArn"] {
        assert!(up["outputs"][name].is_string(), "{name}: {up}");
    }

    // A second run finds nothing to do and writes nothing.
    let before = files(&service.path(".kumiki"));
    let again = service.run(&["up", "dev", "--yes"]);
    assert!(again.status.success() && text(&again).contains("no changes"), "{}", text(&again));
    assert_eq!(service.run(&["plan", "dev", "--detailed-exitcode"]).status.code(), Some(0));
    assert!(files(&service.path(".kumiki")) == before, "a run without changes wrote something");

    let destroyed = service.json(&["destroy", "dev", "--yes"]);
    let retained: Vec<&str> = destroyed["retained"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert!(retained.contains(&"AWS::KMS::Key"), "{retained:?}");
    assert!(!retained.contains(&"AWS::EC2::VPC"), "{retained:?}");
    assert_eq!(service.json(&["status", "dev"])["stacks"], serde_json::json!([]));
}

#[test]
fn protected_environments_go_only_by_name() {
    let service = Service::new();
    // Nothing exists yet, so there is nothing to confirm.
    for arguments in [["destroy", "dev", "--yes"].as_slice(), &["destroy", "dev"]] {
        let output = service.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    service.json(&["up", "dev", "--yes"]);
    replace(
        &service.path("kumiki.toml"),
        "[environments.dev]",
        "[environments.dev]\nprotected = true",
    );
    for arguments in [
        ["destroy", "dev"].as_slice(),
        &["destroy", "dev", "--yes"],
        &["destroy", "dev", "--confirm", "facility-stg-service"],
    ] {
        let output = service.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
    }
    assert_eq!(service.json(&["status", "dev"])["stacks"][0]["status"], "UPDATE_COMPLETE");
    let output = service.run(&["destroy", "dev", "--confirm", "facility-dev-service"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_failed_creation_is_rolled_back_and_says_why() {
    let service = Service::new();
    let fault = "RdsStack/DBInstance:create:quota exceeded";
    let output = service.run(&["up", "dev", "--yes", "--fail", fault]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.starts_with("error: `RdsStack/DBInstance`"), "{errors}");
    // The pools of users are protected from deletion from the start, also from this one.
    assert!(errors.contains("quota exceeded") && errors.contains("ROLLBACK_FAILED"), "{errors}");

    // Such a stack can only be deleted, which keeps the pools; afterwards the same command succeeds.
    let again = service.run(&["up", "dev", "--yes"]);
    assert!(
        !again.status.success() && text(&again).contains("kumiki destroy dev"),
        "{}",
        text(&again)
    );
    assert!(service.run(&["destroy", "dev", "--yes"]).status.success());
    let up = service.json(&["up", "dev", "--yes"]);
    assert_eq!(up["status"], "UPDATE_COMPLETE");
}

/// `kill -9` at many moments of a creation: the next `up` ends in the state of an undisturbed run.
#[test]
fn a_killed_creation_is_finished_by_the_next() {
    let undisturbed = Service::new();
    let lines = text(&undisturbed.run(&["up", "dev", "--yes"])).lines().count();
    let expected = undisturbed.state();
    let mut interrupted = 0;
    // A run is killed once it has printed so many lines; it is somewhere behind them by then.
    for printed in (0..lines).step_by(lines.div_ceil(24)) {
        let service = Service::new();
        let mut child = service
            .command(&["up", "dev", "--yes"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        output.by_ref().take(printed).for_each(drop);
        child.kill().unwrap();
        if !child.wait().unwrap().success() {
            interrupted += 1;
        }
        let output = service.run(&["up", "dev", "--yes"]);
        assert!(output.status.success(), "after line {printed}: {}", text(&output));
        assert_eq!(service.state(), expected, "after line {printed}");
    }
    assert!(interrupted > 10, "only {interrupted} runs were interrupted");
}

/// A saved plan is one stage of the first run; it takes as long as it said, and where it is killed,
/// the same command finishes it.
#[test]
fn saved_plans_are_executed_as_they_were_reviewed() {
    let service = Service::new();
    service.json(&["up", "dev", "--root", "edge", "--yes"]);
    let file = service.path("plan.json");
    let file = file.to_str().unwrap();
    for stage in ["first-creation", "services-enabled", "steady-state"] {
        let planned = service.json(&["plan", "dev", "--out", file]);
        assert_eq!(planned["stage"], stage);
        let saved = std::fs::read_to_string(file).unwrap();
        // Nothing but what was reviewed, and by nobody else's hand.
        std::fs::write(
            file,
            saved.replace("\"Properties\"", "\"Tags\"").replace("\"Add\"", "\"Remove\""),
        )
        .unwrap();
        let refused = service.run(&["up", "dev", "--plan", file]);
        assert_eq!(refused.status.code(), Some(2), "{stage}: {}", text(&refused));
        assert!(text(&refused).contains("changed after it was saved"), "{}", text(&refused));
        std::fs::write(file, &saved).unwrap();
        if stage == "first-creation" {
            // Somewhere behind the plan, among the events.
            let review = text(&service.run(&["plan", "dev"])).lines().count();
            let mut child = service
                .command(&["up", "dev", "--plan", file])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            lines.take(review + 40).for_each(drop);
            child.kill().unwrap();
            child.wait().unwrap();
            // It may have come to its end just before.
            let again = service.run(&["up", "dev", "--plan", file]);
            assert!(
                again.status.success() || text(&again).contains("executed already"),
                "{}",
                text(&again)
            );
            continue;
        }
        let up = service.json(&["up", "dev", "--plan", file]);
        if stage == "services-enabled" {
            assert_eq!(up["elapsed_seconds"], planned["plan"]["estimate"]["seconds"]);
        }
        let again = service.run(&["up", "dev", "--plan", file]);
        assert_eq!(again.status.code(), Some(2), "{}", text(&again));
        assert!(text(&again).contains("executed already"), "{}", text(&again));
    }
    assert_eq!(service.run(&["plan", "dev", "--detailed-exitcode"]).status.code(), Some(0));
    let last = service.run(&["plan", "dev", "--against", "last", "--detailed-exitcode"]);
    assert_eq!(last.status.code(), Some(0), "{}", text(&last));
}

#[test]
fn a_second_writer_is_told_who_holds_the_lock() {
    let service = Service::new();
    service.json(&["up", "dev", "--yes"]);
    let path = service.path(".kumiki/lock");
    let mut lock = std::fs::File::options().read(true).write(true).open(path).unwrap();
    lock.lock().unwrap();
    lock.write_all(br#"{ "pid": 42, "command": "kumiki up dev", "since": 1795510094000 }"#)
        .unwrap();
    let output = service.run(&["destroy", "dev", "--yes"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let expected = "`kumiki up dev` is at work: process 42, since 2026-11-24T08:48:14Z";
    assert!(text(&output).contains(expected), "{}", text(&output));
    // Readers do not wait.
    assert_eq!(service.json(&["status", "dev"])["stacks"][0]["status"], "UPDATE_COMPLETE");
}

#[test]
fn check_finds_no_error_in_dev() {
    let service = Service::new();
    let checked = service.json(&["check", "--env", "dev"]);
    let errors: Vec<&serde_json::Value> = checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["severity"] == "error")
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// What only the account's owner knows, as somebody might fill it in.
const OWNER: &[(&str, &str)] = &[
    ("Owner", "facility-team"),
    ("CostCenter", "CC-0001"),
    ("TransitGatewayId", "tgw-0123456789abcdef0"),
    ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
    ("StaffApiDomainName", "staff-api.ENVIRONMENT.facility.city.lg.jp"),
    ("VendorApiDomainName", "vendor-api.ENVIRONMENT.facility.city.lg.jp"),
    ("VendorSpaDomainName", "vendor.ENVIRONMENT.facility.city.lg.jp"),
    ("SesIdentityArn", "arn:aws:ses:ap-northeast-1:123456789012:identity/facility.city.lg.jp"),
    ("AlertEmail", "on-call@facility.city.lg.jp"),
    ("SlackWorkspaceId", "T0123456789"),
    ("SlackChannelId", "C0123456789"),
    ("TeamsTeamId", "01234567-89ab-cdef-0123-456789abcdef"),
    ("TeamsTenantId", "fedcba98-7654-3210-fedc-ba9876543210"),
    ("TeamsChannelId", "19%3a0123456789abcdef%40thread.tacv2"),
    ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/facility-boundary"),
    ("SpaDeployRoleArn", "arn:aws:iam::123456789012:role/facility-spa-deploy"),
];

/// Puts values in the place of placeholders such as `<tgw>`; each environment has its own names.
fn fill_in(path: &Path, environment: &str) {
    let mut parameters: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for it in parameters.as_array_mut().unwrap() {
        let name = it["ParameterKey"].as_str().unwrap();
        let known = OWNER.iter().find(|(known, _)| *known == name);
        if let (Some((_, value)), true) =
            (known, it["ParameterValue"].as_str().unwrap().starts_with('<'))
        {
            it["ParameterValue"] = value.replace("ENVIRONMENT", environment).into();
        }
    }
    std::fs::write(path, parameters.to_string()).unwrap();
}

#[test]
fn stg_and_prod_are_rehearsed_once_the_owner_filled_in_the_values() {
    let service = Service::new();
    let refused = service.run(&["up", "stg", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("parameters/stg.json:"), "{}", text(&refused));
    for root in ["edge", "dr"] {
        for environment in ["stg", "prod"] {
            let path = format!("parameters/roots/{root}.{environment}.json");
            fill_in(&service.path(&path), environment);
        }
    }
    fill_in(&service.path("parameters/stg.json"), "stg");
    fill_in(&service.path("parameters/prod.json"), "prod");

    assert_eq!(service.json(&["up", "stg", "--yes"])["status"], "UPDATE_COMPLETE");
    let again = service.run(&["up", "stg", "--yes"]);
    assert!(text(&again).contains("no changes"), "{}", text(&again));

    // In prod each root and each stage is approved by the digest of its plan, and by no other.
    let refused = service.run(&["up", "prod", "--yes"]);
    assert!(text(&refused).contains("root `dr` comes first"), "{}", text(&refused));
    for root in ["dr", "edge", "service", "service", "service"] {
        let plan = service.json(&["plan", "prod", "--root", root]);
        let digest = plan["plan"]["digest"].as_str().unwrap();
        let wrong: String = digest.chars().rev().collect();
        for approval in [["--yes"].as_slice(), &["--approve", &wrong]] {
            let arguments = [&["up", "prod", "--root", root], approval].concat();
            let refused = service.run(&arguments);
            assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        }
        service.json(&["up", "prod", "--root", root, "--approve", digest]);
    }
    let again = service.run(&["up", "prod", "--yes"]);
    assert!(text(&again).contains("no changes"), "{}", text(&again));
}

/// A release that changes one image replaces one task definition and updates the one service that
/// receives its ARN.
#[test]
fn a_release_touches_what_it_releases() {
    let service = Service::new();
    service.json(&["up", "dev", "--yes"]);
    replace(
        &service.path("parameters/dev.json"),
        "\"StaffApiImageTag\", \"ParameterValue\": \"0",
        "\"StaffApiImageTag\", \"ParameterValue\": \"1",
    );
    let plan = service.json(&["plan", "dev"]);
    let steps = plan["plan"]["steps"].as_array().unwrap();
    let touched: Vec<(&str, &str, &str)> = steps
        .iter()
        .flat_map(|step| {
            let changes = step["changes"].as_array().unwrap();
            let path = step["path"].as_str().unwrap();
            changes.iter().map(move |it| {
                (path, it["logical_id"].as_str().unwrap(), it["replacement"].as_str().unwrap())
            })
        })
        .filter(|(path, ..)| !path.is_empty())
        .collect();
    assert_eq!(
        touched,
        [
            ("StaffApiTaskDefinitionStack", "TaskDefinition", "True"),
            ("StaffApiServiceStack", "Service", "False"),
        ]
    );
    assert_eq!(service.json(&["up", "dev", "--yes"])["status"], "UPDATE_COMPLETE");
    assert_eq!(service.run(&["plan", "dev", "--detailed-exitcode"]).status.code(), Some(0));
}

/// What `deploy-all` did about its steps.
fn steps(service: &Service, arguments: &[&str]) -> Vec<(String, String)> {
    let json = service.json(&[&["deploy-all", "dev"], arguments].concat());
    let word = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
    let steps = json["steps"].as_array().unwrap().iter();
    steps.map(|it| (word(&it["step"]), word(&it["taken"]))).collect()
}

#[test]
fn every_root_is_deployed_in_the_order_of_the_project() {
    let service = Service::new();
    let taken: Vec<(String, String)> = steps(&service, &["--yes"]);
    let done: Vec<&str> =
        taken.iter().filter(|it| it.1 == "done").map(|it| it.0.as_str()).collect();
    let expected = [
        "bootstrap",
        "edge",
        "service first-creation",
        "service services-enabled",
        "service steady-state",
        "rotation",
        "edge",
    ];
    assert_eq!(done, expected, "{taken:?}");
    let of = |taken: &[(String, String)], step: &str| {
        taken.iter().find(|it| it.0 == step).unwrap().1.clone()
    };
    assert_eq!(of(&taken, "dr"), "not-there");
    assert_eq!(of(&taken, "smoke"), "only-on-aws");
    // The state is asked, so what is behind is not done again.
    let again = steps(&service, &["--dry-run"]);
    assert_eq!(of(&again, "service first-creation"), "behind");
    assert_eq!(of(&again, "service steady-state"), "due");
    let logs = std::fs::read_dir(service.path("changeset-logs/dev")).unwrap().count();
    assert_eq!(logs, expected.len());
}
