//! Every rule: a file, a page and a line here.

mod import_out_of_order;
mod import_without_exporter;

use crate::rule::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[&import_out_of_order::RULE, &import_without_exporter::RULE];

#[cfg(test)]
mod tests;
