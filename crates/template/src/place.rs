//! Where a position lies, in the words of the template instead of lines: what stays the same when
//! lines move.

use crate::expression::{Expr, ExprKind};
use crate::model::{Name, ResourceDecl, Section, Template};

impl Template {
    /// The names around a position from the section inward, such as `Resources`, `Bucket`,
    /// `Properties`, `BucketName`; nothing before the first section.
    ///
    /// Items of lists have no name: they move when one is added before them.
    pub fn path_at(&self, offset: u32) -> Vec<&str> {
        let Some(section) = last_at(&self.sections, |it| it.span.start, offset) else {
            return Vec::new();
        };
        let member = match &*section.text {
            "Parameters" => member(&self.parameters, |it| &it.name, offset),
            "Mappings" => member(&self.mappings, |it| &it.name, offset),
            "Conditions" => member(&self.conditions, |it| &it.0, offset),
            "Rules" => member(&self.rules, |it| &it.name, offset),
            "Resources" => member(&self.resources, |it| &it.name, offset),
            "Outputs" => member(&self.outputs, |it| &it.name, offset),
            _ => None,
        };
        let mut path = vec![&*section.text];
        path.extend(member.map(|it| &*it.text));
        if let Some(metadata) = self.metadata.as_ref().filter(|it| holds(it, offset)) {
            descend(metadata, offset, &mut path);
        }
        let resource = member.filter(|_| &*section.text == "Resources");
        let resource = resource.and_then(|it| self.resources.get(&it.text));
        let attributes = resource.map(attributes).into_iter().flatten();
        let mut attributes = attributes.filter_map(|(key, expr)| Some((key, expr?)));
        if let Some((key, expr)) = attributes.find(|it| holds(it.1, offset)) {
            path.push(key);
            descend(expr, offset, &mut path);
        }
        path
    }
}

/// The name of the member of a section that a position lies in.
fn member<T>(section: &Section<T>, name: impl Fn(&T) -> &Name, offset: u32) -> Option<&Name> {
    last_at(section.iter().as_slice(), |it| name(it).span.start, offset).map(name)
}

fn attributes(resource: &ResourceDecl) -> [(&'static str, Option<&Expr>); 6] {
    [
        ("Properties", resource.properties.as_ref()),
        ("DeletionPolicy", resource.deletion_policy.as_ref()),
        ("UpdateReplacePolicy", resource.update_replace_policy.as_ref()),
        ("CreationPolicy", resource.creation_policy.as_ref()),
        ("UpdatePolicy", resource.update_policy.as_ref()),
        ("Metadata", resource.metadata.as_ref()),
    ]
}

fn holds(expr: &Expr, offset: u32) -> bool {
    expr.span.start == offset || expr.span.range().contains(&(offset as usize))
}

/// The last of what follows each other in the text that begins at or before a position.
fn last_at<T>(all: &[T], start: impl Fn(&T) -> u32, offset: u32) -> Option<&T> {
    let count = all.partition_point(|it| start(it) <= offset);
    count.checked_sub(1).map(|index| &all[index])
}

fn descend<'t>(expr: &'t Expr, offset: u32, path: &mut Vec<&'t str>) {
    match &expr.kind {
        ExprKind::Map(entries) => {
            let entry = last_at(entries, |it| it.key.span.start, offset);
            if let Some(entry) = entry.filter(|it| offset <= it.value.span.end) {
                path.push(&entry.key.text);
                descend(&entry.value, offset, path);
            }
        }
        ExprKind::List(items) => {
            if let Some(item) = last_at(items, |it| it.span.start, offset) {
                descend(item, offset, path);
            }
        }
        ExprKind::Call(call) => call.arguments(&mut |it| {
            if holds(it, offset) {
                descend(it, offset, path);
            }
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::parse_template;
    use kumiki_source::Sources;

    /// The path at each `$`, which is taken out of the text.
    fn paths(marked: &str) -> Vec<String> {
        let text = marked.replace('$', "");
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text.clone());
        let (template, _) = parse_template(file, &text);
        let template = template.unwrap();
        let marks = marked.match_indices('$').enumerate().map(|(before, (at, _))| at - before);
        marks.map(|at| template.path_at(at as u32).join(".")).collect()
    }

    #[test]
    fn a_place_is_named_by_what_is_around_it() {
        let found = paths(
            "$# a\n$Metadata:\n  Kumiki: { suppress: [{ $rule: x }] }\n\
             $Parameters:\n  Size: { Type: String, AllowedValues: [$a] }\n\
             Conditions:\n  Big: !Equals [!Ref Size, $b]\n\
             Resources:\n  $Role:\n    Type: $AWS::IAM::Role\n    DeletionPolicy: $Retain\n    \
             Properties:\n      組: $a\n      Policies:\n        - { $Name: x }\n        - !If [Big, { Name: $y }, 0]\n  \
             Topic:\n    Type: AWS::SNS::Topic\n\
             Outputs:\n  Out: { Value: $x }\n",
        );
        assert_eq!(
            found,
            [
                "",
                "Metadata",
                "Metadata.Kumiki.suppress.rule",
                "Parameters",
                "Parameters.Size",
                "Conditions.Big",
                "Resources.Role",
                "Resources.Role",
                "Resources.Role.DeletionPolicy",
                "Resources.Role.Properties.組",
                "Resources.Role.Properties.Policies.Name",
                "Resources.Role.Properties.Policies.Name",
                "Outputs.Out",
            ]
        );
    }
}
