//! Texts that were made to take for ever, to grow without end or to descend too deep: each has an
//! answer in time that follows its length.
//!
//! Every line here took too long, too much or the whole stack once, or stands beside one that did.

use kumiki_fuzz::{guard, parameters, template, tree};
use std::time::{Duration, Instant};

/// Far more than any of them takes, on a busy machine and without optimisation.
const LIMIT: Duration = Duration::from_secs(60);

fn survive(target: fn(&str), cases: &[(&str, String)]) {
    for (name, text) in cases {
        let begin = Instant::now();
        target(text);
        let time = begin.elapsed();
        assert!(time < LIMIT, "{name}: {time:?} for {} bytes", text.len());
    }
}

/// `make` for 0 to `count`, one after the other.
fn each(count: usize, make: impl Fn(usize) -> String) -> String {
    (0..count).map(make).collect()
}

const TOPIC: &str = "Resources:\n  A:\n    Type: AWS::SNS::Topic\n";

/// A topic with this name.
fn named(value: &str) -> String {
    format!("{TOPIC}    Properties:\n      DisplayName: {value}\n")
}

/// Templates that nest the next one, `count` deep, with what `more` says, and a last one.
fn nested(count: usize, more: impl Fn(usize) -> String, last: &str) -> String {
    let file = |it: usize| {
        let child = it + 1;
        format!(
            "Resources:\n  A:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {child}.yaml\n{}===\n",
            more(child)
        )
    };
    format!("{{}}\n===\n{}{last}", each(count, file))
}

#[test]
fn documents() {
    let n = 50_000;
    let wrapped = |open: &str, close: &str| format!("{}x{}", open.repeat(n), close.repeat(n));
    let laughs = |i: usize| match i {
        0 => "a0: &a0 [x, x]\n".to_owned(),
        i => format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(",")),
    };
    let deeper = |i: usize| match i {
        0 => "a0: &a0 x\n".to_owned(),
        i => format!("a{i}: &a{i} {}*a{}{}\n", "[".repeat(90), i - 1, "]".repeat(90)),
    };
    let cases = [
        ("brackets", "[".repeat(n)),
        ("JSON lists", wrapped("[", "]")),
        ("JSON objects", wrapped("{\"a\":", "}")),
        ("flow maps", "{a: ".repeat(n)),
        ("block maps", each(3000, |i| format!("{}a:\n", " ".repeat(i % 1000)))),
        ("block lists", "- ".repeat(n)),
        ("keys", "? ".repeat(n)),
        ("aliases of aliases", each(30, laughs)),
        ("aliases in depth", each(400, deeper)),
        ("anchors around anchors", {
            let anchors = each(190, |i| format!("&b{i} ["));
            format!("{anchors}{}{}", "x,".repeat(n), "]".repeat(190))
        }),
        ("a long scalar", named(&"x".repeat(8_000_000))),
        ("a long list", format!("Resources: [{}]", "a,".repeat(n))),
        ("a long map", format!("Resources: {{{}}}", each(n, |i| format!("a{i}: b,")))),
        ("duplicates", format!("{}{}", each(n, |i| format!("a{i}: b\n")), "a9: c\n".repeat(n))),
        ("merges", {
            let keys = each(1000, |i| format!("k{i}: 1,"));
            format!("a: &a {{{keys}}}\nb:\n{}", "  <<: *a\n".repeat(500))
        }),
        ("comments", "#\n".repeat(n)),
        ("line breaks", "\r\n".repeat(n)),
        ("a block scalar", format!("a: |\n{}", " \n".repeat(n))),
    ];
    survive(template, &cases);
    survive(tree, &cases);
}

#[test]
fn values() {
    let n = 20_000;
    let mut sub = "x".to_owned();
    let mut json = "\"\\\\\"".to_owned();
    let mut base64 = "x".to_owned();
    for i in 0..60 {
        sub = format!("!Sub [\"${{A{i}}}${{A{i}}}\", {{A{i}: {sub}}}]");
        json = format!("{{\"Fn::ToJsonString\": [{json}]}}");
        base64 = format!("{{\"Fn::Base64\": {base64}}}");
    }
    let parameter = |name: &str| {
        format!("  {name}: {{Type: 'AWS::SSM::Parameter::Value<String>', Default: a}}\n")
    };
    let crossed = |i: usize| {
        let next = i + 1;
        format!(
            "  C{next}: !And [!Condition C{i}, !Condition D{i}]\n  D{next}: !Or [!Condition D{i}, !Condition C{i}]\n"
        )
    };
    let listed = |constraint: &str, item: &str| {
        let items = format!("{item},").repeat(4000 / (item.len() + 1));
        format!(
            "{TOPIC}Parameters:\n  P:\n    Type: CommaDelimitedList\n    Default: '{items}'\n    {constraint}\n"
        )
    };
    let cases = [
        ("`Fn::Sub` twice in itself", named(&sub)),
        ("`Fn::ToJsonString` in itself", named(&json)),
        ("`Fn::Base64` in itself", named(&base64)),
        ("a long separator", {
            let (x, commas) = ("x".repeat(400_000), ",".repeat(400_000));
            named(&format!("!Join ['{x}', !Split [',', '{commas}']]"))
        }),
        ("unclosed references", named(&format!("!Sub \"{}\"", "${".repeat(n)))),
        ("references", named(&format!("!Sub \"{}\"", "${A}".repeat(n)))),
        ("undefined references", {
            named(&format!("!Sub \"{}\"", each(n, |i| format!("${{B{i}}}"))))
        }),
        ("a mapping of itself", {
            let map = "Mappings:\n  M:\n    a:\n      b: !FindInMap [M, a, b]\n";
            format!("{}{map}", named("!FindInMap [M, a, b]"))
        }),
        ("a chain of conditions", {
            let chain = each(n, |i| format!("  C{i}: !Not [!Condition C{}]\n", i + 1));
            format!("{TOPIC}Conditions:\n{chain}  C{n}: !Equals [a, a]\n")
        }),
        ("a circle of conditions", {
            let circle = each(n, |i| format!("  C{i}: !Not [!Condition C{}]\n", (i + 1) % n));
            format!("{TOPIC}Conditions:\n{circle}")
        }),
        ("conditions of two unknowns", {
            let parameters = format!("Parameters:\n{}{}", parameter("P"), parameter("Q"));
            let first = "Conditions:\n  C0: !Equals [!Ref P, a]\n  D0: !Equals [!Ref Q, a]\n";
            format!("{TOPIC}{parameters}{first}{}", each(60, crossed))
        }),
        ("allowed values", {
            let allowed = each(n, |i| format!("a{i},"));
            listed(&format!("AllowedValues: [{allowed}]"), "b")
        }),
        (
            "a pattern that goes back",
            listed("AllowedPattern: '(?=(a+)+$)b'", "aaaaaaaaaaaaaaaaaaaac"),
        ),
        ("a pattern that grows", listed("AllowedPattern: '((a{100}){100}){100}'", "a")),
    ];
    survive(tree, &cases);
    let names = each(n, |i| format!("\"p{i}\": 1, "));
    let cases = [
        ("many parameters", format!("{{{names}\"z\": 1}}")),
        ("one parameter many times", format!("{{{}\"z\": 1}}", "\"a\": 1, ".repeat(n))),
    ];
    survive(parameters, &cases);
}

#[test]
fn trees() {
    let n = 10_000;
    let resources = |of: &dyn Fn(usize) -> String| format!("Resources:\n{}", each(n, of));
    let topic = |i: usize, more: &str| format!("  A{i}:\n    Type: AWS::SNS::Topic\n{more}");
    let named =
        |i: usize, value: &str| topic(i, &format!("    Properties: {{DisplayName: {value}}}\n"));
    let declared = |name: &str| each(n, |i| format!("  {name}{i}: {{Type: String}}\n"));
    let given = each(n, |i| format!("\"p{i}\": 1, "));
    let cases = [
        ("two of each", {
            let second = |it: usize| {
                format!(
                    "  B:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {it}.yaml\n"
                )
            };
            nested(30, second, TOPIC)
        }),
        ("parameters of themselves", {
            let more = |_: usize| {
                let value = "${P}".repeat(4);
                format!(
                    "      Parameters:\n        P: !Sub \"{value}\"\nParameters:\n  P: {{Type: String, Default: xx}}\n"
                )
            };
            nested(30, more, &format!("{TOPIC}Parameters:\n  P: {{Type: String}}\n"))
        }),
        ("outputs of themselves", {
            let output = "!GetAtt A.Outputs.O, ".repeat(3);
            let more = |_: usize| format!("Outputs:\n  O:\n    Value: [{output}]\n");
            nested(30, more, &format!("{TOPIC}Outputs:\n  O: {{Value: x}}\n"))
        }),
        ("unknown outputs of themselves", {
            let value = |a: &str, b: &str| format!("!Sub '${{A.Outputs.{a}}}${{A.Outputs.{b}}}'");
            let outputs = format!(
                "Outputs:\n  O: {{Value: {}}}\n  P: {{Value: {}}}\n",
                value("O", "P"),
                value("P", "O")
            );
            let last = "Outputs:\n  O: {Value: !GetAtt A.TopicArn}\n  P: {Value: !Ref A}\n";
            nested(30, |_| outputs.clone(), &format!("{TOPIC}{last}"))
        }),
        (
            "a template that nests itself",
            nested(1, |_| String::new(), "").replace("1.yaml", "stack.yaml"),
        ),
        ("many parameters", {
            format!("{{{given}\"z\": 1}}\n===\nParameters:\n{}{TOPIC}", declared("p"))
        }),
        ("misspelt parameters", {
            format!("{{{given}\"z\": 1}}\n===\nParameters:\n{}{TOPIC}", declared("q"))
        }),
        ("undefined references", resources(&|i| named(i, &format!("!Ref B{i}")))),
        ("misspelt attributes", resources(&|i| named(i, &format!("!GetAtt A{i}.Topic")))),
        ("many imports", resources(&|i| named(i, &format!("!ImportValue n{i}")))),
        ("a circle of resources", {
            resources(&|i| topic(i, &format!("    DependsOn: A{}\n", (i + 1) % n)))
        }),
        ("a chain of resources", {
            resources(&|i| topic(i, &format!("    DependsOn: A{}\n", (i + 1).min(n - 1))))
        }),
        ("one resource after all others", {
            let all = each(n, |i| format!("A{i},"));
            let one = format!("  B:\n    Type: AWS::SNS::Topic\n    DependsOn: [{all}]\n");
            format!("{}{one}", resources(&|i| topic(i, "")))
        }),
        ("many exports", {
            let exports = each(n, |i| format!("  O{i}: {{Value: x, Export: {{Name: n{i}}}}}\n"));
            format!("{TOPIC}Outputs:\n{exports}")
        }),
    ];
    survive(tree, &cases);
}

#[test]
fn resources() {
    let many = |type_name: &str, properties: &str| {
        let resource =
            |i: usize| format!("  A{i}:\n    Type: {type_name}\n    Properties: {properties}\n");
        format!("Resources:\n{}", each(4000, resource))
    };
    let statement = "{Effect: Allow, Action: 's3:*', Resource: '*'}";
    let cases = [
        ("alarms", {
            let dimensions = "[{Name: QueueName, Value: x}]";
            many(
                "AWS::CloudWatch::Alarm",
                &format!(
                    "{{Namespace: AWS/SQS, MetricName: m, Dimensions: {dimensions}, EvaluationPeriods: 1}}"
                ),
            )
        }),
        ("databases", many("AWS::RDS::DBInstance", "{Engine: mysql}")),
        ("log groups", many("AWS::Logs::LogGroup", "{LogGroupName: /a}")),
        ("policies", {
            let document = format!("{{Statement: [{statement}]}}");
            many("AWS::IAM::Policy", &format!("{{PolicyName: p, PolicyDocument: {document}}}"))
        }),
        ("queues of one name", many("AWS::SQS::Queue", "{QueueName: same}")),
        ("routes", many("AWS::EC2::Route", "{RouteTableId: rtb-1}")),
        ("secrets", many("AWS::SecretsManager::Secret", "{Name: a}")),
        ("security groups", many("AWS::EC2::SecurityGroup", "{GroupDescription: a}")),
        ("services", many("AWS::ECS::Service", "{Cluster: a}")),
        ("subnets of one block", many("AWS::EC2::Subnet", "{VpcId: v, CidrBlock: 10.0.0.0/24}")),
    ];
    survive(tree, &cases);
}

#[test]
fn rules() {
    let nested = |open: &str| format!("rule a {{ {}", open.repeat(14));
    let closed = |open: &str, close: &str| {
        format!("rule a {{ {}x exists{} }}", open.repeat(14), close.repeat(14))
    };
    let doubling = |i: usize| format!("rule p{}(x) {{\n p{i}(%x)\n p{i}(%x)\n}}\n", i + 1);
    let variable = |i: usize| format!("let a{} = %a{i}\n", i + 1);
    let cases = [
        ("filters", closed("Resources.*[ ", " ]")),
        ("open filters", nested("Resources[ ")),
        ("blocks", closed("Resources { ", " }")),
        ("open blocks", nested("Resources { ")),
        ("conditions", closed("when x exists { ", " }")),
        ("types", nested("AWS::S3::Bucket { ")),
        ("lists", format!("let a = {}", "[".repeat(20_000))),
        ("maps", format!("let a = {}", "{a: ".repeat(14))),
        ("functions", format!("let a = {}", "join(".repeat(14))),
        ("negations", format!("rule a {{ {} x exists }}", "not ".repeat(20_000))),
        ("a long query", format!("rule a {{ x{} exists }}", ".x".repeat(20_000))),
        ("alternatives", format!("rule a {{ x exists {} }}", "or x exists ".repeat(500))),
        ("everything in everything", {
            let all = "Resources.*.*.*.*.*.*";
            format!("rule a {{ {all} in {all} }}")
        }),
        ("rules that call two", {
            let rules = each(40, doubling);
            format!("rule p0(x) {{ %x exists }}\n{rules}rule r {{\n p40(Resources)\n}}")
        }),
        ("variables of variables", format!("let a0 = Resources\n{}", each(5000, variable))),
        ("a pattern that goes back", {
            "rule a { Resources.*.Properties.BucketName == /(?=(a+)+$)b/ }".to_owned()
        }),
        ("comments", "#\n".repeat(20_000)),
    ];
    survive(guard, &cases);
}
