use crate::rule::{Cx, Rule};
use kumiki_project::Unknown;
use kumiki_source::{Severity, message};
use kumiki_template::{Call, ExprKind};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "export-name-unknown-in-preview",
    severity: Severity::Warning,
    page: include_str!("export_name_unknown_in_preview.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let mut seen = HashSet::new();
    for stack in cx.tree.stacks.iter().filter(|it| !it.path.is_empty()) {
        let template = cx.library.template(stack.template);
        for output in &stack.outputs {
            let Some(export) = &output.export else { continue };
            let Some(declared) = template.outputs.get(&output.name) else { continue };
            let Some(expr) = declared.export.as_ref().filter(|it| seen.insert(it.span)) else {
                continue;
            };
            let name = &output.name;
            let mut made = None;
            export.unknowns(&mut |it| {
                it.each(&mut |it| {
                    if matches!(it, Unknown::PhysicalId(_) | Unknown::Attribute(..)) {
                        made.get_or_insert_with(|| it.describe());
                    }
                });
            });
            if let Some(source) = made {
                cx.report_value(
                    export,
                    message!(
                        "the export name of `{name}` needs {source}, which a preview does not know",
                        name,
                        source
                    ),
                )
                .help
                .push(message!("make the name of parameters that are known before the deployment"));
                continue;
            }
            if let ExprKind::Call(call) = &expr.kind
                && let Call::Join { .. } = &**call
            {
                let finding = cx.report_value(
                    export,
                    message!("the export name of `{name}` is put together by `Fn::Join`", name),
                );
                finding.severity = Severity::Info;
                finding.help.push(message!(
                    "write it as one `Fn::Sub`; previews of nested stacks have shown joined names as one placeholder"
                ));
            }
        }
    }
}
