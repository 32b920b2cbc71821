//! From a name to the places that it is about. Everything here is a question to a snapshot, in
//! bytes; the protocol is not known.

use super::names::{Occurrence, Role, SymbolKind};
use super::snapshot::Snapshot;
use kumiki_source::{FileId, Span};
use kumiki_template::Template;

/// Where what stands at an offset is defined.
///
/// A parameter's own declaration leads on to whatever gives it a value: the parent's `Parameters`,
/// the keys of the parameter files. Any other declaration is its own definition.
pub(super) fn definition(snapshot: &Snapshot, file: FileId, offset: u32) -> Vec<Span> {
    let found = snapshot.names().at(file, offset);
    let mut places = Vec::new();
    for it in &found {
        let wanted = match (it.role, it.symbol.kind) {
            (Role::Declaration, SymbolKind::Parameter) => Role::Passed,
            _ => Role::Declaration,
        };
        let all = snapshot.names().places(&it.symbol).filter(|it| it.role == wanted);
        places.extend(all.map(|it| it.span));
        if places.is_empty() && it.role == Role::Declaration {
            places.push(it.span);
        }
    }
    if places.is_empty()
        && let Some((_, target)) = snapshot.names().link(file, offset)
    {
        places.push(Span::file_start(target));
    }
    places.sort();
    places.dedup();
    places
}

/// Every place that concerns what stands at an offset.
pub(super) fn references(
    snapshot: &Snapshot,
    file: FileId,
    offset: u32,
    declarations: bool,
) -> Vec<&Occurrence> {
    let found = snapshot.names().at(file, offset);
    let mut places: Vec<&Occurrence> = found
        .iter()
        .flat_map(|it| snapshot.names().places(&it.symbol))
        .filter(|it| declarations || it.role != Role::Declaration)
        .collect();
    places.sort_by_key(|it| it.span);
    places.dedup_by_key(|it| it.span);
    places
}

/// A part of a template's outline.
pub(super) struct Outline {
    pub(super) name: String,
    pub(super) detail: Option<String>,
    /// Nothing for a section.
    pub(super) kind: Option<SymbolKind>,
    pub(super) span: Span,
    pub(super) name_span: Span,
    pub(super) members: Vec<Outline>,
}

/// The sections of a template with their members.
pub(super) fn outline(template: &Template) -> Vec<Outline> {
    let member = |kind, name: &kumiki_template::Name, detail: Option<&str>, end: Span| Outline {
        name: name.text.to_string(),
        detail: detail.map(str::to_owned),
        kind: Some(kind),
        span: name.span.to(end),
        name_span: name.span,
        members: Vec::new(),
    };
    let parameters = template.parameters.iter().map(|it| {
        let end =
            it.default.as_ref().map_or(it.type_name.span, |end| it.type_name.span.to(end.span));
        member(SymbolKind::Parameter, &it.name, Some(&it.type_name.text), end)
    });
    let mappings = template.mappings.iter().map(|it| {
        let last = it.entries.last().map(|(key, values)| match values.last() {
            Some((_, value)) => value.span,
            None => key.span,
        });
        member(SymbolKind::Mapping, &it.name, None, last.unwrap_or(it.name.span))
    });
    let conditions = template.conditions.iter();
    let conditions =
        conditions.map(|(name, it)| member(SymbolKind::Condition, name, None, it.span));
    let rules = template.rules.iter().map(|it| {
        let last = it.assertions.last().map_or(it.name.span, |it| it.assert.span);
        member(SymbolKind::Rule, &it.name, None, last)
    });
    let resources = template.resources.iter();
    let resources = resources
        .map(|it| member(SymbolKind::Resource, &it.name, Some(&it.type_name.text), it.span));
    let outputs = template.outputs.iter();
    let outputs = outputs.map(|it| member(SymbolKind::Output, &it.name, None, it.value.span));
    let sections: [(&str, Vec<Outline>); 6] = [
        ("Parameters", parameters.collect()),
        ("Mappings", mappings.collect()),
        ("Conditions", conditions.collect()),
        ("Rules", rules.collect()),
        ("Resources", resources.collect()),
        ("Outputs", outputs.collect()),
    ];
    let section = |(name, members): (&str, Vec<Outline>)| {
        let (first, last) = (members.first()?, members.last()?);
        Some(Outline {
            name: name.to_owned(),
            detail: None,
            kind: None,
            span: first.span.to(last.span),
            name_span: first.name_span,
            members,
        })
    };
    let mut outline: Vec<Outline> = sections.into_iter().filter_map(section).collect();
    outline.sort_by_key(|it| it.span);
    outline
}
