//! Every rule: a file, a page and a line here.

mod backup_inside_window;
mod buffers_beyond_memory;
mod capacity_out_of_range;
mod certificate_outside_us_east_1;
mod container_not_in_task;
mod database_memory_overcommitted;
mod database_windows_overlap;
mod engine_past_support;
mod engine_version_retired;
mod export_lock;
mod export_name_unknown_in_preview;
mod extended_support_by_default;
mod import_out_of_order;
mod import_without_exporter;
mod list_passed_as_string;
mod log_group_after_writer;
mod log_group_by_itself;
mod name_of_wrong_length;
mod name_taken_twice;
mod name_with_illegal_characters;
mod option_group_engine;
mod overlapping_subnets;
mod parameter_group_family;
mod parameter_reaches_nothing;
mod placeholder_left;
mod price_class_without_users;
mod public_resource_before_gateway;
mod route_before_attachment;
mod scaling_target_without_service;
mod service_before_listener;
mod service_does_not_fit_task;
mod subnet_outside_vpc;
mod subnets_in_one_zone;
mod target_group_of_wrong_type;
mod unused_export;
mod unused_output;
mod value_of_another_kind;
mod web_acl_of_wrong_scope;
mod web_acl_outside_us_east_1;
mod zone_of_another_region;

use crate::rule::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[
    &backup_inside_window::RULE,
    &buffers_beyond_memory::RULE,
    &capacity_out_of_range::RULE,
    &certificate_outside_us_east_1::RULE,
    &container_not_in_task::RULE,
    &database_memory_overcommitted::RULE,
    &database_windows_overlap::RULE,
    &engine_past_support::RULE,
    &engine_version_retired::RULE,
    &export_lock::RULE,
    &export_name_unknown_in_preview::RULE,
    &extended_support_by_default::RULE,
    &import_out_of_order::RULE,
    &import_without_exporter::RULE,
    &list_passed_as_string::RULE,
    &log_group_after_writer::RULE,
    &log_group_by_itself::RULE,
    &name_of_wrong_length::RULE,
    &name_taken_twice::RULE,
    &name_with_illegal_characters::RULE,
    &option_group_engine::RULE,
    &overlapping_subnets::RULE,
    &parameter_group_family::RULE,
    &parameter_reaches_nothing::RULE,
    &placeholder_left::RULE,
    &price_class_without_users::RULE,
    &public_resource_before_gateway::RULE,
    &route_before_attachment::RULE,
    &scaling_target_without_service::RULE,
    &service_before_listener::RULE,
    &service_does_not_fit_task::RULE,
    &subnet_outside_vpc::RULE,
    &subnets_in_one_zone::RULE,
    &target_group_of_wrong_type::RULE,
    &unused_export::RULE,
    &unused_output::RULE,
    &value_of_another_kind::RULE,
    &web_acl_of_wrong_scope::RULE,
    &web_acl_outside_us_east_1::RULE,
    &zone_of_another_region::RULE,
];

#[cfg(test)]
mod tests;
