use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Kind, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "zone-of-another-region",
    severity: Severity::Error,
    page: include_str!("zone_of_another_region.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let region = &cx.inputs.region;
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        for field in resource.properties.as_map().unwrap_or_default() {
            if !field.name.contains("AvailabilityZone") {
                continue;
            }
            let items = match &field.value.kind {
                Kind::List(items) => items,
                _ => std::slice::from_ref(&field.value),
            };
            for item in items {
                let Some(zone) = item.as_text() else { continue };
                if region_of(zone).is_none_or(|it| it == region) {
                    continue;
                }
                report(cx, item, zone);
            }
        }
    }
}

fn report(cx: &mut Cx<'_>, value: &Value, zone: &str) {
    let region = &cx.inputs.region;
    cx.report_value(
        value,
        message!("zone `{zone}` is not in `{region}`, where the stack is", zone, region),
    )
    .help
    .push(message!("name a zone of the stack's Region"));
}

/// The Region of a zone such as `ap-northeast-1a`; nothing for anything else, as the IDs of zones
/// and the names of local zones.
fn region_of(zone: &str) -> Option<&str> {
    let region = zone.strip_suffix(|it: char| it.is_ascii_lowercase())?;
    kumiki_schema::regions().contains(&region).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn zones_name_their_region() {
        assert_eq!(region_of("ap-northeast-1a"), Some("ap-northeast-1"));
        assert_eq!(region_of("us-gov-west-1c"), Some("us-gov-west-1"));
        for other in ["apne1-az4", "us-west-2-lax-1a", "ap-northeast-1", "all", ""] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
