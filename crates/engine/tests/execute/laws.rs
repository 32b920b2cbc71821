//! Laws over generated projects.

use crate::crash::{Ask, difference, killed, undisturbed};
use crate::project::*;
use crate::transitions::disorder;
use kumiki_engine::{Backend, ExecuteOptions, OnFailure, StackStatus};
use proptest::prelude::*;
use std::fmt::Write;

/// A resource: whether it is nested, its property, its name, and what it refers to.
#[derive(Clone, Debug)]
struct Made {
    present: bool,
    stack: usize,
    value: u8,
    name: Option<u8>,
    refers: Option<usize>,
    policy: usize,
}

fn made() -> impl Strategy<Value = Made> {
    (
        prop::bool::weighted(0.8),
        0..3_usize,
        0..3_u8,
        prop::option::weighted(0.4, 0..3_u8),
        prop::option::of(0..8_usize),
        0..3_usize,
    )
        .prop_map(|(present, stack, value, name, refers, policy)| Made {
            present,
            stack,
            value,
            name,
            refers,
            policy,
        })
}

/// A project of two nested stacks and a root: resources refer to earlier ones, through outputs
/// and parameters where they lie in other stacks.
fn text(resources: &[Made]) -> String {
    let mut bodies = [String::new(), String::new(), String::new()];
    let mut parameters: [Vec<usize>; 3] = Default::default();
    let stack_of = |it: &Made| it.stack;
    for (index, it) in resources.iter().enumerate() {
        if !it.present {
            continue;
        }
        let stack = stack_of(it);
        // A later stack refers to an earlier one; the root to both.
        let target = it.refers.filter(|to| {
            *to < index && resources[*to].present && {
                let from = stack_of(&resources[*to]);
                from == stack || (from < stack && stack != 2) || (stack == 2 && from < 2)
            }
        });
        let policy = ["Delete", "Retain", "RetainExceptOnCreate"][it.policy];
        let body = &mut bodies[stack];
        let _ = writeln!(body, "  R{index}:\n    Type: AWS::SNS::Topic");
        let _ = writeln!(body, "    UpdateReplacePolicy: Delete\n    DeletionPolicy: {policy}");
        let _ = writeln!(body, "    Properties:\n      DisplayName: v{}", it.value);
        if let Some(name) = it.name {
            let _ = writeln!(body, "      TopicName: n{index}-{name}");
        }
        if let Some(to) = target {
            let from = stack_of(&resources[to]);
            let reference = match (from == stack, stack) {
                (true, _) => format!("!Ref R{to}"),
                (false, 2) => format!("!GetAtt S{from}.Outputs.R{to}"),
                _ => {
                    parameters[stack].push(to);
                    format!("!Ref P{to}")
                }
            };
            let _ = writeln!(body, "      KmsMasterKeyId: {reference}");
        }
    }
    let mut project =
        String::from("--- stack.yaml\nResources:\n  Keep: { Type: AWS::SNS::Topic }\n");
    for (stack, parameters) in parameters.iter_mut().take(2).enumerate() {
        let _ = writeln!(
            project,
            "  S{stack}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: \
             s{stack}.yaml"
        );
        parameters.sort_unstable();
        parameters.dedup();
        if !parameters.is_empty() {
            let _ = writeln!(project, "      Parameters:");
        }
        for to in &*parameters {
            let from = stack_of(&resources[*to]);
            let _ = writeln!(project, "        P{to}: !GetAtt S{from}.Outputs.R{to}");
        }
    }
    project.push_str(&bodies[2]);
    for (stack, parameters) in parameters.iter().take(2).enumerate() {
        let _ = writeln!(project, "--- s{stack}.yaml");
        if !parameters.is_empty() {
            let _ = writeln!(project, "Parameters:");
        }
        for to in parameters {
            let _ = writeln!(project, "  P{to}: {{ Type: String }}");
        }
        let _ = writeln!(project, "Resources:\n  Keep: {{ Type: AWS::SNS::Topic }}");
        project.push_str(&bodies[stack]);
        let _ = writeln!(project, "Outputs:\n  Keep: {{ Value: !Ref Keep }}");
        for (index, it) in resources.iter().enumerate() {
            if it.present && it.stack == stack {
                let _ = writeln!(project, "  R{index}: {{ Value: !Ref R{index} }}");
            }
        }
    }
    project
}

fn project_of() -> impl Strategy<Value = Vec<Made>> {
    prop::collection::vec(made(), 8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// After a plan is executed, the next plan is empty; and two runs do not differ.
    #[test]
    fn a_finished_plan_leaves_nothing_to_do(versions in prop::collection::vec(project_of(), 1..4)) {
        let mut first = engine();
        let mut second = engine();
        for version in &versions {
            let text = text(version);
            let one = up_with(&mut first, &text, &inputs(&[])).unwrap();
            let two = up_with(&mut second, &text, &inputs(&[])).unwrap();
            prop_assert_eq!(&one, &two);
            if let Some((outcome, events)) = one
                && !outcome.succeeded
            {
                // A retained resource keeps its name: nothing else fails here.
                let reason = outcome.cause.unwrap().reason;
                prop_assert!(reason.contains("already exists"), "{}\n{}", reason, shown(&events));
                return Ok(());
            }
            let again = planned(&first, &load(&project(&text)), &inputs(&[])).unwrap();
            prop_assert!(again.is_empty(), "{:#?}\n{}", again, text);
        }
        prop_assert_eq!(disorder(&first.store.events), [""; 0]);
        prop_assert_eq!(&first.store, &second.store);
        prop_assert_eq!(&first.provider, &second.provider);
    }

    /// A failed update leaves the stacks and the world as they were.
    #[test]
    fn a_failed_update_leaves_no_trace(
        before in project_of(),
        after in project_of(),
        fails in 0..8_usize,
    ) {
        let mut engine = engine();
        let (outcome, _) = up_with(&mut engine, &text(&before), &inputs(&[])).unwrap().unwrap();
        prop_assert!(outcome.succeeded);
        let (world, exports) = (engine.provider.world.clone(), engine.store.exports.clone());
        let was = engine.current("app", ACCOUNT, REGION).unwrap();
        engine.provider.refuse =
            ["", "S0/", "S1/"].map(|path| format!("{path}R{fails}:create")).into();
        let Some((outcome, events)) = up_with(&mut engine, &text(&after), &inputs(&[])).unwrap()
        else {
            return Ok(());
        };
        if outcome.succeeded {
            return Ok(());
        }
        prop_assert_eq!(outcome.status.as_str(), "UPDATE_ROLLBACK_COMPLETE");
        prop_assert_eq!(disorder(&engine.store.events), [""; 0], "{}", shown(&events));
        let kept: Vec<_> = engine.provider.world.iter().filter(|(id, _)| !world.contains_key(*id)).collect();
        // What is new and retained stays, as on AWS.
        prop_assert!(
            kept.iter().all(|_| shown(&events).contains("DELETE_SKIPPED")),
            "{:#?}\n{}", kept, shown(&events)
        );
        for (id, resource) in &world {
            prop_assert_eq!(engine.provider.world.get(id), Some(resource), "{}", shown(&events));
        }
        prop_assert_eq!(&engine.store.exports, &exports);
        let now = engine.current("app", ACCOUNT, REGION).unwrap();
        for (path, stack) in &was.stacks {
            for (logical_id, resource) in &stack.resources {
                let found = now.resource(path, logical_id).unwrap();
                prop_assert_eq!(&found.physical_id, &resource.physical_id);
                prop_assert_eq!(&found.properties, &resource.properties);
                prop_assert_eq!(&found.deletion_policy, &resource.deletion_policy);
            }
            prop_assert_eq!(stack.resources.len(), now.stacks[path].resources.len());
            prop_assert_eq!(&stack.outputs, &now.stacks[path].outputs);
            prop_assert_eq!(&stack.parameters, &now.stacks[path].parameters);
        }
    }

    /// Out of every status there is a way: to the goal, or back, or to the end of the stack; events
    /// keep to the documented courses, and nothing is left over.
    #[test]
    fn every_status_has_a_way_out(
        versions in prop::collection::vec(project_of(), 1..4),
        refused in prop::collection::vec((0..8_usize, 0..4_usize), 0..3),
        modes in prop::collection::vec(0..3_usize, 4),
        rolls_back in any::<bool>(),
    ) {
        let mut engine = engine();
        let verbs = ["create", "update", "rollback", "delete"];
        for (version, mode) in versions.iter().zip(modes) {
            engine.provider.refuse = refused
                .iter()
                .flat_map(|(id, verb)| ["", "S0/", "S1/"].map(|path| format!("{path}R{id}:{}", verbs[*verb])))
                .collect();
            let on_failure = [OnFailure::Rollback, OnFailure::DoNothing, OnFailure::Delete][mode];
            let options = ExecuteOptions { on_failure: Some(on_failure), ..ExecuteOptions::default() };
            let text = text(version);
            let Some((outcome, _)) = up_as(&mut engine, &text, &inputs(&[]), &options).unwrap() else {
                continue;
            };
            engine.provider.refuse.clear();
            let end = way_out(&mut engine, outcome.status, &text, rolls_back);
            let trace = shown(&engine.store.events);
            prop_assert_eq!(disorder(&engine.store.events), [""; 0], "{}", trace);
            prop_assert!(end.is_none_or(StackStatus::updatable), "{:?}\n{}", end, trace);
            let stacks = engine.stacks().unwrap();
            prop_assert!(stacks.iter().all(|it| !it.status.in_progress()), "{:#?}", stacks);
        }
        if engine.stacks().unwrap().is_empty() {
            return Ok(());
        }
        let (outcome, _) = destroy(&mut engine);
        let trace = shown(&engine.store.events);
        prop_assert!(outcome.succeeded, "{}", trace);
        prop_assert_eq!(disorder(&engine.store.events), [""; 0], "{}", trace);
        // Nothing is left but what was retained, or what a cleanup could not delete.
        let left = trace.matches("DELETE_SKIPPED").count() + trace.matches("DELETE_FAILED").count();
        prop_assert!(engine.provider.world.len() <= left, "{:#?}\n{}", engine.provider.world, trace);
        prop_assert!(engine.exports(ACCOUNT, REGION).unwrap().is_empty());
    }
}

/// Leads a stack out of a status; the status that it ends in, if it still exists.
fn way_out(
    engine: &mut Toys,
    status: StackStatus,
    text: &str,
    rolls_back: bool,
) -> Option<StackStatus> {
    let root = match engine.stack_named("app", ACCOUNT, REGION).unwrap() {
        Some(root) => root.stack_id,
        None => return None,
    };
    let outcome = match status {
        StackStatus::CreateFailed | StackStatus::UpdateFailed if rolls_back => {
            engine.rollback_stack(&root, false, &mut |_| {}).unwrap()
        }
        StackStatus::CreateFailed | StackStatus::UpdateFailed => {
            match up_as(engine, text, &inputs(&[]), &leaving()).unwrap() {
                Some((outcome, _)) if outcome.succeeded => outcome,
                // Something that is replaced cannot be taken up again.
                _ => engine.rollback_stack(&root, false, &mut |_| {}).unwrap(),
            }
        }
        StackStatus::UpdateRollbackFailed => {
            engine.continue_rollback(&root, &[], &mut |_| {}).unwrap()
        }
        StackStatus::RollbackComplete | StackStatus::RollbackFailed | StackStatus::DeleteFailed => {
            engine.delete_stack(&root, &[], &mut |_| {}).unwrap()
        }
        other => return Some(other),
    };
    match outcome.status {
        StackStatus::DeleteComplete => None,
        StackStatus::RollbackComplete => way_out(engine, outcome.status, text, rolls_back),
        other => Some(other),
    }
}

/// A change that a tree may go through: which gates are open, which values things have.
#[derive(Clone, Copy, Debug)]
struct Version {
    /// Whether what is conditional is created.
    gate: bool,
    /// A value that is changed in place.
    word: u8,
    /// A name, which replaces.
    name: u8,
    /// Whether the deepest stack is there.
    deep: bool,
    /// Whether the importer is there.
    importer: bool,
    /// A value that metadata alone has.
    note: u8,
}

fn version() -> impl Strategy<Value = Version> {
    (any::<bool>(), 0..3_u8, 0..3_u8, any::<bool>(), any::<bool>(), 0..2_u8).prop_map(
        |(gate, word, name, deep, importer, note)| Version {
            gate,
            word,
            name,
            deep,
            importer,
            note,
        },
    )
}

/// Three levels of stacks: an export, what imports it, a condition that passes through a parameter,
/// a secret, and outputs from the deepest to the root.
fn tree(it: Version) -> String {
    let Version { gate, word, name, deep, importer, note } = it;
    let deep_stack = match deep {
        true => {
            "  Deep: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: deep.yaml, \
                 Parameters: { Word: !Ref Word, From: !Ref Named } } }\n"
        }
        false => "",
    };
    let deep_output = if deep { "  Deep: { Value: !GetAtt Deep.Outputs.Topic }\n" } else { "" };
    let importing = match importer {
        true => {
            "  Importer: { Type: AWS::CloudFormation::Stack, DependsOn: Middle, Properties: { \
                 TemplateURL: importer.yaml } }\n"
        }
        false => "",
    };
    format!(
        "--- stack.yaml
Parameters:
  Password: {{ Type: String, NoEcho: true }}
Resources:
  Middle:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: middle.yaml
      Parameters: {{ Gate: '{gate}', Word: w{word}, Name: n{name}, Secret: !Ref Password }}
{importing}  Last: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: !GetAtt Middle.Outputs.Named }} }}
--- middle.yaml
Parameters:
  Gate: {{ Type: String }}
  Word: {{ Type: String }}
  Name: {{ Type: String }}
  Secret: {{ Type: String, NoEcho: true }}
Conditions:
  Open: !Equals [!Ref Gate, 'true']
Resources:
  Named:
    Type: AWS::SNS::Topic
    Metadata: {{ Note: {note}, Word: !Ref Word }}
    Properties: {{ TopicName: !Ref Name, DisplayName: !Sub '${{Secret}}-${{Word}}' }}
  Kept: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: !Ref Word }} }}
  Gated: {{ Type: AWS::SNS::Topic, Condition: Open, Properties: {{ KmsMasterKeyId: !Ref Named }} }}
{deep_stack}Outputs:
  Named: {{ Value: !Ref Named }}
  Kept: {{ Value: !Ref Kept, Export: {{ Name: kept }} }}
  Gated: {{ Condition: Open, Value: !GetAtt Gated.TopicName }}
{deep_output}--- deep.yaml
Parameters:
  Word: {{ Type: String }}
  From: {{ Type: String }}
Resources:
  Topic: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: !Ref Word, KmsMasterKeyId: !Ref From }} }}
Outputs:
  Topic: {{ Value: !Ref Topic }}
--- importer.yaml
Resources:
  Topic: {{ Type: AWS::SNS::Topic, Properties: {{ KmsMasterKeyId: !ImportValue kept }} }}
"
    )
}

/// What a tree is, whatever its history: properties and outputs, without identifiers.
fn reached(engine: &Toys) -> Vec<(String, Vec<String>)> {
    let current = engine.current("app", ACCOUNT, REGION).unwrap();
    let stacks = current.stacks.into_iter();
    stacks.map(|(path, stack)| (path, stack.resources.into_keys().collect())).collect()
}

proptest! {
    // 256 cases, or as many as `PROPTEST_CASES` says.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Executing plans leads from any tree to any other: what is there is what would be there had it
    /// been made at once, nothing is left to do, the same input gives the same bytes, a secret is in
    /// no plan, and guards stop no creation.
    #[test]
    fn plans_reach_the_desired_tree(versions in prop::collection::vec(version(), 1..4)) {
        let given = inputs(&[("Password", "correct-horse")]);
        let mut engine = engine();
        for (index, it) in versions.iter().enumerate() {
            let text = tree(*it);
            let library = load(&project(&text));
            let plan = planned(&engine, &library, &given).unwrap();
            let bytes = serde_json::to_string(&plan).unwrap();
            let again = planned(&engine, &library, &given).unwrap();
            prop_assert_eq!(&bytes, &serde_json::to_string(&again).unwrap());
            prop_assert!(!bytes.contains("correct-horse"), "{}", bytes);
            prop_assert!(index > 0 || plan.guards.is_empty());
            if let Some((outcome, events)) = up_with(&mut engine, &text, &given).unwrap() {
                prop_assert!(outcome.succeeded, "{:#?}\n{}", outcome, shown(&events));
            }
            let left = planned(&engine, &library, &given).unwrap();
            prop_assert!(left.is_empty(), "{:#?}\n{}", left, text);
            let mut fresh = super::project::engine();
            up_with(&mut fresh, &text, &given).unwrap();
            prop_assert_eq!(reached(&engine), reached(&fresh), "{}", text);
        }
    }

    /// Killed at any instant, and again while the next process continues, an execution ends where
    /// an undisturbed one ends, good or bad; planning again finds nothing left to do.
    #[test]
    fn interrupted_plans_reach_the_desired_tree((texts, parameters, steps) in interrupted()) {
        let given = inputs(&parameters);
        let mut start = engine();
        for (text, (refused, instants)) in texts.iter().zip(&steps) {
            let refused = refused.map(|(resource, verb)| format!("{resource}:{verb}"));
            start.provider.refuse = refused.into_iter().collect();
            let ask = Ask::Up(text);
            let (whole, count) = undisturbed(&start, &ask, &given);
            if count == 0 {
                continue;
            }
            let kill = |(at, after): &(prop::sample::Index, bool)| (at.index(count as usize) as i64, *after);
            let kills: Vec<_> = instants.iter().map(kill).collect();
            let again = killed(&start, &ask, &given, &kills, &whole);
            prop_assert_eq!(difference(&again, &whole), None, "killed at {:?}", kills);
            prop_assert_eq!(disorder(&again.store.events), [""; 0]);
            start = again;
            let status = start.stacks().unwrap()[0].status;
            if !status.updatable() {
                return Ok(());
            }
            if matches!(status, StackStatus::CreateComplete | StackStatus::UpdateComplete) {
                let left = planned(&start, &load(&project(text)), &given).unwrap();
                prop_assert!(left.is_empty(), "killed at {:?}: {:#?}\n{}", kills, left, text);
            }
        }
    }
}

/// What a resource refuses, and when the execution and what continues it is killed.
type Step = (Option<(&'static str, &'static str)>, Vec<(prop::sample::Index, bool)>);

/// Versions of a project, what it is given, and what happens to the execution of each.
fn interrupted()
-> impl Strategy<Value = (Vec<String>, Vec<(&'static str, &'static str)>, Vec<Step>)> {
    let trees = prop::collection::vec(version().prop_map(tree), 1..4)
        .prop_map(|it| (it, vec![("Password", "correct-horse")]));
    let projects = prop::collection::vec(project_of().prop_map(|it| text(&it)), 1..4)
        .prop_map(|it| (it, Vec::new()));
    const RESOURCES: &[&str] = &[
        "R1",
        "R6",
        "S0/R2",
        "S0/R3",
        "S1/R4",
        "S1/R5",
        "Middle/Named",
        "Middle/Gated",
        "Middle/Deep/Topic",
        "Importer/Topic",
        "Last",
    ];
    let refused = (
        prop::sample::select(RESOURCES),
        prop::sample::select(&["create", "update", "rollback", "delete"][..]),
    );
    let kills = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..4);
    let step = (prop::option::weighted(0.3, refused), kills);
    (prop_oneof![trees, projects], prop::collection::vec(step, 3))
        .prop_map(|((texts, parameters), steps)| (texts, parameters, steps))
}

#[test]
fn a_nested_stack_takes_the_place_of_one_that_could_not_be_deleted() {
    let with = |importer| Version { gate: false, word: 0, name: 0, deep: false, importer, note: 0 };
    let given = inputs(&[("Password", "correct-horse")]);
    let mut engine = engine();
    up_with(&mut engine, &tree(with(true)), &given).unwrap();
    engine.provider.refuse = vec!["Importer/Topic:delete".into()];
    let (outcome, _) = up_with(&mut engine, &tree(with(false)), &given).unwrap().unwrap();
    assert_eq!(outcome.status, StackStatus::UpdateComplete);
    engine.provider.refuse.clear();
    for _ in 0..3 {
        let (outcome, events) = up_with(&mut engine, &tree(with(true)), &given).unwrap().unwrap();
        assert!(outcome.succeeded, "{}", shown(&events));
        let left = planned(&engine, &load(&project(&tree(with(true)))), &given).unwrap();
        assert!(left.is_empty(), "{left:#?}");
        let (outcome, events) = up_with(&mut engine, &tree(with(false)), &given).unwrap().unwrap();
        assert!(outcome.succeeded, "{}", shown(&events));
    }
}
