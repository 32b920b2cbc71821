//! A template with the values that are known in place of the functions that made them.
//!
//! AWS's rules judge what is written in a template, and many of them pass over what arrives through
//! a parameter or is put together. Given this text they judge that as well. What only a deployment
//! can tell stays as it is written, and so does what a secret is made of.

use kumiki_project::{Kind, Stack, Value};
use kumiki_source::{Source, Span};
use kumiki_template::{Call, Expr, ExprKind, SubPart, Template};
use std::collections::HashSet;

/// A text and where it differs from the one that it was made of.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// What was put where, in order.
    edits: Vec<Edit>,
}

/// A value that was put in the place of a function.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edit {
    /// Beginning and end now.
    new: (usize, usize),
    /// Beginning and end before.
    old: (usize, usize),
    /// Where the value was written, and where it came through.
    hops: Vec<Span>,
}

impl Resolved {
    /// The template of a stack with its values; nothing when no function of it is known.
    ///
    /// Values that were written at places that are set `aside` stay out.
    pub(crate) fn of(
        stack: &Stack,
        template: &Template,
        source: &Source,
        aside: &HashSet<Span>,
    ) -> Option<Self> {
        let mut found = Found { template, stack, aside, values: Vec::new() };
        for (resource, declared) in stack.resources.iter().zip(&template.resources) {
            if let Some(properties) = &declared.properties {
                found.visit(properties, &resource.properties);
            }
        }
        let mut values = found.values;
        // An anchor's text is visited wherever it is used.
        values.sort_by_key(|it| it.at.start);
        values.dedup_by_key(|it| it.at.start);
        if values.is_empty() {
            return None;
        }
        let old = source.text();
        let mut resolved = Self {
            text: String::with_capacity(old.len()),
            edits: Vec::with_capacity(values.len()),
        };
        let mut at = 0;
        for Known { at: span, json, hops } in values {
            let start = span.start as usize;
            // The end of a block's last line stays.
            let end = start + old.get(start..span.end as usize)?.trim_end().len();
            resolved.text.push_str(old.get(at..start)?);
            let from = resolved.text.len();
            resolved.text.push_str(&json);
            let new = (from, resolved.text.len());
            resolved.edits.push(Edit { new, old: (start, end), hops });
            at = end;
        }
        resolved.text.push_str(old.get(at..)?);
        Some(resolved)
    }

    /// The way of the value that stands at a place of the text, or that the key there has.
    pub(crate) fn hops(&self, start: usize, end: usize) -> &[Span] {
        let next = self.edits.partition_point(|it| it.new.1 <= start);
        let Some(edit) = self.edits.get(next) else { return &[] };
        let between = self.text.get(end..edit.new.0).map(str::trim);
        let is_value = edit.new.0 <= start || matches!(between, Some("" | ":"));
        if is_value { &edit.hops } else { &[] }
    }

    /// Where a place of the text is in the old text: all of a function for what is inside its value.
    pub(crate) fn old(&self, start: usize, end: usize) -> (usize, usize) {
        let edit = |at: usize| {
            let next = self.edits.partition_point(|it| it.new.0 <= at);
            next.checked_sub(1).map(|it| &self.edits[it])
        };
        let outside = |at: usize, edit: &Edit| at - edit.new.1 + edit.old.1;
        let from = match edit(start) {
            None => start,
            Some(it) if start < it.new.1 => it.old.0,
            Some(it) => outside(start, it),
        };
        let to = match edit(end.saturating_sub(1)) {
            None => end,
            Some(it) if end <= it.new.1 => it.old.1,
            Some(it) => outside(end, it),
        };
        (from, to.max(from))
    }
}

/// A function whose value is known.
struct Known {
    at: Span,
    json: String,
    hops: Vec<Span>,
}

/// The functions of a stack whose values are known.
struct Found<'t> {
    template: &'t Template,
    stack: &'t Stack,
    aside: &'t HashSet<Span>,
    values: Vec<Known>,
}

impl Found<'_> {
    /// Visits what is written, beside what it comes to.
    fn visit(&mut self, expr: &Expr, value: &Value) {
        match (&expr.kind, &value.kind) {
            (ExprKind::Call(_), Kind::Null | Kind::Absent | Kind::Unknown(_)) => {}
            (ExprKind::Call(_), _) => {
                if !self.is_aside(value)
                    && !self.is_withheld(expr)
                    && let Some(json) = value.to_json(&|_| None)
                {
                    let hops = value.origin.hops().into_iter().map(|it| it.span).collect();
                    self.values.push(Known { at: expr.span, json: json.to_string(), hops });
                }
            }
            (ExprKind::Map(entries), Kind::Map(fields)) => {
                for (entry, field) in entries.iter().zip(fields) {
                    self.visit(&entry.value, &field.value);
                }
            }
            // Absent items are left out of the value.
            (ExprKind::List(exprs), Kind::List(items)) if exprs.len() == items.len() => {
                for (expr, item) in exprs.iter().zip(items) {
                    self.visit(expr, item);
                }
            }
            _ => {}
        }
    }

    fn is_aside(&self, value: &Value) -> bool {
        value.origin.span.is_some_and(|it| self.aside.contains(&it))
    }

    /// Whether a parameter takes part that is set aside, or that must never be shown.
    fn is_withheld(&self, expr: &Expr) -> bool {
        let withheld = |name: &str| {
            let index = self.template.parameters.index_of(name);
            index.is_some_and(|it| {
                let parameter = &self.stack.parameters[it];
                parameter.no_echo || self.is_aside(&parameter.value)
            })
        };
        let mut found = false;
        expr.walk(&mut |it| {
            let ExprKind::Call(call) = &it.kind else { return };
            found |= match &**call {
                Call::Ref(name) => withheld(&name.text),
                Call::Sub { parts, .. } => parts.iter().any(|it| match it {
                    SubPart::Reference(it) => withheld(&it.name.text),
                    SubPart::Text(_) => false,
                }),
                _ => false,
            };
        });
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::Resolved;
    use kumiki_project::{FileError, Files, Inputs, Library, Tree};
    use std::collections::HashSet;

    struct One(&'static str);

    impl Files for One {
        fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
            if path == "stack.yaml" { Ok(self.0.into()) } else { Err(FileError::NotFound) }
        }
    }

    fn with_resolved(text: &'static str, test: &dyn Fn(Option<Resolved>)) {
        let mut library = Library::default();
        library.load("stack.yaml", &One(text));
        let root = library.find("stack.yaml").unwrap();
        let inputs = Inputs {
            environment: String::new(),
            region: "ap-northeast-1".to_owned(),
            account: "123456789012".to_owned(),
            stack_name: "example".to_owned(),
            parameters: Vec::new(),
            parameter_file: None,
            tags: Vec::new(),
        };
        let tree = Tree::evaluate(&library, root, &inputs);
        let template = library.template(root);
        let source = library.sources.get(template.file);
        test(Resolved::of(tree.root(), template, source, &HashSet::new()));
    }

    #[test]
    fn known_values_stand_where_functions_stood() {
        const OLD: &str = r#"
Parameters:
  Name: { Type: String, Default: 名前 }
  Secret: { Type: String, NoEcho: true, Default: hidden }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Sub "${Name}-x"
      DisplayName:
        Fn::Join:
          - "-"
          - [a, !Ref Name]
      KmsMasterKeyId: !Sub |
        alias/${Name}
      DeliveryStatusLogging: [{ Protocol: !Ref Name, Other: !Ref Secret }]
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt Topic.TopicName } }
"#;
        with_resolved(OLD, &|it| {
            let resolved = it.unwrap();
            let (_, properties) = resolved.text.split_once("Properties:\n").unwrap();
            let expected = r#"      TopicName: "名前-x"
      DisplayName:
        "a-名前"
      KmsMasterKeyId: "alias/名前\n"
      DeliveryStatusLogging: [{ Protocol: "名前", Other: !Ref Secret }]
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt Topic.TopicName } }
"#;
            assert_eq!(properties, expected);
            let place = |text: &str| {
                let at = resolved.text.find(text).unwrap();
                let (start, end) = resolved.old(at, at + text.len());
                &OLD[start..end]
            };
            assert_eq!(place("TopicName"), "TopicName");
            assert_eq!(place("\"名前-x\""), "!Sub \"${Name}-x\"");
            assert_eq!(place("前\", Other"), "!Ref Name, Other");
            assert_eq!(place("QueueName"), "QueueName");
            assert_eq!(place("Topic.TopicName } }\n"), "Topic.TopicName } }\n");
            let at = resolved.text.find("Protocol").unwrap();
            assert_eq!(resolved.hops(at, at + "Protocol".len()).len(), 2);
            assert_eq!(resolved.hops(at, at + 1), []);
        });
    }

    #[test]
    fn a_text_without_known_functions_is_left_alone() {
        let text = "Resources:\n  Topic: { Type: AWS::SNS::Topic }\n";
        with_resolved(text, &|it| assert_eq!(it, None));
    }
}
