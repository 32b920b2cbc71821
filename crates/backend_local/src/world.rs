//! The world: resources as the cloud has them, whether or not a stack still owns them.

use crate::database::{failed, seal, unreadable, unseal};
use crate::shape::{texts_at, texts_in};
use crate::store::{Shared, locked};
use kumiki_engine::{Answer, Made, Refused, StoreError};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A resource as the cloud has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// Its properties.
    pub properties: Json,
    /// What `Fn::GetAtt` gives.
    pub attributes: Map<String, Json>,
    /// Its tags, those of its stack included.
    pub tags: Vec<(String, String)>,
    /// The ARN of the stack that made it, and its logical ID there.
    pub maker: (String, String),
    /// The operation that made it.
    #[serde(default)]
    pub operation: String,
    /// Whether a service has written into it: a bucket that is not empty is not deleted.
    #[serde(default)]
    pub filled: bool,
}

/// Where a thing is: account, Region, type.
type Place = (String, String, String);

/// The physical IDs of the things of a place by a value that they have at a path of properties.
type Index = HashMap<String, BTreeSet<String>>;

/// The things of all accounts, and the answers of the running operation.
#[derive(Debug)]
pub(crate) struct World {
    connection: Shared,
    things: BTreeMap<Place, BTreeMap<String, Thing>>,
    answers: HashMap<String, Answer>,
    loaded: bool,
    changed: BTreeSet<(Place, String)>,
    answered: Vec<String>,
    /// Made when it is first asked for, then kept up: without one, checks of a large world would
    /// look at every pair of things.
    indexes: RefCell<HashMap<Place, HashMap<&'static str, Index>>>,
}

#[derive(Serialize, Deserialize)]
struct AnswerRecord {
    takes: u64,
    physical_id: String,
    attributes: Map<String, Json>,
    fidelity: Option<String>,
    refused: Option<String>,
}

impl World {
    pub(crate) fn new(connection: Shared) -> Self {
        Self {
            connection,
            things: BTreeMap::new(),
            answers: HashMap::new(),
            loaded: false,
            changed: BTreeSet::new(),
            answered: Vec::new(),
            indexes: RefCell::default(),
        }
    }

    /// Reads the world on first use: commands that only look at stacks do without.
    pub(crate) fn load(&mut self) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.loaded, true) {
            return Ok(());
        }
        let connection = locked(&self.connection);
        let query = "SELECT account, region, type_name, physical_id, record FROM world";
        let mut statement = connection.prepare(query).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |index: usize| row.get::<_, String>(index).map_err(failed);
            let (place, id) = ((text(0)?, text(1)?, text(2)?), text(3)?);
            let thing = unsealed(&place, &id, &text(4)?)?;
            self.things.entry(place).or_default().insert(id, thing);
        }
        let mut statement =
            connection.prepare("SELECT token, record FROM answers").map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |index: usize| row.get::<_, String>(index).map_err(failed);
            let (token, record) = (text(0)?, text(1)?);
            let json = unseal(&[&token], &record)?;
            let record: AnswerRecord = serde_json::from_str(json).map_err(unreadable)?;
            self.answers.insert(token, record.into());
        }
        Ok(())
    }

    /// The things of a type in an account and Region, without reading the whole world.
    pub(crate) fn read(
        &self,
        account: &str,
        region: &str,
        type_name: &str,
    ) -> Result<BTreeMap<String, Thing>, StoreError> {
        if self.loaded {
            let there = self.things.get(&place(account, region, type_name));
            return Ok(there.cloned().unwrap_or_default());
        }
        let connection = locked(&self.connection);
        let query = "SELECT physical_id, record FROM world
                     WHERE account = ?1 AND region = ?2 AND type_name = ?3";
        let mut statement = connection.prepare_cached(query).map_err(failed)?;
        let mut rows = statement.query([account, region, type_name]).map_err(failed)?;
        let mut things = BTreeMap::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |index: usize| row.get::<_, String>(index).map_err(failed);
            let id = text(0)?;
            let thing = unsealed(&place(account, region, type_name), &id, &text(1)?)?;
            things.insert(id, thing);
        }
        Ok(things)
    }

    /// Everything: its account, Region, type and physical ID, and itself.
    pub(crate) fn things(&self) -> impl Iterator<Item = ([&str; 4], &Thing)> {
        self.things.iter().flat_map(|((account, region, type_name), things)| {
            things
                .iter()
                .map(move |(id, it)| ([account, region, type_name, id].map(|it| &**it), it))
        })
    }

    pub(crate) fn get(
        &self,
        account: &str,
        region: &str,
        type_name: &str,
        physical_id: &str,
    ) -> Option<&Thing> {
        self.things.get(&place(account, region, type_name))?.get(physical_id)
    }

    /// The physical IDs of the things of a type that have a value at a path of their properties,
    /// or, where the path begins with `@`, as an attribute.
    pub(crate) fn having(
        &self,
        account: &str,
        region: &str,
        type_name: &str,
        path: &'static str,
        value: &str,
    ) -> Vec<String> {
        let place = place(account, region, type_name);
        let Some(things) = self.things.get(&place) else { return Vec::new() };
        let mut indexes = self.indexes.borrow_mut();
        let index = indexes.entry(place).or_default().entry(path).or_insert_with(|| {
            let mut index = Index::new();
            for (id, thing) in things {
                for value in values_of(thing, path) {
                    index.entry(value).or_default().insert(id.clone());
                }
            }
            index
        });
        index.get(value).map(|it| it.iter().cloned().collect()).unwrap_or_default()
    }

    /// Notes that a service has written into a thing.
    pub(crate) fn fill(&mut self, account: &str, region: &str, type_name: &str, id: &str) {
        let place = place(account, region, type_name);
        let Some(thing) = self.things.get_mut(&place).and_then(|it| it.get_mut(id)) else { return };
        if !std::mem::replace(&mut thing.filled, true) {
            self.changed.insert((place, id.to_owned()));
        }
    }

    pub(crate) fn put(
        &mut self,
        account: &str,
        region: &str,
        type_name: &str,
        physical_id: &str,
        thing: Thing,
    ) {
        let place = place(account, region, type_name);
        let things = self.things.entry(place.clone()).or_default();
        let old = things.insert(physical_id.to_owned(), thing);
        let now = things.get(physical_id);
        reindex(self.indexes.get_mut().get_mut(&place), physical_id, old.as_ref(), now);
        self.changed.insert((place, physical_id.to_owned()));
    }

    pub(crate) fn remove(
        &mut self,
        account: &str,
        region: &str,
        type_name: &str,
        physical_id: &str,
    ) {
        let place = place(account, region, type_name);
        let removed = self.things.get_mut(&place).and_then(|it| it.remove(physical_id));
        if removed.is_some() {
            let indexes = self.indexes.get_mut().get_mut(&place);
            reindex(indexes, physical_id, removed.as_ref(), None);
            self.changed.insert((place, physical_id.to_owned()));
        }
    }

    pub(crate) fn answer(&self, token: &str) -> Option<&Answer> {
        self.answers.get(token)
    }

    pub(crate) fn remember(&mut self, token: &str, answer: Answer) {
        self.answers.insert(token.to_owned(), answer);
        self.answered.push(token.to_owned());
    }

    /// Makes durable what changed since the last time, in one transaction.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        if self.changed.is_empty() && self.answered.is_empty() {
            return Ok(());
        }
        let mut connection = locked(&self.connection);
        let transaction = connection.transaction().map_err(failed)?;
        for (place, physical_id) in &self.changed {
            let (account, region, type_name) = place;
            match self.things.get(place).and_then(|it| it.get(physical_id)) {
                Some(thing) => {
                    let record = serde_json::to_string(thing).map_err(unreadable)?;
                    let record = seal(&[account, region, type_name, physical_id], record);
                    let query = "INSERT OR REPLACE INTO world VALUES (?1, ?2, ?3, ?4, ?5)";
                    let mut statement = transaction.prepare_cached(query).map_err(failed)?;
                    statement
                        .execute(params![account, region, type_name, physical_id, record])
                        .map_err(failed)?;
                }
                None => {
                    let query = "DELETE FROM world WHERE account = ?1 AND region = ?2
                                 AND type_name = ?3 AND physical_id = ?4";
                    let mut statement = transaction.prepare_cached(query).map_err(failed)?;
                    statement
                        .execute(params![account, region, type_name, physical_id])
                        .map_err(failed)?;
                }
            }
        }
        for token in &self.answered {
            let Some(answer) = self.answers.get(token) else { continue };
            let record = AnswerRecord::from(answer);
            let record = seal(&[token], serde_json::to_string(&record).map_err(unreadable)?);
            let query = "INSERT OR REPLACE INTO answers VALUES (?1, ?2)";
            let mut statement = transaction.prepare_cached(query).map_err(failed)?;
            statement.execute(params![token, record]).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        self.changed.clear();
        self.answered.clear();
        Ok(())
    }

    pub(crate) fn forget(&mut self) -> Result<(), StoreError> {
        self.answers.clear();
        self.answered.clear();
        let connection = locked(&self.connection);
        connection
            .execute("DELETE FROM answers WHERE EXISTS (SELECT 1 FROM answers)", [])
            .map_err(failed)?;
        Ok(())
    }
}

/// A thing as it is kept.
fn unsealed(place: &Place, physical_id: &str, record: &str) -> Result<Thing, StoreError> {
    let (account, region, type_name) = place;
    let json = unseal(&[account, region, type_name, physical_id], record)?;
    serde_json::from_str(json).map_err(unreadable)
}

/// Brings the indexes of a place up to date with a thing that changed.
fn reindex(
    indexes: Option<&mut HashMap<&'static str, Index>>,
    id: &str,
    old: Option<&Thing>,
    new: Option<&Thing>,
) {
    for (path, index) in indexes.into_iter().flatten() {
        for value in old.map(|it| values_of(it, path)).unwrap_or_default() {
            if let Some(ids) = index.get_mut(&value) {
                ids.remove(id);
            }
        }
        for value in new.map(|it| values_of(it, path)).unwrap_or_default() {
            index.entry(value).or_default().insert(id.to_owned());
        }
    }
}

fn values_of(thing: &Thing, path: &str) -> Vec<String> {
    match path.strip_prefix('@') {
        Some(name) => thing.attributes.get(name).map(texts_in).unwrap_or_default(),
        None => texts_at(&thing.properties, path),
    }
}

fn place(account: &str, region: &str, type_name: &str) -> Place {
    (account.to_owned(), region.to_owned(), type_name.to_owned())
}

impl From<&Answer> for AnswerRecord {
    fn from(answer: &Answer) -> Self {
        let made = answer.result.clone().unwrap_or_default();
        Self {
            takes: answer.takes,
            physical_id: made.physical_id,
            attributes: made.attributes,
            fidelity: made.fidelity,
            refused: answer.result.as_ref().err().map(|it| it.reason.clone()),
        }
    }
}

impl From<AnswerRecord> for Answer {
    fn from(record: AnswerRecord) -> Self {
        let AnswerRecord { takes, physical_id, attributes, fidelity, refused } = record;
        let result = match refused {
            Some(reason) => Err(Refused { reason }),
            None => Ok(Made { physical_id, attributes, fidelity }),
        };
        Self { result, takes }
    }
}
