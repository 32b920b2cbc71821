//! The account as its services tell of it: the clients, and the readings that several parts need.
//!
//! Every reading goes through all pages, and asks only a few things at once: CloudFormation
//! throttles an account as a whole.

use crate::Place;
use crate::error::ServiceError;
use aws_sdk_cloudformation::types::{StackResourceSummary, StackStatus as AwsStackStatus};
use aws_sdk_cloudformation::{Client, types};
use futures_util::{StreamExt, TryStreamExt, stream};
use kumiki_engine::StackStatus;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// The type of a nested stack.
pub(crate) const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// How many things are asked at once.
const AT_ONCE: usize = 4;

/// The clients of an account, and the root that is worked on.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) cloudformation: Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) place: Place,
    /// Where AWS is, if elsewhere.
    pub(crate) endpoint: Option<String>,
}

/// A stack that exists, and its place in the tree.
#[derive(Debug)]
pub(crate) struct Member {
    /// Logical IDs from the root on; empty for the root.
    pub(crate) path: String,
    /// What `DescribeStacks` says of it.
    pub(crate) stack: types::Stack,
    /// Its resources.
    pub(crate) resources: Vec<StackResourceSummary>,
}

/// What is known only of each export by itself.
pub(crate) type Importers = BTreeMap<String, Vec<String>>;

impl Account {
    /// A stack by its name or ARN, unless there is none.
    pub(crate) async fn stack(&self, name: &str) -> Result<Option<types::Stack>, ServiceError> {
        described(&self.cloudformation, name).await
    }

    /// A stack of another Region.
    pub(crate) async fn stack_in(
        &self,
        region: &str,
        name: &str,
    ) -> Result<Option<types::Stack>, ServiceError> {
        let region = aws_sdk_cloudformation::config::Region::new(region.to_owned());
        let config = self.cloudformation.config().to_builder().region(region).build();
        described(&Client::from_conf(config), name).await
    }

    /// The resources of a stack.
    pub(crate) async fn resources(
        &self,
        stack: &str,
    ) -> Result<Vec<StackResourceSummary>, ServiceError> {
        let pages = self.cloudformation.list_stack_resources().stack_name(stack);
        let items = pages.into_paginator().items().send().collect::<Result<_, _>>().await;
        items.map_err(|it| ServiceError::new("ListStackResources", &it))
    }

    /// A root and everything under it, each stack before those under it.
    pub(crate) async fn tree(&self, root: types::Stack) -> Result<Vec<Member>, ServiceError> {
        let mut members = Vec::new();
        let mut wave = vec![(String::new(), Some(root), String::new())];
        while !wave.is_empty() {
            let read = wave.into_iter().map(|(path, stack, id)| async move {
                let stack = match stack {
                    Some(stack) => Some(stack),
                    None => self.stack(&id).await?,
                };
                let Some(stack) = stack.filter(|it| !is_gone(it)) else { return Ok(None) };
                let resources = self.resources(stack.stack_id().unwrap_or_default()).await?;
                Ok(Some(Member { path, stack, resources }))
            });
            let read: Vec<Option<Member>> = at_once(read).await?;
            wave = Vec::new();
            for member in read.into_iter().flatten() {
                for (logical_id, id) in member.nested() {
                    wave.push((child_path(&member.path, logical_id), None, id.to_owned()));
                }
                members.push(member);
            }
        }
        members.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(members)
    }

    /// The tree of a root by name; nothing when there is no such root.
    pub(crate) async fn tree_of(&self, name: &str) -> Result<Vec<Member>, ServiceError> {
        match self.stack(name).await? {
            Some(root) if !is_gone(&root) => self.tree(root).await,
            _ => Ok(Vec::new()),
        }
    }

    /// The exports of the account and Region.
    pub(crate) async fn exports(&self) -> Result<Vec<types::Export>, ServiceError> {
        let pages = self.cloudformation.list_exports().into_paginator().items().send();
        let items = pages.collect::<Result<_, _>>().await;
        items.map_err(|it| ServiceError::new("ListExports", &it))
    }

    /// The names of the stacks that use these exports.
    pub(crate) async fn importers(&self, exports: Vec<String>) -> Result<Importers, ServiceError> {
        let read = exports.into_iter().map(|name| async move {
            let pages = self.cloudformation.list_imports().export_name(&name);
            let items = pages.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
            match items.map_err(|it| ServiceError::new("ListImports", &it)) {
                Ok(stacks) => Ok((name, stacks)),
                // That nobody uses an export is an error in this API.
                Err(error) if error.text.contains("not imported by any stack") => {
                    Ok((name, Vec::new()))
                }
                Err(error) => Err(error),
            }
        });
        Ok(at_once(read).await?.into_iter().filter(|it| !it.1.is_empty()).collect())
    }
}

impl Member {
    /// Its ARN.
    pub(crate) fn id(&self) -> &str {
        self.stack.stack_id().unwrap_or_default()
    }

    /// The stacks right under it: logical ID, ARN.
    fn nested(&self) -> impl Iterator<Item = (&str, &str)> {
        let nested = self.resources.iter().filter(|it| it.resource_type() == Some(STACK_TYPE));
        nested.filter_map(|it| {
            let id = it.physical_resource_id().filter(|it| it.starts_with("arn:"))?;
            Some((it.logical_resource_id()?, id))
        })
    }
}

async fn described(client: &Client, name: &str) -> Result<Option<types::Stack>, ServiceError> {
    match client.describe_stacks().stack_name(name).send().await {
        Ok(found) => Ok(found.stacks.unwrap_or_default().pop()),
        Err(error) => match ServiceError::new("DescribeStacks", &error) {
            error if error.is_missing() => Ok(None),
            error => Err(error),
        },
    }
}

/// Waits for several answers, a few at a time, and keeps their order.
pub(crate) async fn at_once<T, E, F: Future<Output = Result<T, E>>>(
    asked: impl Iterator<Item = F>,
) -> Result<Vec<T>, E> {
    // Collected first: a lazy iterator of futures that borrow is no `Stream` for every lifetime.
    let asked: Vec<F> = asked.collect();
    stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

/// Whether a stack was deleted.
pub(crate) fn is_gone(stack: &types::Stack) -> bool {
    stack.stack_status() == Some(&AwsStackStatus::DeleteComplete)
}

/// The status of a stack.
pub(crate) fn status_of(stack: &types::Stack) -> StackStatus {
    let word = stack.stack_status().map_or("", AwsStackStatus::as_str);
    // A status that is newer than this program is certainly no rest.
    StackStatus::parse(word).unwrap_or(StackStatus::UpdateInProgress)
}

/// The path of a resource: that of its stack, and its logical ID.
pub(crate) fn child_path(stack: &str, logical_id: &str) -> String {
    if stack.is_empty() { logical_id.to_owned() } else { format!("{stack}/{logical_id}") }
}

/// The name in the ARN of a stack or change set.
pub(crate) fn name_in(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: Option<&aws_sdk_cloudformation::primitives::DateTime>) -> u64 {
    time.and_then(|it| u64::try_from(it.to_millis().ok()?).ok()).unwrap_or_default()
}

/// Waits between two questions: longer from time to time, and never as long as others that wait.
///
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
#[derive(Debug)]
pub(crate) struct Pause {
    next: Duration,
    most: Duration,
}

impl Pause {
    /// Waits up to `first`, then up to twice as long, and so on, up to `most`.
    pub(crate) fn new(first: u64, most: u64) -> Self {
        // Tests do not wait.
        let unit = if cfg!(test) { Duration::from_micros(1) } else { Duration::from_secs(1) };
        Self { next: unit.mul_f64(first as f64), most: unit.mul_f64(most as f64) }
    }

    /// Waits.
    pub(crate) async fn wait(&mut self) {
        // Each hasher of the standard library has a key of its own, made of randomness.
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let half = self.next / 2;
        let jitter = half.mul_f64((random % 1000) as f64 / 1000.0);
        tokio::time::sleep(half + jitter).await;
        self.next = (self.next * 2).min(self.most);
    }
}
