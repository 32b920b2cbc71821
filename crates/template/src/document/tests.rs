use super::{Document, Format, Limits, Node, Value, parse_document};
use kumiki_source::Diagnostic;
use kumiki_source::Sources;
use proptest::prelude::*;

fn read(text: &str) -> (Document, Sources) {
    let mut sources = Sources::default();
    let file = sources.add("t.yaml", text);
    let text: String = sources.get(file).text().to_owned();
    (parse_document(file, &text, Format::of(&text), Limits::default()), sources)
}

/// `line:column rule: message` of each finding.
fn findings(text: &str) -> Vec<String> {
    let (document, sources) = read(text);
    let show = |it: &Diagnostic| {
        let at = it.span.map(|span| sources.locate(span)).unwrap_or_default();
        format!("{} {}: {}", at.trim_start_matches("t.yaml:"), it.rule, it.message)
    };
    document.diagnostics.iter().map(show).collect()
}

#[test]
fn mistakes_are_found_where_they_are() {
    let cases: &[(&str, &[&str])] = &[
        ("a: 1\nb: 2\na: 3\n", &["3:1 duplicate-key: `a` is here twice"]),
        ("説明: あ\n名前: { あ: 1, あ: 2 }\n", &["2:13 duplicate-key: `あ` is here twice"]),
        (
            "Description: Subnets (3-tier: public)\n",
            &["1:29 syntax: this is not YAML: mapping values are not allowed in this context"],
        ),
        (
            "a:\n\t- b\n",
            &[
                "2:2 syntax: this is not YAML: tabs disallowed within this context (block indentation)",
            ],
        ),
        ("a: &x [1]\nb: *x\n", &["2:4 yaml-alias: CloudFormation does not read YAML aliases"]),
        ("a: *x\n", &["1:4 syntax: this is not YAML: while parsing node, found unknown anchor"]),
        ("a: 1\n---\nb: 2\n", &["2:1 syntax: a second document begins here"]),
        ("? [a]\n: 1\n", &["1:3 syntax: a key must be a string"]),
        ("a\0b", &["1:2 invalid-text: the text contains a NUL byte"]),
        ("a: \u{fffd}\n", &["1:4 invalid-text: the text is not valid UTF-8"]),
        ("{\"a\": 1,}", &["1:9 syntax: this is not JSON: key must be a string"]),
        ("{\"a\": \"あ\" \"b\": 1}", &["1:11 syntax: this is not JSON: expected `,` or `}`"]),
        ("{\"a\": 1, \"a\": 2}", &["1:10 duplicate-key: `a` is here twice"]),
        ("{\n\t\"a\" : [\"\\ud83d\\ude00\", \"\\/\"]\n}\n", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(findings(text), *expected, "{text:?}");
    }
}

/// Nothing nests deeper by way of aliases than it may without, and a map has each key once.
#[test]
fn aliases_and_merges_keep_the_limits() {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(90), "]".repeat(90));
        let more = |it: usize| format!("a{it}: &a{it} {open}*a{}{close}\n", it - 1);
        format!("a0: &a0 x\n{}", (1..=levels).map(more).collect::<String>())
    };
    let rules = |text: &str| -> Vec<String> {
        read(text).0.diagnostics.iter().map(|it| it.rule.to_string()).collect()
    };
    assert_eq!(rules(&deep(2)), ["yaml-alias"]);
    assert_eq!(rules(&deep(3)), ["yaml-alias", "too-deep"]);
    let (document, _) = read("a: &a { k: 1, l: 2 }\nb: { <<: [*a, { l: 3, m: 4 }], k: 0 }\n");
    let root = document.root.unwrap();
    let merged = root.get("b").unwrap().as_map().unwrap();
    let merged: Vec<(&str, &str)> =
        merged.iter().map(|(key, node)| (&*key.text, &**node.as_text().unwrap())).collect();
    assert_eq!(merged, [("k", "0"), ("l", "2"), ("m", "4")]);
}

#[test]
fn spans_cover_what_they_name() {
    let text =
        "a: !GetAtt 資源.Arn\nlist:\n  - \"x\\ny\" # 注\n  - { k: v }\nlast: |\n  あ\n  い\n";
    let (document, sources) = read(text);
    let root = document.root.unwrap();
    let slice = |node: &Node| sources.slice(node.span).unwrap().to_owned();
    let a = root.get("a").unwrap();
    assert_eq!(slice(a), "!GetAtt 資源.Arn");
    let Value::Tagged { tag, node } = &a.value else { panic!("{a:?}") };
    assert_eq!(sources.slice(tag.span), Some("!GetAtt"));
    assert_eq!(slice(node), "資源.Arn");
    let list = root.get("list").unwrap().as_list().unwrap();
    assert_eq!(slice(&list[0]), "\"x\\ny\"");
    assert_eq!(&**list[0].as_text().unwrap(), "x\ny");
    assert_eq!(slice(&list[1]), "{ k: v }");
    assert_eq!(slice(root.get("list").unwrap()), "- \"x\\ny\" # 注\n  - { k: v }");
    assert_eq!(&**root.get("last").unwrap().as_text().unwrap(), "あ\nい\n");
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text = "base: &b { x: 1, y: 2 }\nall:\n  <<: *b\n  y: 3\n";
    let (document, _) = read(text);
    let root = document.root.unwrap();
    let all = root.get("all").unwrap();
    assert_eq!(all.get("x").and_then(Node::as_text).map(|it| &**it), Some("1"));
    assert_eq!(all.get("y").and_then(Node::as_text).map(|it| &**it), Some("3"));
}

/// Texts made to exhaust a parser end in a diagnostic, not in time, memory or a panic.
#[test]
fn hostile_texts_are_refused() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &(b'b'..=b'z')
            .map(|it| {
                let (name, before) = (it as char, (it - 1) as char);
                format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","))
            })
            .collect::<String>();
    let deep_block: String = (0..10_000).map(|it| " ".repeat(it) + "a:\n").collect();
    let cases = [
        ("alias bomb", bomb.as_str(), "too-large"),
        ("deep flow", &("a: ".to_owned() + &"[".repeat(10_000)), "too-deep"),
        ("deep json", &format!("{}{}", "{\"a\":".repeat(10_000), "1"), "syntax"),
        ("closed deep json", &format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)), "too-deep"),
        ("deep block", &deep_block, "too-deep"),
        ("self alias", "a: &a [*a]\n", "syntax"),
    ];
    for (name, text, rule) in cases {
        let (document, _) = read(text);
        let rules: Vec<&str> = document.diagnostics.iter().map(|it| &*it.rule).collect();
        assert!(rules.contains(&rule), "{name}: {rules:?}");
        assert!(document.root.is_none(), "{name}");
    }
}

/// Pieces that make a text interesting to a parser, and some that are only text.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Resources:\n".to_owned()),
        Just("  A:\n    Type: AWS::SNS::Topic\n".to_owned()),
        Just("    Properties:\n".to_owned()),
        Just("      Name: !Sub \"${A.B}-${!x}-${日本\"\n".to_owned()),
        Just("!GetAtt 名前.Arn".to_owned()),
        Just("{\"Fn::If\": [a, &b 1, *b]}".to_owned()),
        Just("- |\n  あ\n   い\n".to_owned()),
        Just("<<: ".to_owned()),
        "[\\[\\]{}:,&*!|>'\"%@`#?\\-\\n\\t ]{1,4}",
        "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    /// Whatever the text, reading it ends, and every span is a range of whole characters in it.
    #[test]
    fn spans_lie_on_character_boundaries(pieces in proptest::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        let mut sources = Sources::default();
        let file = sources.add("t.yaml", text.clone());
        let (template, diagnostics) = crate::parse_template(file, &text);
        for it in &diagnostics {
            let spans = it.span.into_iter().chain(it.hops.iter().map(|hop| hop.span));
            for span in spans {
                prop_assert!(text.get(span.range()).is_some(), "{it:?}");
            }
        }
        for it in template.iter().flat_map(|it| &it.resources) {
            if let Some(properties) = &it.properties {
                let mut wrong = Vec::new();
                properties.walk(&mut |it| {
                    if text.get(it.span.range()).is_none() {
                        wrong.push(it.span);
                    }
                });
                prop_assert!(wrong.is_empty(), "{wrong:?}");
            }
        }
        prop_assert!(template.is_some() || !diagnostics.is_empty());
    }
}
