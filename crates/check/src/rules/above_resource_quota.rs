use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

pub(crate) static RULE: Rule = Rule {
    name: "above-resource-quota",
    severity: Severity::Error,
    page: include_str!("above_resource_quota.md"),
    check,
};

const QUOTAS: &str = include_str!("../../data/resource-quotas.txt");

/// A list of a resource, or what belongs to it by a property.
struct Quota {
    type_name: &'static str,
    property: &'static str,
    /// The type of what they belong to; nothing for a list.
    of: Option<&'static str>,
    most: usize,
    raised: bool,
}

static TABLE: LazyLock<HashMap<&str, Vec<Quota>>> = LazyLock::new(|| {
    let mut table: HashMap<&str, Vec<Quota>> = HashMap::new();
    for quota in QUOTAS.lines().filter(|it| !it.starts_with('#')).filter_map(parse) {
        table.entry(quota.type_name).or_default().push(quota);
    }
    table
});

fn parse(line: &'static str) -> Option<Quota> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let (type_name, property, of, most, raised) = match columns[..] {
        ["list", type_name, path, most, raised] => (type_name, path, None, most, raised),
        ["each", type_name, property, of, most, raised] => {
            (type_name, property, Some(of), most, raised)
        }
        _ => return None,
    };
    Some(Quota { type_name, property, of, most: most.parse().ok()?, raised: raised == "raised" })
}

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut names: HashMap<&str, HashMap<&str, Place>> = HashMap::new();
    for quota in TABLE.values().flatten().filter(|it| it.property.ends_with("Name")) {
        if let Some(of) = quota.of {
            names.insert(of, links.names(of, quota.property));
        }
    }
    let none = HashMap::new();
    // By what they belong to and their type: how many there are.
    let mut counts: BTreeMap<(Place, &str), usize> = BTreeMap::new();
    for (_, stack, resource) in links.all() {
        for quota in TABLE.get(&*resource.type_name).into_iter().flatten() {
            let (most, name) = (quota.most, &resource.logical_id);
            let Some(value) = resource.property(quota.property) else { continue };
            let finding = match quota.of {
                None => {
                    let count = value.as_list().map_or(0, <[Value]>::len);
                    if count <= most {
                        continue;
                    }
                    let property = quota.property.rsplit('.').next().unwrap_or(quota.property);
                    cx.report_value(
                        value,
                        message!(
                            "`{property}` of `{name}` has {count} items, and {most} are the most",
                            property,
                            name,
                            count,
                            most
                        ),
                    )
                }
                Some(of) => {
                    let owner = links.named(value, of, names.get(of).unwrap_or(&none));
                    let Some(owner) = owner else { continue };
                    let count = counts.entry((owner, quota.type_name)).or_default();
                    *count += 1;
                    // The first one too many is where the deployment fails.
                    if *count != most + 1 {
                        continue;
                    }
                    let owner = &links.at(owner).logical_id;
                    let kind = quota.type_name;
                    cx.report(
                        cx.declaration(stack, resource).name.span,
                        message!(
                            "`{owner}` has more than {most} of `{kind}`, which is the most",
                            owner,
                            most,
                            kind
                        ),
                    )
                }
            };
            if quota.raised {
                finding.severity = Severity::Warning;
                finding
                    .help
                    .push(message!("have the quota raised before the deployment, or use fewer"));
            } else {
                finding.help.push(message!("the quota cannot be raised; use fewer"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{QUOTAS, TABLE};

    #[test]
    fn every_line_is_read() {
        let lines = QUOTAS.lines().filter(|it| !it.starts_with('#')).count();
        assert_eq!(TABLE.values().map(Vec::len).sum::<usize>(), lines);
        for quota in TABLE.values().flatten() {
            for (of, path) in
                [(quota.type_name, quota.property), (quota.of.unwrap_or_default(), "")]
            {
                if of.is_empty() {
                    continue;
                }
                let schema = kumiki_schema::resource_type(of).unwrap_or_else(|| panic!("{of}"));
                let path: Vec<&str> = path.split('.').filter(|it| !it.is_empty()).collect();
                assert!(path.is_empty() || schema.property(&path).is_some(), "{of} {path:?}");
            }
        }
    }
}
