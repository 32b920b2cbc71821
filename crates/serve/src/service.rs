//! Answers requests, without a network.

use crate::answer::Answer;
use crate::cloudformation;
use crate::memory::Memory;
use crate::objects::Objects;
use crate::request::{Asked, Caller, Incoming, understand};
use crate::s3::{self, Uploads};
use crate::sts;
use crate::writer::Writer;
use kumiki_backend_local::{LocalBackend, OpenError};
use kumiki_engine::identity::{fingerprint, uuid};
use kumiki_engine::{Clock, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the service works.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the state.
    pub folder: PathBuf,
    /// The time of day.
    pub clock: fn() -> Box<dyn Clock>,
    /// The command, for others who find the state locked.
    pub command: String,
    /// How the engine behaves.
    pub backend: kumiki_backend_local::Options,
}

/// Answers requests.
#[derive(Debug)]
pub struct Service {
    pub(crate) objects: Objects,
    pub(crate) memory: Arc<Memory>,
    pub(crate) writer: Writer,
    uploads: Uploads,
    folder: PathBuf,
    clock: fn() -> Box<dyn Clock>,
    requests: AtomicU64,
    started: u64,
}

impl Service {
    /// Takes the state of a folder, and keeps it until it is dropped.
    ///
    /// # Errors
    /// When the state cannot be used.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options { folder, clock, command, backend } = options;
        let writer = {
            let folder = folder.clone();
            Writer::start(move || LocalBackend::open(&folder, clock(), &command, backend))?
        };
        let path = folder.join("s3");
        let objects = Objects::open(path.clone());
        let objects = objects.map_err(|source| OpenError::Io { path, source })?;
        Ok(Self {
            objects,
            memory: Arc::default(),
            writer,
            uploads: Uploads::default(),
            started: clock().now(),
            folder,
            clock,
            requests: AtomicU64::new(0),
        })
    }

    /// The time of day.
    pub(crate) fn now(&self) -> u64 {
        (self.clock)().now()
    }

    /// The state for reading.
    pub(crate) fn reader(&self) -> Result<LocalBackend, OpenError> {
        LocalBackend::open_read_only(&self.folder, (self.clock)())
    }

    /// Answers a request. It may take as long as what was asked before it.
    pub fn answer(&self, request: &Incoming) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed).to_string();
        let id = uuid(&fingerprint(&["request", &self.started.to_string(), &number]));
        let (caller, asked) = understand(request);
        match asked {
            Ok(Asked::CloudFormation(form)) => {
                let action = form.get("Action").unwrap_or_default().to_owned();
                let result = cloudformation::answer(self, caller, form);
                Answer::query(cloudformation::NAMESPACE, &action, &id, result)
                    .with("x-amzn-requestid", id)
            }
            Ok(Asked::Sts(form)) => {
                let action = form.get("Action").unwrap_or_default();
                let result = sts::answer(&caller, &form);
                Answer::query(sts::NAMESPACE, action, &id, result).with("x-amzn-requestid", id)
            }
            Ok(Asked::S3(operation)) => self.s3(request, &caller, Ok(operation), &id),
            Err(refusal) => self.s3(request, &caller, Err(refusal), &id),
        }
    }

    fn s3(
        &self,
        request: &Incoming,
        caller: &Caller,
        operation: Result<s3::Operation, crate::refusal::Refusal>,
        id: &str,
    ) -> Answer {
        let made_by_a_stack =
            |name: &str| self.bucket_of_a_stack(name, &caller.account).unwrap_or_default();
        let context = s3::Context {
            objects: &self.objects,
            uploads: &self.uploads,
            caller,
            now: self.now(),
            made_by_a_stack: &made_by_a_stack,
        };
        s3::answer(&context, request, operation, id)
    }

    /// Whether a stack of an account has a bucket of this name.
    fn bucket_of_a_stack(&self, name: &str, account: &str) -> Result<bool, StoreError> {
        let Ok(reader) = self.reader() else { return Ok(false) };
        let records = reader.records();
        for stack in records.stacks()?.into_iter().filter(|it| it.account == account) {
            let found = records.resources(&stack.stack_id)?.into_iter().any(|it| {
                it.settled.type_name == "AWS::S3::Bucket"
                    && it.settled.physical_id == name
                    && it.is_owned()
            });
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
