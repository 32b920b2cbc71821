//! Resource provider schemas as data: which properties a resource type has, which of them replace
//! the resource when they change, which the service sets, and what `Fn::GetAtt` accepts.
//!
//! The data is AWS's, taken from the `cloudformation-validate-data-source` crate by the build
//! script, which keeps only what is served here and lays it into the binary. At run time a type is
//! found by binary search and decoded once, on first use; there is nothing to load. The few facts
//! in which AWS's schemas contradict AWS's documentation are corrected in `build/corrections.rs`. What
//! that crate leaves out, the permissions of CloudFormation's handlers, is in `data/handlers.txt`.
//!
//! This crate never validates, and never reads a file, the environment or the clock. Patterns,
//! ranges and the conditional parts of schemas are left to AWS's own validator, which `check` runs.
//!
//! ```
//! use kumiki_schema::{Kind, Replacement};
//!
//! let instance = kumiki_schema::resource_type("AWS::RDS::DBInstance").expect("AWS has databases");
//! assert_eq!(instance.replacement(&["StorageEncrypted"]), Replacement::Always);
//! assert_eq!(instance.attribute("Endpoint.Address"), Some(Kind::String));
//! assert_eq!(instance.closest_property("DbInstanceClas"), Some("DBInstanceClass"));
//! ```
//!
//! # Types that are not in the data
//!
//! - **Custom resources.** `Custom::Anything` is served by the schema of
//!   `AWS::CloudFormation::CustomResource`: `ServiceToken` and `ServiceTimeout` are declared, every
//!   other property is accepted, and every attribute name is.
//! - **Nested stacks.** `AWS::CloudFormation::Stack` is in the data; its attributes are
//!   `Outputs.<any name>`. Whether the child declares that output is for `project` to say.
//! - **Modules** (`Org::Service::Resource::MODULE`) and **third-party types** have no schema here:
//!   [`resource_type`] is `None`, and [`origin`] tells them from a misspelt name. An account
//!   publishes them, so nothing offline can know them.
//! - **Serverless types** (`AWS::Serverless::…`) are in the data as AWS's validator has them. The
//!   transform rewrites them before any resource exists, so nothing is known of their attributes
//!   and of replacement.

mod handlers;
mod nearest;
mod path;
mod property;
mod record;
mod resource_type;
mod types;

pub use handlers::handler_actions;
pub use path::PropertyPath;
pub use property::Property;
pub use record::{Kind, TagShape};
pub use resource_type::{Attribute, Replacement, ReplacementOrder, ResourceType, Tagging};
pub use types::{Origin, available, origin, regions, resource_type, suggest, type_names};

/// Where AWS publishes the schemas this crate was built from.
///
/// From `resource_schema_version` in the data's `source_versions.json`.
pub const SCHEMA_SOURCE: &str = env!("KUMIKI_SCHEMA_SOURCE");

/// When AWS published the schemas this crate was built from, as an RFC 3339 time.
///
/// From `resource_schema_version` in the data's `source_versions.json`.
pub const SCHEMA_VERSION: &str = env!("KUMIKI_SCHEMA_VERSION");
