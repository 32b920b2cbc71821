//! `kumiki fidelity`: how well the embedded engine rehearses each type.

use crate::Exit;
use crate::args::{Fidelity as Args, Global};
use crate::output::{Output, Stop, Style};
use crate::project::Project;
use kumiki_backend_local::{Fidelity, fidelity, refusals};
use kumiki_source::{closest, message};
use serde::Serialize;
use std::collections::BTreeSet;

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let names: Vec<String> = match (&args.type_name, &global.project) {
        (Some(name), _) => vec![known(name)?],
        (None, Some(_)) => of_project(global)?.into_iter().collect(),
        (None, None) => kumiki_schema::type_names().map(str::to_owned).collect(),
    };
    #[derive(Serialize)]
    struct Entry {
        #[serde(rename = "type")]
        type_name: String,
        fidelity: &'static str,
        refuses: Vec<String>,
    }
    let types: Vec<Entry> = names
        .into_iter()
        .map(|type_name| Entry {
            fidelity: fidelity(&type_name).as_str(),
            refuses: refusals(&type_name).iter().map(|it| output.text(it)).collect(),
            type_name,
        })
        .collect();
    if output.json {
        #[derive(Serialize)]
        struct Content {
            types: Vec<Entry>,
        }
        output.document("fidelity", Content { types });
        return Ok(Exit::Done);
    }
    let count = |it: Fidelity| types.iter().filter(|entry| entry.fidelity == it.as_str()).count();
    let (modelled, generic) = (count(Fidelity::Modelled), count(Fidelity::Generic));
    // Of the provider schemas, most types are generic: who wants to see them all takes JSON.
    let all = args.type_name.is_some() || global.project.is_some();
    for it in types.iter().filter(|it| all || it.fidelity == Fidelity::Modelled.as_str()) {
        output.line(&format!("{}  {}", output.paint(Style::Bold, &it.type_name), it.fidelity));
        for refusal in &it.refuses {
            output.line(&format!("  - {refusal}"));
        }
    }
    if args.type_name.is_none() {
        let unknown = types.len() - modelled - generic;
        output.line("");
        output.say(&message!(
            "types: {modelled} modelled, {generic} generic, that is by their schemas only, {unknown} unknown",
            modelled,
            generic,
            unknown
        ));
    }
    Ok(Exit::Done)
}

/// A type that there is.
fn known(name: &str) -> Result<String, Stop> {
    if fidelity(name) != Fidelity::Unknown {
        return Ok(name.to_owned());
    }
    let stop = Stop::new(message!("there is no type `{name}` in the provider schemas", name));
    Err(match closest(name, kumiki_schema::type_names()) {
        Some(near) => stop.help(message!("did you mean `{near}`?", near)),
        None => stop,
    })
}

/// The types in the templates of a project's roots and of what they nest.
fn of_project(global: &Global) -> Result<BTreeSet<String>, Stop> {
    let (mut project, _) = Project::open(global)?;
    let roots: Vec<String> =
        project.config.roots.values().map(|it| it.template.get_ref().clone()).collect();
    let Project { library, files, .. } = &mut project;
    for root in roots {
        library.load(&root, files);
    }
    let templates = library.templates();
    let resources = templates.flat_map(|(_, it)| &it.resources);
    Ok(resources.map(|it| it.type_name.text.to_string()).collect())
}
