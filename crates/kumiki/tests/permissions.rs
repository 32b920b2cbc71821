//! `kumiki permissions` on the real service account: valid policies of actions that there are, and
//! the page about them.
//!
//! `PERMISSIONS=overwrite` writes the generated parts of the page anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Actions of the policies that the data of AWS's validator does not list, because it lists actions
/// by the resources that they name: each was looked up.
const NO_RESOURCE: &str = include_str!("permissions.txt");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn kumiki(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kumiki"))
        .args(arguments)
        .arg("--project")
        .arg(root().join("infra/service"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The statements of all policies.
fn statements(environment: &str, who: &str) -> Vec<Value> {
    let text = kumiki(&["permissions", environment, "--for", who, "--json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let policies = document["policies"].as_array().unwrap();
    assert!(!policies.is_empty());
    let mut found = Vec::new();
    for policy in policies {
        let document = &policy["document"];
        assert_eq!(document["Version"], "2012-10-17");
        let size = document.to_string().chars().count();
        assert!(size <= 6_144, "{}: {size}", policy["name"]);
        let statements = document["Statement"].as_array().unwrap();
        let sids: BTreeSet<&str> =
            statements.iter().map(|it| it["Sid"].as_str().unwrap()).collect();
        assert_eq!(sids.len(), statements.len(), "a Sid is there twice");
        assert!(sids.iter().all(|it| it.chars().all(char::is_alphanumeric)), "{sids:?}");
        found.extend(statements.iter().cloned());
    }
    found
}

fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    statement["Action"].as_array().unwrap().iter().map(|it| it.as_str().unwrap())
}

#[test]
fn every_action_is_one_of_iam() {
    #[derive(serde::Deserialize)]
    struct Data {
        iam_action_resource_patterns: BTreeMap<String, Value>,
    }
    let data: Data =
        serde_json::from_slice(&data_source::embedded::IAM_ACTION_RESOURCE_PATTERNS_BYTES).unwrap();
    let looked_up: BTreeSet<&str> = NO_RESOURCE.lines().filter(|it| !it.starts_with('#')).collect();
    let mut needed = BTreeSet::new();
    for who in ["plan", "apply", "service-role"] {
        for statement in statements("dev", who) {
            for action in actions(&statement) {
                if data.iam_action_resource_patterns.contains_key(&action.to_ascii_lowercase()) {
                    continue;
                }
                assert!(looked_up.contains(action), "{who}: is there an action {action}?");
                needed.insert(action.to_owned());
            }
        }
    }
    let idle: Vec<&&str> = looked_up.iter().filter(|it| !needed.contains(**it)).collect();
    assert!(idle.is_empty(), "not needed in permissions.txt: {idle:?}");
}

#[test]
fn who_plans_reads_and_who_applies_reaches_resources_through_the_role_only() {
    for statement in statements("prod", "plan") {
        for action in actions(&statement) {
            let (service, name) = action.split_once(':').unwrap();
            assert_eq!(service, "cloudformation");
            assert!(["Describe", "Get", "List"].iter().any(|it| name.starts_with(it)), "{action}");
        }
    }
    for statement in statements("prod", "apply") {
        for action in actions(&statement) {
            let service = action.split(':').next().unwrap();
            assert!(["cloudformation", "iam", "kms", "s3"].contains(&service), "{action}");
            if service == "iam" {
                assert_eq!(action, "iam:PassRole");
                assert_eq!(
                    statement["Resource"],
                    serde_json::json!([
                        "arn:aws:iam::000000000000:role/facility-bootstrap-cfn-service"
                    ])
                );
            }
            // A stack is changed by change sets that somebody saw.
            assert!(!action.ends_with(":UpdateStack") && !action.ends_with(":CreateStack"));
        }
    }
}

#[test]
fn names_of_the_project_narrow_what_the_role_reaches() {
    for statement in statements("prod", "service-role") {
        let sid = statement["Sid"].as_str().unwrap();
        let resources = statement["Resource"].as_array().unwrap();
        if sid.ends_with("OfTheProject") {
            let of_it = |it: &Value| it.as_str().unwrap().contains("facility-");
            assert!(resources.iter().all(of_it), "{sid}: {resources:?}");
        }
        if actions(&statement).any(|it| it == "iam:CreateRole" || it == "s3:CreateBucket") {
            assert!(sid.ends_with("OfTheProject"), "{sid}");
        }
    }
    let one = kumiki(&["permissions", "prod", "--for", "plan", "--root", "edge", "--json"]);
    assert!(one.contains("facility-prod-edge") && !one.contains("facility-prod-service"));
}

/// What the page shows is what the command prints.
#[test]
fn the_page_is_up_to_date() {
    for name in ["docs/PERMISSIONS.md", "docs/PERMISSIONS.ja.md"] {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut fresh = String::new();
        let mut rest = text.as_str();
        // `<!-- prints: COMMAND -->`, then a block with what the command prints as a policy.
        while let Some((before, after)) = rest.split_once("<!-- prints: kumiki ") {
            let (command, after) = after.split_once(" -->\n").unwrap();
            let (_, after) = after.split_once("```json\n").unwrap();
            let (_, after) = after.split_once("```\n").unwrap();
            let printed = kumiki(&command.split(' ').collect::<Vec<_>>());
            // The first line is the policy's name, in the reader's language.
            let (_, policy) = printed.split_once('\n').unwrap();
            fresh.push_str(&format!(
                "{before}<!-- prints: kumiki {command} -->\n\n```json\n{policy}```\n"
            ));
            rest = after;
        }
        fresh.push_str(rest);
        if std::env::var_os("PERMISSIONS").is_some_and(|it| it == "overwrite") {
            std::fs::write(&path, &fresh).unwrap();
            continue;
        }
        assert!(fresh == text, "{name} is out of date: run this with PERMISSIONS=overwrite");
    }
}
