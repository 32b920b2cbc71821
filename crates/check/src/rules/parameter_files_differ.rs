use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, Span, message};

pub(crate) static RULE: Rule = Rule {
    name: "parameter-files-differ",
    severity: Severity::Warning,
    page: include_str!("parameter_files_differ.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let Some(file) = cx.inputs.parameter_file else { return };
    let template = cx.template(cx.tree.root());
    let deployments = cx.deployments;
    for (name, place) in deployments.missing(cx.tree, cx.inputs, file) {
        // One without a default is an error of its own, and so is one that nobody declares.
        let declared = template.parameters.get(name);
        let Some(default) = declared.and_then(|it| it.default.as_ref()) else { continue };
        let other = cx.library.sources.get(place.file).path();
        let finding = cx.report(
            Span::file_start(file),
            message!("this file has no `{name}`, and `{other}` has it", name, other),
        );
        finding.hops.push(Hop { span: place, label: Some(message!("given here")) });
        finding.hops.push(Hop { span: default.span, label: Some(message!("the default")) });
        finding.help.push(message!("write it here too, even if it is the default"));
    }
}
