//! `kumiki permissions`: the IAM policies that deploying an environment takes.
//!
//! There are three who need some: who plans, who applies, and CloudFormation with its service role,
//! whose actions follow from the handlers of the resource types in the templates. It reads the
//! project only, asks no account, and grants nothing.

use crate::Exit;
use crate::args::{Global, Grantee, Permissions as Args};
use crate::output::{Output, Stop, Style};
use crate::project::{Deployment, Project, Trouble};
use kumiki_project::{Tree, Value, fill};
use kumiki_source::message;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The largest managed policy; white space does not count.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LARGEST: usize = 6_144;

/// Reading stacks and change sets. Each of these can be narrowed to a stack.
const READ_STACKS: &[&str] = &[
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResource",
    "cloudformation:DescribeStackResourceDrifts",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetStackPolicy",
    "cloudformation:GetTemplate",
    "cloudformation:ListChangeSets",
    "cloudformation:ListStackResources",
];

/// Reading what belongs to no single stack, so it cannot be narrowed.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html>
const READ_ALL: &[&str] = &[
    "cloudformation:DescribeStackDriftDetectionStatus",
    "cloudformation:ListExports",
    "cloudformation:ListImports",
    "cloudformation:ListStacks",
];

/// Changing stacks: by change sets only, and the ways out of a failure.
const CHANGE_STACKS: &[&str] = &[
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DetectStackDrift",
    "cloudformation:DetectStackResourceDrift",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:RollbackStack",
    "cloudformation:SetStackPolicy",
    "cloudformation:TagResource",
    "cloudformation:UntagResource",
    "cloudformation:UpdateTerminationProtection",
];

/// What goes through names of the project's own choosing: the types, the property that names them,
/// and where the name stands in an ARN, after the account.
const NAMED: &[(&str, &str, &str)] = &[
    ("AWS::IAM::Role", "RoleName", "role/"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", "policy/"),
    ("AWS::S3::Bucket", "BucketName", ""),
];

/// Of the actions of IAM and S3, those that name no role, policy or bucket.
const WITHOUT_RESOURCE: &[&str] =
    &["iam:ListPolicies", "iam:ListRoles", "s3:ListAllMyBuckets", "s3:GetAccountPublicAccessBlock"];

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let (mut project, trouble) = Project::open(global)?;
    if let Some(trouble) = trouble {
        output.diagnostics(&[trouble], &project.library.sources);
        return Ok(Exit::Failed);
    }
    let roots = match roots(&mut project, args) {
        Ok(roots) => roots,
        Err(Trouble::Stop(stop)) => return Err(stop),
        Err(Trouble::Finding(finding)) => {
            output.diagnostics(&[*finding], &project.library.sources);
            return Ok(Exit::Failed);
        }
    };
    let mut unknown = BTreeSet::new();
    let statements = match args.grantee {
        Grantee::Plan => plan(&roots),
        Grantee::Apply => apply(&roots, &project),
        Grantee::ServiceRole => service_role(&roots, &project, &mut unknown),
    };
    let documents = split(statements);
    let count = documents.len();
    let names = (1..=count).map(|number| match count {
        1 => args.grantee.to_string(),
        _ => format!("{}-{number}", args.grantee),
    });
    let policies: Vec<Policy> =
        names.zip(documents).map(|(name, document)| Policy { name, document }).collect();
    if output.json {
        output.document("permissions", Content { policies, types_without_handlers: unknown });
        return Ok(Exit::Done);
    }
    for policy in policies {
        let (name, size) = (&policy.name, policy.document.size());
        let text = message!("policy `{name}`, {size} characters", name, size);
        output.line(&output.paint(Style::Bold, &output.text(&text)));
        output.line(&serde_json::to_string_pretty(&policy.document).unwrap_or_default());
    }
    if !unknown.is_empty() {
        let types = unknown.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        output.say(&message!("the schemas name no actions for {types}", types));
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Content {
    policies: Vec<Policy>,
    types_without_handlers: BTreeSet<String>,
}

#[derive(Serialize)]
struct Policy {
    name: String,
    document: Document,
}

/// A policy as IAM has it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

impl Document {
    /// How many characters of the quota it takes.
    fn size(&self) -> usize {
        serde_json::to_string(self).map_or(0, |it| it.chars().count())
    }
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: BTreeSet<String>,
    resource: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<serde_json::Value>,
}

impl Statement {
    fn new(sid: &str, action: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            sid: sid.to_owned(),
            effect: "Allow",
            action: action.into_iter().map(Into::into).collect(),
            resource: BTreeSet::from(["*".to_owned()]),
            condition: None,
        }
    }

    fn on(mut self, resource: impl IntoIterator<Item = String>) -> Self {
        self.resource = resource.into_iter().collect();
        self
    }

    fn only_if(mut self, operator: &str, key: &str, value: impl Serialize) -> Self {
        self.condition = Some(json!({ operator: { key: value } }));
        self
    }
}

/// A root in the environment, with every tree that it can be.
struct Root {
    deployment: Deployment,
    trees: Vec<Tree>,
}

impl Root {
    /// The first parts of an ARN: the partition goes with the Region.
    fn partition(&self) -> &'static str {
        match self.deployment.inputs.region.split_once('-') {
            Some(("cn", _)) => "aws-cn",
            Some(("us", rest)) if rest.starts_with("gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// The root's stack and those under it.
    fn stacks(&self) -> impl Iterator<Item = String> {
        let inputs = &self.deployment.inputs;
        let (partition, region, account) = (self.partition(), &inputs.region, &inputs.account);
        let start = format!("arn:{partition}:cloudformation:{region}:{account}:stack/");
        let name = &inputs.stack_name;
        [format!("{start}{name}/*"), format!("{start}{name}-*")].into_iter()
    }

    /// A text of the configuration with its values.
    fn filled(&self, text: &str) -> Option<String> {
        let inputs = &self.deployment.inputs;
        let value = |name: &str| match name {
            "AccountId" => Some(inputs.account.clone()),
            _ => {
                let given = inputs.parameters.iter().find(|it| *it.name == *name);
                given.map(|it| it.value.to_string())
            }
        };
        fill(text, &value).ok()
    }
}

/// Every root, or the one that is asked for, in each scenario.
fn roots(project: &mut Project, args: &Args) -> Result<Vec<Root>, Trouble> {
    let configs = match &args.root {
        Some(name) => vec![project.root(Some(name))?.1],
        None => project.config.roots.values().cloned().collect(),
    };
    let scenarios: Vec<_> = project.config.scenarios.values().cloned().collect();
    let mut roots = Vec::new();
    for config in configs {
        let deployment = project.deployment(&config, &args.environment, &mut Vec::new())?;
        let plain = std::iter::once(deployment.inputs.clone());
        let gated = scenarios.iter().map(|it| Project::with_scenario(&deployment.inputs, it));
        let inputs: Vec<_> = plain.chain(gated).collect();
        let trees = deployment.template.iter().flat_map(|template| {
            inputs.iter().map(|it| Tree::evaluate(&project.library, *template, it))
        });
        let trees = trees.collect();
        roots.push(Root { deployment, trees });
    }
    Ok(roots)
}

/// Who plans reads stacks, and nothing else.
fn plan(roots: &[Root]) -> Vec<Statement> {
    vec![
        Statement::new("ReadStacks", READ_STACKS.iter().copied())
            .on(roots.iter().flat_map(Root::stacks)),
        Statement::new("ReadWhatHasNoStack", READ_ALL.iter().copied()),
    ]
}

/// Who applies makes and executes change sets, puts templates where CloudFormation finds them, and
/// hands it its role. No resource is within reach but through that role.
fn apply(roots: &[Root], project: &Project) -> Vec<Statement> {
    let mut statements = plan(roots);
    statements.push(
        Statement::new("ChangeStacks", CHANGE_STACKS.iter().copied())
            .on(roots.iter().flat_map(Root::stacks)),
    );
    let aws = &project.config.aws;
    let arns = |text: &Option<String>, arn: &dyn Fn(&Root, String) -> String| -> BTreeSet<String> {
        let filled = |root: &Root| Some(arn(root, root.filled(text.as_deref()?)?));
        roots.iter().filter_map(filled).collect()
    };
    let buckets =
        arns(&aws.artifact_bucket, &|root, name| format!("arn:{}:s3:::{name}", root.partition()));
    if !buckets.is_empty() {
        let inside = |prefix: &str| buckets.iter().map(|it| format!("{it}/{prefix}/*")).collect();
        let folders: Vec<Vec<String>> = ["audit", "templates"].map(inside).into();
        statements.push(
            Statement::new("PutTemplatesAndRecords", ["s3:GetObject", "s3:PutObject"])
                .on(folders.concat()),
        );
        statements.push(Statement::new("FindTemplates", ["s3:ListBucket"]).on(buckets));
        let services: BTreeSet<String> = roots
            .iter()
            .map(|it| format!("s3.{}.amazonaws.com", it.deployment.inputs.region))
            .collect();
        // The key of the bucket is known to whoever made it; through S3 it opens nothing else.
        statements.push(
            Statement::new("EncryptThroughTheBucket", ["kms:Decrypt", "kms:GenerateDataKey"])
                .only_if("StringEquals", "kms:ViaService", services),
        );
    }
    let roles = arns(&aws.service_role, &|root, name| {
        if name.starts_with("arn:") {
            return name;
        }
        format!("arn:{}:iam::{}:role/{name}", root.partition(), root.deployment.inputs.account)
    });
    if !roles.is_empty() {
        statements.push(Statement::new("HandOverTheRole", ["iam:PassRole"]).on(roles).only_if(
            "StringEquals",
            "iam:PassedToService",
            "cloudformation.amazonaws.com",
        ));
    }
    statements
}

/// CloudFormation does with its role what the handlers of the types do.
fn service_role(
    roots: &[Root],
    project: &Project,
    unknown: &mut BTreeSet<String>,
) -> Vec<Statement> {
    let mut actions = BTreeSet::new();
    let templates = project.library.templates();
    let declared: BTreeSet<&str> =
        templates.flat_map(|(_, it)| &it.resources).map(|it| &*it.type_name.text).collect();
    for name in declared {
        match kumiki_schema::handler_actions(name) {
            Some(found) => actions.extend(found),
            None => {
                unknown.insert(name.to_owned());
            }
        }
    }
    let names = names(roots);
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for action in &actions {
        let (service, name) = action.split_once(':').unwrap_or_default();
        let narrow = match service {
            "iam" => {
                (name.contains("Role") || name.contains("Policy"))
                    && name != "CreateServiceLinkedRole"
            }
            "s3" | "cloudformation" => true,
            _ => false,
        };
        match narrow && !WITHOUT_RESOURCE.contains(&action.as_str()) {
            true => named.entry(service).or_default().insert(action),
            false => services.entry(service).or_default().insert(action),
        };
    }
    let sid = |service: &str, end: &str| {
        let words = service.split('-').map(|it| it[..1].to_ascii_uppercase() + &it[1..]);
        words.collect::<String>() + end
    };
    let narrowed = named.into_iter().map(|(service, actions)| {
        let resources = match service {
            "cloudformation" => roots.iter().flat_map(Root::stacks).collect(),
            _ => names.get(service).cloned().unwrap_or_default(),
        };
        let statement = Statement::new(&sid(service, "OfTheProject"), actions);
        if resources.is_empty() { statement } else { statement.on(resources) }
    });
    let wide =
        services.into_iter().map(|(service, actions)| Statement::new(&sid(service, ""), actions));
    narrowed.chain(wide).collect()
}

/// The ARNs of what the project names itself, by service: each up to the last `-` or `/` that the
/// names of one root have in common. What has no name gets one that begins with its stack's.
fn names(roots: &[Root]) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for root in roots {
        for (type_name, property, place) in NAMED {
            let resources = root.trees.iter().flat_map(Tree::resources);
            let names: BTreeSet<String> = resources
                .filter(|(_, it)| &*it.type_name == *type_name)
                .map(|(_, it)| {
                    let name = it.property(property).and_then(Value::as_text);
                    name.unwrap_or(&root.deployment.inputs.stack_name).to_owned()
                })
                .collect();
            let Some(common) = common(&names) else { continue };
            let (partition, account) = (root.partition(), &root.deployment.inputs.account);
            let service = if place.is_empty() { "s3" } else { "iam" };
            let entry = found.entry(service).or_default();
            entry.insert(match service {
                "s3" => format!("arn:{partition}:s3:::{common}*"),
                _ => format!("arn:{partition}:iam::{account}:{place}{common}*"),
            });
        }
    }
    found
}

/// What texts begin with in common, up to a separator; nothing if they have nothing in common.
fn common(names: &BTreeSet<String>) -> Option<String> {
    // Of sorted texts, the first and the last differ the earliest.
    let (first, last) = (names.first()?, names.last()?);
    let same = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
    let end = first.as_bytes()[..same].iter().rposition(|it| matches!(it, b'-' | b'/'))?;
    Some(first[..=end].to_owned())
}

/// Statements as few policies, each within the quota. A statement that is too large for one by
/// itself is halved.
fn split(statements: Vec<Statement>) -> Vec<Document> {
    let document = |statement| Document { version: "2012-10-17", statement };
    let mut documents: Vec<Document> = Vec::new();
    let mut open: Vec<Statement> = statements.into_iter().rev().collect();
    while let Some(statement) = open.pop() {
        if document(vec![statement.clone()]).size() > LARGEST && statement.action.len() > 1 {
            let mut first = statement;
            let middle = first.action.iter().nth(first.action.len() / 2).cloned();
            let mut second = first.clone();
            second.action = first.action.split_off(&middle.unwrap_or_default());
            first.sid.push('A');
            second.sid.push('B');
            open.extend([second, first]);
            continue;
        }
        match documents.last_mut() {
            Some(last) => {
                last.statement.push(statement);
                if last.size() > LARGEST {
                    let statement = last.statement.pop();
                    documents.push(document(statement.into_iter().collect()));
                }
            }
            None => documents.push(document(vec![statement])),
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_have_in_common_ends_at_a_separator() {
        let common = |names: &[&str]| common(&names.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(common(&["a-dev-one", "a-dev-other"]).as_deref(), Some("a-dev-"));
        assert_eq!(common(&["a-dev"]).as_deref(), Some("a-"));
        assert_eq!(common(&["a", "b"]), None);
        assert_eq!(common(&[]), None);
    }

    #[test]
    fn policies_keep_within_the_quota_and_lose_nothing() {
        let actions: Vec<String> = (0..900).map(|it| format!("ec2:Describe{it:04}")).collect();
        let documents =
            split(vec![Statement::new("One", &actions), Statement::new("Two", ["s3:GetObject"])]);
        assert!(documents.iter().all(|it| it.size() <= LARGEST), "too large");
        let kept: Vec<&String> = documents
            .iter()
            .flat_map(|it| &it.statement)
            .filter(|it| it.sid.starts_with("One"))
            .flat_map(|it| &it.action)
            .collect();
        assert!(kept.into_iter().eq(&actions));
        let sids: BTreeSet<&str> =
            documents.iter().flat_map(|it| &it.statement).map(|it| &*it.sid).collect();
        assert_eq!(sids.len(), documents.iter().map(|it| it.statement.len()).sum::<usize>());
    }
}
