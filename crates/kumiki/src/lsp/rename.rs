//! New names, in every file at once, or a reason why not: a name is changed only where all that
//! uses it is known, and where CloudFormation lets it change.

use super::hover::declaration;
use super::names::{Occurrence, Role, Symbol, SymbolKind};
use super::snapshot::Snapshot;
use kumiki_source::{Diagnostic, FileId, Message, Severity, Span, message};
use kumiki_template::{Call, ExprKind, Template};
use std::collections::BTreeSet;

/// A name that may change.
pub(super) struct Renaming {
    /// The name at the cursor.
    pub(super) span: Span,
    pub(super) name: String,
    /// The places to write the new name at.
    pub(super) places: Vec<Span>,
    /// What the user has to confirm first.
    pub(super) confirm: Option<Message>,
    symbols: BTreeSet<Symbol>,
}

/// Finds what a renaming at an offset would change.
///
/// # Errors
/// Why nothing can be renamed there.
pub(super) fn prepare(snapshot: &Snapshot, file: FileId, offset: u32) -> Result<Renaming, Message> {
    let found = snapshot.names().at(file, offset);
    let Some(at) = found.first() else {
        return Err(message!("there is no name to change here"));
    };
    let name = at.symbol.name.to_string();
    if declaration(snapshot, &at.symbol).is_none() {
        return Err(message!("`{name}` is not declared in this project", name));
    }
    readable(snapshot)?;
    if matches!(at.role, Role::Export | Role::Import) {
        return export(snapshot, at);
    }
    let symbols = together(snapshot, &found);
    let mut places = Vec::new();
    for symbol in &symbols {
        for it in snapshot.names().places(symbol) {
            match it.role {
                Role::Export | Role::Import => {}
                _ if it.spelled => places.push(it.span),
                _ => return Err(unwritable(snapshot, it)),
            }
        }
        if let Some(template) = snapshot.template(symbol.file) {
            rewritten(snapshot, template)?;
        }
    }
    places.sort();
    places.dedup();
    let confirm = match at.symbol.kind {
        SymbolKind::Resource => Some(replacement(snapshot, &at.symbol)?),
        _ => None,
    };
    Ok(Renaming { span: at.span, name, places, confirm, symbols })
}

impl Renaming {
    /// Whether the new name can take the place of the old one.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn admits(&self, snapshot: &Snapshot, new: &str) -> Result<(), Message> {
        let Some(kind) = self.symbols.first().map(|it| it.kind) else {
            let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, ':' | '-');
            return if !new.is_empty() && new.chars().all(fits) {
                Ok(())
            } else {
                Err(message!("the name of an export has only letters, digits, `:` and `-`"))
            };
        };
        if new.is_empty() || new.len() > 255 || !new.chars().all(|it| it.is_ascii_alphanumeric()) {
            return Err(message!("a name has 1 to 255 letters and digits, and nothing else"));
        }
        if new == self.name {
            return Ok(());
        }
        for symbol in &self.symbols {
            let Some(template) = snapshot.template(symbol.file) else { continue };
            let taken = match kind {
                // `Ref` knows no difference between the two.
                SymbolKind::Parameter | SymbolKind::Resource => {
                    template.parameters.get(new).is_some()
                        || template.resources.get(new).is_some()
                        || is_variable(template, new)
                }
                SymbolKind::Mapping => template.mappings.get(new).is_some(),
                SymbolKind::Condition => template.conditions.get(new).is_some(),
                SymbolKind::Rule => template.rules.get(new).is_some(),
                SymbolKind::Output => template.outputs.get(new).is_some(),
            };
            if taken {
                let path = snapshot.library().sources.get(symbol.file).path();
                return Err(message!("`{new}` is already a name in `{path}`", new, path));
            }
        }
        Ok(())
    }
}

/// Symbols that share a place change together: the parameters of several roots that one parameter
/// file or scenario gives a value.
fn together(snapshot: &Snapshot, found: &[&Occurrence]) -> BTreeSet<Symbol> {
    let mut open: Vec<Symbol> = found.iter().map(|it| it.symbol.clone()).collect();
    let mut symbols = BTreeSet::new();
    while let Some(symbol) = open.pop() {
        if !symbols.insert(symbol.clone()) {
            continue;
        }
        for it in snapshot.names().places(&symbol) {
            let here = snapshot.names().at(it.span.file, it.span.start);
            let same = here.into_iter().filter(|other| other.span == it.span);
            open.extend(same.map(|it| it.symbol.clone()));
        }
    }
    symbols
}

/// A text that cannot be read whole may use any name.
fn readable(snapshot: &Snapshot) -> Result<(), Message> {
    // Resources that wait for each other can be read all the same.
    let unread = |it: &&Diagnostic| it.severity == Severity::Error && it.rule != "cycle";
    match snapshot.linked.unread.iter().find(unread) {
        Some(it) => {
            let place = it.span.map(|it| snapshot.library().sources.locate(it)).unwrap_or_default();
            Err(message!("repair {place} first: what it uses cannot be seen", place))
        }
        None => Ok(()),
    }
}

/// A macro, or a function that asks the account, may use any name of its template.
fn rewritten(snapshot: &Snapshot, template: &Template) -> Result<(), Message> {
    let path = snapshot.library().sources.get(template.file).path();
    let mut unseen = template.transforms.first().map(|it| it.text.to_string());
    each_call(template, &mut |call| {
        if let Call::Transform { name, .. } | Call::AccountValue(name) = call {
            unseen = Some(name.text.to_string());
        }
    });
    match unseen {
        Some(name) => Err(message!(
            "what `{name}` uses in `{path}` is known only to CloudFormation",
            name,
            path
        )),
        None => Ok(()),
    }
}

fn is_variable(template: &Template, name: &str) -> bool {
    let mut found = false;
    each_call(template, &mut |call| {
        if let Call::Sub { variables, .. } = call {
            found |= variables.iter().any(|it| &*it.key.text == name);
        }
    });
    found
}

fn each_call<'t>(template: &'t Template, visit: &mut dyn FnMut(&'t Call)) {
    let rules = template.rules.iter().flat_map(|it| {
        it.condition.iter().chain(it.assertions.iter().map(|assertion| &assertion.assert))
    });
    let resources =
        template.resources.iter().flat_map(|it| it.properties.iter().chain(&it.metadata));
    let outputs =
        template.outputs.iter().flat_map(|it| std::iter::once(&it.value).chain(&it.export));
    for expr in rules.chain(resources).chain(outputs) {
        expr.walk(&mut |it| {
            if let ExprKind::Call(call) = &it.kind {
                visit(call);
            }
        });
    }
}

fn unwritable(snapshot: &Snapshot, it: &Occurrence) -> Message {
    let name = &it.symbol.name;
    let place = snapshot.library().sources.locate(it.span);
    message!(
        "`{name}` is written in an unusual way at {place}: change it there by hand",
        name,
        place
    )
}

/// CloudFormation knows a resource by its logical ID: another one is another resource.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>
fn replacement(snapshot: &Snapshot, symbol: &Symbol) -> Result<Message, Message> {
    let name = &symbol.name;
    let template = snapshot.template(symbol.file);
    let declared = template.and_then(|it| it.resources.get(name));
    let type_name = declared.map(|it| &*it.type_name.text).unwrap_or_default();
    if kumiki_schema::resource_type(type_name).is_some_and(|it| it.stateful()) {
        return Err(message!(
            "CloudFormation would delete `{name}` with its data and create another `{type_name}`",
            name,
            type_name
        ));
    }
    Ok(message!("where it exists, CloudFormation deletes `{name}` and creates another", name))
}

/// The name of an export: it may change where nobody imports it, and where it is written out.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html>
fn export(snapshot: &Snapshot, at: &Occurrence) -> Result<Renaming, Message> {
    let importer = snapshot.names().places(&at.symbol).find(|it| it.role == Role::Import);
    if let Some(importer) = importer {
        let place = snapshot.library().sources.locate(importer.span);
        return Err(message!(
            "an export that is in use keeps its name, and {place} imports it: export a second name, import that, then remove the first",
            place
        ));
    }
    let template = snapshot.template(at.symbol.file);
    let declared = template.and_then(|it| it.outputs.get(&at.symbol.name));
    let export = declared.and_then(|it| it.export.as_ref());
    let text = export.and_then(|it| match &it.kind {
        ExprKind::String(text) => Some(text),
        _ => None,
    });
    let Some(text) = text else {
        return Err(message!("this name is made by a function: change it by hand"));
    };
    let written = snapshot.library().sources.slice(at.span).unwrap_or_default();
    let Some(start) = written.find(&**text) else { return Err(unwritable(snapshot, at)) };
    let start = at.span.start as usize + start;
    let span = Span::new(at.span.file, start, start + text.len());
    let symbols = BTreeSet::new();
    Ok(Renaming { span, name: text.to_string(), places: vec![span], confirm: None, symbols })
}
