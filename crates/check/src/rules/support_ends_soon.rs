use crate::databases::{major_of, majors};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use chrono::NaiveDate;
use kumiki_project::Value;
use kumiki_source::{Severity, message};

/// How long before the end a team has to know: an upgrade is rehearsed, then done.
const DAYS: i64 = 90;

pub(crate) static RULE: Rule = Rule {
    name: "support-ends-soon",
    severity: Severity::Warning,
    page: include_str!("support_ends_soon.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let date = |text: &str| text.parse::<NaiveDate>().ok();
    let Some(today) = cx.today.and_then(date) else { return };
    let links = Links::new(cx);
    for (_, _, database) in
        links.certain("AWS::RDS::DBInstance").chain(links.certain("AWS::RDS::DBCluster"))
    {
        let engine = database.property("Engine").and_then(Value::as_text);
        let (Some(engine), Some(value)) = (engine, database.property("EngineVersion")) else {
            continue;
        };
        let Some(major) = value.as_text().and_then(|it| major_of(engine, it)) else { continue };
        let ends = majors(engine).find(|it| it.version == major).and_then(|it| it.support_ends);
        let Some(ends) = ends else { continue };
        let Some(days) = date(ends).map(|it| (it - today).num_days()) else { continue };
        if !(0..=DAYS).contains(&days) {
            continue;
        }
        let finding = cx.report_value(
            value,
            message!(
                "standard support of `{engine}` `{major}` ends on {ends}, in {days} days",
                engine,
                major,
                ends,
                days
            ),
        );
        finding.help.push(message!(
            "rehearse the upgrade to a newer major version now; afterwards Extended Support is charged, or the upgrade is forced"
        ));
    }
}
