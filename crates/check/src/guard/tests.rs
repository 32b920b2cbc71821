//! `cases.md` as tests, and Guard's own evaluator as the judge of ours.

use super::document::{Certainty, Document};
use super::evaluate::{Verdict, evaluate};
use super::unsettled::Unsettled;
use super::{check_guard, rules};
use crate::rules::tests::{Memory, examples, inputs, marks};
use cloudformation_guard_lang::Status;
use cloudformation_guard_lang::eval::eval_rule;
use cloudformation_guard_lang::eval_context::root_scope;
use cloudformation_guard_lang::path_value::{MapValue, PathAwareValue as Guarded};
use kumiki_project::{Inputs, Library, Tree};
use kumiki_source::FileId;
use std::rc::Rc;

/// Calls `test` with the title, the expected findings and everything else of each case.
fn each_case(mut test: impl FnMut(&str, Vec<String>, &Library, (&Tree, &Inputs), Vec<FileId>)) {
    for (title, texts) in examples(include_str!("cases.md")) {
        let expected = marks(&texts);
        let names: Vec<String> =
            texts.keys().filter(|it| it.ends_with(".guard")).cloned().collect();
        let files = Memory::new(texts);
        let mut library = Library::default();
        library.load("stack.yaml", &files);
        let root = library.find("stack.yaml").unwrap();
        let inputs = inputs(&mut library, &files).remove(0);
        let rules = names.iter().map(|it| library.read(it, &files).unwrap()).collect();
        let tree = Tree::evaluate(&library, root, &inputs);
        test(&title, expected, &library, (&tree, &inputs), rules);
    }
}

#[test]
fn cases_are_true() {
    each_case(|title, expected, library, tree, files| {
        let mut found: Vec<String> = check_guard(library, &[tree], &files)
            .iter()
            .map(|it| {
                let at = library.sources.locate(it.span.unwrap());
                let line = at.rsplit_once(':').map_or(&*at, |it| it.0);
                format!("{line} {} {}", it.severity.as_str(), it.rule)
            })
            .collect();
        found.sort();
        found.dedup();
        assert_eq!(found, expected, "{title}");
    });
}

/// What an unknown value may turn out to be. The strings are those of the cases' rules, so that
/// every clause has a value that it holds for and one that it does not.
fn samples(certainty: Certainty) -> Vec<Option<&'static str>> {
    let mut samples = vec![
        Some("'alias/aws/sqs'"),
        Some("'arn:aws:kms:x'"),
        Some("'ops'"),
        Some("'zone'"),
        Some("'example-1'"),
        Some("'other'"),
    ];
    if certainty != Certainty::NotEmpty {
        let more = ["''", "3306", "true", "[]", "['zone']", "{ Arn: 'zone' }"];
        samples.extend(more.map(Some));
    }
    if certainty == Certainty::Nothing {
        samples.push(None);
    }
    samples
}

/// The document with its unknown values replaced; nothing where one turns out to be absent.
fn settled(
    document: &Document,
    value: &Guarded,
    sample: &mut dyn FnMut(usize, Certainty) -> Option<&'static str>,
) -> Option<Guarded> {
    if let Some((place, certainty)) = document.unknown(value) {
        return sample(place, certainty).map(|it| Guarded::try_from(it).unwrap());
    }
    Some(match value {
        Guarded::List((path, items)) => {
            let items = items.iter().filter_map(|it| settled(document, it, sample));
            Guarded::List((path.clone(), items.collect()))
        }
        Guarded::Map((path, map)) => {
            let key = |name: &String| Guarded::String((path.clone(), name.clone()));
            let members = map.values.iter();
            let members: Vec<(String, Guarded)> = members
                .filter_map(|(name, it)| Some((name.clone(), settled(document, it, sample)?)))
                .collect();
            let keys = members.iter().map(|(name, _)| key(name)).collect();
            Guarded::Map((path.clone(), MapValue { keys, values: members.into_iter().collect() }))
        }
        other => other.clone(),
    })
}

/// Whatever the unknown values turn out to be, Guard itself gives the answer that was certain.
#[test]
fn what_is_certain_stays_so() {
    let (mut compared, mut differing) = (0, 0);
    each_case(|title, _, library, (tree, inputs), files| {
        let unsettled = Unsettled::of(library, tree);
        for file in files {
            let Ok(Some(rules)) = rules::parse(file, library.sources.get(file)) else { continue };
            for stack in &tree.stacks {
                let document = Document::new(library, stack, inputs, &unsettled);
                for rule in &rules.guard_rules {
                    let Ok(ours) = evaluate(&rules, rule, &document) else { continue };
                    let mut answers = Vec::new();
                    for round in 0..50 {
                        // Spread, so that each value meets each sample, and not all the same.
                        let mut sample = |place: usize, certainty| {
                            let samples = samples(certainty);
                            let spread =
                                (2 * place + 1).wrapping_mul(round).wrapping_mul(0x9e37_79b9);
                            samples[(spread >> 16) % samples.len()]
                        };
                        let root = settled(&document, &document.root, &mut sample).unwrap();
                        let mut scope = root_scope(&rules, Rc::new(root));
                        answers.push(eval_rule(rule, &mut scope).unwrap());
                    }
                    let name = &rule.rule_name;
                    let expected = match ours.verdict {
                        Verdict::Skip => Status::SKIP,
                        Verdict::Pass => Status::PASS,
                        Verdict::Fail => Status::FAIL,
                        Verdict::Unknown => {
                            differing += usize::from(answers.iter().any(|it| *it != answers[0]));
                            continue;
                        }
                    };
                    compared += 1;
                    assert!(
                        answers.iter().all(|it| *it == expected),
                        "{title}: {name} in `{}`: {expected:?}, Guard says {answers:?}",
                        stack.path
                    );
                }
            }
        }
    });
    assert!(compared >= 20 && differing >= 10, "{compared} compared, {differing} really unknown");
}
