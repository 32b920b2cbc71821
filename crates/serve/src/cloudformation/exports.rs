//! `ListExports` and `ListImports`.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html>

use super::{Context, PAGE};
use crate::refusal::Refusal;
use crate::xml::Fields;

pub(super) fn list(context: &Context<'_>) -> Result<Fields, Refusal> {
    let caller = &context.caller;
    let exports = context.records().exports(&caller.account, &caller.region)?;
    let (page, next) = context.page(exports, PAGE)?;
    let page = page.into_iter().map(|it| {
        Fields::default()
            .with("ExportingStackId", it.stack_id)
            .with("Name", it.name)
            .with("Value", it.value)
    });
    Ok(Fields::default().list("Exports", page).maybe("NextToken", next))
}

pub(super) fn imports(context: &Context<'_>) -> Result<Fields, Refusal> {
    let name = context.needed("ExportName")?;
    let caller = &context.caller;
    let imports = context.records().imports(&caller.account, &caller.region)?;
    let users: Vec<String> =
        imports.into_iter().filter(|it| it.name == name).map(|it| it.stack_name).collect();
    if users.is_empty() {
        let exports = context.records().exports(&caller.account, &caller.region)?;
        let reason = match exports.iter().any(|it| it.name == name) {
            true => format!("Export '{name}' is not imported by any stack."),
            false => format!("Export '{name}' does not exist."),
        };
        return Err(Refusal::validation(reason));
    }
    let (page, next) = context.page(users, PAGE)?;
    Ok(Fields::default().list("Imports", page).maybe("NextToken", next))
}
