//! Change sets: made, waited for, described, listed and deleted.
//!
//! What a change set was made from is put into the bucket before it is made: the templates, and the
//! plan with what it takes to read it again. The change set names the plan by its digest.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>

use crate::account::{Account, Pause, child_path, is_gone, millis, status_of};
use crate::error::ServiceError;
use crate::package::{object_key, package, url};
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability as AwsCapability, ChangeSetType, OnStackFailure, Parameter, ResourceToImport, Tag,
};
use kumiki_engine::{
    Capability, ChangeSetRecord, ChangeSetRequest, ChangeSetStatus, CreateChangeSetError, Demanded,
    ExecuteError, ExecutionStatus, InputsRecord, OnFailure, StackStatus, StoreError, TEMPLATE_BODY,
};
use kumiki_plan::{Plan, ServiceChangeSet, digest, mask_secret};
use kumiki_source::{Message, message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What stands in a change set's description before the digest of its plan.
const PLAN: &str = "kumiki plan ";

/// How often a change set is looked at before it is given up: for more than ten minutes.
const PATIENCE: usize = 200;

/// What is kept of a plan in the bucket.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The path of the root's template.
    pub(crate) root: String,
    /// The templates by path: SHA-256 of their texts.
    pub(crate) manifest: BTreeMap<String, String>,
    /// Beginnings of `TemplateURL`s and the folders that they stand for.
    pub(crate) template_urls: BTreeMap<String, String>,
    /// What the root is given, without secrets.
    pub(crate) inputs: InputsRecord,
    /// The plan as it was shown.
    pub(crate) plan: serde_json::Value,
}

/// A change set that was made, and what was said on the way.
#[derive(Debug)]
pub(crate) struct MadeChangeSet {
    pub(crate) record: ChangeSetRecord,
    pub(crate) warning: Option<Message>,
}

/// The name of a change set: `<root>-<environment>-<stage>-<digest>-<time>`, with `change` where no
/// stage is.
pub fn change_set_name(
    root: &str,
    environment: &str,
    stage: Option<&str>,
    digest: &str,
    now: SystemTime,
) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let stage = stage.unwrap_or("change");
    let digest = &digest[..digest.len().min(12)];
    let name = format!("{root}-{environment}-{stage}-{digest}-{}", compact_time(since));
    name.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect()
}

/// The stage in the name of a change set of a root, if the name is one of ours.
pub fn stage_of<'n>(name: &'n str, root: &str, environment: &str) -> Option<&'n str> {
    let start = format!("{root}-{environment}-");
    let mut parts = name.strip_prefix(&*start)?.rsplitn(3, '-');
    let (_time, _digest) = (parts.next()?, parts.next()?);
    parts.next()
}

/// A time in UTC as in `20261124T193000123Z`: two within a second have two names.
fn compact_time(since: Duration) -> String {
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let time = aws_sdk_cloudformation::primitives::DateTime::from_secs(seconds);
    let format = aws_sdk_cloudformation::primitives::DateTimeFormat::DateTime;
    let text = time.fmt(format).unwrap_or_default();
    let text: String = text.chars().filter(|it| !matches!(it, '-' | ':' | 'Z')).collect();
    format!("{text}{:03}Z", since.subsec_millis())
}

impl Account {
    /// Makes a change set and waits until it can be executed.
    pub(crate) async fn create(
        &self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<MadeChangeSet, CreateChangeSetError> {
        let &ChangeSetRequest { inputs, plan, options, .. } = request;
        if plan.stack_name != inputs.stack_name || inputs.stack_name != self.place.stack_name {
            return Err(CreateChangeSetError::OtherStack);
        }
        if plan.is_empty() && !options.keep_failed {
            return Err(CreateChangeSetError::NoChanges);
        }
        let demanded = Demanded::by(request.library, request.root);
        let missing = demanded.missing(&options.capabilities, !options.unreviewed);
        if !missing.is_empty() {
            return Err(CreateChangeSetError::Capabilities { missing });
        }
        let existing = self.stack(&inputs.stack_name).await.map_err(StoreError::from)?;
        let status = existing.as_ref().filter(|it| !is_gone(it)).map(status_of);
        let creates = status.is_none_or(|it| it == StackStatus::ReviewInProgress);
        if let Some(status) = status
            && !creates
            && !status.updatable()
            && !status.is_paused()
        {
            let stack = inputs.stack_name.clone();
            return Err(match status.in_progress() {
                true => CreateChangeSetError::Unfinished { stack },
                false => CreateChangeSetError::Status { stack, status },
            });
        }
        let name = match request.name {
            Some(name) => name.to_owned(),
            None => {
                let place = &self.place;
                let now = SystemTime::now();
                change_set_name(&place.root, &place.environment, None, &plan.digest, now)
            }
        };
        let source = self.deliver(request).await?;
        // A preview of nested stacks needs stacks to compare with.
        let nested = !creates && options.import.is_empty();
        let made = self.make(request, &name, &source, creates, nested).await;
        if let Source::Lent { bucket, key, .. } = &source {
            self.take_back(bucket, key).await.map_err(StoreError::from)?;
        }
        let (id, warning) = match made {
            Ok(id) => (id, None),
            Err(Failed::Refused(_, reason)) if nested => {
                let id = self.make(request, &name, &source, creates, false).await;
                let id = id.map_err(|it| it.into_error(&name))?;
                let warning = message!(
                    "AWS refuses to preview nested stacks; the change set shows the root only: {reason}",
                    reason
                );
                (id, Some(warning))
            }
            Err(failed) => return Err(failed.into_error(&name)),
        };
        let described = self.describe(&id).await.map_err(StoreError::from)?;
        let kept = kept(request);
        let record = self.record(&described, Some(kept));
        Ok(MadeChangeSet { record: ChangeSetRecord { creates, ..record }, warning })
    }

    /// Uploads what a change set is made from; how the root's template is passed.
    async fn deliver(&self, request: &ChangeSetRequest<'_>) -> Result<Source, StoreError> {
        let &ChangeSetRequest { library, root, plan, .. } = request;
        let place = &self.place;
        let Some(bucket) = self.bucket().await? else {
            let template = library.template(root);
            let text = library.sources.get(template.file).text();
            let nested = package(library, root, &|key| key.to_owned()).root != text;
            if nested {
                let stack = &place.stack_name;
                return Err(StoreError::Refused(message!(
                    "stack `{stack}` nests templates, and there is no bucket to put them into: set `artifact-bucket` under `[aws]` in `kumiki.toml`, and deploy the root that makes it first",
                    stack
                )));
            }
            if text.len() <= TEMPLATE_BODY {
                return Ok(Source::Body(text.to_owned()));
            }
            // Too long for a request, and the bucket for it is made by this very template.
            let lent = self.lend_bucket().await?;
            let key = object_key(text);
            self.put(&lent, &key, text).await?;
            let endpoint = self.endpoint.as_deref();
            let url = url(endpoint, &lent, &place.bucket_region, &key);
            return Ok(Source::Lent { url, bucket: lent, key });
        };
        let address = |key: &str| url(self.endpoint.as_deref(), bucket, &place.bucket_region, key);
        let package = package(library, root, &address);
        let mut objects = package.objects;
        let text = serde_json::to_string(&kept(request)).unwrap_or_default();
        objects.insert(plan_key(&plan.digest), text);
        self.upload(bucket, &objects).await.map_err(|it| match it.is_missing() {
            true => StoreError::Refused(message!(
                "there is no bucket `{bucket}` to put templates into: deploy the root that makes it first",
                bucket
            )),
            false => it.into(),
        })?;
        Ok(Source::Url(address(&object_key(&package.root))))
    }

    /// Asks for a change set and waits for it: its ARN.
    async fn make(
        &self,
        request: &ChangeSetRequest<'_>,
        name: &str,
        source: &Source,
        creates: bool,
        nested: bool,
    ) -> Result<String, Failed> {
        let &ChangeSetRequest { inputs, plan, options, .. } = request;
        let kind = match (creates, options.import.is_empty()) {
            (_, false) => ChangeSetType::Import,
            (true, true) => ChangeSetType::Create,
            (false, true) => ChangeSetType::Update,
        };
        let plan_line = format!("{PLAN}{}", plan.digest);
        let description = match &options.description {
            Some(text) => format!("{text} ({plan_line})"),
            None => plan_line,
        };
        // The same request made twice is made once.
        let token = &digest(format!("{}/{name}/{nested}", plan.digest))[..64];
        let parameters = inputs.parameters.iter().map(|it| {
            Parameter::builder().parameter_key(&*it.name).parameter_value(&*it.value).build()
        });
        let tags =
            inputs.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let capabilities = options.capabilities.iter().map(|it| AwsCapability::from(it.as_str()));
        let imports = options.import.iter().map(|it| {
            ResourceToImport::builder()
                .resource_type(&it.resource_type)
                .logical_resource_id(&it.logical_id)
                .set_resource_identifier(Some(it.identifier.clone().into_iter().collect()))
                .build()
        });
        let imports: Vec<_> = imports.collect();
        let (body, url) = match source {
            Source::Body(text) => (Some(text.clone()), None),
            Source::Url(url) | Source::Lent { url, .. } => (None, Some(url.clone())),
        };
        // The root that makes the role is created without it.
        let role = self.place.service_role.clone();
        let role = role.filter(|_| !self.place.bootstraps || !creates);
        let asked = self
            .cloudformation
            .create_change_set()
            .stack_name(&inputs.stack_name)
            .change_set_name(name)
            .change_set_type(kind)
            .client_token(token)
            .description(description)
            .include_nested_stacks(nested)
            .set_template_body(body)
            .set_template_url(url)
            .set_role_arn(role)
            .set_parameters(Some(parameters.collect()))
            .set_tags(Some(tags.collect()))
            .set_capabilities(Some(capabilities.collect()))
            .set_resources_to_import((!imports.is_empty()).then_some(imports))
            .set_on_stack_failure(options.on_failure.map(|it| OnStackFailure::from(it.as_str())))
            .send()
            .await
            .map_err(|it| ServiceError::new("CreateChangeSet", &it));
        let id = match asked {
            Ok(made) => made.id.unwrap_or_default(),
            Err(error) if error.code == "AlreadyExistsException" => return Err(Failed::NameTaken),
            Err(error) if error.code == "ValidationError" => {
                return Err(Failed::Refused(error.clone().into(), error.text));
            }
            Err(error) => return Err(Failed::Other(error.into())),
        };
        let described = self.made(&id).await?;
        if described.status().map(|it| it.as_str()) != Some("FAILED") {
            return Ok(id);
        }
        let reason = self.deepest_reason(&described).await?;
        if options.keep_failed {
            return Ok(id);
        }
        // A failed change set is of no use, and its name is wanted again.
        self.cloudformation
            .delete_change_set()
            .change_set_name(&id)
            .send()
            .await
            .map_err(|it| Failed::Other(ServiceError::new("DeleteChangeSet", &it).into()))?;
        if creates {
            self.delete_reviewed(described.stack_id().unwrap_or_default()).await?;
        }
        if is_empty(&reason) {
            return Err(Failed::NoChanges);
        }
        let stack = &inputs.stack_name;
        let refusal =
            message!("AWS makes no change set of stack `{stack}`: {reason}", stack, reason);
        Err(Failed::Refused(StoreError::Refused(refusal), reason))
    }

    /// Waits until a change set is made or has failed.
    async fn made(&self, id: &str) -> Result<DescribeChangeSetOutput, StoreError> {
        let mut pause = Pause::new(1, 5);
        for _ in 0..PATIENCE {
            let ask = self.cloudformation.describe_change_set().change_set_name(id);
            match ask.send().await.map_err(|it| ServiceError::new("DescribeChangeSet", &it)) {
                Ok(it)
                    if it.status().is_some_and(|it| it.as_str().starts_with("CREATE_COMPLETE")) =>
                {
                    return Ok(it);
                }
                Ok(it) if it.status().is_some_and(|it| it.as_str() == "FAILED") => return Ok(it),
                Ok(_) => {}
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(error.into()),
            }
            pause.wait().await;
        }
        Err(StoreError::Refused(message!(
            "AWS is still making change set `{id}`: look at it later with `kumiki changeset describe`",
            id
        )))
    }

    /// Why a change set failed: what the deepest of its nested ones says.
    async fn deepest_reason(&self, failed: &DescribeChangeSetOutput) -> Result<String, StoreError> {
        let mut reason = failed.status_reason().unwrap_or("no reason is given").to_owned();
        let mut seen = Vec::new();
        while let Some(nested) = nested_in(&reason).filter(|it| !seen.contains(it)) {
            let ask = self.cloudformation.describe_change_set().change_set_name(&nested);
            let found = ask.send().await;
            let found = found.map_err(|it| ServiceError::new("DescribeChangeSet", &it))?;
            let Some(deeper) = found.status_reason() else { break };
            reason = deeper.to_owned();
            seen.push(nested);
        }
        Ok(reason)
    }

    /// A change set with all of its changes, by its ARN, or by its name.
    pub(crate) async fn describe(&self, id: &str) -> Result<DescribeChangeSetOutput, ServiceError> {
        let stack = (!id.starts_with("arn:")).then(|| self.place.stack_name.clone());
        let mut whole: Option<DescribeChangeSetOutput> = None;
        let mut next = None;
        loop {
            let ask = self.cloudformation.describe_change_set().change_set_name(id);
            let ask = ask.set_stack_name(stack.clone()).set_next_token(next);
            let mut page =
                ask.send().await.map_err(|it| ServiceError::new("DescribeChangeSet", &it))?;
            next = page.next_token.take();
            match &mut whole {
                Some(whole) => {
                    let more = page.changes.unwrap_or_default();
                    whole.changes.get_or_insert_default().extend(more);
                }
                None => whole = Some(page),
            }
            if let (None, Some(_)) = (&next, &whole) {
                return whole.ok_or_else(|| ServiceError {
                    action: "DescribeChangeSet",
                    code: "ChangeSetNotFound".to_owned(),
                    text: id.to_owned(),
                });
            }
        }
    }

    /// A change set as the service shows it, with those of nested stacks.
    pub(crate) async fn shown(&self, id: &str) -> Result<Option<ServiceChangeSet>, ServiceError> {
        let root = match self.describe(id).await {
            Ok(root) => root,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut shown = ServiceChangeSet {
            nested: root.include_nested_stacks() == Some(true),
            changes: Vec::new(),
        };
        let mut open = vec![(String::new(), root)];
        while let Some((path, described)) = open.pop() {
            let mut under = Vec::new();
            for change in described.changes().iter().filter_map(|it| it.resource_change()) {
                shown.changes.push(crate::shown::change(&path, change));
                if let Some(nested) = change.change_set_id() {
                    let logical_id = change.logical_resource_id().unwrap_or_default();
                    under.push((child_path(&path, logical_id), self.describe(nested).await?));
                }
            }
            open.extend(under.into_iter().rev());
        }
        Ok(Some(shown))
    }

    /// The change sets of a root: those that are listed, and the one that was executed last.
    pub(crate) async fn change_sets(
        &self,
        stack_name: &str,
    ) -> Result<Vec<ChangeSetRecord>, ServiceError> {
        let Some(stack) = self.stack(stack_name).await? else { return Ok(Vec::new()) };
        let pages = self.cloudformation.list_change_sets().stack_name(stack_name);
        let listed = pages.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let listed = listed.map_err(|it| ServiceError::new("ListChangeSets", &it))?;
        let mut ids: Vec<String> = listed.into_iter().filter_map(|it| it.change_set_id).collect();
        if let Some(last) = stack.change_set_id()
            && !ids.iter().any(|it| it == last)
        {
            ids.push(last.to_owned());
        }
        let read = ids.iter().map(|id| async move {
            let described = match self.describe(id).await {
                Ok(described) => described,
                // An executed change set may have been forgotten.
                Err(error) if error.is_missing() => return Ok(None),
                Err(error) => return Err(error),
            };
            let kept = self.kept(&described).await?;
            Ok(Some(self.record(&described, kept)))
        });
        let mut records: Vec<_> =
            crate::account::at_once(read).await?.into_iter().flatten().collect();
        records.sort_by(|one, two| (one.created, &one.name).cmp(&(two.created, &two.name)));
        Ok(records)
    }

    /// What the bucket keeps of the plan of a change set.
    pub(crate) async fn kept(
        &self,
        described: &DescribeChangeSetOutput,
    ) -> Result<Option<Kept>, ServiceError> {
        let Some(digest) = plan_digest(described) else { return Ok(None) };
        let text = self.object(&plan_key(digest)).await?;
        Ok(text.and_then(|it| serde_json::from_str(&it).ok()))
    }

    fn record(&self, described: &DescribeChangeSetOutput, kept: Option<Kept>) -> ChangeSetRecord {
        let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
        let word = |it: Option<&str>| it.map(str::to_owned).unwrap_or_default();
        let status = word(described.status().map(|it| it.as_str()));
        let execution = word(described.execution_status().map(|it| it.as_str()));
        let plan = kept.as_ref().map(|it| digest(it.plan.to_string())).unwrap_or_default();
        let kept = kept.unwrap_or_else(|| Kept {
            root: String::new(),
            manifest: BTreeMap::new(),
            template_urls: BTreeMap::new(),
            plan: serde_json::Value::Null,
            inputs: InputsRecord {
                environment: self.place.environment.clone(),
                region: self.place.region.clone(),
                account: self.place.account.clone(),
                stack_name: text(described.stack_name()),
                parameters: described
                    .parameters()
                    .iter()
                    .map(|it| (text(it.parameter_key()), text(it.parameter_value())))
                    .collect(),
                secrets: Default::default(),
                tags: described
                    .tags()
                    .iter()
                    .map(|it| (text(it.key()), text(it.value())))
                    .collect(),
            },
        });
        ChangeSetRecord {
            id: text(described.change_set_id()),
            name: text(described.change_set_name()),
            stack_id: text(described.stack_id()),
            stack_name: text(described.stack_name()),
            creates: false,
            description: described.description().map(str::to_owned),
            capabilities: described
                .capabilities()
                .iter()
                .filter_map(|it| Capability::parse(it.as_str()))
                .collect(),
            on_failure: described.on_stack_failure().and_then(|it| OnFailure::parse(it.as_str())),
            import: Vec::new(),
            nested: described.include_nested_stacks() == Some(true),
            status: ChangeSetStatus::parse(&status).unwrap_or(ChangeSetStatus::Failed),
            reason: described.status_reason().map(str::to_owned),
            execution: ExecutionStatus::parse(&execution).unwrap_or(ExecutionStatus::Unavailable),
            plan_digest: plan_digest(described).unwrap_or_default().to_owned(),
            plan,
            revision: 0,
            root: kept.root,
            manifest: kept.manifest,
            template_urls: kept.template_urls,
            inputs: kept.inputs,
            created: millis(described.creation_time()),
        }
    }

    /// Deletes a change set, and with it a root that nothing else was ever made of.
    pub(crate) async fn drop_change_set(&self, id: &str) -> Result<(), ExecuteError> {
        let described = match self.describe(id).await {
            Ok(described) => described,
            Err(error) if error.is_missing() => {
                return Err(ExecuteError::NoSuchChangeSet { id: id.to_owned() });
            }
            Err(error) => return Err(StoreError::from(error).into()),
        };
        let stack_id = described.stack_id().unwrap_or_default();
        let asked = self.cloudformation.delete_change_set().stack_name(stack_id);
        let asked = asked.change_set_name(described.change_set_id().unwrap_or(id)).send().await;
        match asked.map_err(|it| ServiceError::new("DeleteChangeSet", &it)) {
            Ok(_) => Ok(self.delete_reviewed(stack_id).await?),
            Err(error) if error.code == "InvalidChangeSetStatus" => {
                let record = self.record(&described, None);
                let (name, execution) = (record.name, record.execution.as_str());
                Err(ExecuteError::NotAvailable { name, execution })
            }
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    /// Deletes a root that is only being reviewed, once none of its change sets is left.
    async fn delete_reviewed(&self, stack_id: &str) -> Result<(), StoreError> {
        let stack = self.stack(stack_id).await?;
        if stack.is_none_or(|it| status_of(&it) != StackStatus::ReviewInProgress) {
            return Ok(());
        }
        let left = self.cloudformation.list_change_sets().stack_name(stack_id).send().await;
        let left = left.map_err(|it| ServiceError::new("ListChangeSets", &it))?;
        if left
            .summaries()
            .iter()
            .any(|it| it.status().is_some_and(|it| !it.as_str().starts_with("DELETE")))
        {
            return Ok(());
        }
        let deleted = self.cloudformation.delete_stack().stack_name(stack_id).send().await;
        deleted.map_err(|it| ServiceError::new("DeleteStack", &it))?;
        Ok(())
    }
}

/// How a template is passed.
enum Source {
    Body(String),
    Url(String),
    /// In a bucket that goes away once the change set is made, for then the service has the text.
    Lent {
        url: String,
        bucket: String,
        key: String,
    },
}

/// Why no change set was made.
enum Failed {
    NoChanges,
    NameTaken,
    /// The service refuses what was asked for; its reason.
    Refused(StoreError, String),
    Other(StoreError),
}

impl Failed {
    fn into_error(self, name: &str) -> CreateChangeSetError {
        match self {
            Self::NoChanges => CreateChangeSetError::NoChanges,
            Self::NameTaken => CreateChangeSetError::NameTaken { name: name.to_owned() },
            Self::Refused(error, _) | Self::Other(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

/// The key of the object that holds a plan.
fn plan_key(digest: &str) -> String {
    format!("plans/{digest}.json")
}

/// The digest of the plan that a change set was made from.
pub(crate) fn plan_digest(described: &DescribeChangeSetOutput) -> Option<&str> {
    let digest = described.description()?.rsplit_once(PLAN)?.1;
    Some(digest.trim_end_matches(')'))
}

/// What is kept of a request.
fn kept(request: &ChangeSetRequest<'_>) -> Kept {
    let &ChangeSetRequest { library, root, inputs, plan, .. } = request;
    let template = library.template(root);
    let secret = |name: &str| template.parameters.get(name).is_some_and(|it| it.no_echo);
    let parameters = inputs.parameters.iter().map(|it| {
        let value = match secret(&it.name) {
            true => mask_secret(&inputs.stack_name, &it.value),
            false => it.value.to_string(),
        };
        (it.name.to_string(), value)
    });
    Kept {
        root: library.sources.get(template.file).path().to_owned(),
        manifest: library
            .templates()
            .map(|(_, it)| library.sources.get(it.file))
            .map(|it| (it.path().to_owned(), digest(it.text())))
            .collect(),
        template_urls: library.template_urls.clone(),
        plan: as_json(plan),
        inputs: InputsRecord {
            environment: inputs.environment.clone(),
            region: inputs.region.clone(),
            account: inputs.account.clone(),
            stack_name: inputs.stack_name.clone(),
            parameters: parameters.collect(),
            secrets: inputs
                .parameters
                .iter()
                .filter(|it| secret(&it.name))
                .map(|it| it.name.to_string())
                .collect(),
            tags: inputs.tags.clone(),
        },
    }
}

fn as_json(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(plan).unwrap_or_default()
}

/// The change set of a nested stack that a reason names.
fn nested_in(reason: &str) -> Option<String> {
    let at = reason.find("arn:")?;
    let end = |it: char| it.is_whitespace() || matches!(it, ',' | ']' | '"' | '\'');
    let arn = reason[at..].split(end).next()?.trim_end_matches('.');
    arn.contains(":changeSet/").then(|| arn.to_owned())
}

/// Whether a change set failed because nothing would change.
///
/// <https://repost.aws/knowledge-center/cloudformation-no-updates-to-perform>
fn is_empty(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn names_tell_root_stage_and_time() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_548_600);
        let digest = "0123456789abcdef";
        let name = change_set_name("service", "dev", Some("first-gates"), digest, now);
        assert_eq!(name, "service-dev-first-gates-0123456789ab-20261124T193000000Z");
        assert_eq!(stage_of(&name, "service", "dev"), Some("first-gates"));
        let name = change_set_name("service", "dev", None, digest, now);
        assert_eq!(stage_of(&name, "service", "dev"), Some("change"));
        assert_eq!(stage_of("kumiki-1", "service", "dev"), None);
    }

    #[test]
    fn a_reason_names_the_nested_change_set() {
        let arn = "arn:aws:cloudformation:r:1:changeSet/n/1-2";
        let reason =
            format!("Nested change set {arn} was not successfully created: Currently in FAILED.");
        assert_eq!(nested_in(&reason).as_deref(), Some(arn));
        assert_eq!(nested_in("Embedded stack arn:aws:cloudformation:r:1:stack/n/1 failed"), None);
        assert!(is_empty("The submitted information didn't contain changes. Submit …"));
    }
}
