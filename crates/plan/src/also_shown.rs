//! What AWS's own change set shows although it will not happen.
//!
//! AWS makes the change set of a nested stack before its siblings are updated, so an output of a
//! sibling that is touched in any way is `{{changeSet:KNOWN_AFTER_APPLY}}`, whether it changes or
//! not, and so is whatever is made of it. And a nested stack whose parent is touched is shown as
//! changed, because its template may have changed.
//!
//! These follow from the tree and the plan by rule; they never are part of the plan.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
//! <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759>

use crate::Current;
use crate::cause::{Lineage, Source};
use crate::planner::STACK_TYPE;
use crate::steps::{
    Action, AlsoShown, Change, ChangeSource, Operation, Recreation, Replacement, ShownProperty,
    Step,
};
use kumiki_project::{Tree, Value};
use kumiki_template::{Expr, ExprKind};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Finds what AWS will show beside a plan.
pub(crate) fn also_shown(
    tree: &Tree,
    lineage: &Lineage<'_>,
    current: &Current,
    steps: &[Step],
) -> Vec<AlsoShown> {
    let updates: HashSet<&str> =
        steps.iter().filter(|it| it.operation == Operation::Update).map(|it| &*it.path).collect();
    let mut walk = Walk {
        tree,
        lineage,
        current,
        updates,
        changes: steps
            .iter()
            .flat_map(|step| step.changes.iter().map(|it| ((&*step.path, &*it.logical_id), it)))
            .collect(),
        shown: HashSet::new(),
        found: Vec::new(),
    };
    if walk.updates.contains("") {
        walk.stack(0, &BTreeSet::new());
    }
    walk.found
}

struct Walk<'w> {
    tree: &'w Tree,
    lineage: &'w Lineage<'w>,
    current: &'w Current,
    /// The stacks that are updated, by path.
    updates: HashSet<&'w str>,
    changes: HashMap<(&'w str, &'w str), &'w Change>,
    /// The nested stacks whose outputs AWS does not know before it has updated them.
    shown: HashSet<usize>,
    found: Vec<AlsoShown>,
}

impl Walk<'_> {
    /// Walks a stack of which AWS does not know some parameters, by position.
    fn stack(&mut self, index: usize, unknown: &BTreeSet<usize>) {
        let tree = self.tree;
        let stack = &tree.stacks[index];
        let template = self.lineage.template(stack);
        // Resources that AWS takes for replaced, so that their identifiers are not known either.
        let mut replaced: HashSet<usize> = HashSet::new();
        for &at in &stack.sequence {
            let resource = &stack.resources[at];
            let existing = self.current.resource(&stack.path, &resource.logical_id);
            if resource.condition.is_false()
                || existing.is_none_or(|it| it.type_name != *resource.type_name)
            {
                continue;
            }
            let properties = template.resources[at].properties.as_ref();
            let change = self.changes.get(&(&*stack.path, &*resource.logical_id)).copied();
            if let Some(child) = resource.child {
                let mut passed = BTreeSet::new();
                let mut named = Vec::new();
                for (name, expr) in fields(properties.and_then(|it| it.get("Parameters"))) {
                    let of = self.lineage.template(&tree.stacks[child]);
                    if let Some(from) = self.unknown(index, expr, unknown, &replaced)
                        && let Some(position) = of.parameters.index_of(name)
                    {
                        passed.insert(position);
                        // What the plan does not know either may really change.
                        let path = format!("Parameters.{name}");
                        if resource.property(&path).is_none_or(Value::is_known) {
                            named.push((path, from));
                        }
                    }
                }
                let touched = change.is_some() || !passed.is_empty();
                self.note(index, at, change, named);
                if touched {
                    self.shown.insert(child);
                    self.stack(child, &passed);
                }
                continue;
            }
            let named: Vec<(String, String)> = fields(properties)
                .filter_map(|(name, expr)| {
                    Some((name.to_owned(), self.unknown(index, expr, unknown, &replaced)?))
                })
                .collect();
            if self.note(index, at, change, named) {
                replaced.insert(at);
            }
        }
    }

    /// What AWS does not know of an expression, if anything: the first of it.
    fn unknown(
        &self,
        stack: usize,
        expr: &Expr,
        unknown: &BTreeSet<usize>,
        replaced: &HashSet<usize>,
    ) -> Option<String> {
        let of = &self.tree.stacks[stack];
        let name = |at: usize| &*of.resources[at].logical_id;
        self.lineage.sources(stack, expr).into_iter().find_map(|source| match source {
            Source::Parameter(at) => {
                unknown.contains(&at).then(|| of.parameters[at].name.to_string())
            }
            Source::Resource(at) => replaced.contains(&at).then(|| name(at).to_owned()),
            Source::Attribute(at, attribute) => {
                let output = of.resources[at].child.is_some_and(|it| self.shown.contains(&it));
                let attribute = attribute.unwrap_or_default();
                (output || replaced.contains(&at)).then(|| format!("{}.{attribute}", name(at)))
            }
            // AWS resolves an import to the value that is exported now.
            Source::Export(_) => None,
        })
    }

    /// Notes what AWS shows of a resource beyond the plan; whether it may show a replacement.
    fn note(
        &mut self,
        index: usize,
        at: usize,
        change: Option<&Change>,
        named: Vec<(String, String)>,
    ) -> bool {
        let stack = &self.tree.stacks[index];
        let resource = &stack.resources[at];
        if change.is_some_and(|it| it.action != Action::Modify) {
            return false;
        }
        let schema = kumiki_schema::resource_type(&resource.type_name);
        let nested = *resource.type_name == *STACK_TYPE;
        let mut properties = Vec::new();
        for (path, waits_for) in named {
            let planned = change.is_some_and(|it| {
                it.details.iter().any(|detail| {
                    detail
                        .path
                        .strip_prefix(&path)
                        .is_some_and(|it| it.is_empty() || it.starts_with('.'))
                })
            });
            if planned {
                continue;
            }
            let recreation = match schema.filter(|_| !nested).map(|it| it.replacement(&[&path])) {
                None => Recreation::Never,
                Some(it) => it.into(),
            };
            properties.push(ShownProperty { path, recreation, waits_for });
        }
        let automatic = nested && change.is_none() && self.updates.contains(&*stack.path);
        if properties.is_empty() && !automatic {
            return false;
        }
        // Where only the deployment can tell the value, AWS does not say `True`.
        let may = properties.iter().any(|it| it.recreation != Recreation::Never);
        self.found.push(AlsoShown {
            path: stack.path.to_string(),
            logical_id: resource.logical_id.to_string(),
            type_name: resource.type_name.to_string(),
            replacement: if may { Replacement::Conditional } else { Replacement::False },
            change_source: match properties.is_empty() {
                true => ChangeSource::Automatic,
                false if index == 0 || nested => ChangeSource::ResourceAttribute,
                false => ChangeSource::ParameterReference,
            },
            properties,
        });
        may
    }
}

/// The entries of a map as it is written.
fn fields(expr: Option<&Expr>) -> impl Iterator<Item = (&str, &Expr)> {
    let entries = match expr.map(|it| &it.kind) {
        Some(ExprKind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|it| (&*it.key.text, &it.value))
}
