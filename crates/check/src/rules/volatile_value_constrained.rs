use crate::rule::{Cx, Rule};
use crate::volatile::volatile_parameters;
use kumiki_source::{Hop, Severity, Span, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "volatile-value-constrained",
    severity: Severity::Warning,
    page: include_str!("volatile_value_constrained.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let volatile = volatile_parameters(cx);
    let mut seen: HashSet<Span> = HashSet::new();
    for (stack, volatile) in cx.tree.stacks.iter().zip(&volatile) {
        for parameter in &cx.template(stack).parameters {
            let Some(source) = volatile.get(&*parameter.name.text) else { continue };
            let constraints = [
                ("AllowedPattern", parameter.allowed_pattern.as_ref()),
                ("AllowedValues", parameter.allowed_values.first()),
                ("MinLength", parameter.min_length.as_ref()),
                ("MaxLength", parameter.max_length.as_ref()),
                ("MinValue", parameter.min_value.as_ref()),
                ("MaxValue", parameter.max_value.as_ref()),
            ];
            let found = constraints.iter().find_map(|(name, it)| it.map(|it| (name, it.span)));
            let Some((constraint, span)) = found.filter(|it| seen.insert(it.1)) else { continue };
            let name = &parameter.name.text;
            let finding = cx.report(
                span,
                message!(
                    "`{constraint}` of `{name}` meets a placeholder in a nested change set",
                    constraint,
                    name
                ),
            );
            finding.hops.push(Hop { span: *source, label: Some(message!("fed by this output")) });
            finding
                .help
                .push(message!("remove the constraint, or check the value where it is made"));
        }
    }
}
