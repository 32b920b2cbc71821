//! `kumiki lsp`: the language server, over standard input and output.
//!
//! One thread owns everything and answers in order; a second reads, so that what is cancelled
//! before its turn is never begun; a third asks AWS's rules, which take longer than a keystroke.
//! Texts arrive whole, and each change makes a new snapshot of its project. A snapshot never
//! changes, and the answers are functions of it.

mod client;
mod complete;
mod findings;
mod frame;
mod hover;
mod names;
mod navigate;
mod position;
mod rename;
mod secrets;
mod server;
mod snapshot;
mod workspace;

#[cfg(test)]
mod tests;

use crate::Exit;
use crate::args::Global;
use crate::output::Stop;
use crossbeam_channel::{Receiver, after, never, select, unbounded};
use frame::Frame;
use kumiki_source::message;
use lsp_server::{ErrorCode, Message, Request, RequestId, Response, ResponseError};
use server::{Answer, Lifecycle, Server};
use std::collections::HashSet;
use std::io::BufReader;
use std::time::Duration;

/// How long the texts rest before they are checked. Changes that come together are checked together;
/// what comes while a check is running waits for it, and is then checked together too.
const REST: Duration = Duration::from_millis(10);

/// Serves one editor until it says goodbye or is gone.
pub(crate) fn run(global: &Global) -> Result<Exit, Stop> {
    let (sender, input) = unbounded();
    std::thread::spawn(move || {
        let mut stdin = BufReader::new(std::io::stdin());
        while let Ok(Some(frame)) = frame::read(&mut stdin) {
            if sender.send(frame).is_err() {
                return;
            }
        }
    });
    let folder = global.project.as_ref().and_then(|it| std::path::absolute(it).ok());
    let (mut server, answers) = Server::new(global.language, folder);
    serve(&mut server, &input, &answers)
        .map_err(|error| Stop::new(message!("the editor cannot be written to: {error}", error)))
}

fn serve(
    server: &mut Server,
    input: &Receiver<Frame>,
    answers: &Receiver<Answer>,
) -> std::io::Result<Exit> {
    let mut rest = never();
    loop {
        select! {
            recv(input) -> frame => {
                // The editor is gone, or sent `exit` before.
                let Ok(frame) = frame else { return Ok(Exit::Failed) };
                let frames: Vec<Frame> = std::iter::once(frame).chain(input.try_iter()).collect();
                let cancelled = cancelled(&frames);
                for frame in frames {
                    if let Some(exit) = take(server, frame, &cancelled)? {
                        return Ok(exit);
                    }
                }
                if server.is_unchecked() {
                    rest = after(REST);
                }
            }
            recv(rest) -> _ => {
                rest = never();
                server.check()?;
            }
            recv(answers) -> answer => {
                if let Ok(answer) = answer {
                    server.take_answer(answer)?;
                }
            }
        }
    }
}

/// The requests that a client took back.
fn cancelled(frames: &[Frame]) -> HashSet<RequestId> {
    let taken_back = |frame: &Frame| match frame {
        Frame::Message(Message::Notification(it)) if it.method == "$/cancelRequest" => {
            serde_json::from_value(it.params.get("id")?.clone()).ok()
        }
        _ => None,
    };
    frames.iter().filter_map(taken_back).collect()
}

/// Takes in one message; the exit code when it was the last.
fn take(
    server: &mut Server,
    frame: Frame,
    cancelled: &HashSet<RequestId>,
) -> std::io::Result<Option<Exit>> {
    match frame {
        Frame::Message(Message::Request(Request { id, method, params })) => {
            let result = if cancelled.contains(&id) {
                Err(server::refused(ErrorCode::RequestCanceled, "cancelled"))
            } else {
                server.request(&method, params)
            };
            server.send(Message::Response(Response { id, response_result: result }))?;
        }
        Frame::Message(Message::Notification(it)) if it.method == "exit" => {
            let done = server.lifecycle == Lifecycle::ShutDown;
            return Ok(Some(if done { Exit::Done } else { Exit::Failed }));
        }
        Frame::Message(Message::Notification(it)) => server.notification(&it.method, it.params)?,
        // The one thing that is asked of clients, to watch files, needs no answer.
        Frame::Message(Message::Response(_)) => {}
        Frame::Garbage(reason) => {
            // Without a message there is no request to answer to: JSON-RPC wants `null` there.
            let error =
                ResponseError { code: ErrorCode::ParseError as i32, message: reason, data: None };
            server
                .send_json(&serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": error }))?;
        }
    }
    Ok(None)
}
