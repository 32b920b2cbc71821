//! What an account is asked before a deployment, set to after it, and asked again then.
//!
//! Every check is passed, failed or unknown. It is unknown when nobody could be asked, or the caller
//! may not ask: that is never a pass.

mod after;
mod preflight;
mod smoke;

pub use after::post_deploy;
pub use preflight::{Preflight, preflight};
pub use smoke::{Probe, smoke};

use crate::call::{Ask, Call};
use crate::error::ServiceError;
use kumiki_source::{Message, message};
use serde_json::Value;

/// A root that was deployed.
#[derive(Clone, Copy, Debug)]
pub struct Deployed<'d> {
    /// Its Region.
    pub region: &'d str,
    /// Its account.
    pub account: &'d str,
    /// What it and its nested stacks made.
    pub resources: &'d [Placed],
}

/// A resource that is there.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its path in the tree of stacks.
    pub path: String,
    /// Its type.
    pub type_name: String,
    /// What `Ref` gives.
    pub physical_id: String,
}

impl<'d> Deployed<'d> {
    /// The resources of a type, by what `Ref` gives.
    fn physical(&self, type_name: &str) -> impl Iterator<Item = &'d str> {
        let fits = move |it: &&Placed| it.type_name == type_name;
        self.resources.iter().filter(fits).map(|it| it.physical_id.as_str())
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is as it has to be.
    Pass,
    /// It is not.
    Fail,
    /// Nobody could tell.
    Unknown,
}

impl Verdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What one check found of one thing.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// What was checked: an identifier, a name.
    pub about: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What is so, or why nobody can tell.
    pub evidence: Message,
    /// What to do.
    pub help: Option<Message>,
}

/// Findings of a check, with what they are about.
struct About(&'static str, String);

impl About {
    fn found(self, verdict: Verdict, evidence: Message) -> Finding {
        let Self(check, about) = self;
        Finding { check, about, verdict, evidence, help: None }
    }

    fn pass(self, evidence: Message) -> Finding {
        self.found(Verdict::Pass, evidence)
    }

    fn fail(self, evidence: Message, help: Message) -> Finding {
        Finding { help: Some(help), ..self.found(Verdict::Fail, evidence) }
    }

    fn unknown(self, evidence: Message) -> Finding {
        self.found(Verdict::Unknown, evidence)
    }

    /// Nobody answered, or the caller may not ask.
    fn unanswered(self, error: &ServiceError) -> Finding {
        let evidence = match error.code.as_str() {
            NOT_ASKED => message!("only an account can tell"),
            _ => error.message(),
        };
        self.unknown(evidence)
    }
}

/// The code of a call that nobody was asked.
const NOT_ASKED: &str = "NotAsked";

/// There is no account to ask: a rehearsal.
#[derive(Clone, Copy, Debug)]
pub struct NoAccount;

impl Ask for NoAccount {
    fn ask(&self, call: &Call) -> Result<Value, ServiceError> {
        let code = NOT_ASKED.to_owned();
        Err(ServiceError { action: call.action, code, text: String::new() })
    }
}

#[cfg(test)]
mod script {
    use super::{Finding, NoAccount};
    use crate::call::{Ask, Call, Request};
    use crate::error::ServiceError;
    use serde_json::Value;
    use std::cell::RefCell;

    /// What an account says to a call, or the code of its refusal.
    pub(super) type Answer = Result<Value, &'static str>;
    /// An action, what the request has to say, and the answer.
    pub(super) type Line = (&'static str, &'static str, Answer);

    /// An account of which is known what it answers to what: an action, and something that the
    /// request has to say. The first that fits answers.
    #[derive(Default)]
    pub(super) struct Script {
        pub(super) answers: Vec<Line>,
        pub(super) asked: RefCell<Vec<String>>,
    }

    impl Ask for Script {
        fn ask(&self, call: &Call) -> Result<Value, ServiceError> {
            let said = match &call.request {
                Request::Form(fields) => format!("{fields:?}"),
                Request::Json(body) => body.to_string(),
                Request::Rest { method, path, body, .. } => format!("{method} {path} {body}"),
            };
            self.asked.borrow_mut().push(call.action.to_owned());
            let fits = |(action, part, _): &&(&str, &str, _)| {
                *action == call.action && said.contains(part)
            };
            match self.answers.iter().find(fits) {
                None => NoAccount.ask(call),
                Some((.., Ok(answer))) => Ok(answer.clone()),
                Some((.., Err(code))) => {
                    let (action, code) = (call.action, (*code).to_owned());
                    Err(ServiceError { action, code, text: "no".to_owned() })
                }
            }
        }
    }

    /// Findings of a check in one line each.
    pub(super) fn lines(findings: &[Finding], check: &str) -> Vec<String> {
        findings
            .iter()
            .filter(|it| it.check == check)
            .map(|it| format!("{} {}: {}", it.verdict.as_str(), it.about, it.evidence))
            .collect()
    }
}
