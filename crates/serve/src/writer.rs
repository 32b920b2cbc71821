//! The one thread that changes the state: it holds the lock for as long as the server runs, and
//! works through what is asked of it in the order in which it was asked.

use crate::refusal::Refusal;
use kumiki_backend_local::{LocalBackend, OpenError};
use kumiki_engine::Backend as _;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce(&mut LocalBackend) + Send>;

/// Hands work to that thread.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<std::sync::mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

fn closed() -> Refusal {
    Refusal::new(503, "ServiceUnavailable", "the server is stopping")
}

impl Writer {
    /// Starts the thread, which opens the state and ends what a killed process left.
    pub(crate) fn start(
        open: impl FnOnce() -> Result<LocalBackend, OpenError> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let (jobs, queue) = channel::<Job>();
        let (opened, ready) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut backend = match open() {
                Ok(backend) => backend,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // One that takes a secret stays unfinished, and every request says so.
            let _ = backend.resume(&[], &mut |_| {});
            let _ = opened.send(Ok(()));
            queue.into_iter().for_each(|job| job(&mut backend));
        });
        match ready.recv() {
            Ok(Ok(())) => Ok(Self { jobs: Some(jobs), thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(OpenError::Busy { holder: None }),
        }
    }

    /// Does something, and gives what came of it.
    pub(crate) fn perform<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut LocalBackend) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.begin(move |backend, answer| {
            let result = work(backend);
            answer.give(result);
        })
    }

    /// Begins something, and gives its first answer; it may go on.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut LocalBackend, &mut FirstAnswer<T>) + Send + 'static,
    ) -> Result<T, Refusal> {
        let (sender, answer): (_, Receiver<Result<T, Refusal>>) = sync_channel(1);
        let job: Job = Box::new(move |backend| work(backend, &mut FirstAnswer(Some(sender))));
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(job).map_err(|_| closed())?;
        answer.recv().map_err(|_| closed())?
    }
}

impl Drop for Writer {
    /// What was begun comes to its end.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The answer to a request, which is given once.
pub(crate) struct FirstAnswer<T>(Option<SyncSender<Result<T, Refusal>>>);

impl<T> FirstAnswer<T> {
    /// Gives it, unless it was given.
    pub(crate) fn give(&mut self, answer: Result<T, Refusal>) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(answer);
        }
    }
}
