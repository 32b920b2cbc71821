//! In which order the resources of one template can be created.

use kumiki_source::{Diagnostic, Span, message};
use kumiki_template::{Call, Expr, ExprKind, SubPart, Template};
use std::collections::{HashMap, HashSet};

/// A dependency of a resource on another of the same template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The other resource, by position.
    pub on: usize,
    /// The `DependsOn`, `Ref` or `Fn::GetAtt` that makes it.
    pub span: Span,
    /// Whether it is a `DependsOn`.
    pub explicit: bool,
}

/// The order of a template.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Positions of resources, each after everything that it depends on.
    pub sequence: Vec<usize>,
    /// The dependencies of each resource.
    pub dependencies: Vec<Vec<Dependency>>,
    /// Resources that wait for each other.
    pub cycles: Vec<Cycle>,
}

/// Resources that wait for each other: each for the next, the last for the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// A resource, and the place where it refers to the next.
    pub members: Vec<(usize, Span)>,
}

/// What each resource of a template depends on, by position.
pub fn dependencies(template: &Template) -> Vec<Vec<Dependency>> {
    template
        .resources
        .iter()
        .map(|resource| {
            let mut found: Vec<Dependency> = Vec::new();
            let mut seen = HashSet::new();
            let mut add = |name: &str, span: Span, explicit: bool| {
                if let Some(on) = template.resources.index_of(name)
                    && seen.insert((on, explicit))
                {
                    found.push(Dependency { on, span, explicit });
                }
            };
            for name in &resource.depends_on {
                add(&name.text, name.span, true);
            }
            let policies = [&resource.creation_policy, &resource.update_policy];
            let values = [&resource.properties, &resource.metadata].into_iter().chain(policies);
            for expr in values.flatten() {
                references(expr, &mut |name, span| add(name, span, false));
            }
            found
        })
        .collect()
}

/// Calls `visit` with every name that an expression refers to by `Ref`, `Fn::GetAtt` or `Fn::Sub`.
fn references(expr: &Expr, visit: &mut dyn FnMut(&str, Span)) {
    expr.walk(&mut |it| {
        let ExprKind::Call(call) = &it.kind else { return };
        match &**call {
            Call::Ref(name) => visit(&name.text, name.span),
            Call::GetAtt { resource, .. } => visit(&resource.text, resource.span),
            Call::Sub { parts, variables } => {
                let variables: HashSet<&str> = variables.iter().map(|it| &*it.key.text).collect();
                for part in parts {
                    if let SubPart::Reference(reference) = part
                        && !variables.contains(&*reference.name.text)
                    {
                        visit(&reference.name.text, reference.name.span);
                    }
                }
            }
            _ => {}
        }
    });
}

/// Orders the resources of a template; ties keep the order in which they are written.
///
/// Members of a cycle come last, so that a tree can still be shown.
pub fn order(template: &Template) -> Order {
    let dependencies = dependencies(template);
    let count = dependencies.len();
    let mut waiting: Vec<usize> = vec![0; count];
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, needs) in dependencies.iter().enumerate() {
        let mut on: Vec<usize> = needs.iter().map(|it| it.on).collect();
        on.sort_unstable();
        on.dedup();
        waiting[index] = on.len();
        for it in on {
            dependents[it].push(index);
        }
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..count).filter(|it| waiting[*it] == 0).collect();
    let mut sequence = Vec::with_capacity(count);
    while let Some(next) = ready.pop_first() {
        sequence.push(next);
        for it in &dependents[next] {
            waiting[*it] -= 1;
            if waiting[*it] == 0 {
                ready.insert(*it);
            }
        }
    }
    let mut cycles = cycles(&dependencies, &waiting);
    // SAM makes several resources of each of its own, and these need not wait for each other.
    cycles.retain(|it| {
        let mut types = it.members.iter().map(|(at, _)| &template.resources[*at].type_name.text);
        !types.any(|it| it.starts_with("AWS::Serverless::"))
    });
    sequence.extend((0..count).filter(|it| waiting[*it] > 0));
    Order { sequence, dependencies, cycles }
}

impl Cycle {
    /// The cycle as a finding.
    pub(crate) fn finding(&self, template: &Template) -> Diagnostic {
        let name = |index: usize| &template.resources[index].name.text;
        let members: Vec<String> =
            self.members.iter().map(|(it, _)| format!("`{}`", name(*it))).collect();
        let (first, span) = self.members[0];
        let mut finding = Diagnostic::error(
            "cycle",
            message!(
                "resources wait for each other: {members} → `{first}`",
                members = members.join(" → "),
                first = name(first)
            ),
        )
        .at(span)
        .help(message!("remove one of these references"));
        for (index, (from, span)) in self.members.iter().enumerate().skip(1) {
            let (to, _) = self.members[(index + 1) % self.members.len()];
            let (from, to) = (name(*from), name(to));
            finding = finding.hop(*span, message!("`{from}` waits for `{to}`", from, to));
        }
        finding
    }
}

/// One cycle for each group of resources that can reach each other.
fn cycles(dependencies: &[Vec<Dependency>], waiting: &[usize]) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    let mut done = vec![false; dependencies.len()];
    for start in (0..dependencies.len()).filter(|it| waiting[*it] > 0) {
        if done[start] {
            continue;
        }
        let mut path: Vec<(usize, Span)> = Vec::new();
        let mut places = HashMap::new();
        let mut at = start;
        // Every resource that still waits has a dependency that still waits, so this walk ends
        // in a cycle or in one that was reported.
        while !done[at] {
            if let Some(first) = places.insert(at, path.len()) {
                cycles.push(Cycle { members: path.split_off(first) });
                break;
            }
            let next = dependencies[at].iter().find(|it| waiting[it.on] > 0);
            let Some(next) = next else { break };
            path.push((at, next.span));
            at = next.on;
        }
        for (it, _) in path.iter().chain(cycles.last().iter().flat_map(|it| &it.members)) {
            done[*it] = true;
        }
    }
    cycles
}
