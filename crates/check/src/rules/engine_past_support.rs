use crate::databases::{engines_as_of, major_of, majors};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "engine-past-support",
    severity: Severity::Warning,
    page: include_str!("engine_past_support.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    // Dates of this form sort as text.
    let today = cx.today.unwrap_or_default().max(engines_as_of());
    for (_, _, database) in
        links.certain("AWS::RDS::DBInstance").chain(links.certain("AWS::RDS::DBCluster"))
    {
        let text = |property| database.property(property).and_then(Value::as_text);
        let (Some(engine), Some(value)) = (text("Engine"), database.property("EngineVersion"))
        else {
            continue;
        };
        let Some(major) = value.as_text().and_then(|it| major_of(engine, it)) else { continue };
        let ended = majors(engine)
            .find(|it| it.version == major)
            .and_then(|it| it.support_ends)
            .filter(|it| *it < today);
        let Some(ended) = ended else { continue };
        let finding = cx.report_value(
            value,
            message!(
                "standard support of `{engine}` `{major}` ended on {ended}",
                engine,
                major,
                ended
            ),
        );
        if text("EngineLifecycleSupport") == Some("open-source-rds-extended-support-disabled") {
            finding.severity = Severity::Error;
            finding.help.push(message!(
                "without Extended Support RDS does not create it; take a newer major version"
            ));
        } else {
            finding.help.push(message!(
                "Extended Support is charged per vCPU and hour; take a newer major version"
            ));
        }
    }
}
