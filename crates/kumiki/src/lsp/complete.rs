//! The names that can follow what is being typed. The template is often broken at that very line,
//! so the line is read as text, and the names come from the template without it.

use super::names::child;
use super::snapshot::Snapshot;
use kumiki_source::FileId;
use kumiki_template::{Template, parse_template};

/// The pseudo parameters.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html>
const PSEUDO: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// A name that can stand at the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// Its type, where it has one.
    pub(super) detail: Option<String>,
}

/// The names that can stand at an offset.
pub(super) fn complete(snapshot: &Snapshot, file: FileId, offset: usize) -> Vec<Candidate> {
    let text = snapshot.text(file);
    let start = text[..offset].rfind('\n').map_or(0, |it| it + 1);
    let Some(wanted) = wanted(&text[start..offset]) else { return Vec::new() };
    let repaired;
    let template = match snapshot.template(file) {
        Some(template) => template,
        None => {
            let end = text[offset..].find('\n').map_or(text.len(), |it| offset + it);
            let without = format!("{}{}", &text[..start], &text[end..]);
            repaired = parse_template(file, &without).0;
            let Some(template) = &repaired else { return Vec::new() };
            template
        }
    };
    candidates(snapshot, template, &wanted)
}

/// What a line waits for at its end.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'l> {
    /// A parameter, a pseudo parameter or a resource.
    Reference,
    /// A resource.
    Resource,
    /// An attribute of a resource.
    Attribute(&'l str),
    Condition,
    Mapping,
    /// The type of a resource.
    Type,
}

fn wanted(line: &str) -> Option<Wanted<'_>> {
    let word = |it: char| it.is_alphanumeric() || matches!(it, '.' | ':' | '_');
    // `${` is open as long as no brace closes it.
    if let Some(open) = line.rfind("${")
        && line[open + 2..].chars().all(word)
    {
        return Some(match line[open + 2..].split_once('.') {
            Some((name, _)) => Wanted::Attribute(name),
            None => Wanted::Reference,
        });
    }
    let before = line.trim_end_matches(word);
    let typed = &line[before.len()..];
    let before = before.trim_end_matches(['"', '\'', '[', ' ']);
    // `Ref:` ends in a colon, which may also be part of what is typed.
    let key = |name: &str| {
        let before = before.trim_end_matches(':').trim_end_matches(['"', '\'']);
        before.strip_suffix(name).is_some_and(|it| !it.ends_with(char::is_alphanumeric))
    };
    if key("!Ref") || key("Ref") {
        return Some(Wanted::Reference);
    }
    if key("GetAtt") {
        return Some(match typed.split_once('.') {
            Some((name, _)) => Wanted::Attribute(name),
            None => Wanted::Resource,
        });
    }
    if key("DependsOn") {
        return Some(Wanted::Resource);
    }
    if key("If") || key("Condition") {
        return Some(Wanted::Condition);
    }
    if key("FindInMap") {
        return Some(Wanted::Mapping);
    }
    (key("Type")).then_some(Wanted::Type)
}

fn candidates(snapshot: &Snapshot, template: &Template, wanted: &Wanted<'_>) -> Vec<Candidate> {
    let with = |name: &str, detail: &str| Candidate {
        name: name.to_owned(),
        detail: Some(detail.to_owned()),
    };
    let alone = |name: &str| Candidate { name: name.to_owned(), detail: None };
    let resources = || template.resources.iter().map(|it| with(&it.name.text, &it.type_name.text));
    match wanted {
        Wanted::Reference => {
            let parameters = template.parameters.iter();
            let parameters = parameters.map(|it| with(&it.name.text, &it.type_name.text));
            let pseudo = PSEUDO.iter().map(|it| alone(it));
            parameters.chain(resources()).chain(pseudo).collect()
        }
        Wanted::Resource => resources().collect(),
        Wanted::Attribute(name) => {
            let Some(index) = template.resources.index_of(name) else { return Vec::new() };
            if let Some((_, Some(child))) = child(snapshot.library(), template, index) {
                let outputs = child.outputs.iter();
                return outputs.map(|it| alone(&format!("Outputs.{}", it.name.text))).collect();
            }
            let schema = kumiki_schema::resource_type(&template.resources[index].type_name.text);
            let attributes = schema.map(|it| it.attributes()).unwrap_or_default();
            attributes.iter().map(|it| with(it.name, &format!("{:?}", it.kind))).collect()
        }
        Wanted::Condition => {
            template.conditions.iter().map(|(name, _)| alone(&name.text)).collect()
        }
        Wanted::Mapping => template.mappings.iter().map(|it| alone(&it.name.text)).collect(),
        Wanted::Type => kumiki_schema::type_names().map(alone).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_waits_for() {
        let cases = [
            ("  VpcId: !Ref ", Some(Wanted::Reference)),
            ("  VpcId: !Ref Vp", Some(Wanted::Reference)),
            ("  VpcId: { Ref: ", Some(Wanted::Reference)),
            ("  \"Ref\": \"AWS::", Some(Wanted::Reference)),
            ("  Name: !Sub \"a-${", Some(Wanted::Reference)),
            ("  Name: !Sub 日本-${A}-${Vpc.", Some(Wanted::Attribute("Vpc"))),
            ("  Name: !Sub \"a-${A}", None),
            ("  Arn: !GetAtt Q", Some(Wanted::Resource)),
            ("  Arn: !GetAtt Queue.A", Some(Wanted::Attribute("Queue"))),
            ("  Fn::GetAtt: [", Some(Wanted::Resource)),
            ("  Condition: ", Some(Wanted::Condition)),
            ("  A: !If [Is", Some(Wanted::Condition)),
            ("  DependsOn: ", Some(Wanted::Resource)),
            ("  A: !FindInMap [", Some(Wanted::Mapping)),
            ("    Type: AWS::S", Some(Wanted::Type)),
            ("    MyType: ", None),
            ("    Name: x", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(wanted(line), expected, "{line}");
        }
    }
}
