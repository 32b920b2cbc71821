use crate::databases::{Major, compare, major_of, majors};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::cmp::Ordering;

pub(crate) static RULE: Rule = Rule {
    name: "engine-version-retired",
    severity: Severity::Error,
    page: include_str!("engine_version_retired.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, database) in
        links.certain("AWS::RDS::DBInstance").chain(links.certain("AWS::RDS::DBCluster"))
    {
        let source = ["SourceDBInstanceIdentifier", "SourceDBClusterIdentifier"];
        if source.iter().any(|it| database.property(it).is_some()) {
            continue;
        }
        let Some(engine) = database.property("Engine").and_then(Value::as_text) else { continue };
        let Some(value) = database.property("EngineVersion") else { continue };
        let Some(version) = value.as_text() else { continue };
        let Some(lowest) = higher(engine, version) else { continue };
        let finding = cx.report_value(
            value,
            message!("`{engine}` `{version}` can no longer be created", engine, version),
        );
        finding.help.push(message!("the lowest version that can be is `{lowest}`", lowest));
    }
}

/// The lowest version that can be created instead of one that cannot.
fn higher(engine: &str, version: &str) -> Option<&'static str> {
    let major = major_of(engine, version)?;
    let all: Vec<Major> = majors(engine).collect();
    let oldest = all.first()?;
    match all.iter().find(|it| it.version == major) {
        // The service chooses the minor version.
        Some(_) if version == major => None,
        Some(it) => (compare(version, it.lowest) == Ordering::Less).then_some(it.lowest),
        None => (compare(major, oldest.version) == Ordering::Less).then_some(oldest.lowest),
    }
}

#[cfg(test)]
mod tests {
    use super::higher;

    #[test]
    fn only_versions_below_the_lowest_are_retired() {
        assert_eq!(higher("postgres", "14.9"), Some("14.18"));
        assert_eq!(higher("postgres", "14.18"), None);
        assert_eq!(higher("postgres", "14"), None);
        assert_eq!(higher("postgres", "9.6.24"), Some("11.22-rds.20241121"));
        assert_eq!(higher("postgres", "99.1"), None);
        assert_eq!(
            higher("aurora-mysql", "8.0.mysql_aurora.3.02.0"),
            Some("8.0.mysql_aurora.3.04.0")
        );
        assert_eq!(higher("aurora-mysql", "8.0.mysql_aurora.3.08.0"), None);
        assert_eq!(higher("mysql", "5.6.51"), Some("5.7.44-rds.20250213"));
        assert_eq!(higher("oracle-ee", "12.1"), None);
    }
}
