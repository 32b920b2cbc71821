//! The provider of every type: the schema says what is accepted, [`shapes`](crate::shapes) what
//! identifiers and attributes look like, [`behaviour`](crate::behaviour) what services refuse.

use crate::backend::Options;
use crate::behaviour::{
    Cx, Refusal, Rule, check_delete, check_write, home, is_placeholder, rules_of, written_by,
};
use crate::durations::{REFUSAL, typical_duration};
use crate::lookup::{Found, ParameterStore, Resolved, resolve};
use crate::shape::{attributes, generic_id, text_at};
use crate::shapes::shape_of;
use crate::validate::problems;
use crate::world::{Thing, World};
use crate::zones::zones;
use kumiki_engine::{Answer, Made, Provider, Refused, Request, SsmParameter, StoreError, Verb};
use kumiki_plan::Detail;
use kumiki_source::Message;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// How well a type is rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fidelity {
    /// Nothing is known of the type: nothing but its name is rehearsed.
    Unknown,
    /// Its properties are checked against its schema; identifiers and attributes have a likely
    /// shape.
    Generic,
    /// Identifiers and attributes are as documented, and the service's own rules are checked.
    Modelled,
}

impl Fidelity {
    /// The word used in output and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Generic => "generic",
            Self::Modelled => "modelled",
        }
    }
}

/// How well a type is rehearsed.
pub fn fidelity(type_name: &str) -> Fidelity {
    // CloudFormation's own need no service.
    let own = ["AWS::CloudFormation::Stack", "AWS::CloudFormation::WaitConditionHandle"];
    if rules_of(type_name).is_some() || own.contains(&type_name) {
        Fidelity::Modelled
    } else if !type_name.starts_with("Custom::")
        && kumiki_schema::resource_type(type_name).is_some()
    {
        Fidelity::Generic
    } else {
        Fidelity::Unknown
    }
}

/// What is modelled of a type: what its service refuses, each in a few words.
pub fn refusals(type_name: &str) -> Vec<Message> {
    rules_of(type_name).unwrap_or_default().iter().map(Rule::describe).collect()
}

/// What marks a resource of a type that nothing is known of.
const UNKNOWN: &str =
    "Not modelled: nothing is known of this type, so nothing but its name was rehearsed";

/// The provider of every type.
#[derive(Debug)]
pub struct LocalProvider {
    pub(crate) world: World,
    pub(crate) options: Options,
}

impl LocalProvider {
    pub(crate) fn new(world: World, options: Options) -> Self {
        Self { world, options }
    }

    /// Alters a resource behind the engine's back, or deletes it where `alter` says so by `None`.
    /// Whether there was one.
    pub(crate) fn tamper(
        &mut self,
        (account, region): (&str, &str),
        type_name: &str,
        id: &str,
        alter: impl FnOnce(Thing) -> Option<Thing>,
    ) -> Result<bool, StoreError> {
        self.world.load()?;
        let (account, region) = home(type_name, account, region);
        let Some(thing) = self.world.get(account, region, type_name, id).cloned() else {
            return Ok(false);
        };
        match alter(thing) {
            Some(thing) => self.world.put(account, region, type_name, id, thing),
            None => self.world.remove(account, region, type_name, id),
        }
        self.world.flush()?;
        Ok(true)
    }

    fn answer(&mut self, request: &Request<'_>) -> Result<Made, Refusal> {
        if let Some(reason) = self.options.faults.iter().find_map(|it| it.reason(request)) {
            return Err(reason.into());
        }
        match request.verb {
            Verb::Create => self.create(request),
            Verb::Update => self.update(request),
            Verb::Delete => self.delete(request),
            Verb::Import => self.import(request),
        }
    }

    fn cx<'c>(&'c self, request: &'c Request<'c>) -> Cx<'c> {
        Cx { request, world: &self.world, rehearsal: &self.options.rehearsal }
    }

    /// What the schema and the service say of a creation or an update, and what the dynamic
    /// references of its properties lead to.
    fn check(&self, request: &Request<'_>) -> Result<Option<Resolved>, Refusal> {
        let resolved = resolve(&self.cx(request))?;
        let properties = resolved.as_ref().map_or(request.properties, |it| &it.all);
        if let Some(schema) = kumiki_schema::resource_type(request.type_name)
            && let Some(problems) = problems(schema, properties)
        {
            let id = request.logical_id;
            let reason =
                format!("Properties validation failed for resource {id} with message:\n{problems}");
            return Err(reason.into());
        }
        check_write(&self.cx(&Request { properties, ..request.clone() }))?;
        Ok(resolved)
    }

    fn create(&mut self, request: &Request<'_>) -> Result<Made, Refusal> {
        let resolved = self.check(request)?;
        let plain = resolved.as_ref().map_or(request.properties, |it| &it.plain);
        let named = Request { properties: plain, ..request.clone() };
        let id = match shape_of(request.type_name) {
            Some(shape) => shape.physical_id(&named),
            None => generic_id(kumiki_schema::resource_type(request.type_name), &named),
        };
        let (account, region) = home(request.type_name, request.account, request.region);
        let in_its_place = request.replaces == Some(&*id) && goes_first(request.type_name);
        if let Some(there) = self.world.get(account, region, request.type_name, &id)
            && !in_its_place
        {
            let (stack, _) = &there.maker;
            return Err(format!("{id} already exists in stack {stack}").into());
        }
        Ok(self.put(request, id, resolved))
    }

    fn update(&mut self, request: &Request<'_>) -> Result<Made, Refusal> {
        let id = request.physical_id.to_owned();
        let (account, region) = home(request.type_name, request.account, request.region);
        if self.world.get(account, region, request.type_name, &id).is_none() {
            let reason = format!(
                "Resource of type '{}' with identifier '{id}' was not found.",
                request.type_name
            );
            return Err(reason.into());
        }
        let resolved = self.check(request)?;
        Ok(self.put(request, id, resolved))
    }

    /// A resource that exists gets an owner.
    fn import(&mut self, request: &Request<'_>) -> Result<Made, Refusal> {
        let Request { type_name, physical_id: id, .. } = *request;
        let (account, region) = home(type_name, request.account, request.region);
        let Some(mut there) = self.world.get(account, region, type_name, id).cloned() else {
            let reason =
                format!("Resource of type '{type_name}' with identifier '{id}' was not found.");
            return Err(reason.into());
        };
        there.maker = (request.stack_id.to_owned(), request.logical_id.to_owned());
        let attributes = there.attributes.clone();
        self.world.put(account, region, type_name, id, there);
        Ok(Made { physical_id: id.to_owned(), attributes, fidelity: None })
    }

    fn put(&mut self, request: &Request<'_>, id: String, resolved: Option<Resolved>) -> Made {
        let schema = kumiki_schema::resource_type(request.type_name);
        let plain = resolved.as_ref().map_or(request.properties, |it| &it.plain);
        let named = Request { properties: plain, ..request.clone() };
        let attributes = attributes(shape_of(request.type_name), schema, &named, &id);
        let (account, region) = home(request.type_name, request.account, request.region);
        let there = self.world.get(account, region, request.type_name, &id);
        let thing = Thing {
            properties: request.properties.clone(),
            attributes: attributes.clone(),
            tags: request.tags.to_vec(),
            maker: (request.stack_id.to_owned(), request.logical_id.to_owned()),
            operation: there.map_or(request.operation, |it| &it.operation).to_owned(),
            filled: there.is_some_and(|it| it.filled),
        };
        self.world.put(account, region, request.type_name, &id, thing);
        if self.options.rehearsal.logs_written {
            for bucket in written_by(request.type_name, request.properties) {
                self.world.fill("", "", "AWS::S3::Bucket", &bucket);
            }
        }
        let mark = match fidelity(request.type_name) {
            Fidelity::Unknown => Some(UNKNOWN.to_owned()),
            _ => placeholder(request).or_else(|| made_up(resolved.as_ref()?)),
        };
        Made { physical_id: id, attributes, fidelity: mark }
    }

    fn delete(&mut self, request: &Request<'_>) -> Result<Made, Refusal> {
        let Request { type_name, physical_id: id, .. } = *request;
        let (account, region) = home(type_name, request.account, request.region);
        let made = Made { physical_id: id.to_owned(), ..Made::default() };
        let Some(there) = self.world.get(account, region, type_name, id) else {
            return Ok(made);
        };
        // One that took its place under the same identifier stays.
        let own = (request.stack_id, request.logical_id);
        let same = (&*there.maker.0, &*there.maker.1) == own;
        let properties = there.properties.clone();
        if !same || goes_first(type_name) && properties != *request.properties {
            return Ok(made);
        }
        check_delete(&self.cx(&Request { properties: &properties, ..request.clone() }))?;
        if request.snapshot {
            self.snapshot(request, &properties);
        }
        self.world.remove(account, region, type_name, id);
        Ok(made)
    }

    /// The snapshot that is left of a resource with a policy of `Snapshot`.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>
    fn snapshot(&mut self, request: &Request<'_>, properties: &Json) {
        let Request { account, region, stack_name, logical_id, physical_id, .. } = *request;
        let kind = match request.type_name {
            "AWS::RDS::DBCluster" => "AWS::RDS::DBClusterSnapshot",
            "AWS::EC2::Volume" => "AWS::EC2::Snapshot",
            _ => "AWS::RDS::DBSnapshot",
        };
        let mut suffix = kumiki_engine::identity::hex(&request.seed, 12);
        suffix.insert_str(0, "snapshot-");
        let id = format!("{stack_name}-{}-{suffix}", logical_id.to_lowercase());
        let mut source = Map::new();
        source.insert("Source".to_owned(), Json::String(physical_id.to_owned()));
        for name in ["Engine", "EngineVersion", "AllocatedStorage"] {
            if let Some(text) = text_at(properties, name) {
                source.insert(name.to_owned(), Json::String(text));
            }
        }
        let thing = Thing {
            properties: Json::Object(source),
            maker: (request.stack_id.to_owned(), logical_id.to_owned()),
            ..Thing::default()
        };
        self.world.put(account, region, kind, &id, thing);
    }
}

/// What marks a resource that was rehearsed with a value that is still to be filled in, `<…>`,
/// where AWS would refuse it.
fn placeholder(request: &Request<'_>) -> Option<String> {
    let property = match request.type_name {
        "AWS::SNS::Subscription" => "Endpoint",
        _ => return None,
    };
    let value = text_at(request.properties, property)?;
    is_placeholder(&value)
        .then(|| format!("Rehearsed with the placeholder {value} as {property}: AWS refuses it"))
}

/// What marks a resource that was rehearsed with values that only AWS knows.
fn made_up(resolved: &Resolved) -> Option<String> {
    let names = resolved.made_up.join(", ");
    (!names.is_empty()).then(|| format!("Rehearsed with made-up values of {names}"))
}

/// Whether the old resource goes before its replacement comes.
fn goes_first(type_name: &str) -> bool {
    kumiki_schema::resource_type(type_name).is_some_and(|it| {
        it.replacement_order() == kumiki_schema::ReplacementOrder::DeleteThenCreate
    })
}

impl Provider for LocalProvider {
    fn perform(&mut self, request: &Request<'_>) -> Result<Answer, StoreError> {
        self.world.load()?;
        if let Some(answer) = self.world.answer(request.token) {
            return Ok(answer.clone());
        }
        let typical = typical_duration(request.type_name, request.verb);
        let mut answer = match self.answer(request) {
            Ok(made) => Answer { result: Ok(made), takes: typical },
            Err(Refusal { reason, takes }) => Answer {
                result: Err(Refused { reason }),
                takes: takes.unwrap_or(typical.min(REFUSAL)),
            },
        };
        for fault in &self.options.faults {
            answer.takes = fault.slowed(request, answer.takes);
        }
        self.world.remember(request.token, answer.clone());
        Ok(answer)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.world.flush()
    }

    fn forget(&mut self) -> Result<(), StoreError> {
        self.world.forget()
    }

    fn read(
        &mut self,
        account: &str,
        region: &str,
        type_name: &str,
        physical_id: &str,
    ) -> Result<Option<Json>, StoreError> {
        self.world.load()?;
        let (account, region) = home(type_name, account, region);
        let thing = self.world.get(account, region, type_name, physical_id);
        Ok(thing.map(|it| it.properties.clone()))
    }

    fn ssm_parameter(
        &mut self,
        account: &str,
        region: &str,
        name: &str,
    ) -> Result<Option<SsmParameter>, StoreError> {
        self.world.load()?;
        let (world, rehearsal) = (&self.world, &self.options.rehearsal);
        Ok(match (ParameterStore { world, rehearsal, account, region }).get(name) {
            Some(Found::Value(value)) => Some(SsmParameter { value, made_up: false }),
            Some(Found::MadeUp(value)) => Some(SsmParameter { value, made_up: true }),
            Some(Found::Unknown) => Some(SsmParameter { value: name.to_owned(), made_up: true }),
            None => None,
        })
    }

    fn ssm_parameters(
        &self,
        account: &str,
        region: &str,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let there = self.world.read(account, region, "AWS::SSM::Parameter")?;
        let mut values: BTreeMap<String, String> = there
            .into_iter()
            .filter_map(|(name, it)| Some((name, text_at(&it.properties, "Value")?)))
            .collect();
        values.extend(self.options.rehearsal.ssm.clone());
        Ok(values)
    }

    /// Of what replaces conditionally, a change of these does; of the rest the documentation
    /// says "some interruptions".
    fn replaces(&self, type_name: &str, details: &[Detail]) -> bool {
        let replacing: &[&str] = match type_name {
            // <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html>
            "AWS::RDS::DBInstance" => &["DBSnapshotIdentifier", "StorageEncrypted", "KmsKeyId"],
            _ => &[],
        };
        details.iter().any(|it| replacing.contains(&it.path.split('.').next().unwrap_or_default()))
    }

    fn zones(&self, region: &str) -> Option<Vec<String>> {
        zones(region)
    }
}
