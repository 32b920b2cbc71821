//! The facts, one module for each section of the specification.

pub mod auth;
pub mod batch;
mod calendar;
pub mod checklist;
pub mod compute;
pub mod conventions;
pub mod credentials;
pub mod database;
pub mod frontend;
pub mod logging;
pub mod machine;
pub mod monitoring;
pub mod network;
pub mod parameters;
pub mod parent;
mod rights;
pub mod roots;
pub mod security;
pub mod storage;
pub mod wiring;

use crate::world::{Texts, World};

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The text of the templates.
    S,
    /// The resolved tree of an environment.
    R,
}

/// Something that must be true.
#[derive(Debug)]
pub struct Fact {
    /// Its identifier in the specification, `SUB-1`.
    pub id: &'static str,
    /// What it is about.
    pub level: Level,
    /// The sentence.
    pub says: &'static str,
    /// Finds what contradicts it.
    pub check: fn(&World) -> Vec<String>,
    /// A change of one file that makes it untrue.
    pub fault: Fault,
}

/// A change of one file: `from`, where it first stands, becomes `to`. An empty `from` makes a file
/// that is not there.
#[derive(Debug)]
pub struct Fault {
    /// The file, from the project's folder.
    pub file: &'static str,
    /// What stands there.
    pub from: &'static str,
    /// What stands there instead.
    pub to: &'static str,
}

impl Fault {
    /// The texts with the fault planted, or nothing when that changes nothing.
    pub fn plant(&self, texts: &Texts) -> Option<Texts> {
        let text = texts.0.get(self.file);
        let changed = match (text, self.from) {
            (Some(text), from) if !from.is_empty() => text.replacen(from, self.to, 1),
            (None, "") => self.to.to_owned(),
            _ => return None,
        };
        if text == Some(&changed) {
            return None;
        }
        let mut texts = texts.clone();
        texts.0.insert(self.file.to_owned(), changed);
        Some(texts)
    }
}

/// Every list, in the order of the specification.
const LISTS: &[&[Fact]] = &[
    conventions::FACTS,
    wiring::FACTS,
    parent::FACTS,
    network::FACTS,
    database::FACTS,
    compute::FACTS,
    security::FACTS,
    auth::FACTS,
    frontend::FACTS,
    monitoring::FACTS,
    batch::FACTS,
    logging::FACTS,
    storage::FACTS,
    roots::FACTS,
    parameters::FACTS,
    credentials::FACTS,
    machine::FACTS,
    checklist::FACTS,
];

/// What contradicts another fact, for one that rests on it.
///
/// # Panics
/// When there is no such fact.
fn check_of(id: &str, world: &World) -> Vec<String> {
    let fact = facts().find(|it| it.id == id).expect("the fact is in a list");
    (fact.check)(world)
}

/// Every fact, in the order of the specification.
pub fn facts() -> impl Iterator<Item = &'static Fact> {
    LISTS.iter().copied().flatten()
}
