use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "database-storage-refused",
    severity: Severity::Error,
    page: include_str!("database_storage_refused.md"),
    check,
};

/// From how many GiB on a volume of type `gp3` is striped, and its IOPS can be chosen.
///
/// As of 2026-11-24, <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage>
const STRIPED: [(&str, i64); 9] = [
    ("db2-ae", 400),
    ("db2-se", 400),
    ("mariadb", 400),
    ("mysql", 400),
    ("oracle-ee", 200),
    ("oracle-ee-cdb", 200),
    ("oracle-se2", 200),
    ("oracle-se2-cdb", 200),
    ("postgres", 400),
];

/// The least IOPS of a striped volume.
const STRIPED_IOPS: i64 = 12_000;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, database) in links.certain("AWS::RDS::DBInstance") {
        let number = |property| {
            Some((database.property(property)?, database.property(property)?.as_integer()?))
        };
        let Some((_, size)) = number("AllocatedStorage") else { continue };
        if let Some((value, most)) = number("MaxAllocatedStorage")
            && most < size
        {
            let finding = cx.report_value(
                value,
                message!("storage begins with {size} GiB and may grow to {most} GiB", size, most),
            );
            finding.help.push(message!("make `MaxAllocatedStorage` more than `AllocatedStorage`"));
        }
        let engine = database.property("Engine").and_then(Value::as_text);
        let kind = database.property("StorageType").and_then(Value::as_text);
        match (engine, kind) {
            (Some(engine), Some("gp3")) => {
                let Some((_, striped)) = STRIPED.iter().find(|it| it.0 == engine) else { continue };
                for property in ["Iops", "StorageThroughput"] {
                    let Some(value) = database.property(property) else { continue };
                    if size < *striped {
                        let finding = cx.report_value(
                            value,
                            message!(
                                "`{property}` of `gp3` cannot be chosen for `{engine}` with {size} GiB",
                                property,
                                engine,
                                size
                            ),
                        );
                        finding.help.push(message!(
                            "leave it out, or allocate {striped} GiB or more",
                            striped
                        ));
                    } else if property == "Iops"
                        && value.as_integer().is_some_and(|it| it < STRIPED_IOPS)
                    {
                        let iops = value.as_text().unwrap_or_default();
                        let finding = cx.report_value(
                            value,
                            message!(
                                "{iops} IOPS are fewer than `gp3` has with {size} GiB",
                                iops,
                                size
                            ),
                        );
                        finding.help.push(message!(
                            "leave it out, or ask for {least} or more",
                            least = STRIPED_IOPS
                        ));
                    }
                }
            }
            (Some(engine), Some(kind @ ("io1" | "io2"))) => {
                // SQL Server has limits of its own.
                if engine.starts_with("sqlserver") {
                    continue;
                }
                let Some(value) = database.property("Iops") else {
                    let Some(kind) = database.property("StorageType") else { continue };
                    let finding =
                        cx.report_value(kind, message!("provisioned storage has no `Iops`"));
                    finding.help.push(message!("add `Iops`"));
                    continue;
                };
                let Some(iops) = value.as_integer() else { continue };
                let times = if kind == "io1" { 50 } else { 1000 };
                if size < 100 {
                    let Some(value) = database.property("AllocatedStorage") else { continue };
                    let finding = cx.report_value(
                        value,
                        message!(
                            "`{kind}` begins at 100 GiB, and {size} are allocated",
                            kind,
                            size
                        ),
                    );
                    finding.help.push(message!("allocate 100 GiB or more, or use `gp3`"));
                } else if iops > size * times || iops * 2 < size {
                    let finding = cx.report_value(
                        value,
                        message!(
                            "{iops} IOPS do not go with {size} GiB of `{kind}`",
                            iops,
                            size,
                            kind
                        ),
                    );
                    finding.help.push(message!("a GiB takes between 0.5 and {times} IOPS", times));
                }
            }
            _ => {}
        }
    }
}
