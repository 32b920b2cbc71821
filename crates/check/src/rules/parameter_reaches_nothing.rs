use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, Span, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "parameter-reaches-nothing",
    severity: Severity::Warning,
    page: include_str!("parameter_reaches_nothing.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let (library, tree) = (cx.library, cx.tree);
    // Whether each parameter of each stack reaches something.
    let mut alive: Vec<Vec<bool>> = vec![Vec::new(); tree.stacks.len()];
    let mut dead: Vec<(Span, &str, Vec<Span>)> = Vec::new();
    let mut reaching: HashSet<Span> = HashSet::new();
    // Children come after their parents.
    for (position, stack) in tree.stacks.iter().enumerate().rev() {
        let template = library.template(stack.template);
        let usage = cx.usages.template(stack.template);
        let reaches = |resource: usize, name: &str| match stack.resources[resource].child {
            // What is not followed, or has no such parameter, is another rule's matter.
            None => true,
            Some(child) => {
                let child_template = library.template(tree.stacks[child].template);
                child_template.parameters.index_of(name).is_none_or(|index| alive[child][index])
            }
        };
        let parameters: Vec<bool> = usage
            .parameters
            .iter()
            .map(|it| {
                usage.opaque || it.used || it.passed.iter().any(|(at, name)| reaches(*at, name))
            })
            .collect();
        for (index, parameter) in template.parameters.iter().enumerate() {
            let passed = &usage.parameters[index].passed;
            // One that nothing at all refers to is found by AWS's rules.
            if parameters[index] || passed.is_empty() {
                reaching.insert(parameter.name.span);
                continue;
            }
            let children = passed.iter().filter_map(|(at, name)| {
                let child = &tree.stacks[stack.resources[*at].child?];
                let declared = library.template(child.template).parameters.get(name)?;
                Some(declared.name.span)
            });
            dead.push((parameter.name.span, &parameter.name.text, children.collect()));
        }
        alive[position] = parameters;
    }
    let mut seen = HashSet::new();
    for (span, name, children) in dead.into_iter().rev() {
        if reaching.contains(&span) || !seen.insert(span) {
            continue;
        }
        let finding =
            cx.report(span, message!("parameter `{name}` is passed on, but nothing uses it", name));
        for span in children {
            finding.hops.push(Hop { span, label: Some(message!("passed to this one")) });
        }
        finding.help.push(message!("remove it here and where it is passed to"));
    }
}
