//! The service account of one environment in one scenario, as a fact sees it.

use crate::resource::Resource;
use crate::world::World;
use kumiki_project::{Inputs, Stack, Tree};
use std::cell::RefCell;
use std::fmt::{Debug, Display};

/// What a fact finds wrong, one sentence each.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<String>>);

impl Problems {
    /// Something is wrong.
    pub fn say(&self, problem: impl Display) {
        self.0.borrow_mut().push(problem.to_string());
    }

    /// Something is wrong unless `holds`.
    pub fn require(&self, holds: bool, otherwise: impl Display) {
        if !holds {
            self.say(otherwise);
        }
    }

    /// Two things are the same.
    pub fn equal<A: PartialEq<E> + Debug, E: Debug>(
        &self,
        what: impl Display,
        actual: A,
        expected: E,
    ) {
        if actual != expected {
            self.say(format!("{what} is {actual:?}, not {expected:?}"));
        }
    }

    /// Two lists have the same items in the same order; only what differs is told.
    pub fn same(
        &self,
        what: impl Display,
        actual: impl IntoIterator<Item = impl Display>,
        expected: impl IntoIterator<Item = impl Display>,
    ) {
        let texts = |it: &mut dyn Iterator<Item = String>| it.collect::<Vec<_>>();
        let actual = texts(&mut actual.into_iter().map(|it| it.to_string()));
        let expected = texts(&mut expected.into_iter().map(|it| it.to_string()));
        let lacking: Vec<_> = expected.iter().filter(|it| !actual.contains(it)).collect();
        let besides: Vec<_> = actual.iter().filter(|it| !expected.contains(it)).collect();
        self.require(lacking.is_empty(), format!("{what} lack {lacking:?}"));
        self.require(besides.is_empty(), format!("{what} have {besides:?} besides"));
        if lacking.is_empty() && besides.is_empty() {
            self.require(actual == expected, format!("{what} are in another order, or twice"));
        }
    }

    /// What was found.
    pub fn into_inner(self) -> Vec<String> {
        self.0.into_inner()
    }
}

/// A root in one environment and scenario, with the values of its parameter file.
///
/// Everything is known: what a deployment makes is a marker such as `<VpcStack/VPC>`.
#[derive(Debug)]
pub struct View<'w> {
    /// The project.
    pub world: &'w World,
    /// The environment.
    pub environment: &'w str,
    /// The scenario; empty for a root without gates.
    pub scenario: &'w str,
    /// What the root was given.
    pub inputs: &'w Inputs,
    /// The tree.
    pub tree: &'w Tree,
    problems: Problems,
}

impl<'w> View<'w> {
    pub(crate) fn new(
        world: &'w World,
        environment: &'w str,
        scenario: &'w str,
        inputs: &'w Inputs,
        tree: &'w Tree,
    ) -> Self {
        Self { world, environment, scenario, inputs, tree, problems: Problems::default() }
    }

    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems.into_inner()
    }

    /// The environment and scenario: `dev first-creation`.
    pub(crate) fn place(&self) -> String {
        format!("{} {}", self.environment, self.scenario).trim_end().to_owned()
    }

    /// Something is wrong here.
    pub fn say(&self, problem: impl Display) {
        self.problems.say(problem);
    }

    /// Something is wrong here unless `holds`.
    pub fn require(&self, holds: bool, otherwise: impl Display) {
        self.problems.require(holds, otherwise);
    }

    /// Two things are the same here.
    pub fn equal<A: PartialEq<E> + Debug, E: Debug>(
        &self,
        what: impl Display,
        actual: A,
        expected: E,
    ) {
        self.problems.equal(what, actual, expected);
    }

    /// Two lists have the same items in the same order; only what differs is told.
    pub fn same(
        &self,
        what: impl Display,
        actual: impl IntoIterator<Item = impl Display>,
        expected: impl IntoIterator<Item = impl Display>,
    ) {
        self.problems.same(what, actual, expected);
    }

    /// A property of a resource has this text: `view.expect("VpcStack/VPC", "CidrBlock", "10.0.0.0/16")`.
    pub fn expect(&self, resource: &str, property: &str, expected: &str) {
        let resource = self.resource(resource);
        self.equal(format!("{} {property}", resource.name), resource.text(property), expected);
    }

    /// The value of this environment.
    pub fn by<T>(&self, dev: T, stg: T, prod: T) -> T {
        match self.environment {
            "dev" => dev,
            "stg" => stg,
            _ => prod,
        }
    }

    /// Whether the gates are those of an account at work.
    pub fn is_steady(&self) -> bool {
        self.scenario == "steady-state"
    }

    /// A parameter of the root, as text.
    pub fn parameter(&self, name: &str) -> &str {
        let given = self.inputs.parameters.iter().find(|it| &*it.name == name);
        given.map_or("nothing", |it| &it.value)
    }

    /// A resource by the path of its stack and its logical ID: `VpcStack/VPC`. One that is not
    /// there has no properties.
    pub fn resource(&self, path: &str) -> Resource<'w> {
        let (stack, logical_id) = path.rsplit_once('/').unwrap_or(("", path));
        let found = self.tree.stack(stack).and_then(|(_, stack)| {
            let resource = stack.resource(logical_id)?;
            (!resource.condition.is_false()).then_some((stack, resource))
        });
        Resource { name: path.to_owned(), found }
    }

    /// Every resource that is created.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'w>> + use<'w> {
        self.tree.resources().map(|(stack, it)| Resource {
            name: match &*stack.path {
                "" => it.logical_id.to_string(),
                path => format!("{path}/{}", it.logical_id),
            },
            found: Some((stack, it)),
        })
    }

    /// Every resource of a type that is created.
    pub fn all(&self, type_name: &str) -> Vec<Resource<'w>> {
        self.resources().filter(|it| it.type_name() == type_name).collect()
    }

    /// Every resource of a type in one nested stack.
    pub fn all_in(&self, stack: &str, type_name: &str) -> Vec<Resource<'w>> {
        let mut all = self.all(type_name);
        all.retain(|it| it.stack() == stack);
        all
    }

    /// The names of every resource of a type, sorted.
    pub fn names(&self, type_name: &str) -> Vec<String> {
        let mut names: Vec<_> = self.all(type_name).into_iter().map(|it| it.name).collect();
        names.sort();
        names
    }

    /// A nested stack that is created.
    pub fn stack(&self, path: &str) -> Option<&'w Stack> {
        self.tree.stack(path).map(|(_, it)| it)
    }

    /// An output of a nested stack, or of the root for an empty path, as text.
    pub fn output(&self, stack: &str, output: &str) -> String {
        let output = self.stack(stack).and_then(|it| it.output(output));
        output.and_then(|it| it.value.as_text()).unwrap_or("nothing").to_owned()
    }

    /// What is exported under a suffix such as `VpcId`, as text.
    pub fn exported(&self, suffix: &str) -> String {
        let prefix = format!("{}-{}-", self.parameter("ProjectName"), self.environment);
        let export =
            self.tree.exports.iter().find(|it| it.name.strip_prefix(&*prefix) == Some(suffix));
        let output = export.map(|it| &self.tree.stacks[it.stack].outputs[it.output]);
        output.and_then(|it| it.value.as_text()).unwrap_or("nothing").to_owned()
    }

    /// A parameter of a nested stack, as text.
    pub fn passed(&self, stack: &str, parameter: &str) -> String {
        let value = self.stack(stack).and_then(|it| it.parameter(parameter));
        value.and_then(|it| it.as_text()).unwrap_or("nothing").to_owned()
    }
}
