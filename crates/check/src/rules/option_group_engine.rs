use crate::databases::major_of;
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "option-group-engine",
    severity: Severity::Error,
    page: include_str!("option_group_engine.md"),
    check,
};

const GROUP: &str = "AWS::RDS::OptionGroup";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let names = links.names(GROUP, "OptionGroupName");
    for (_, _, database) in links.certain("AWS::RDS::DBInstance") {
        let text = |property| database.property(property).and_then(Value::as_text);
        let (Some(engine), Some(used)) = (text("Engine"), database.property("OptionGroupName"))
        else {
            continue;
        };
        let Some(place) = links.named(used, GROUP, &names) else { continue };
        let group = links.at(place);
        let of = |property| group.property(property).and_then(Value::as_text);
        let Some(group_engine) = of("EngineName") else { continue };
        let major = text("EngineVersion").and_then(|it| major_of(engine, it));
        let wrong_major = match (major, of("MajorEngineVersion")) {
            (Some(major), Some(group_major)) => major != group_major,
            _ => false,
        };
        if group_engine == engine && !wrong_major {
            continue;
        }
        let given = format!("{group_engine} {}", of("MajorEngineVersion").unwrap_or_default());
        let database = format!("{engine} {}", text("EngineVersion").unwrap_or_default());
        let (given, database) = (given.trim(), database.trim());
        let finding = cx.report_value(
            used,
            message!("an option group of `{given}` does not fit `{database}`", given, database),
        );
        finding.hops.push(Hop { span: group.span, label: Some(message!("the option group")) });
        finding.help.push(message!(
            "let `EngineName` and `MajorEngineVersion` follow the database's engine and version"
        ));
    }
}
