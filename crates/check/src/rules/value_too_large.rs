use crate::links::Links;
use crate::policies::least_size;
use crate::rule::{Cx, Rule};
use kumiki_project::{Kind, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "value-too-large",
    severity: Severity::Error,
    page: include_str!("value_too_large.md"),
    check,
};

/// A type, the path of a value, and the most bytes of it: of a text as it is, of a map as JSON.
///
/// As of 2026-11-24, the quotas of each service under
/// <https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html>
const MOST: [(&str, &str, usize); 10] = [
    ("AWS::CloudFront::Function", "FunctionCode", 10_240),
    ("AWS::CloudWatch::CompositeAlarm", "AlarmRule", 10_240),
    // 16 kB before they are written in Base64.
    ("AWS::EC2::Instance", "UserData", 21_848),
    ("AWS::EC2::LaunchTemplate", "LaunchTemplateData.UserData", 21_848),
    ("AWS::ECS::TaskDefinition", "ContainerDefinitions", 65_536),
    ("AWS::Lambda::Function", "Code.ZipFile", 4_194_304),
    ("AWS::Lambda::Function", "Environment.Variables", 4096),
    ("AWS::SSM::Document", "Content", 65_536),
    ("AWS::SecretsManager::Secret", "SecretString", 65_536),
    ("AWS::StepFunctions::StateMachine", "DefinitionString", 1_048_576),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let type_name = &*resource.type_name;
        for (_, path, most) in MOST.iter().filter(|it| it.0 == type_name) {
            if let Some(value) = resource.property(path) {
                measure(cx, value, path, *most);
            }
        }
        match type_name {
            "AWS::SSM::Parameter" => {
                // The other tiers take 8 kB; a standard one does not become another by itself.
                let tier = resource.property("Tier").map(Value::as_text);
                let most = match tier {
                    None | Some(Some("Standard")) => 4096,
                    _ => 8192,
                };
                if let Some(value) = resource.property("Value") {
                    measure(cx, value, "Value", most);
                }
            }
            "AWS::CloudFormation::Stack" => {
                let passed = resource.property("Parameters").and_then(Value::as_map);
                for field in passed.unwrap_or_default() {
                    measure(cx, &field.value, &field.name, 4096);
                }
            }
            _ => {}
        }
    }
}

fn measure(cx: &mut Cx<'_>, value: &Value, path: &str, most: usize) {
    let size = match (&value.kind, value.as_text()) {
        (_, Some(text)) => text.len(),
        (Kind::Map(_) | Kind::List(_), _) => least_size(value),
        _ => return,
    };
    if size <= most {
        return;
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    let finding = cx.report_value(
        value,
        message!("`{name}` has {size} bytes, and {most} are the most", name, size, most),
    );
    finding.help.push(message!("shorten it, or keep it elsewhere and name the place"));
}
