use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "cache-settings-refused",
    severity: Severity::Error,
    page: include_str!("cache_settings_refused.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, group) in links.certain("AWS::ElastiCache::ReplicationGroup") {
        let set = |property| group.property(property).filter(|it| it.as_bool() == Some(true));
        let number = |property| group.property(property).map(Value::as_integer);
        // Without any of the three there is a single node.
        let single = match (
            number("NumCacheClusters"),
            number("ReplicasPerNodeGroup"),
            group.property("NodeGroupConfiguration"),
        ) {
            (Some(count), None, None) => count == Some(1),
            (None, Some(replicas), None) => replicas == Some(0),
            _ => false,
        };
        if let Some(value) = set("AutomaticFailoverEnabled").filter(|_| single) {
            let finding = cx.report_value(value, message!("a single node cannot fail over"));
            finding.help.push(message!("make it two nodes or more, or turn failover off"));
        }
        if let Some(value) = set("MultiAZEnabled")
            && group
                .property("AutomaticFailoverEnabled")
                .is_some_and(|it| it.as_bool() == Some(false))
        {
            let finding = cx
                .report_value(value, message!("several zones need failover, which is turned off"));
            finding.help.push(message!("set `AutomaticFailoverEnabled` to `true`"));
        }
        let encrypted = group.property("TransitEncryptionEnabled").map(Value::as_bool);
        if let Some(value) = group.property("AuthToken")
            && matches!(encrypted, None | Some(Some(false)))
        {
            let finding = cx
                .report_value(value, message!("a token needs encryption in transit, which is off"));
            finding.help.push(message!("set `TransitEncryptionEnabled` to `true`"));
        }
        family(cx, group);
    }
}

/// A default parameter group of another version.
fn family(cx: &mut Cx<'_>, group: &kumiki_project::Resource) {
    let text = |property| group.property(property).and_then(Value::as_text);
    let Some(value) = group.property("CacheParameterGroupName") else { return };
    let Some(name) = value.as_text().and_then(|it| it.strip_prefix("default.")) else { return };
    let Some(version) = text("EngineVersion") else { return };
    let engine = text("Engine").unwrap_or("redis");
    let major = version.split('.').next().unwrap_or(version);
    let family = match (engine, major) {
        ("redis", "6") => "redis6.x".to_owned(),
        ("redis" | "valkey", "7" | "8" | "9") => format!("{engine}{major}"),
        _ => return,
    };
    if name != family && !name.strip_prefix(&*family).is_some_and(|it| it.starts_with('.')) {
        let finding = cx.report_value(
            value,
            message!(
                "parameter group `default.{name}` is not of `{engine}` `{version}`",
                name,
                engine,
                version
            ),
        );
        finding.help.push(message!("use `default.{family}`", family));
    }
}
