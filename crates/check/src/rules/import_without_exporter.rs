use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, closest, message};

pub(crate) static RULE: Rule = Rule {
    name: "import-without-exporter",
    severity: Severity::Error,
    page: include_str!("import_without_exporter.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let exports = &cx.tree.exports;
    // Without a configuration, which other stacks there are is not known. A tree that exports by
    // itself still shows what is likely missing in it.
    let severity = match (cx.inputs.environment.is_empty(), exports.is_empty()) {
        (false, _) => Severity::Error,
        (true, false) => Severity::Warning,
        (true, true) => Severity::Info,
    };
    for import in &cx.tree.imports {
        let name = &import.name;
        if exports.iter().any(|it| it.name == *name) || cx.elsewhere.contains(name) {
            continue;
        }
        let near = closest(name, exports.iter().map(|it| &*it.name));
        let finding = cx.report(import.span, message!("no stack exports `{name}`", name));
        finding.severity = severity;
        finding.help.push(match near {
            Some(near) => message!("did you mean `{near}`?", near),
            None => message!("export it from the stack that makes it, or pass it as a parameter"),
        });
    }
}
