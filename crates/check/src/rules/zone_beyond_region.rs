use crate::rule::{Cx, Rule};
use kumiki_project::{Stack, Unknown, Value};
use kumiki_source::{Severity, Span, message};
use kumiki_template::{Call, Expr, ExprKind};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "zone-beyond-region",
    severity: Severity::Error,
    page: include_str!("zone_beyond_region.md"),
    check,
};

/// How many zones `Fn::GetAZs` lists in a Region: of a new account, and of one that has all.
///
/// As of 2025-12; Regions that are not here are not judged.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>
const ZONES: [(&str, usize, usize); 12] = [
    ("ap-northeast-1", 3, 4),
    ("ap-northeast-2", 4, 4),
    ("ap-northeast-3", 3, 3),
    ("ap-southeast-1", 3, 3),
    ("ap-southeast-2", 3, 3),
    ("eu-central-1", 3, 3),
    ("eu-west-1", 3, 3),
    ("eu-west-2", 3, 3),
    ("us-east-1", 6, 6),
    ("us-east-2", 3, 3),
    ("us-west-1", 2, 3),
    ("us-west-2", 4, 4),
];

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    for stack in &tree.stacks {
        // Where an item of the list of zones was asked for, and of which Region.
        let mut asked: HashMap<Span, &str> = HashMap::new();
        for resource in stack.resources.iter().filter(|it| !it.condition.is_false()) {
            zones(&resource.properties, &mut asked);
        }
        if asked.is_empty() {
            continue;
        }
        let template = cx.template(stack);
        for properties in template.resources.iter().filter_map(|it| it.properties.as_ref()) {
            properties.walk(&mut |it| {
                if let Some(region) = asked.get(&it.span)
                    && let Some(position) = position(it, stack)
                {
                    judge(cx, it.span, region, position);
                }
            });
        }
    }
}

fn zones<'t>(value: &'t Value, asked: &mut HashMap<Span, &'t str>) {
    if let Some(items) = value.as_list() {
        items.iter().for_each(|it| zones(it, asked));
    } else if let Some(fields) = value.as_map() {
        fields.iter().for_each(|it| zones(&it.value, asked));
    } else if let Some(unknown) = value.as_unknown()
        && let Unknown::Zones(region) = &**unknown
        && let Some(span) = value.origin.span
    {
        asked.insert(span, region);
    }
}

/// Which item of the list an expression asks for.
fn position(expr: &Expr, stack: &Stack) -> Option<usize> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    let Call::Select { index, items } = &**call else { return None };
    let ExprKind::Call(list) = &items.kind else { return None };
    if !matches!(&**list, Call::GetAZs(_)) {
        return None;
    }
    if let Some(text) = index.as_text() {
        return text.parse().ok();
    }
    let ExprKind::Call(call) = &index.kind else { return None };
    let Call::Ref(name) = &**call else { return None };
    stack.parameter(&name.text)?.as_text()?.parse().ok()
}

fn judge(cx: &mut Cx<'_>, span: Span, region: &str, position: usize) {
    let Some((_, new, all)) = ZONES.iter().find(|it| it.0 == region) else { return };
    if position < *new {
        return;
    }
    let finding = cx.report(
        span,
        message!(
            "`{region}` has {new} zones, and this asks for item {position}",
            region,
            new,
            position
        ),
    );
    finding.help.push(match position < *all {
        // Old accounts may still have it.
        true => {
            finding.severity = Severity::Warning;
            message!(
                "only accounts that had a further zone before still see it; items begin with 0"
            )
        }
        false => message!("items begin with 0"),
    });
}
