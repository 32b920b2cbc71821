//! The stacks of a root as they are in the account.
//!
//! CloudFormation tells templates, parameters, outputs and identifiers, but neither the properties
//! that a resource was given nor its attributes. The properties are what the live templates come to
//! with the live values, by the same evaluator as the templates to deploy. An attribute is known
//! where an output or a nested stack's parameter is nothing but it; elsewhere a text stands for it,
//! the same on both sides, so that what does not change shows no change.

use crate::account::{Account, Member, at_once, child_path, is_gone, status_of};
use crate::error::ServiceError;
use crate::package::rewrite;
use aws_sdk_cloudformation::types::{Stack, TemplateStage};
use kumiki_engine::{ResourceStatus, StackStatus, StoreError};
use kumiki_plan::{Current, CurrentResource, CurrentStack, digest, mask_secret, settled};
use kumiki_project::{
    Cloud, FileError, Files, Given, Inputs, Library, ResourceRef, Tree, Value, resource_name,
    stand_in,
};
use kumiki_source::{Sources, message};
use kumiki_template::{Call, Expr, ExprKind, SubPart, Template, parse_template};
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The path of the root's template among the live ones.
const ROOT: &str = "root.template";

/// What CloudFormation shows of a secret.
const HIDDEN: &str = "****";

/// A stack with its template.
struct Live {
    member: Member,
    text: String,
    policy: Option<String>,
}

/// The template of a stack as it was given.
pub(crate) async fn original(account: &Account, stack_id: &str) -> Result<String, ServiceError> {
    let ask = account.cloudformation.get_template().stack_name(stack_id);
    let found = ask.template_stage(TemplateStage::Original).send().await;
    let found = found.map_err(|it| ServiceError::new("GetTemplate", &it))?;
    Ok(found.template_body.unwrap_or_default())
}

impl Account {
    /// The state of a root, and what else its account offers it.
    pub(crate) async fn current(&self, stack_name: &str) -> Result<Current, StoreError> {
        let stacks = self.live(stack_name).await?;
        let ids: BTreeSet<&str> = stacks.iter().map(|it| it.member.id()).collect();
        let (mut ours, mut current) = (Vec::new(), Current::default());
        for export in self.exports().await? {
            let (name, value) = (export.name.unwrap_or_default(), export.value.unwrap_or_default());
            match ids.contains(&*export.exporting_stack_id.unwrap_or_default()) {
                true => ours.push(name),
                false => {
                    current.other_exports.insert(name, value);
                }
            }
        }
        let Some(root) = stacks.first() else { return Ok(current) };
        current.imports = self.importers(ours).await?;
        let protected = root.member.stack.enable_termination_protection() == Some(true);
        for live in &stacks {
            let mut stack = current_stack(live);
            stack.termination_protection = protected;
            current.stacks.insert(live.member.path.clone(), stack);
            current.ssm_parameters.extend(live.member.stack.parameters().iter().filter_map(|it| {
                Some((it.parameter_value()?.to_owned(), it.resolved_value()?.to_owned()))
            }));
        }
        if status_of(&root.member.stack) == StackStatus::ReviewInProgress {
            return Ok(current);
        }
        let texts = texts(&stacks)?;
        let mut library = Library::default();
        library.load(ROOT, &texts);
        let Some(template) = library.find(ROOT) else { return Err(unreadable(stack_name)) };
        let inputs = self.inputs(&root.member.stack);
        let mut known = Known {
            learned: learned(&stacks, &library),
            properties: RefCell::default(),
            told: RefCell::default(),
            elsewhere: RefCell::default(),
            current,
        };
        let evaluate = |known: &Known| {
            Tree::evaluate_with(&library, template, &inputs, known, &mut |stack, resource| {
                let properties = resource.properties.clone();
                let of = resource_name(stack, resource);
                known.properties.borrow_mut().insert(of, properties);
            });
        };
        evaluate(&known);
        // What other roots give is asked for once it is known what is taken from them.
        let elsewhere = known.elsewhere.take();
        if !elsewhere.is_empty() {
            let read = elsewhere.iter().map(|(region, stack)| async move {
                let found = self.stack_in(region, stack).await?.filter(|it| !is_gone(it));
                Ok::<_, ServiceError>((region, stack, found.map(|it| outputs(&it))))
            });
            for (region, stack, outputs) in at_once(read).await? {
                let of_region = known.current.other_outputs.entry(region.clone()).or_default();
                of_region.extend(outputs.map(|it| (stack.clone(), it)));
            }
            evaluate(&known);
        }
        let Known { told, mut current, .. } = known;
        for ((path, logical_id), attributes) in told.into_inner() {
            let stack = current.stacks.get_mut(&path);
            if let Some(resource) = stack.and_then(|it| it.resources.get_mut(&logical_id)) {
                resource.attributes = attributes;
            }
        }
        let mut settled = settled(&library, template, &inputs, &current);
        settled.stacks.retain(|path, stack| match current.stacks.remove(path) {
            Some(live) => {
                as_it_is(stack, live);
                true
            }
            None => false,
        });
        Ok(settled)
    }

    async fn live(&self, stack_name: &str) -> Result<Vec<Live>, ServiceError> {
        let read = self.tree_of(stack_name).await?.into_iter().map(|member| async move {
            let id = member.id();
            let reviewed = status_of(&member.stack) == StackStatus::ReviewInProgress;
            let text = match reviewed {
                true => String::new(),
                false => original(self, id).await?,
            };
            let policy = self.policy(id).await?;
            Ok(Live { text, policy, member })
        });
        at_once(read).await
    }

    /// What a live root was given. Its secrets are not told; they stand as ones that nobody knows.
    fn inputs(&self, root: &Stack) -> Inputs {
        let parameters = root.parameters().iter().filter_map(|it| {
            let value = match it.parameter_value()? {
                HIDDEN => mask_secret(root.stack_id()?, HIDDEN),
                value => value.to_owned(),
            };
            Some(Given {
                name: it.parameter_key()?.into(),
                value: value.into(),
                name_span: None,
                value_span: None,
            })
        });
        Inputs {
            environment: self.place.environment.clone(),
            region: self.place.region.clone(),
            account: self.place.account.clone(),
            stack_name: root.stack_name().unwrap_or_default().to_owned(),
            parameters: parameters.collect(),
            parameter_file: None,
            tags: root
                .tags()
                .iter()
                .filter_map(|it| Some((it.key()?.to_owned(), it.value()?.to_owned())))
                .collect(),
        }
    }
}

/// What the evaluated live templates do not tell: statuses, and what is really there.
fn as_it_is(stack: &mut CurrentStack, live: CurrentStack) {
    stack.status = live.status;
    stack.template_digest = live.template_digest;
    stack.outputs.retain(|name, _| live.outputs.contains_key(name));
    stack.resources.retain(|logical_id, resource| match live.resources.get(logical_id) {
        Some(live) => {
            resource.status.clone_from(&live.status);
            true
        }
        None => false,
    });
}

/// What CloudFormation says of a stack.
fn current_stack(live: &Live) -> CurrentStack {
    let stack = &live.member.stack;
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    let resources = live.member.resources.iter().filter_map(|it| {
        let status = it.resource_status().map_or("", |it| it.as_str());
        let gone = ResourceStatus::parse(status).is_some_and(ResourceStatus::is_gone);
        let physical_id = it.physical_resource_id().filter(|it| !gone && !it.is_empty())?;
        let resource = CurrentResource {
            type_name: text(it.resource_type()),
            physical_id: physical_id.to_owned(),
            status: status.to_owned(),
            ..CurrentResource::default()
        };
        Some((text(it.logical_resource_id()), resource))
    });
    CurrentStack {
        stack_id: text(stack.stack_id()),
        name: text(stack.stack_name()),
        status: text(stack.stack_status().map(|it| it.as_str())),
        template_digest: digest(&live.text),
        outputs: outputs(stack),
        resources: resources.collect(),
        stack_policy: live.policy.clone(),
        ..CurrentStack::default()
    }
}

fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    let outputs = stack.outputs().iter();
    outputs
        .filter_map(|it| Some((it.output_key()?.to_owned(), it.output_value()?.to_owned())))
        .collect()
}

/// The live templates, each under the path of its stack, with `TemplateURL`s that say so.
struct Texts(BTreeMap<String, String>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }
}

fn texts(stacks: &[Live]) -> Result<Texts, StoreError> {
    let paths: BTreeSet<&str> = stacks.iter().map(|it| &*it.member.path).collect();
    let mut texts = BTreeMap::new();
    for live in stacks {
        let path = &live.member.path;
        let file = Sources::default().add(path.as_str(), live.text.as_str());
        let (template, _) = parse_template(file, &live.text);
        let name = live.member.stack.stack_name().unwrap_or(path);
        let Some(template) = template else { return Err(unreadable(name)) };
        let text = rewrite(&live.text, &template, &mut |index| {
            let logical_id = &template.resources[index].name.text;
            let folder = path.rsplit('/').next().filter(|it| !it.is_empty());
            let known = paths.contains(&*child_path(path, logical_id));
            // Relative to the folder that the parent's own template is in.
            known.then(|| match folder {
                None => format!("{logical_id}.template"),
                Some(folder) => format!("{folder}/{logical_id}.template"),
            })
        });
        texts.insert(file_of(path), text);
    }
    Ok(Texts(texts))
}

fn file_of(path: &str) -> String {
    if path.is_empty() { ROOT.to_owned() } else { format!("{path}.template") }
}

fn unreadable(stack: &str) -> StoreError {
    StoreError::Refused(message!(
        "the template that stack `{stack}` has in the account cannot be read: deploy it once with a template that can",
        stack
    ))
}

/// Attributes whose values CloudFormation tells: path of the stack, logical ID, attribute.
type Learned = BTreeMap<(String, String, String), String>;

/// Finds outputs and parameters of nested stacks that are nothing but one attribute, perhaps with
/// fixed text around it.
fn learned(stacks: &[Live], library: &Library) -> Learned {
    let mut learned = Learned::new();
    let values: BTreeMap<&str, BTreeMap<&str, &str>> = stacks
        .iter()
        .map(|it| {
            let parameters = it.member.stack.parameters().iter();
            let values =
                parameters.filter_map(|it| Some((it.parameter_key()?, it.parameter_value()?)));
            (&*it.member.path, values.collect())
        })
        .collect();
    for live in stacks {
        let path = &live.member.path;
        let Some(template) = library.find(&file_of(path)) else { continue };
        let template = library.template(template);
        let outputs = live.member.stack.outputs().iter();
        for (name, value) in outputs.filter_map(|it| Some((it.output_key()?, it.output_value()?))) {
            if let Some(output) = template.outputs.get(name) {
                learn(&mut learned, path, template, &output.value, value);
            }
        }
        for resource in &template.resources {
            let child = child_path(path, &resource.name.text);
            let Some(given) = values.get(&*child) else { continue };
            let passed = resource.properties.as_ref().and_then(|it| it.get("Parameters"));
            let Some(ExprKind::Map(passed)) = passed.map(|it| &it.kind) else { continue };
            for entry in passed {
                if let Some(value) = given.get(&*entry.key.text).filter(|it| **it != HIDDEN) {
                    learn(&mut learned, path, template, &entry.value, value);
                }
            }
        }
    }
    learned
}

fn learn(learned: &mut Learned, path: &str, template: &Template, expr: &Expr, value: &str) {
    let ExprKind::Call(call) = &expr.kind else { return };
    let (resource, attribute, value) = match &**call {
        Call::GetAtt { resource, attribute } => {
            let Some(attribute) = attribute.as_text() else { return };
            (&*resource.text, attribute, value)
        }
        Call::Sub { parts, variables } if variables.is_empty() => {
            let text = |it: Option<&SubPart>| match it {
                None => Some(String::new()),
                Some(SubPart::Text(text)) => Some(text.to_string()),
                Some(SubPart::Reference(_)) => None,
            };
            let is_reference = |it: &SubPart| matches!(it, SubPart::Reference(_));
            let Some(at) = parts.iter().position(is_reference) else { return };
            let SubPart::Reference(reference) = &parts[at] else { return };
            let before = text(at.checked_sub(1).and_then(|it| parts.get(it)));
            let (Some(before), Some(after)) = (before, text(parts.get(at + 1))) else { return };
            let (Some(attribute), true) = (&reference.attribute, parts.len() <= at + 2) else {
                return;
            };
            let inner = value.strip_prefix(&*before).and_then(|it| it.strip_suffix(&*after));
            let Some(inner) = inner else { return };
            (&*reference.name.text, &**attribute, inner)
        }
        _ => return,
    };
    // A nested stack's outputs are followed into it.
    if template.resources.get(resource).is_some() && !attribute.starts_with("Outputs.") {
        let key = (path.to_owned(), resource.to_owned(), attribute.to_owned());
        learned.entry(key).or_insert_with(|| value.to_owned());
    }
}

/// What is known of the account while the live templates are evaluated.
struct Known {
    current: Current,
    learned: Learned,
    /// The properties of what was evaluated so far.
    properties: RefCell<HashMap<ResourceRef, Value>>,
    /// The attributes that were asked for, by path and logical ID.
    told: RefCell<BTreeMap<(String, String), Map<String, Json>>>,
    /// The stacks outside the tree that were asked for: Region, name.
    elsewhere: RefCell<BTreeSet<(String, String)>>,
}

impl Cloud for Known {
    fn physical_id(&self, resource: &ResourceRef) -> Option<Value> {
        let resource = self.current.resource(&resource.stack, &resource.logical_id)?;
        Some(Value::text(resource.physical_id.as_str()))
    }

    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        self.current.resource(&resource.stack, &resource.logical_id)?;
        let key = (resource.stack.to_string(), resource.logical_id.to_string(), name.to_owned());
        let properties = self.properties.borrow();
        // What is also a property is as it was given.
        let written = properties.get(resource).and_then(|it| it.at(name)).and_then(Value::as_text);
        let value = match (written, self.learned.get(&key)) {
            (Some(value), _) => value.to_owned(),
            (None, Some(value)) => value.clone(),
            (None, None) => stand_in(&format!("{resource}.{name}")),
        };
        let mut told = self.told.borrow_mut();
        let attributes = told.entry((key.0, key.1)).or_default();
        attributes.insert(key.2, Json::from(value.as_str()));
        Some(Value::text(value))
    }

    fn import(&self, name: &str) -> Option<Value> {
        self.current.other_exports.get(name).map(|it| Value::text(it.as_str()))
    }

    fn stack_output(&self, stack: &str, output: &str, region: &str) -> Option<Value> {
        let outputs = self.current.other_outputs.get(region).and_then(|it| it.get(stack));
        if outputs.is_none() {
            self.elsewhere.borrow_mut().insert((region.to_owned(), stack.to_owned()));
        }
        outputs?.get(output).map(|it| Value::text(it.as_str()))
    }

    // Their order is the account's own; what follows from it is the same on both sides.
    fn zones(&self, _: &str) -> Option<Vec<String>> {
        None
    }

    fn ssm_parameter(&self, name: &str) -> Option<String> {
        self.current.ssm_parameters.get(name).cloned()
    }

    fn stack_id(&self, path: &str) -> Option<String> {
        self.current.stacks.get(path).map(|it| it.stack_id.clone())
    }

    fn stack_name(&self, path: &str) -> Option<String> {
        self.current.stacks.get(path).map(|it| it.name.clone())
    }
}
