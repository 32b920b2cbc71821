//! Every rule: a file, a page and a line here.

mod above_default_quota;
mod above_resource_quota;
mod admin_policy;
mod alarm_beyond_maximum;
mod alarm_counts_bytes;
mod alarm_matches_no_metric;
mod alarm_misses_metric_filter;
mod alarm_refused;
mod alarm_window_too_long;
mod alarm_without_actions;
mod backup_inside_window;
mod backup_rule_refused;
mod block_of_wrong_size;
mod block_with_host_bits;
mod bucket_policy_locks_out;
mod bucket_settings_refused;
mod buffers_beyond_memory;
mod cache_settings_refused;
mod capacity_out_of_range;
mod certificate_outside_us_east_1;
mod composite_alarm_without_alarm;
mod condition_never_holds;
mod confused_deputy;
mod container_dependency_broken;
mod container_not_in_task;
mod created_twice;
mod data_lost_with_stack;
mod database_memory_overcommitted;
mod database_name_refused;
mod database_settings_refused;
mod database_storage_refused;
mod database_windows_overlap;
mod delivery_before_permission;
mod deployment_stands_still;
mod endpoint_policy_open;
mod engine_past_support;
mod engine_version_retired;
mod event_input_ignored;
mod event_never_arrives;
mod export_lock;
mod export_name_unknown_in_preview;
mod extended_support_by_default;
mod fifo_mismatch;
mod function_half_in_vpc;
mod generated_password_refused;
mod health_check_refused;
mod health_command_not_in_image;
mod import_out_of_order;
mod import_without_exporter;
mod key_locks_out_owner;
mod lifecycle_refused;
mod list_passed_as_string;
mod log_export_of_another_engine;
mod log_group_after_writer;
mod log_group_by_itself;
mod log_key_refuses_logs;
mod log_options_missing;
mod macro_with_nested_stacks;
mod made_too_early;
mod metric_filter_refused;
mod missing_secret_key;
mod name_of_wrong_length;
mod name_taken_elsewhere;
mod name_taken_twice;
mod name_with_illegal_characters;
mod named_before_made;
mod open_to_world;
mod option_group_engine;
mod overlapping_subnets;
mod parameter_files_differ;
mod parameter_group_family;
mod parameter_of_its_own_tree;
mod parameter_reaches_nothing;
mod pass_role_too_wide;
mod placeholder_left;
mod policy_open_to_world;
mod policy_too_large;
mod price_class_without_users;
mod public_resource_before_gateway;
mod queue_key_refuses_sender;
mod reference_to_another_region;
mod replica_lag_without_replica;
mod rights_after_use;
mod role_lacks_rights;
mod role_trusts_wrong_service;
mod route_before_attachment;
mod route_into_own_vpc;
mod route_without_target;
mod scaling_policy_refused;
mod scaling_target_without_service;
mod schedule_refused;
mod secret_shown;
mod security_group_rule_refused;
mod service_before_listener;
mod service_does_not_fit_task;
mod service_settings_conflict;
mod service_without_source;
mod statement_matches_nothing;
mod subnet_outside_vpc;
mod subnets_in_one_zone;
mod support_ends_soon;
mod table_settings_refused;
mod target_group_of_wrong_protocol;
mod target_group_of_wrong_type;
mod target_in_another_region;
mod target_refuses_service;
mod task_definition_refused;
mod task_without_execution_role;
mod template_url_computed;
mod text_is_not_json;
mod too_many_managed_policies;
mod too_many_security_group_rules;
mod topic_key_refuses_publisher;
mod tree_too_large;
mod trust_open_to_world;
mod unknown_action;
mod unknown_service_principal;
mod unused_export;
mod unused_output;
mod value_of_another_kind;
mod value_too_large;
mod variable_in_old_policy;
mod volatile_value_constrained;
mod volatile_value_decides;
mod web_acl_log_misnamed;
mod web_acl_of_wrong_scope;
mod web_acl_outside_us_east_1;
mod wildcard_action;
mod wildcard_compared_literally;
mod wildcard_resource;
mod zone_beyond_region;
mod zone_of_another_region;

use crate::rule::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[
    &above_default_quota::RULE,
    &above_resource_quota::RULE,
    &admin_policy::RULE,
    &alarm_beyond_maximum::RULE,
    &alarm_counts_bytes::RULE,
    &alarm_matches_no_metric::RULE,
    &alarm_misses_metric_filter::RULE,
    &alarm_refused::RULE,
    &alarm_window_too_long::RULE,
    &alarm_without_actions::RULE,
    &backup_inside_window::RULE,
    &backup_rule_refused::RULE,
    &block_of_wrong_size::RULE,
    &block_with_host_bits::RULE,
    &bucket_policy_locks_out::RULE,
    &bucket_settings_refused::RULE,
    &buffers_beyond_memory::RULE,
    &cache_settings_refused::RULE,
    &capacity_out_of_range::RULE,
    &certificate_outside_us_east_1::RULE,
    &composite_alarm_without_alarm::RULE,
    &condition_never_holds::RULE,
    &confused_deputy::RULE,
    &container_dependency_broken::RULE,
    &container_not_in_task::RULE,
    &created_twice::RULE,
    &data_lost_with_stack::RULE,
    &database_memory_overcommitted::RULE,
    &database_name_refused::RULE,
    &database_settings_refused::RULE,
    &database_storage_refused::RULE,
    &database_windows_overlap::RULE,
    &delivery_before_permission::RULE,
    &deployment_stands_still::RULE,
    &endpoint_policy_open::RULE,
    &engine_past_support::RULE,
    &engine_version_retired::RULE,
    &event_input_ignored::RULE,
    &event_never_arrives::RULE,
    &export_lock::RULE,
    &export_name_unknown_in_preview::RULE,
    &extended_support_by_default::RULE,
    &fifo_mismatch::RULE,
    &function_half_in_vpc::RULE,
    &generated_password_refused::RULE,
    &health_check_refused::RULE,
    &health_command_not_in_image::RULE,
    &import_out_of_order::RULE,
    &import_without_exporter::RULE,
    &key_locks_out_owner::RULE,
    &lifecycle_refused::RULE,
    &list_passed_as_string::RULE,
    &log_export_of_another_engine::RULE,
    &log_group_after_writer::RULE,
    &log_group_by_itself::RULE,
    &log_key_refuses_logs::RULE,
    &log_options_missing::RULE,
    &macro_with_nested_stacks::RULE,
    &made_too_early::RULE,
    &metric_filter_refused::RULE,
    &missing_secret_key::RULE,
    &name_of_wrong_length::RULE,
    &name_taken_elsewhere::RULE,
    &name_taken_twice::RULE,
    &name_with_illegal_characters::RULE,
    &named_before_made::RULE,
    &open_to_world::RULE,
    &option_group_engine::RULE,
    &overlapping_subnets::RULE,
    &parameter_files_differ::RULE,
    &parameter_group_family::RULE,
    &parameter_of_its_own_tree::RULE,
    &parameter_reaches_nothing::RULE,
    &pass_role_too_wide::RULE,
    &placeholder_left::RULE,
    &policy_open_to_world::RULE,
    &policy_too_large::RULE,
    &price_class_without_users::RULE,
    &public_resource_before_gateway::RULE,
    &queue_key_refuses_sender::RULE,
    &reference_to_another_region::RULE,
    &replica_lag_without_replica::RULE,
    &rights_after_use::RULE,
    &role_lacks_rights::RULE,
    &role_trusts_wrong_service::RULE,
    &route_before_attachment::RULE,
    &route_into_own_vpc::RULE,
    &route_without_target::RULE,
    &scaling_policy_refused::RULE,
    &scaling_target_without_service::RULE,
    &schedule_refused::RULE,
    &secret_shown::RULE,
    &security_group_rule_refused::RULE,
    &service_before_listener::RULE,
    &service_does_not_fit_task::RULE,
    &service_settings_conflict::RULE,
    &service_without_source::RULE,
    &statement_matches_nothing::RULE,
    &subnet_outside_vpc::RULE,
    &subnets_in_one_zone::RULE,
    &support_ends_soon::RULE,
    &table_settings_refused::RULE,
    &target_group_of_wrong_protocol::RULE,
    &target_group_of_wrong_type::RULE,
    &target_in_another_region::RULE,
    &target_refuses_service::RULE,
    &task_definition_refused::RULE,
    &task_without_execution_role::RULE,
    &template_url_computed::RULE,
    &text_is_not_json::RULE,
    &too_many_managed_policies::RULE,
    &too_many_security_group_rules::RULE,
    &topic_key_refuses_publisher::RULE,
    &tree_too_large::RULE,
    &trust_open_to_world::RULE,
    &unknown_action::RULE,
    &unknown_service_principal::RULE,
    &unused_export::RULE,
    &unused_output::RULE,
    &value_of_another_kind::RULE,
    &value_too_large::RULE,
    &variable_in_old_policy::RULE,
    &volatile_value_constrained::RULE,
    &volatile_value_decides::RULE,
    &web_acl_log_misnamed::RULE,
    &web_acl_of_wrong_scope::RULE,
    &web_acl_outside_us_east_1::RULE,
    &wildcard_action::RULE,
    &wildcard_compared_literally::RULE,
    &wildcard_resource::RULE,
    &zone_beyond_region::RULE,
    &zone_of_another_region::RULE,
];

#[cfg(test)]
pub(crate) mod tests;
