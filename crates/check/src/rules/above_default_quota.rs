use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, Span, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "above-default-quota",
    severity: Severity::Warning,
    page: include_str!("above_default_quota.md"),
    check,
};

const QUOTAS: &str = include_str!("../../data/quotas.txt");

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut quotas: HashMap<&str, usize> = HashMap::new();
    for line in QUOTAS.lines().filter(|it| !it.starts_with('#')) {
        if let Some((type_name, most)) = line.split_once(char::is_whitespace)
            && let Ok(most) = most.trim().parse()
        {
            quotas.insert(type_name, most);
        }
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut over: Vec<(&str, usize, Span)> = Vec::new();
    for (_, stack, resource) in links.all() {
        let type_name = &*resource.type_name;
        let Some(most) = quotas.get(type_name) else { continue };
        let count = counts.entry(type_name).or_default();
        *count += 1;
        // The first one too many is where the deployment fails, if it does.
        if *count == most + 1 {
            over.push((type_name, *most, cx.declaration(stack, resource).name.span));
        }
    }
    for (type_name, most, span) in over {
        let count = counts.get(type_name).copied().unwrap_or_default();
        let finding = cx.report(
            span,
            message!(
                "the tree makes {count} of `{type_name}`; the quota is {most}",
                count,
                type_name,
                most
            ),
        );
        finding.help.push(message!(
            "have the quota raised before the deployment; what the account has already counts too"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::QUOTAS;

    #[test]
    fn every_quota_is_one_of_a_type() {
        for line in QUOTAS.lines().filter(|it| !it.starts_with('#')) {
            let (name, most) = line.split_once(char::is_whitespace).expect(line);
            assert!(name.starts_with("AWS::"), "{line}");
            assert!(most.trim().parse::<usize>().is_ok(), "{line}");
        }
    }
}
