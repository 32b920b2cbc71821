//! A template without what only people read, for where it has to fit into a request.
//!
//! Pure. YAML becomes JSON on one line; comments, the template's description and metadata and the
//! descriptions of its parameters go. What the template makes stays the same.

use kumiki_source::FileId;
use kumiki_template::{Format, Limits, Node, Value, parse_document};
use serde_json::{Map, Value as Json};

/// The text as short as it gets; nothing when it cannot be read.
pub(crate) fn compact(file: FileId, text: &str) -> Option<String> {
    let document = parse_document(file, text, Format::of(text), Limits::default());
    let Json::Object(mut template) = json(&document.root?) else { return None };
    template.shift_remove("Description");
    template.shift_remove("Metadata");
    for section in ["Parameters", "Outputs"] {
        let members = template.get_mut(section).and_then(Json::as_object_mut);
        for member in members.into_iter().flat_map(Map::values_mut) {
            member.as_object_mut().into_iter().for_each(|it| {
                it.shift_remove("Description");
            });
        }
    }
    Some(Json::Object(template).to_string())
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, plain } => scalar(text, *plain),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.text.to_string(), json(node))).collect()
        }
        Value::Tagged { tag, node } => {
            let name = match &*tag.text {
                it @ ("Ref" | "Condition") => it.to_owned(),
                it => format!("Fn::{it}"),
            };
            let mut argument = json(node);
            // The short form of one function has a form of its own.
            if name == "Fn::GetAtt"
                && let Some((resource, attribute)) =
                    argument.as_str().and_then(|it| it.split_once('.'))
            {
                argument = serde_json::json!([resource, attribute]);
            }
            Json::Object(Map::from_iter([(name, argument)]))
        }
    }
}

/// A scalar as CloudFormation means it: numbers that JSON does not know stay text.
fn scalar(text: &str, plain: bool) -> Json {
    match text {
        _ if !plain => Json::from(text),
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Json::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Json::Bool(false)
        }
        // Spelt as JSON spells it, or it would not be the same text any more.
        _ => match serde_json::from_str::<Json>(text) {
            Ok(Json::Number(number)) if number.to_string().as_str() == text => number.into(),
            _ => Json::from(text),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;
    use kumiki_source::Sources;

    #[test]
    fn what_a_template_makes_stays() {
        let text = "# 親\nDescription: x\nMetadata: { A: b }\nParameters:\n  P: { Type: Number, Default: 010, Description: y }\nResources:\n  T:\n    Type: AWS::SNS::Topic\n    Metadata: { Kept: yes }\n    Condition: C\n    Properties:\n      A: !GetAtt T.Arn.X\n      B: !Sub \"${P}\"\n      C: !If [C, 1.50, 15]\n      D: !Ref P\n      E: 2012-10-17\n      F: 012345678901\n";
        let file = Sources::default().add("t", text);
        let expected = r#"{"Parameters":{"P":{"Type":"Number","Default":"010"}},"Resources":{"T":{"Type":"AWS::SNS::Topic","Metadata":{"Kept":true},"Condition":"C","Properties":{"A":{"Fn::GetAtt":["T","Arn.X"]},"B":{"Fn::Sub":"${P}"},"C":{"Fn::If":["C","1.50",15]},"D":{"Ref":"P"},"E":"2012-10-17","F":"012345678901"}}}}"#;
        assert_eq!(compact(file, text).unwrap(), expected);
    }
}
