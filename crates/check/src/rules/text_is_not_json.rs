use crate::links::Links;
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};
use kumiki_template::{Format, Limits, parse_document};

pub(crate) static RULE: Rule = Rule {
    name: "text-is-not-json",
    severity: Severity::Error,
    page: include_str!("text_is_not_json.md"),
    check,
};

/// A type, and the path of a text that has to be JSON.
const TEXTS: [(&str, &str); 6] = [
    ("AWS::CloudWatch::Dashboard", "DashboardBody"),
    ("AWS::Events::Rule", "Targets.Input"),
    ("AWS::Logs::ResourcePolicy", "PolicyDocument"),
    ("AWS::SSM::Document", "Content"),
    ("AWS::SecretsManager::Secret", "GenerateSecretString.SecretStringTemplate"),
    ("AWS::StepFunctions::StateMachine", "DefinitionString"),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, stack, resource) in links.all() {
        let file = cx.template(stack).file;
        // What an event gives a task has a rule of its own.
        let mut tasks = false;
        each(&resource.properties, "Targets.EcsParameters", &mut |_| tasks = true);
        for (_, path) in TEXTS.iter().filter(|it| *it.0 == *resource.type_name) {
            each(&resource.properties, path, &mut |value| {
                let Some(text) = value.as_text() else { return };
                // A document may be YAML.
                let yaml = resource
                    .property("DocumentFormat")
                    .is_some_and(|it| it.as_text() != Some("JSON"));
                if yaml || tasks {
                    return;
                }
                let document = parse_document(file, text, Format::Json, Limits::default());
                let Some(first) = document.diagnostics.first() else { return };
                let property = path.rsplit('.').next().unwrap_or(path);
                let finding = cx.report_value(value, message!("`{property}` is no JSON", property));
                finding.help.push(first.message.clone());
            });
        }
        if &*resource.type_name == "AWS::SecretsManager::Secret"
            && let Some(generated) = resource.property("GenerateSecretString")
            && generated.as_map().is_some()
        {
            let (key, template) =
                (generated.get("GenerateStringKey"), generated.get("SecretStringTemplate"));
            let (written, missing) = match (key, template) {
                (Some(key), None) => (key, "SecretStringTemplate"),
                (None, Some(template)) => (template, "GenerateStringKey"),
                _ => continue,
            };
            let finding = cx.report_value(
                written,
                message!("a generated password in JSON needs `{missing}` as well", missing),
            );
            finding.hops.push(Hop { span: resource.span, label: Some(message!("the secret")) });
            finding.help.push(message!("add `{missing}`, or leave out both", missing));
        }
    }
}
