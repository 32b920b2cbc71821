//! A plan beside the change set that the service made from the same templates and values.

use crate::planner::{STACK_TYPE, child_path};
use crate::steps::{Action, AlsoShown, Change, ChangeSource, Plan, Recreation, Replacement};
use kumiki_source::{Message, message};
use serde::Serialize;
use std::collections::BTreeMap;

/// A change set as the service shows it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceChangeSet {
    /// Whether the change sets of nested stacks are part of it.
    pub nested: bool,
    /// The changes of all its stacks, those of a stack before those of the stacks under it.
    pub changes: Vec<ServiceChange>,
}

/// A change of a resource as the service shows it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceChange {
    /// The path of the stack: logical IDs from the root on, empty for the root.
    pub path: String,
    /// The logical ID.
    pub logical_id: String,
    /// The type.
    pub type_name: String,
    /// The physical ID, if there is one.
    pub physical_id: Option<String>,
    /// What happens to it; nothing when only the execution can tell (`Dynamic`).
    pub action: Option<Action>,
    /// Whether it is replaced.
    pub replacement: Replacement,
    /// What changes in it.
    pub details: Vec<ServiceDetail>,
}

/// What changes in a resource as the service shows it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceDetail {
    /// The scope, `Properties`, with the property where there is one: `Properties.CidrBlock`.
    pub target: String,
    /// Whether the change needs a replacement.
    pub recreation: Recreation,
    /// Whether only the execution can tell the new value (`Evaluation` is `Dynamic`).
    pub dynamic: bool,
    /// Where the change comes from.
    pub source: Option<ChangeSource>,
    /// The parameter, resource or attribute that causes it.
    pub causing_entity: Option<String>,
}

/// A change of a plan, of a service's change set, or of both.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciled {
    /// The resource, by its path.
    pub resource: String,
    /// The type.
    pub type_name: String,
    /// What the service says happens; nothing where it does not show the resource, or cannot tell.
    pub action: Option<Action>,
    /// Whether the service says that it is replaced.
    pub replacement: Replacement,
    /// What to think of it.
    pub verdict: Verdict,
}

/// What to think of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The service does what the plan does not say: why that is thought.
    Unpredicted(Message),
    /// The plan says it too.
    Agreed,
    /// The plan says it, and the service does not show it.
    Unshown,
    /// The service shows it and it will not happen: why it is shown.
    Noise(Message),
}

impl Verdict {
    fn rank(&self) -> u8 {
        match self {
            Self::Unpredicted(_) => 0,
            Self::Agreed => 1,
            Self::Unshown => 2,
            Self::Noise(_) => 3,
        }
    }
}

/// A plan beside the service's change set: what the plan does not say first, replacements before
/// other changes.
///
/// What the service can only tell while it executes (`Dynamic`) it shows as changed, and as replaced
/// where the property asks for that. The plan knows the live values, so it knows which of these stay.
pub fn reconcile(plan: &Plan, service: &ServiceChangeSet) -> Vec<Reconciled> {
    let mut planned: BTreeMap<String, &Change> = BTreeMap::new();
    for step in &plan.steps {
        for change in &step.changes {
            planned.insert(child_path(&step.path, &change.logical_id), change);
        }
    }
    let noise: BTreeMap<String, &AlsoShown> =
        plan.also_shown.iter().map(|it| (child_path(&it.path, &it.logical_id), it)).collect();
    let mut found = Vec::new();
    for it in &service.changes {
        let resource = child_path(&it.path, &it.logical_id);
        let verdict = match planned.remove(&resource) {
            Some(change) => beside(change, it),
            None => unplanned(it, noise.get(&resource).copied()),
        };
        found.push(Reconciled {
            resource,
            type_name: it.type_name.clone(),
            action: it.action,
            replacement: it.replacement,
            verdict,
        });
    }
    // A preview of the root alone says nothing about what is nested, nor any preview about what is
    // in a nested stack that goes away.
    let shown = |resource: &String, change: &Change| {
        change.action != Action::Remove && service.nested || !resource.contains('/')
    };
    found.extend(planned.into_iter().filter(|(name, it)| shown(name, it)).map(|(resource, it)| {
        Reconciled {
            resource,
            type_name: it.type_name.clone(),
            action: None,
            replacement: Replacement::False,
            verdict: Verdict::Unshown,
        }
    }));
    found.sort_by_key(|it| (it.verdict.rank(), std::cmp::Reverse(it.replacement)));
    found
}

/// A change that both have.
fn beside(planned: &Change, shown: &ServiceChange) -> Verdict {
    if let Some(action) = shown.action.filter(|it| *it != planned.action) {
        return Verdict::Unpredicted(message!(
            "`{resource}`: AWS says {action}, and the plan says {planned}",
            resource = shown.logical_id,
            action = action.as_str(),
            planned = planned.action.as_str()
        ));
    }
    if shown.replacement == Replacement::False || planned.replacement != Replacement::False {
        return Verdict::Agreed;
    }
    let causes = || shown.details.iter().filter(|it| it.recreation != Recreation::Never);
    match causes().find(|it| !it.dynamic) {
        None if causes().next().is_some() => Verdict::Noise(waits(causes())),
        cause => Verdict::Unpredicted(message!(
            "`{resource}` ({type_name}): AWS replaces it for `{property}`, and the plan does not",
            resource = shown.logical_id,
            type_name = shown.type_name,
            property = cause.map_or("?", |it| it.target.as_str())
        )),
    }
}

/// A change that only the service has.
fn unplanned(shown: &ServiceChange, noise: Option<&AlsoShown>) -> Verdict {
    if noise.is_some() || shown.type_name == STACK_TYPE && shown.action == Some(Action::Modify) {
        return match shown.details.iter().any(|it| it.dynamic && it.causing_entity.is_some()) {
            true => Verdict::Noise(waits(shown.details.iter())),
            false => Verdict::Noise(message!("something in its parent changes")),
        };
    }
    let dynamic = !shown.details.is_empty() && shown.details.iter().all(|it| it.dynamic);
    if dynamic && matches!(shown.action, Some(Action::Modify)) {
        return Verdict::Noise(waits(shown.details.iter()));
    }
    Verdict::Unpredicted(message!(
        "`{resource}` ({type_name}): AWS says {action}, and the plan says nothing",
        resource = child_path(&shown.path, &shown.logical_id),
        type_name = shown.type_name,
        action = shown.action.map_or("Dynamic", Action::as_str)
    ))
}

/// Why the service shows something that stays as it is.
fn waits<'d>(details: impl Iterator<Item = &'d ServiceDetail>) -> Message {
    let mut causes: Vec<&str> =
        details.filter(|it| it.dynamic).filter_map(|it| it.causing_entity.as_deref()).collect();
    causes.sort_unstable();
    causes.dedup();
    let causes = causes.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    message!("AWS does not know {causes} before it executes; it stays as it is", causes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::{Effect, Operation, Step};

    fn planned(action: Action, replacement: Replacement) -> Plan {
        let change = Change {
            logical_id: "Database".to_owned(),
            type_name: "AWS::RDS::DBInstance".to_owned(),
            physical_id: None,
            action,
            replacement,
            scope: Vec::new(),
            details: Vec::new(),
            policy: None,
            effect: Effect::None,
        };
        let step = Step {
            path: "Data".to_owned(),
            template: String::new(),
            operation: Operation::Update,
            changes: vec![change],
            outputs: Vec::new(),
        };
        Plan { steps: vec![step], ..Plan::default() }
    }

    fn shown(action: Action, replacement: Replacement, dynamic: Option<bool>) -> ServiceChangeSet {
        let detail = |dynamic| ServiceDetail {
            target: "Properties.KmsKeyId".to_owned(),
            recreation: Recreation::Always,
            dynamic,
            source: Some(ChangeSource::ParameterReference),
            causing_entity: Some("KeyArn".to_owned()),
        };
        let change = ServiceChange {
            path: "Data".to_owned(),
            logical_id: "Database".to_owned(),
            type_name: "AWS::RDS::DBInstance".to_owned(),
            physical_id: None,
            action: Some(action),
            replacement,
            details: dynamic.map(detail).into_iter().collect(),
        };
        ServiceChangeSet { nested: true, changes: vec![change] }
    }

    /// What is planned, what the service shows, and whether the execution stops there.
    #[test]
    fn what_the_plan_does_not_say_stops() {
        use Action::{Add, Modify, Remove};
        use Replacement::{Conditional, False, True};
        let nothing = Plan::default();
        let cases = [
            (planned(Modify, False), shown(Modify, False, None), "agreed"),
            (planned(Modify, True), shown(Modify, True, Some(false)), "agreed"),
            (planned(Modify, Conditional), shown(Modify, True, Some(false)), "agreed"),
            // The well-known false replacement of nested previews.
            (planned(Modify, False), shown(Modify, True, Some(true)), "noise"),
            (planned(Modify, False), shown(Modify, Conditional, Some(true)), "noise"),
            (planned(Modify, False), shown(Modify, True, Some(false)), "unpredicted"),
            // A replacement without a cause that could be judged.
            (planned(Modify, False), shown(Modify, True, None), "unpredicted"),
            (planned(Modify, False), shown(Remove, False, None), "unpredicted"),
            (nothing.clone(), shown(Modify, True, Some(true)), "noise"),
            (nothing.clone(), shown(Modify, False, Some(false)), "unpredicted"),
            (nothing.clone(), shown(Modify, False, None), "unpredicted"),
            (nothing.clone(), shown(Add, False, None), "unpredicted"),
            (nothing, shown(Remove, False, None), "unpredicted"),
            (
                planned(Add, False),
                ServiceChangeSet { nested: true, ..Default::default() },
                "unshown",
            ),
        ];
        for (number, (plan, service, expected)) in cases.into_iter().enumerate() {
            let found = reconcile(&plan, &service);
            let word = match &found[0].verdict {
                Verdict::Unpredicted(_) => "unpredicted",
                Verdict::Agreed => "agreed",
                Verdict::Unshown => "unshown",
                Verdict::Noise(_) => "noise",
            };
            assert_eq!((word, found.len()), (expected, 1), "case {number}: {found:?}");
        }
        let root_only = ServiceChangeSet::default();
        assert!(reconcile(&planned(Add, False), &root_only).is_empty());
    }
}
