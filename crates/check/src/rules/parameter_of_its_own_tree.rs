use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "parameter-of-its-own-tree",
    severity: Severity::Error,
    page: include_str!("parameter_of_its_own_tree.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let made = links.names("AWS::SSM::Parameter", "Name");
    if made.is_empty() {
        return;
    }
    // CloudFormation reads the parameters of the root before it makes anything.
    let template = cx.template(cx.tree.root());
    for parameter in &template.parameters {
        if !parameter.type_name.text.starts_with("AWS::SSM::Parameter::") {
            continue;
        }
        let name = &parameter.name.text;
        let given = cx.inputs.parameters.iter().find(|it| it.name == *name);
        let (text, span) = match (given, &parameter.default) {
            (Some(given), _) => (&*given.value, given.value_span.unwrap_or(parameter.name.span)),
            (None, Some(default)) => (&*default.text, default.span),
            (None, None) => continue,
        };
        let Some(place) = made.get(text) else { continue };
        let maker = links.at(*place);
        let other = &maker.logical_id;
        let finding = cx.report(
            span,
            message!(
                "parameter `{name}` reads `{text}`, which `{other}` of the same tree makes",
                name,
                text,
                other
            ),
        );
        finding.hops.push(Hop { span: maker.span, label: Some(message!("made here")) });
        finding.help.push(message!(
            "it is read before anything is made; take the value from the resource, or make the parameter \
             in another root"
        ));
    }
}
