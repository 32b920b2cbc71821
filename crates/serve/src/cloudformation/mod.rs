//! CloudFormation's actions.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html>

mod change_sets;
mod deploy;
mod drift;
mod events;
mod exports;
mod parameters;
mod recovery;
mod resources;
mod source;
mod stacks;
mod templates;
mod words;

use crate::form::Form;
use crate::refusal::Refusal;
use crate::request::Caller;
use crate::service::Service;
use crate::xml::Fields;
use kumiki_backend_local::LocalBackend;
use kumiki_engine::{StackRecord, StackStatus, StateStore};

pub(crate) const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

type Action = fn(&Context<'_>) -> Result<Fields, Refusal>;

/// The actions and what answers them.
const ACTIONS: &[(&str, Action)] = &[
    ("CancelUpdateStack", recovery::cancel_update),
    ("ContinueUpdateRollback", recovery::continue_rollback),
    ("CreateChangeSet", change_sets::create),
    ("CreateStack", stacks::create),
    ("DeleteChangeSet", change_sets::delete),
    ("DeleteStack", stacks::delete),
    ("DescribeAccountLimits", stacks::account_limits),
    ("DescribeChangeSet", change_sets::describe),
    ("DescribeStackDriftDetectionStatus", drift::status),
    ("DescribeStackEvents", events::describe),
    ("DescribeStackResource", resources::describe_one),
    ("DescribeStackResourceDrifts", drift::resources),
    ("DescribeStackResources", resources::describe),
    ("DescribeStacks", stacks::describe),
    ("DetectStackDrift", drift::detect),
    ("ExecuteChangeSet", change_sets::execute),
    ("GetStackPolicy", recovery::stack_policy),
    ("GetTemplate", templates::get),
    ("GetTemplateSummary", templates::summary),
    ("ListChangeSets", change_sets::list),
    ("ListExports", exports::list),
    ("ListImports", exports::imports),
    ("ListStackResources", resources::list),
    ("ListStacks", stacks::list),
    ("RollbackStack", recovery::rollback),
    ("SetStackPolicy", recovery::set_stack_policy),
    ("UpdateStack", stacks::update),
    ("UpdateTerminationProtection", recovery::termination_protection),
    ("ValidateTemplate", templates::validate),
];

/// A request and what it is answered from.
pub(crate) struct Context<'c> {
    pub(crate) service: &'c Service,
    pub(crate) reader: LocalBackend,
    pub(crate) caller: Caller,
    pub(crate) form: Form,
}

/// Answers an action.
pub(crate) fn answer(service: &Service, caller: Caller, form: Form) -> Result<Fields, Refusal> {
    let asked = form.get("Action").unwrap_or_default();
    let Some((_, action)) = ACTIONS.iter().find(|(name, _)| *name == asked) else {
        let reason = format!("Could not find operation {asked} for version 2010-05-15");
        return Err(Refusal::new(400, "InvalidAction", reason));
    };
    let reader = service
        .reader()
        .map_err(|error| Refusal::new(500, "InternalFailure", error.message().to_string()))?;
    let context = Context { service, reader, caller, form };
    let token = context.form.get("ClientRequestToken").or(context.form.get("ClientToken"));
    let Some(token) = token else { return action(&context) };
    let token = format!("{} {} {token}", context.caller.account, context.caller.region);
    let asked = context.form.fingerprint();
    if let Some(answer) = service.memory.answered(&token, &asked)? {
        return Ok(answer);
    }
    let answer = action(&context)?;
    service.memory.keep_answer(token, asked, answer.clone());
    Ok(answer)
}

impl Context<'_> {
    pub(crate) fn records(&self) -> &dyn StateStore {
        self.reader.records()
    }

    /// A field that has to be there.
    pub(crate) fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.form.get(name).ok_or_else(|| {
            let member = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy \
                 constraint: Member must not be null"
            ))
        })
    }

    /// The stacks of the caller's account and Region, deleted ones included.
    pub(crate) fn stacks(&self) -> Result<Vec<StackRecord>, Refusal> {
        let mut stacks = self.records().stacks()?;
        let Caller { account, region, .. } = &self.caller;
        stacks.retain(|it| it.account == *account && it.region == *region);
        Ok(stacks)
    }

    /// The stack of an ARN, or the one of a name that is not deleted.
    pub(crate) fn find(&self, name: &str) -> Result<Option<StackRecord>, Refusal> {
        let mut stacks = self.stacks()?.into_iter();
        Ok(stacks.find(|it| match name.starts_with("arn:") {
            true => it.stack_id == name,
            false => it.name == name && it.status != StackStatus::DeleteComplete,
        }))
    }

    /// The stack that `StackName` names, for those who look.
    pub(crate) fn stack(&self) -> Result<StackRecord, Refusal> {
        let name = self.needed("StackName")?;
        self.find(name)?
            .ok_or_else(|| Refusal::validation(format!("Stack with id {name} does not exist")))
    }

    /// The stack that `StackName` names and that is there, for those who change.
    pub(crate) fn living_stack(&self) -> Result<StackRecord, Refusal> {
        let name = self.needed("StackName")?;
        let found = self.find(name)?.filter(|it| it.status != StackStatus::DeleteComplete);
        found.ok_or_else(|| Refusal::validation(format!("Stack [{name}] does not exist")))
    }

    /// A page of a list, and the token of the next. Tokens are positions.
    pub(crate) fn page<T>(
        &self,
        items: Vec<T>,
        size: usize,
    ) -> Result<(Vec<T>, Option<String>), Refusal> {
        let from: usize = match self.form.get("NextToken") {
            Some(token) => token.parse().map_err(|_| bad_token())?,
            None => 0,
        };
        if from > items.len() {
            return Err(bad_token());
        }
        let next = (items.len() > from + size).then(|| (from + size).to_string());
        Ok((items.into_iter().skip(from).take(size).collect(), next))
    }
}

pub(crate) fn bad_token() -> Refusal {
    Refusal::validation("Invalid NextToken")
}

/// What one answer lists at most.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html>
const PAGE: usize = 100;

#[cfg(test)]
mod tests {
    use super::ACTIONS;

    #[test]
    fn actions_are_in_order_and_once() {
        assert!(ACTIONS.is_sorted_by(|(one, _), (two, _)| one < two));
    }
}
