use crate::links::Links;
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "table-settings-refused",
    severity: Severity::Error,
    page: include_str!("table_settings_refused.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, table) in links.certain("AWS::DynamoDB::Table") {
        let billing = table.property("BillingMode").and_then(Value::as_text);
        if billing == Some("PAY_PER_REQUEST") {
            let mut given = Vec::new();
            for path in ["ProvisionedThroughput", "GlobalSecondaryIndexes.ProvisionedThroughput"] {
                each(&table.properties, path, &mut |it| given.push(it));
            }
            for value in given {
                let finding = cx.report_value(
                    value,
                    message!("a table that is paid per request is given a throughput"),
                );
                finding
                    .help
                    .push(message!("leave out `ProvisionedThroughput` in this environment"));
            }
        }
        for path in ["GlobalSecondaryIndexes.Projection", "LocalSecondaryIndexes.Projection"] {
            each(&table.properties, path, &mut |projection| {
                let kind = projection.get("ProjectionType");
                let others = projection.get("NonKeyAttributes");
                match (kind.and_then(Value::as_text), others) {
                    (Some("INCLUDE"), None) => {
                        let Some(kind) = kind else { return };
                        cx.report_value(
                            kind,
                            message!("the index includes attributes and names none"),
                        )
                        .help
                        .push(message!("add `NonKeyAttributes`"));
                    }
                    (Some(text @ ("ALL" | "KEYS_ONLY")), Some(others)) => {
                        let finding = cx.report_value(
                            others,
                            message!("an index of `{text}` names attributes to include", text),
                        );
                        finding
                            .help
                            .push(message!("leave out `NonKeyAttributes`, or use `INCLUDE`"));
                    }
                    _ => {}
                }
            });
        }
    }
}
