//! Findings that a project accepts.

use kumiki_project::{Library, Suppression};
use kumiki_source::{Diagnostic, FileId, Span, message};

/// Leaves out the findings that are accepted, and reports what accepts nothing or has no reason.
///
/// `config` is the text that the suppressions stand in.
pub fn suppress(
    findings: Vec<Diagnostic>,
    suppressions: &[Suppression],
    library: &Library,
    config: FileId,
) -> Vec<Diagnostic> {
    let mut used = vec![false; suppressions.len()];
    let mut kept: Vec<Diagnostic> = findings
        .into_iter()
        .filter(|finding| {
            let mut accepted = false;
            for (suppression, used) in suppressions.iter().zip(&mut used) {
                if accepts(suppression, finding, library) {
                    *used = true;
                    accepted = true;
                }
            }
            !accepted
        })
        .collect();
    for (suppression, used) in suppressions.iter().zip(used) {
        let (rule, file) = (suppression.rule.get_ref(), &suppression.file);
        let span = suppression.rule.span();
        let at = Span::new(config, span.start, span.end);
        if !used {
            kept.push(
                Diagnostic::warning(
                    "dead-suppression",
                    message!("there is no finding of `{rule}` in `{file}` to accept", rule, file),
                )
                .at(at)
                .help(message!("remove the suppression")),
            );
        }
        if suppression.reason.trim().is_empty() {
            kept.push(
                Diagnostic::error(
                    "suppression-without-reason",
                    message!("the suppression of `{rule}` gives no reason", rule),
                )
                .at(at),
            );
        }
    }
    kept
}

fn accepts(suppression: &Suppression, finding: &Diagnostic, library: &Library) -> bool {
    let Some(span) = finding.span.filter(|_| finding.rule == **suppression.rule.get_ref()) else {
        return false;
    };
    if library.sources.get(span.file).path() != suppression.file {
        return false;
    }
    let Some(name) = &suppression.name else { return true };
    let Some((_, template)) = library.templates().find(|(_, it)| it.file == span.file) else {
        return false;
    };
    let inside = |outer: Span| outer.start <= span.start && span.start <= outer.end;
    template.resources.get(name).is_some_and(|it| inside(it.span))
        || template.parameters.get(name).is_some_and(|it| inside(it.name.span))
        || template.outputs.get(name).is_some_and(|it| inside(it.name.span.to(it.value.span)))
}

#[cfg(test)]
mod tests {
    use super::suppress;
    use kumiki_project::{FileError, Files, Library, parse_config};
    use kumiki_source::{Diagnostic, message};

    struct One(&'static str);

    impl Files for One {
        fn read(&self, _: &str) -> Result<Vec<u8>, FileError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }

    #[test]
    fn what_is_accepted_is_left_out_and_what_accepts_nothing_is_reported() {
        let mut library = Library::default();
        let text = "Resources:\n  A: { Type: AWS::SNS::Topic }\n  B: { Type: AWS::SNS::Topic }\n";
        library.load("a.yaml", &One(Box::leak(text.to_owned().into_boxed_str())));
        let config = r#"
            [[suppressions]]
            rule = "W1"
            file = "a.yaml"
            name = "A"
            reason = "intended"
            [[suppressions]]
            rule = "W9"
            file = "a.yaml"
            reason = " "
        "#;
        let file = library.sources.add("kumiki.toml", config);
        let suppressions = parse_config(file, config).unwrap().suppressions;
        let template = library.template(library.find("a.yaml").unwrap());
        let finding = |name: &str| {
            let span = template.resources.get(name).unwrap().span;
            Diagnostic::warning("W1", message!("x")).at(span)
        };
        let kept = suppress(vec![finding("A"), finding("B")], &suppressions, &library, file);
        let rules: Vec<&str> = kept.iter().map(|it| &*it.rule).collect();
        assert_eq!(rules, ["W1", "dead-suppression", "suppression-without-reason"]);
    }
}
