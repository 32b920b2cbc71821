//! What a plan was made from, and plans that were saved to be executed later.
//!
//! A saved plan is JSON with a version. It holds no secret: what parameters hide stands in it as
//! digests. Only what a plan says now is ever executed; the saved one says what it has to be.

use crate::current::Current;
use crate::secret::{digest, mask_secret};
use crate::steps::Plan;
use kumiki_project::{Inputs, Library, Tree};
use kumiki_source::{Message, message};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the format of saved plans. It changes when a field changes its meaning or goes
/// away.
const VERSION: u64 = 1;

/// Everything that a plan depends on; what is long stands as its SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The version of this program.
    pub tool: String,
    /// The root: environment, account, Region, stack.
    pub root: [String; 4],
    /// The templates by path.
    pub templates: BTreeMap<String, String>,
    /// What the root's parameters were given; secret values as digests.
    pub parameters: BTreeMap<String, String>,
    /// The root's tags.
    pub tags: BTreeMap<String, String>,
    /// The stacks as they are, by path.
    pub stacks: BTreeMap<String, String>,
    /// What else the account offers them.
    pub surroundings: String,
}

impl Basis {
    pub(crate) fn new(library: &Library, tree: &Tree, inputs: &Inputs, current: &Current) -> Self {
        let template = library.template(tree.root().template);
        let root = [&inputs.environment, &inputs.account, &inputs.region, &inputs.stack_name];
        let salt = root.map(String::as_str).join("/");
        let parameters = inputs.parameters.iter().map(|it| {
            let secret = template.parameters.get(&it.name).is_some_and(|it| it.no_echo);
            let value = if secret { mask_secret(&salt, &it.value) } else { it.value.to_string() };
            (it.name.to_string(), value)
        });
        // A file that no stack of the tree uses changes nothing.
        let used: BTreeSet<_> = tree.stacks.iter().map(|it| it.template).collect();
        let templates = used.into_iter().map(|id| {
            let source = library.sources.get(library.template(id).file);
            (source.path().to_owned(), digest(source.text()))
        });
        let surroundings =
            (&current.other_exports, &current.other_outputs, &current.imports, &current.zones);
        Self {
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            root: root.map(String::clone),
            templates: templates.collect(),
            parameters: parameters.collect(),
            tags: inputs.tags.iter().cloned().collect(),
            // One that is only under review has nothing: a change set that makes it is no change.
            stacks: current
                .stacks
                .iter()
                .filter(|(_, it)| it.status != "REVIEW_IN_PROGRESS")
                .map(|(path, it)| (path.clone(), digest(text(it))))
                .collect(),
            surroundings: digest(text(&surroundings)),
        }
    }

    /// SHA-256 of all of it, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        digest(text(self))
    }

    /// What differs from the basis of a plan that is made now, in words.
    fn differences(&self, now: &Self) -> Vec<Message> {
        let mut found = Vec::new();
        if self.root != now.root {
            let [environment, _, _, stack] = &self.root;
            found.push(message!(
                "it is for stack `{stack}` in environment `{environment}`",
                stack,
                environment
            ));
        }
        if self.tool != now.tool {
            let (then, now) = (&self.tool, &now.tool);
            found.push(message!("kumiki {then} made it, and this is {now}", then, now));
        }
        for name in changed(&self.templates, &now.templates) {
            found.push(message!("template `{name}` is another", name));
        }
        for name in changed(&self.parameters, &now.parameters) {
            found.push(message!("parameter `{name}` has another value", name));
        }
        for name in changed(&self.tags, &now.tags) {
            found.push(message!("tag `{name}` has another value", name));
        }
        for path in changed(&self.stacks, &now.stacks) {
            let name = if path.is_empty() { &self.root[3] } else { path };
            found.push(message!("stack `{name}` changed since", name));
        }
        if self.surroundings != now.surroundings {
            found.push(message!("what other stacks of the account export or import changed since"));
        }
        found
    }
}

/// The keys whose values differ, or that only one has.
fn changed<'m>(
    one: &'m BTreeMap<String, String>,
    other: &'m BTreeMap<String, String>,
) -> BTreeSet<&'m String> {
    one.keys().chain(other.keys()).filter(|it| one.get(*it) != other.get(*it)).collect()
}

fn text(it: &impl Serialize) -> String {
    // Maps of these types are sorted, so equal states have equal texts.
    serde_json::to_string(it).unwrap_or_default()
}

/// A plan that was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedPlan {
    /// The stage of a first run, or the scenario, that the plan is for.
    pub stage: Option<String>,
    /// What the plan was made from.
    basis: Basis,
    /// The digest of the plan.
    pub digest: String,
    /// The plan as it was shown.
    plan: Json,
}

/// A change that two plans do not have alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// The resource, by its path.
    pub resource: String,
    /// The change in the saved plan, if it is there.
    pub saved: Option<Json>,
    /// The change in the plan of now, if it is there.
    pub now: Option<Json>,
}

impl SavedPlan {
    /// A plan to be saved.
    pub fn new(plan: &Plan, stage: Option<&str>) -> Self {
        Self {
            stage: stage.map(str::to_owned),
            basis: plan.basis.clone(),
            digest: plan.digest.clone(),
            plan: to_json(plan),
        }
    }

    /// What it is for: environment, account, Region, stack.
    pub fn root(&self) -> &[String; 4] {
        &self.basis.root
    }

    /// What it changes: a mark and the resource, in the order of their paths.
    pub fn changes(&self) -> Vec<(&'static str, String)> {
        let mark = |it: &Json| match (it["action"].as_str(), it["replacement"].as_str()) {
            (Some("Add"), _) => "+",
            (Some("Remove"), _) => "-",
            (_, Some("False")) => "~",
            _ => "-/+",
        };
        changes(&self.plan).into_iter().map(|(resource, it)| (mark(&it), resource)).collect()
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let document = json!({ "kumiki-plan": VERSION, "stage": self.stage, "basis": self.basis, "plan": self.plan });
        format!("{document:#}\n")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let damaged = |reason: String| message!("it is damaged: {reason}", reason);
        let document: Json = serde_json::from_str(text).map_err(|it| damaged(it.to_string()))?;
        match document.get("kumiki-plan").and_then(Json::as_u64) {
            Some(VERSION) => {}
            Some(version) => {
                return Err(message!(
                    "it has version {version} of the format, and this kumiki reads {known}",
                    version,
                    known = VERSION
                ));
            }
            None => return Err(message!("it is no plan that kumiki saved")),
        }
        #[derive(Deserialize)]
        struct File {
            stage: Option<String>,
            basis: Basis,
            plan: Json,
        }
        let File { stage, basis, plan } =
            serde_json::from_value(document).map_err(|it| damaged(it.to_string()))?;
        let digest = basis.digest();
        if plan["digest"].as_str() != Some(&*digest) {
            return Err(message!("it was changed after it was saved"));
        }
        Ok(Self { stage, basis, digest, plan })
    }

    /// Why a plan that is made now is not this one; nothing when it is, to the byte.
    pub fn differences(&self, now: &Plan) -> Vec<Message> {
        let found = self.basis.differences(&now.basis);
        if found.is_empty() && self.plan != to_json(now) {
            return vec![message!("it was changed after it was saved")];
        }
        found
    }

    /// The changes that this plan and the plan of now do not have alike, by resource.
    pub fn diverges(&self, now: &Plan) -> Vec<Divergence> {
        let (saved, now) = (changes(&self.plan), changes(&to_json(now)));
        let resources: BTreeSet<&String> = saved.keys().chain(now.keys()).collect();
        let differing = resources.into_iter().filter(|it| saved.get(*it) != now.get(*it));
        differing
            .map(|it| Divergence {
                resource: it.clone(),
                saved: saved.get(it).cloned(),
                now: now.get(it).cloned(),
            })
            .collect()
    }
}

fn to_json(plan: &Plan) -> Json {
    serde_json::to_value(plan).unwrap_or_default()
}

/// The changes of a plan by resource.
fn changes(plan: &Json) -> BTreeMap<String, Json> {
    let list = |it: &Json, name: &str| it[name].as_array().cloned().unwrap_or_default();
    let mut found = BTreeMap::new();
    for step in list(plan, "steps") {
        let path = step["path"].as_str().unwrap_or_default();
        for change in list(&step, "changes") {
            let name = change["logical_id"].as_str().unwrap_or_default();
            found.insert(crate::planner::child_path(path, name), change);
        }
    }
    found
}
