//! A provider for tests: any type, any property; refuses what it is told to refuse.

use kumiki_engine::{Answer, Made, Provider, Refused, Request, StoreError, Verb, identity};
use kumiki_plan::Detail;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// A world in memory that forgets what was not flushed when it is cloned after a crash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Toy {
    /// Resources by physical ID: type, properties and tags.
    pub world: World,
    /// Answers by token.
    pub answers: BTreeMap<String, Recorded>,
    /// What is refused: `path/LogicalId:verb`.
    pub refuse: Vec<String>,
    /// Snapshots taken.
    pub snapshots: Vec<String>,
    /// What is durable; `None` as long as nothing changed since.
    saved: Option<Box<Saved>>,
}

type Thing = (String, Json, Vec<(String, String)>);
type World = BTreeMap<String, Thing>;
type Saved = (World, BTreeMap<String, Recorded>, Vec<String>);

#[derive(Clone, Debug, PartialEq)]
pub struct Recorded(pub String, pub Result<(String, Map<String, Json>), String>, pub u64);

impl Toy {
    /// What a killed process leaves.
    pub fn crash(&mut self) {
        if let Some(saved) = self.saved.take() {
            (self.world, self.answers, self.snapshots) = *saved;
        }
    }

    fn touch(&mut self) {
        if self.saved.is_none() {
            let saved = (self.world.clone(), self.answers.clone(), self.snapshots.clone());
            self.saved = Some(Box::new(saved));
        }
    }

    fn answer(&mut self, it: &Request<'_>) -> Result<(String, Map<String, Json>), String> {
        let name = match it.stack_path {
            "" => it.logical_id.to_owned(),
            path => format!("{path}/{}", it.logical_id),
        };
        let what = match (it.verb, it.rollback) {
            (Verb::Update, true) => "rollback",
            (verb, _) => verb.as_str(),
        };
        if self.refuse.contains(&format!("{name}:{what}")) {
            return Err(format!("{name} refuses to {what}"));
        }
        let attributes = |id: &str| {
            let arn = format!("arn:aws:toy:{}:{}:{id}", it.region, it.account);
            let mut map = Map::new();
            for attribute in kumiki_schema::resource_type(it.type_name).unwrap().attributes() {
                let own = it.properties.get(attribute.name).cloned();
                map.insert(attribute.name.to_owned(), own.unwrap_or_else(|| json!(arn)));
            }
            map
        };
        let resource = || (it.type_name.to_owned(), it.properties.clone(), it.tags.to_vec());
        match it.verb {
            Verb::Create => {
                let custom = ["TopicName", "BucketName"]
                    .iter()
                    .find_map(|name| it.properties.get(name).and_then(Json::as_str));
                let made = || format!("{}-{}", it.logical_id, identity::hex(&it.seed, 6));
                let id = custom.map_or_else(made, str::to_owned);
                if self.world.contains_key(&id) {
                    return Err(format!("{id} already exists"));
                }
                self.world.insert(id.clone(), resource());
                Ok((id.clone(), attributes(&id)))
            }
            Verb::Update => {
                assert!(self.world.contains_key(it.physical_id), "{it:?}");
                self.world.insert(it.physical_id.to_owned(), resource());
                Ok((it.physical_id.to_owned(), attributes(it.physical_id)))
            }
            Verb::Import => match self.world.contains_key(it.physical_id) {
                true => Ok((it.physical_id.to_owned(), attributes(it.physical_id))),
                false => Err(format!("{} was not found", it.physical_id)),
            },
            Verb::Delete => {
                if it.snapshot {
                    self.snapshots.push(it.physical_id.to_owned());
                }
                self.world.remove(it.physical_id);
                Ok((it.physical_id.to_owned(), Map::new()))
            }
        }
    }
}

impl Provider for Toy {
    fn perform(&mut self, request: &Request<'_>) -> Result<Answer, StoreError> {
        self.touch();
        let recorded = match self.answers.get(request.token) {
            Some(recorded) => recorded.clone(),
            None => {
                let result = self.answer(request);
                let takes = 1000 * (1 + u64::from(request.seed[0]) % 5);
                let recorded = Recorded(request.logical_id.to_owned(), result, takes);
                self.answers.insert(request.token.to_owned(), recorded.clone());
                recorded
            }
        };
        let result = match recorded.1 {
            Ok((physical_id, attributes)) => Ok(Made { physical_id, attributes, fidelity: None }),
            Err(reason) => Err(Refused { reason }),
        };
        Ok(Answer { result, takes: recorded.2 })
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.saved = None;
        Ok(())
    }

    fn forget(&mut self) -> Result<(), StoreError> {
        self.answers.clear();
        self.saved = None;
        Ok(())
    }

    fn read(&mut self, _: &str, _: &str, _: &str, id: &str) -> Result<Option<Json>, StoreError> {
        Ok(self.world.get(id).map(|it| it.1.clone()))
    }

    fn replaces(&self, _: &str, _: &[Detail]) -> bool {
        false
    }

    fn zones(&self, region: &str) -> Option<Vec<String>> {
        Some(["a", "c"].map(|it| format!("{region}{it}")).into())
    }
}
