//! Every rule: a file, a page and a line here.

mod import_out_of_order;
mod import_without_exporter;
mod name_of_wrong_length;
mod name_taken_twice;
mod name_with_illegal_characters;

use crate::rule::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[
    &import_out_of_order::RULE,
    &import_without_exporter::RULE,
    &name_of_wrong_length::RULE,
    &name_taken_twice::RULE,
    &name_with_illegal_characters::RULE,
];

#[cfg(test)]
mod tests;
