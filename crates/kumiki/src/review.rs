//! A plan for people: what changes, why, what it costs, and what has to be allowed.

use crate::output::{Output, Style};
use crate::watch::time;
use kumiki_plan::{
    Action, AlsoShown, Cause, Change, ChangeSource, Detail, Effect, Guard, GuardKind, Operation,
    Plan, Recreation, Replacement, Step,
};
use kumiki_source::{Message, message};

/// How much of a digest is shown and typed: 48 bits, far more than a person could collide by
/// chance.
pub(crate) const SHORT_DIGEST: usize = 12;

/// A plan for people.
pub(crate) fn show(plan: &Plan, output: &Output) {
    let (stack, region, account) = (&plan.stack_name, &plan.region, &plan.account);
    output.say(&message!("stack `{stack}` in {region}, account {account}", stack, region, account));
    if plan.is_empty() {
        output.say(&message!("no changes"));
        return;
    }
    let line = |message: &Message| output.line(&format!("    {}", output.text(message)));
    for step in &plan.steps {
        output.line("");
        output.line(&heading(step, plan, output));
        for change in &step.changes {
            resource(change, step.operation, output);
        }
        if step.operation == Operation::Update {
            for it in &step.outputs {
                let before = it.before.as_deref().unwrap_or("-");
                let after = it.after.as_deref().unwrap_or("?");
                let name = &it.name;
                line(&message!("output {name}: {before} → {after}", name, before, after));
            }
        }
    }
    output.line("");
    let [added, modified, replaced, removed] = plan.counts();
    let stacks = plan.steps.len();
    output.say(&message!(
        "{added} to add, {modified} to modify, {replaced} to replace, {removed} to remove, in {stacks} change sets",
        added,
        modified,
        replaced,
        removed,
        stacks
    ));
    estimate(plan, output);
    also_shown(&plan.also_shown, output);
    for guard in &plan.guards {
        output.line("");
        let mark = match guard.allowed {
            true => output.paint(Style::Yellow, &output.text(&message!("allowed"))),
            false => output.paint(Style::Red, &output.text(&message!("guard"))),
        };
        output.line(&format!("{mark}: {}", output.text(&guard.message)));
        output.line(&format!("  = {}", output.text(&guard.help)));
    }
    // Nothing is allowed by name where a whole root is deleted.
    let by_name = |it: &&Guard| !it.allowed && it.kind != GuardKind::TerminationProtection;
    let count = plan.guards.iter().filter(by_name).count();
    if count > 0 {
        output.line("");
        output.say(&message!(
            "guards that stop `kumiki up`: {count}; what is meant is allowed by name: `--allow NAME`",
            count
        ));
    }
    if let Some(digest) = plan.digest.get(..SHORT_DIGEST) {
        output.say(&message!("digest {digest}", digest));
    }
}

/// How many changes of the critical path are shown: the longest.
const LEGS: usize = 5;

fn estimate(plan: &Plan, output: &Output) {
    let estimate = &plan.estimate;
    if estimate.seconds == 0 {
        return;
    }
    let mut longest: Vec<_> = estimate.critical_path.iter().collect();
    longest.sort_by_key(|it| std::cmp::Reverse(it.seconds));
    longest.truncate(LEGS);
    longest.sort_by_key(|it| it.start_seconds);
    let legs: Vec<String> =
        longest.iter().map(|it| format!("{} {}", it.resource, time(it.seconds * 1000))).collect();
    let (time_of_all, legs) = (time(estimate.seconds * 1000), legs.join(" → "));
    output.say(&message!(
        "AWS would take about {time}; longest on the critical path: {legs}",
        time = time_of_all,
        legs
    ));
    for it in &estimate.slow_dependencies {
        let (resource, on, sooner) = (&it.resource, &it.depends_on, time(it.seconds * 1000));
        output.say(&message!(
            "`DependsOn: {on}` of `{resource}` costs {sooner}, and no reference needs it",
            on,
            resource,
            sooner
        ));
    }
}

/// The most nested stacks that are named; JSON has them all.
const NAMED: usize = 5;

/// What AWS shows besides. Nested stacks that are only touched are named in one line.
fn also_shown(shown: &[AlsoShown], output: &Output) {
    if shown.is_empty() {
        return;
    }
    output.line("");
    output.say(&message!("AWS will also show, although nothing of it will happen:"));
    let name = |it: &AlsoShown| match it.path.as_str() {
        "" => it.logical_id.clone(),
        path => format!("{path}/{}", it.logical_id),
    };
    for it in shown.iter().filter(|it| it.change_source != ChangeSource::Automatic) {
        let (mark, style) = match it.replacement {
            Replacement::False => ("  ~", Style::Faint),
            _ => ("-/+", Style::Faint),
        };
        let type_name = output.paint(Style::Faint, &it.type_name);
        output.line(&format!("{} {}  {type_name}", output.paint(style, mark), name(it)));
        for property in &it.properties {
            let (path, waits_for) = (&property.path, &property.waits_for);
            let mark = recreation(property.recreation);
            output.line(&format!("      {path}: ({waits_for}){mark}"));
        }
    }
    let automatic: Vec<String> =
        shown.iter().filter(|it| it.change_source == ChangeSource::Automatic).map(name).collect();
    if !automatic.is_empty() {
        let count = automatic.len();
        let text = output.text(&message!(
            "nested stacks as modified, because something in their parent changes: {count}",
            count
        ));
        let names = match count {
            0..=NAMED => format!(" ({})", automatic.join(", ")),
            _ => String::new(),
        };
        output.line(&format!("  ~ {text}{names}"));
    }
}

/// A mark for a property whose change makes, or may make, a new resource.
fn recreation(it: Recreation) -> &'static str {
    match it {
        Recreation::Never => "",
        Recreation::Conditionally => " (?)",
        Recreation::Always => " (!)",
    }
}

fn heading(step: &Step, plan: &Plan, output: &Output) -> String {
    let path = if step.path.is_empty() { &plan.stack_name } else { &step.path };
    let mark = match step.operation {
        Operation::Create => output.paint(Style::Green, "+"),
        Operation::Update => output.paint(Style::Yellow, "~"),
        Operation::Delete => output.paint(Style::Red, "-"),
    };
    let template = output.paint(Style::Faint, &step.template);
    format!("{mark} {}  {template}", output.paint(Style::Bold, path))
}

fn resource(change: &Change, operation: Operation, output: &Output) {
    let replaced = change.replacement != Replacement::False;
    let (mark, style) = match (change.action, replaced) {
        (Action::Add, _) => ("  +", Style::Green),
        (Action::Modify, false) => ("  ~", Style::Yellow),
        (Action::Modify, true) => ("-/+", Style::Red),
        (Action::Remove, _) => ("  -", Style::Red),
    };
    let mark = output.paint(style, mark);
    let (id, type_name) = (&change.logical_id, output.paint(Style::Faint, &change.type_name));
    output.line(&format!("{mark} {id}  {type_name}"));
    if replaced {
        let cause = change.details.iter().max_by_key(|it| it.recreation).map(|it| it.path.as_str());
        let cause = cause.unwrap_or_default();
        let policy = change.policy.unwrap_or("Delete");
        let text = match change.replacement {
            Replacement::True => message!(
                "replaced, because `{cause}` changes; policy for the old one: {policy}",
                cause,
                policy
            ),
            _ => message!(
                "may be replaced, depending on `{cause}`; policy for the old one: {policy}",
                cause,
                policy
            ),
        };
        output.line(&format!("      {}", output.text(&text)));
    } else if change.action == Action::Remove
        && let Some(policy) = change.policy.filter(|it| *it != "Delete")
    {
        let text = message!("stays in the account: policy {policy}", policy);
        output.line(&format!("      {}", output.text(&text)));
    }
    match change.effect {
        Effect::None => {}
        Effect::Interruption => {
            let text = output.text(&message!("interrupts those who use it"));
            output.line(&format!("      {}", output.paint(Style::Yellow, &text)));
        }
        Effect::DataLost => {
            let text = output.text(&message!("its data is lost"));
            output.line(&format!("      {}", output.paint(Style::Red, &text)));
        }
    }
    if operation == Operation::Update {
        for detail in change.details.iter().filter(|it| !it.path.is_empty()) {
            output.line(&format!("      {}", property(detail, output)));
        }
    }
}

fn property(detail: &Detail, output: &Output) -> String {
    let text = |it: &Option<serde_json::Value>| it.as_ref().map(ToString::to_string);
    let (before, after) = (text(&detail.before), text(&detail.after));
    // What two long texts have in common at their beginning tells nothing.
    let common = match (&before, &after) {
        (Some(one), Some(other)) => common_start(one, other),
        _ => 0,
    };
    let before = before.map_or_else(|| "-".to_owned(), |it| shortened(&it, common));
    let after = match (&after, &detail.waits_for) {
        (Some(after), _) => shortened(after, common),
        (None, Some(waits_for)) => format!("({})", output.text(waits_for)),
        (None, None) => "-".to_owned(),
    };
    let mark = recreation(detail.recreation);
    let cause = match &detail.cause {
        Cause::Parameter(name) => format!("  [{name}]"),
        // What is waited for says it already.
        Cause::Upstream(name) if detail.waits_for.is_none() => format!("  [{name}]"),
        _ => String::new(),
    };
    let cause = output.paint(Style::Faint, &cause);
    format!("{}: {before} → {after}{mark}{cause}", detail.path)
}

/// The most characters of a value that are shown.
const SHOWN: usize = 60;

/// How many characters two texts have in common at their beginning.
fn common_start(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// A text without a beginning that two have in common, if it is long, and without its end, if that
/// is.
fn shortened(text: &str, common: usize) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return text.to_owned();
    }
    // Enough before the difference to see where it is.
    let start = common.saturating_sub(SHOWN / 3);
    let mut shown: String = text.chars().skip(start).take(SHOWN).collect();
    if start > 0 {
        shown.insert(0, '…');
    }
    if start + SHOWN < length {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let long = |end: &str| format!("\"{}:{end}\"", "repository/".repeat(9));
        let common = common_start(&long("日本1"), &long("日本2"));
        assert_eq!(shortened(&long("日本1"), common), "…itory/repository/:日本1\"");
        assert_eq!(shortened("\"short\"", 3), "\"short\"");
        let cut = shortened(&long(&"x".repeat(99)), 0);
        assert_eq!(cut.chars().count(), SHOWN + 1);
    }
}
