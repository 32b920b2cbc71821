//! The one action of STS that every tool begins with.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use crate::form::Form;
use crate::refusal::Refusal;
use crate::request::Caller;
use crate::xml::Fields;
use kumiki_project::partition;

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(crate) fn answer(caller: &Caller, form: &Form) -> Result<Fields, Refusal> {
    match form.get("Action") {
        Some("GetCallerIdentity") => {
            let (account, partition) = (&caller.account, partition(&caller.region));
            Ok(Fields::default()
                .with("Arn", format!("arn:{partition}:iam::{account}:user/kumiki"))
                .with("UserId", "AIDAKUMIKIREHEARSAL00")
                .with("Account", account))
        }
        other => Err(Refusal::new(
            400,
            "InvalidAction",
            format!("`{}` of STS is not served here", other.unwrap_or_default()),
        )),
    }
}
