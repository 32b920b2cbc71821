//! What makes a finding the same finding tomorrow: not its line, and no number in its words.

use kumiki_project::{Given, Library, parse_parameter_file};
use kumiki_source::{Diagnostic, FileId, Sources};
use std::collections::HashMap;

/// The identity of a finding. Two findings can share one: they are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The file; empty where a finding has no place.
    pub file: String,
    /// The place in the file's own words.
    pub path: String,
    /// The rule.
    pub rule: String,
    /// What the message names, with `#` for each number: counts, days and limits change while the
    /// fault stays. How the sentence around it is worded does not matter.
    pub about: String,
}

impl Identity {
    /// The identity of a finding whose place is named.
    pub fn of(finding: &Diagnostic, sources: &Sources) -> Self {
        let file = finding.span.map_or("", |it| sources.get(it.file).path());
        let arguments = finding.message.arguments.iter();
        let about: Vec<&str> = arguments.map(|(_, value)| &**value).collect();
        Self {
            file: file.to_owned(),
            path: finding.path.clone(),
            rule: finding.rule.to_string(),
            about: without_numbers(&about.join(", ")),
        }
    }
}

/// Names the places of findings in the words of their files: by the keys around them in a template,
/// by the parameter in a parameter file.
pub(crate) fn name_places(findings: &mut [Diagnostic], library: &Library) {
    let mut parameters: HashMap<FileId, Vec<Given>> = HashMap::new();
    for finding in findings {
        let Some(span) = finding.span else { continue };
        let source = library.sources.get(span.file);
        if let Some(id) = library.find(source.path()) {
            finding.path = library.template(id).path_at(span.start).join(".");
            continue;
        }
        let given = parameters
            .entry(span.file)
            .or_insert_with(|| parse_parameter_file(span.file, source.text()).parameters);
        let parameter = given.iter().find(|it| {
            let spans = [it.name_span, it.value_span];
            spans.into_iter().flatten().any(|it| it.range().contains(&span.range().start))
        });
        if let Some(parameter) = parameter {
            finding.path = parameter.name.to_string();
        }
    }
}

fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiki_project::{FileError, Files};
    use kumiki_source::{Span, message};

    struct Two(&'static str, &'static str);

    impl Files for Two {
        fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
            let text = if path == "a.yaml" { self.0 } else { self.1 };
            Ok(text.as_bytes().to_vec())
        }
    }

    fn identities(template: &'static str, parameters: &'static str) -> Vec<String> {
        let mut library = Library::default();
        let files = Two(template, parameters);
        library.load("a.yaml", &files);
        library.read("dev.json", &files).unwrap();
        let spans = library.sources.iter().flat_map(|(file, source)| {
            let found = source.text().match_indices("組木").collect::<Vec<_>>();
            found.into_iter().map(move |(at, _)| Span::new(file, at, at + 1))
        });
        let spans: Vec<Span> = spans.collect();
        let days = template.len();
        let told = |it: Identity| [it.file, it.path, it.rule, it.about].join(" | ");
        spans
            .into_iter()
            .map(|it| {
                let message = message!("`{name}` ends in {days} days", name = "db-2", days);
                let mut finding = [Diagnostic::error("name", message).at(it)];
                name_places(&mut finding, &library);
                told(Identity::of(&finding[0], &library.sources))
            })
            .collect()
    }

    #[test]
    fn lines_and_numbers_do_not_matter() {
        let before = identities(
            "Resources:\n  A:\n    Type: T\n    Properties: { List: [{ Name: 組木 }] }\n",
            r#"[{ "ParameterKey": "Size", "ParameterValue": "組木" }]"#,
        );
        let after = identities(
            "# more\nResources:\n  B: { Type: T }\n  A:\n    Type: T\n    Properties:\n      \
             Other: x\n      List:\n      - Name: x\n      - Name: 組木\n",
            "{\n  \"Other\": \"x\",\n  \"Size\": \"組木\"\n}",
        );
        assert_eq!(before, after);
        assert_eq!(
            before,
            [
                "a.yaml | Resources.A.Properties.List.Name | name | db-#, #",
                "dev.json | Size | name | db-#, #",
            ]
        );
    }
}
