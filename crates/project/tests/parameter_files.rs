//! The shapes of parameter files, and what is wrong with others.

use kumiki_project::parse_parameter_file;
use kumiki_source::Sources;

/// The parameters as `name=value@line`, then the findings.
fn read(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add("p", text);
    let read = parse_parameter_file(file, text);
    let line = |at: Option<kumiki_source::Span>| {
        at.map_or(0, |it| sources.get(it.file).line_column(it.start).line)
    };
    let given = read.parameters.iter();
    let given = given.map(|it| format!("{}={}@{}", it.name, it.value, line(it.value_span)));
    let findings = read.diagnostics.iter().map(|it| format!("{} at {}", it.message, line(it.span)));
    given.chain(findings).collect()
}

#[test]
fn every_shape_is_read() {
    let shapes = [
        // The change-set API and `aws cloudformation create-stack --parameters file://…`.
        r#"[{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "B", "ParameterValue": "x,y"}]"#,
        // `aws cloudformation deploy --parameter-overrides file://…`.
        r#"["A=1", "B=x,y"]"#,
        // `--cli-input-json`.
        r#"{"StackName": "s", "Parameters": [{"ParameterKey": "A", "ParameterValue": "1", "UsePreviousValue": false}, {"ParameterKey": "B", "ParameterValue": "x,y"}]}"#,
        // CodePipeline.
        r#"{"Parameters": {"A": "1", "B": "x,y"}, "Tags": {"Owner": "me"}, "StackPolicy": {"Statement": []}}"#,
        // A plain map, with the types and lists that people write.
        r#"{"A": 1, "B": ["x", "y"]}"#,
        // rain.
        "Parameters: { A: 1, B: 'x,y' } # comment\nTags:\n  Owner: me\n",
        "A: 1\nB: [x, y]\n",
        "- ParameterKey: A\n  ParameterValue: 1\n- ParameterKey: B\n  ParameterValue: x,y\n",
        "- A=1\n- B=x,y\n",
    ];
    for text in shapes {
        let found: Vec<String> = read(text)
            .iter()
            .map(|it| it.split_once('@').map_or(it.clone(), |(given, _)| given.to_owned()))
            .collect();
        assert_eq!(found, ["A=1", "B=x,y"], "{text}");
    }
}

#[test]
fn values_keep_their_text_and_place() {
    assert_eq!(
        read("Parameters:\n  Account: 012345678901\n  Open: true\n  At: 22:22\n  Url: a=b\n"),
        ["Account=012345678901@2", "Open=true@3", "At=22:22@4", "Url=a=b@5"]
    );
    assert_eq!(read("- Url=https://x/?a=b\n"), ["Url=https://x/?a=b@1"]);
    assert_eq!(read(r#"{"Parameters": "a"}"#), ["Parameters=a@1"]);
}

#[test]
fn mistakes_are_found() {
    let cases = [
        ("", "this is no parameter file at 1"),
        ("A", "this is no parameter file at 1"),
        (r#"["A"]"#, "this is no parameter file at 1"),
        ("A: { B: c }", "the value of parameter `A` is not a string at 1"),
        (r#"{"A": null}"#, "the value of parameter `A` is not a string at 1"),
        ("- A=1\n- A=2\n", "`A` is here twice at 2"),
        (r#"{"A": "1",}"#, "this is not JSON: key must be a string at 1"),
        (r#"[{"ParameterKey": "A"}]"#, "parameter `A` has no `ParameterValue` at 1"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).last().map(String::as_str), Some(expected), "{text}");
    }
}
