//! The project in memory: every text, every template, and the tree of each root, environment and
//! scenario, evaluated when it is first asked for.

use crate::view::{Problems, View};
use kumiki_project::{
    Cloud, Config, FileError, Files, Given, Inputs, Library, ResourceRef, RootConfig, Tree, Value,
    fill, parse_config, parse_parameter_file,
};
use kumiki_source::{Diagnostic, Severity, Span};
use kumiki_template::{ResourceDecl, Template};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// The account of every view.
pub const ACCOUNT: &str = "123456789012";

/// What only the account's owner knows, so that every tree resolves: these values replace the
/// placeholders (`<…>`) of the parameter files. `{environment}` is the environment's name.
const DUMMIES: &[(&str, &str)] = &[
    ("Owner", "facility-team"),
    ("CostCenter", "CC-0001"),
    ("TransitGatewayId", "tgw-0123456789abcdef0"),
    ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
    ("StaffApiDomainName", "staff-api.{environment}.facility.city.lg.jp"),
    ("VendorApiDomainName", "vendor-api.{environment}.facility.city.lg.jp"),
    ("VendorSpaDomainName", "vendor.{environment}.facility.city.lg.jp"),
    ("SesIdentityArn", "arn:aws:ses:ap-northeast-1:123456789012:identity/facility.city.lg.jp"),
    ("AlertEmail", "on-call@facility.city.lg.jp"),
    ("SlackWorkspaceId", "T0123456789"),
    ("SlackChannelId", "C0123456789"),
    ("TeamsTeamId", "01234567-89ab-cdef-0123-456789abcdef"),
    ("TeamsTenantId", "fedcba98-7654-3210-fedc-ba9876543210"),
    ("TeamsChannelId", "19%3a0123456789abcdef%40thread.tacv2"),
    ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/facility-boundary"),
    ("SpaDeployRoleArn", "arn:aws:iam::123456789012:role/facility-spa-deploy"),
    ("CiRepository", "city/facility"),
];

/// The texts of the project by path from its folder.
#[derive(Clone, Debug, Default)]
pub struct Texts(pub BTreeMap<String, String>);

impl Texts {
    /// The real project, as it lies on disk.
    ///
    /// # Panics
    /// When it cannot be read: there is nothing to test then.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service");
        let mut texts = BTreeMap::new();
        let mut open = vec![String::new()];
        while let Some(folder) = open.pop() {
            let entries = std::fs::read_dir(root.join(&folder)).expect("the project is there");
            for entry in entries {
                let entry = entry.expect("the folder can be listed");
                let name = entry.file_name().into_string().expect("names are UTF-8");
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let kind = entry.file_type().expect("the entry has a type");
                // Hidden folders hold what rehearsals left behind.
                match path.rsplit('/').next() {
                    Some(name) if name.starts_with('.') => {}
                    _ if kind.is_dir() => open.push(path),
                    _ => {
                        let text = std::fs::read_to_string(root.join(&path));
                        texts.insert(path, text.expect("the project's files are texts"));
                    }
                }
            }
        }
        Self(texts)
    }
}

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    fn list(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Everything that a fact can look at.
#[derive(Debug)]
pub struct World {
    /// The texts.
    pub texts: Texts,
    /// The templates.
    pub library: Library,
    /// `kumiki.toml`.
    pub config: Config,
    deployments: Vec<Deployment>,
    first_only: bool,
}

/// A root with the inputs of one environment and scenario.
#[derive(Debug)]
struct Deployment {
    root: String,
    environment: String,
    scenario: String,
    inputs: Inputs,
    marked: OnceLock<Tree>,
    plain: OnceLock<Tree>,
}

impl World {
    /// The real project.
    pub fn real() -> Self {
        Self::of(Texts::read())
    }

    /// A project of these texts.
    ///
    /// # Panics
    /// When `kumiki.toml` cannot be read. Errors of templates are left in the library.
    pub fn of(texts: Texts) -> Self {
        let mut library = Library::default();
        let file = library.read("kumiki.toml", &texts).expect("the project has a `kumiki.toml`");
        let config = parse_config(file, library.sources.get(file).text()).expect("it can be read");
        let mut deployments = Vec::new();
        for (name, root) in &config.roots {
            library.load(root.template.get_ref(), &texts);
            for environment in config.environments.keys() {
                let inputs = inputs(&mut library, &texts, root, environment);
                // The gates are the service root's; the others have one state only.
                let service = config.default_root.as_deref() == Some(name);
                let once = BTreeMap::from([(String::new(), BTreeMap::new())]);
                for (scenario, values) in if service { &config.scenarios } else { &once } {
                    let mut inputs = inputs.clone();
                    for (name, value) in values {
                        give(&mut inputs, name, value);
                    }
                    deployments.push(Deployment {
                        root: name.clone(),
                        environment: environment.clone(),
                        scenario: scenario.clone(),
                        inputs,
                        marked: OnceLock::new(),
                        plain: OnceLock::new(),
                    });
                }
            }
        }
        // As people name them: dev, stg, prod.
        let rank = |it: &str| ["dev", "stg", "prod"].iter().position(|name| *name == it);
        deployments.sort_by_key(|it| rank(&it.environment));
        Self { texts, library, config, deployments, first_only: false }
    }

    /// Checks the service root in every environment and scenario; problems name both.
    pub fn views(&self, check: impl Fn(&View<'_>)) -> Vec<String> {
        self.views_where(|_| true, check)
    }

    /// Checks the service root in every environment once it is at work.
    pub fn steady_views(&self, check: impl Fn(&View<'_>)) -> Vec<String> {
        self.views_where(|it| it == "steady-state", check)
    }

    /// Checks the service root in every environment while it is first created.
    pub fn creation_views(&self, check: impl Fn(&View<'_>)) -> Vec<String> {
        self.views_where(|it| it == "first-creation", check)
    }

    fn views_where(
        &self,
        scenario: impl Fn(&str) -> bool,
        check: impl Fn(&View<'_>),
    ) -> Vec<String> {
        self.root_views(&self.default_root(), |view| {
            if scenario(view.scenario) {
                check(view);
            }
        })
    }

    /// Checks a root in every environment and scenario.
    pub fn root_views(&self, root: &str, check: impl Fn(&View<'_>)) -> Vec<String> {
        let all: Vec<_> = self.deployments.iter().filter(|it| it.root == root).collect();
        if all.is_empty() {
            return vec![format!("there is no root `{root}`")];
        }
        // Problems in the order in which they are found, each with the places where.
        let mut problems: Vec<(String, Vec<String>)> = Vec::new();
        for it in &all {
            let tree = it.marked.get_or_init(|| self.evaluate(root, &it.inputs, &Marker));
            let view = View::new(self, &it.environment, &it.scenario, &it.inputs, tree);
            check(&view);
            let place = view.place();
            for problem in view.into_problems() {
                match problems.iter_mut().find(|(it, _)| *it == problem) {
                    Some((_, places)) if places.last() == Some(&place) => {}
                    Some((_, places)) => places.push(place.clone()),
                    None => problems.push((problem, vec![place.clone()])),
                }
            }
            if self.first_only && !problems.is_empty() {
                break;
            }
        }
        // An environment stands for all of its scenarios.
        let whole = |places: &[String], environment: &str| {
            let of = all.iter().filter(|it| it.environment == environment).count();
            places.iter().filter(|it| it.split(' ').next() == Some(environment)).count() == of
        };
        let told = |(problem, places): (String, Vec<String>)| {
            let mut names: Vec<&str> = places
                .iter()
                .map(|place| match place.split_once(' ') {
                    Some((environment, _)) if whole(&places, environment) => environment,
                    _ => place,
                })
                .collect();
            names.dedup();
            match places.len() {
                count if count == all.len() => problem,
                _ => format!("{problem} ({})", names.join(", ")),
            }
        };
        problems.into_iter().map(told).collect()
    }

    /// The same project, looked at no further than the first view with problems: enough to know
    /// that there are some.
    pub fn first_only(self) -> Self {
        Self { first_only: true, ..self }
    }

    /// Checks the service root in an environment and scenario with other parameter values.
    pub fn with(
        &self,
        environment: &str,
        scenario: &str,
        values: &[(&str, &str)],
        check: impl FnOnce(&View<'_>),
    ) -> Vec<String> {
        let inputs = self.inputs_with(environment, scenario, values);
        let tree = self.evaluate(&self.default_root(), &inputs, &Marker);
        let view = View::new(self, environment, scenario, &inputs, &tree);
        check(&view);
        view.into_problems()
    }

    /// The tree of the service root with other parameter values, in which whatever a deployment
    /// makes is unknown.
    pub fn plain_with(
        &self,
        environment: &str,
        scenario: &str,
        values: &[(&str, &str)],
    ) -> (Inputs, Tree) {
        let inputs = self.inputs_with(environment, scenario, values);
        let tree = match self.template_of(&self.default_root()) {
            Some(id) => Tree::evaluate(&self.library, id, &inputs),
            None => Tree::default(),
        };
        (inputs, tree)
    }

    fn inputs_with(&self, environment: &str, scenario: &str, values: &[(&str, &str)]) -> Inputs {
        let root = self.default_root();
        let it = self
            .deployments
            .iter()
            .find(|it| it.root == root && it.environment == environment && it.scenario == scenario);
        let it = it.expect("an environment and scenario of the configuration");
        let mut inputs = it.inputs.clone();
        for (name, value) in values {
            give(&mut inputs, name, value);
        }
        inputs
    }

    fn default_root(&self) -> String {
        self.config.default_root.clone().unwrap_or_default()
    }

    /// Checks what does not depend on an environment.
    pub fn texts(&self, check: impl FnOnce(&Problems)) -> Vec<String> {
        let problems = Problems::default();
        check(&problems);
        problems.into_inner()
    }

    /// What is wrong in single texts, and what evaluation finds in the tree of a view, without
    /// markers: a value that nothing gives is unresolved there.
    pub fn findings(&self, view: &View<'_>) -> impl Iterator<Item = &Diagnostic> {
        self.library.diagnostics.iter().chain(&self.plain(view).diagnostics)
    }

    /// The tree of a view in which whatever a deployment makes is unknown.
    ///
    /// # Panics
    /// For a view with other values than the files'.
    pub fn plain(&self, view: &View<'_>) -> &Tree {
        let it = self.deployments.iter().find(|it| std::ptr::eq(&it.inputs, view.inputs));
        let it = it.expect("a view of the project as it is");
        it.plain.get_or_init(|| match self.template_of(&it.root) {
            Some(id) => Tree::evaluate(&self.library, id, &it.inputs),
            None => Tree::default(),
        })
    }

    fn template_of(&self, root: &str) -> Option<kumiki_project::TemplateId> {
        self.library.find(self.config.roots.get(root)?.template.get_ref())
    }

    fn evaluate(&self, root: &str, inputs: &Inputs, cloud: &dyn Cloud) -> Tree {
        match self.template_of(root) {
            Some(id) => Tree::evaluate_with(&self.library, id, inputs, cloud, &mut |_, _| {}),
            None => Tree::default(),
        }
    }

    /// The errors in single texts: with any of them, no fact means anything. A cycle can be read
    /// all the same.
    pub fn unreadable(&self) -> Vec<String> {
        let errors = self.library.diagnostics.iter();
        let errors = errors.filter(|it| it.severity == Severity::Error && it.rule != "cycle");
        errors.map(|it| self.shown(it)).collect()
    }

    /// A finding with its place.
    pub fn shown(&self, finding: &Diagnostic) -> String {
        match finding.span {
            Some(span) => format!("{}: {}", self.place(span), finding.message),
            None => finding.message.to_string(),
        }
    }

    /// The place of a span for people: `stack.yaml:12`.
    pub fn place(&self, span: Span) -> String {
        let source = self.library.sources.get(span.file);
        format!("{}:{}", source.path(), source.line_column(span.start).line)
    }

    /// The text of a file, empty when there is none.
    pub fn text(&self, path: &str) -> &str {
        self.texts.0.get(path).map_or("", String::as_str)
    }

    /// The text that a span covers.
    pub fn snippet(&self, span: Span) -> &str {
        self.library.sources.get(span.file).text().get(span.range()).unwrap_or_default()
    }

    /// The template at a path such as `nested/network/subnets.yaml`.
    pub fn template(&self, path: &str) -> Option<&Template> {
        self.library.find(path).map(|id| self.library.template(id))
    }

    /// A resource as it is written, by the path of its template and its logical ID.
    pub fn declaration(&self, path: &str, logical_id: &str) -> Option<&ResourceDecl> {
        self.template(path)?.resources.get(logical_id)
    }

    /// The leaves: templates under `nested/` that are followed, by path.
    pub fn leaves(&self) -> Vec<(&str, &Template)> {
        let mut leaves = self.templates();
        leaves.retain(|(path, _)| path.starts_with("nested/"));
        leaves
    }

    /// Every template, roots included, by path.
    pub fn templates(&self) -> Vec<(&str, &Template)> {
        let path = |it: &Template| self.library.sources.get(it.file).path();
        let mut all: Vec<_> = self.library.templates().map(|(_, it)| (path(it), it)).collect();
        all.sort_by_key(|(path, _)| *path);
        all
    }
}

fn inputs(library: &mut Library, texts: &Texts, root: &RootConfig, environment: &str) -> Inputs {
    let path = root.parameters.get_ref().replace("{environment}", environment);
    let mut inputs = Inputs {
        environment: environment.to_owned(),
        region: root.region.clone(),
        account: ACCOUNT.to_owned(),
        stack_name: String::new(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    };
    if let Ok(file) = library.read(&path, texts) {
        let read = parse_parameter_file(file, library.sources.get(file).text());
        library.diagnostics.extend(read.diagnostics);
        inputs.parameters = read.parameters;
        inputs.parameter_file = Some(file);
    }
    for given in &mut inputs.parameters {
        let dummy = DUMMIES.iter().find(|(name, _)| *name == &*given.name);
        if let (true, Some((_, dummy))) = (given.value.starts_with('<'), dummy) {
            given.value = dummy.replace("{environment}", environment).into();
        }
    }
    let value = |name: &str| {
        let given = inputs.parameters.iter().find(|it| &*it.name == name);
        given.map(|it| it.value.to_string())
    };
    let filled = |text: &str| fill(text, &value).unwrap_or_else(|_| text.to_owned());
    let stack_name = filled(&root.stack_name);
    let tags = root.tags.iter().map(|(key, text)| (key.clone(), filled(text))).collect();
    Inputs { stack_name, tags, ..inputs }
}

/// Gives a parameter another value, or a first one.
fn give(inputs: &mut Inputs, name: &str, value: &str) {
    match inputs.parameters.iter_mut().find(|it| &*it.name == name) {
        Some(given) => given.value = value.into(),
        None => inputs.parameters.push(Given {
            name: name.into(),
            value: value.into(),
            name_span: None,
            value_span: None,
        }),
    }
}

/// A cloud in which everything is there and says where it comes from.
struct Marker;

impl Cloud for Marker {
    fn physical_id(&self, resource: &ResourceRef) -> Option<Value> {
        Some(Value::text(format!("<{resource}>")))
    }

    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        Some(Value::text(format!("<{resource}.{name}>")))
    }

    fn import(&self, name: &str) -> Option<Value> {
        Some(Value::text(format!("<import {name}>")))
    }

    fn stack_output(&self, stack: &str, output: &str, region: &str) -> Option<Value> {
        Some(Value::text(format!("<{output} of {stack} in {region}>")))
    }

    fn zones(&self, region: &str) -> Option<Vec<String>> {
        Some(["a", "c", "d"].map(|it| format!("{region}{it}")).into())
    }

    fn stack_id(&self, path: &str) -> Option<String> {
        Some(format!("<stack {path}>"))
    }

    fn stack_name(&self, path: &str) -> Option<String> {
        Some(format!("<name of {path}>"))
    }
}
