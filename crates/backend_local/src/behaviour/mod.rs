//! What single services refuse: behaviour beyond their schemas, where a rehearsal without it
//! would lie.
//!
//! A check sees the request and the world as it is before it. Reasons are in the words that stack
//! events have; request IDs, which would be made up, are left out.

mod data;
mod messaging;
mod network;
mod security_groups;

use crate::shape::text_at;
use crate::world::{Thing, World};
use kumiki_engine::Request;
use kumiki_schema::ReplacementOrder;
use serde_json::Value as Json;

/// What a check sees.
pub(crate) struct Cx<'c> {
    pub(crate) request: &'c Request<'c>,
    pub(crate) world: &'c World,
}

/// A refusal's reason, or that there is none.
pub(crate) type Checked = Result<(), String>;
type Check = fn(&Cx<'_>) -> Checked;

/// The hand-written behaviour of a type: what it refuses when it is created or updated, and when
/// it is deleted.
pub(crate) struct Behaviour {
    pub(crate) type_name: &'static str,
    pub(crate) write: Check,
    pub(crate) delete: Check,
}

const fn behaviour(type_name: &'static str, write: Check, delete: Check) -> Behaviour {
    Behaviour { type_name, write, delete }
}

fn nothing(_: &Cx<'_>) -> Checked {
    Ok(())
}

/// Sorted by type.
#[rustfmt::skip]
static BEHAVIOURS: &[Behaviour] = &[
    behaviour("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", messaging::chat_channel, nothing),
    behaviour("AWS::Chatbot::SlackChannelConfiguration", messaging::chat_channel, nothing),
    behaviour("AWS::CloudWatch::Alarm", messaging::alarm, nothing),
    behaviour("AWS::EC2::InternetGateway", nothing, network::internet_gateway_gone),
    behaviour("AWS::EC2::Route", network::route, nothing),
    behaviour("AWS::EC2::RouteTable", network::in_vpc, network::route_table_gone),
    behaviour("AWS::EC2::SecurityGroup", security_groups::group, security_groups::group_gone),
    behaviour("AWS::EC2::SecurityGroupEgress", security_groups::rule, nothing),
    behaviour("AWS::EC2::SecurityGroupIngress", security_groups::rule, nothing),
    behaviour("AWS::EC2::Subnet", network::subnet, network::subnet_gone),
    behaviour("AWS::EC2::SubnetRouteTableAssociation", network::association, nothing),
    behaviour("AWS::EC2::TransitGatewayAttachment", network::transit_gateway_attachment, network::transit_gateway_attachment_gone),
    behaviour("AWS::EC2::VPC", network::vpc, network::vpc_gone),
    behaviour("AWS::EC2::VPCEndpoint", network::endpoint, nothing),
    behaviour("AWS::EC2::VPCGatewayAttachment", network::gateway_attachment, network::gateway_attachment_gone),
    behaviour("AWS::Events::Rule", messaging::rule, nothing),
    behaviour("AWS::IAM::ManagedPolicy", messaging::managed_policy, messaging::managed_policy_gone),
    behaviour("AWS::IAM::Role", messaging::role, nothing),
    behaviour("AWS::KMS::Alias", messaging::key_alias, nothing),
    behaviour("AWS::KMS::Key", nothing, nothing),
    behaviour("AWS::Logs::LogGroup", messaging::log_group, nothing),
    behaviour("AWS::Logs::MetricFilter", messaging::metric_filter, nothing),
    behaviour("AWS::RDS::DBInstance", data::instance, data::instance_gone),
    behaviour("AWS::RDS::DBParameterGroup", data::parameter_group, data::parameter_group_gone),
    behaviour("AWS::RDS::DBSubnetGroup", data::subnet_group, data::subnet_group_gone),
    behaviour("AWS::RDS::OptionGroup", data::option_group, data::option_group_gone),
    behaviour("AWS::S3::Bucket", data::bucket, nothing),
    behaviour("AWS::S3::BucketPolicy", data::bucket_policy, nothing),
    behaviour("AWS::SNS::Subscription", messaging::subscription, nothing),
    behaviour("AWS::SNS::Topic", messaging::topic, nothing),
    behaviour("AWS::SNS::TopicPolicy", messaging::topic_policy, nothing),
    behaviour("AWS::SecretsManager::ResourcePolicy", data::secret_policy, nothing),
    behaviour("AWS::SecretsManager::Secret", data::secret, nothing),
];

/// The hand-written behaviour of a type, if it has one.
pub(crate) fn behaviour_of(type_name: &str) -> Option<&'static Behaviour> {
    let index = BEHAVIOURS.binary_search_by(|it| it.type_name.cmp(type_name)).ok()?;
    Some(&BEHAVIOURS[index])
}

/// A service's refusal, as a resource handler passes it on.
///
/// <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html>
pub(crate) fn refused<T>(code: &str, message: impl AsRef<str>) -> Result<T, String> {
    let message = message.as_ref();
    Err(format!("Resource handler returned message: \"{message}\" (HandlerErrorCode: {code})"))
}

/// Where the things of a type are kept: names of some are the whole account's, or the world's.
pub(crate) fn home<'r>(type_name: &str, account: &'r str, region: &'r str) -> (&'r str, &'r str) {
    match type_name {
        "AWS::S3::Bucket" | "AWS::S3::BucketPolicy" => ("", ""),
        _ if type_name.starts_with("AWS::IAM::")
            || type_name.starts_with("AWS::CloudFront::")
            || type_name.starts_with("AWS::Route53::")
            || type_name.starts_with("AWS::Chatbot::") =>
        {
            (account, "")
        }
        _ => (account, region),
    }
}

impl Cx<'_> {
    /// A property as text.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        text_at(self.request.properties, path)
    }

    /// A property that is a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        texts(self.request.properties, name)
    }

    /// A thing of the account and Region.
    pub(crate) fn get(&self, type_name: &str, id: &str) -> Option<&Thing> {
        let (account, region) = home(type_name, self.request.account, self.request.region);
        self.world.get(account, region, type_name, id)
    }

    /// The things of a type, without the one that is asked about and the one it replaces where
    /// that goes first.
    pub(crate) fn others<'a>(
        &'a self,
        type_name: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Thing)> {
        let request = self.request;
        let (account, region) = home(type_name, request.account, request.region);
        let same = type_name == request.type_name;
        let goes_first = kumiki_schema::resource_type(type_name)
            .is_some_and(|it| it.replacement_order() == ReplacementOrder::DeleteThenCreate);
        let replaced = request.replaces.filter(|_| goes_first);
        self.world.all(account, region, type_name).filter(move |(id, _)| {
            !same || (*id != request.physical_id && Some(id.as_str()) != replaced)
        })
    }

    /// The first thing of a type whose property has this value.
    pub(crate) fn user(&self, type_name: &str, property: &str, value: &str) -> Option<String> {
        let (account, region) = home(type_name, self.request.account, self.request.region);
        self.world
            .all(account, region, type_name)
            .find(|(_, thing)| {
                text_at(&thing.properties, property).as_deref() == Some(value)
                    || texts(&thing.properties, property).iter().any(|it| it == value)
            })
            .map(|(id, _)| id.clone())
    }
}

/// A property that is a list of texts.
pub(crate) fn texts(properties: &Json, name: &str) -> Vec<String> {
    let items = properties.get(name).and_then(Json::as_array);
    items
        .map(|items| items.iter().filter_map(Json::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviours_are_sorted() {
        assert!(BEHAVIOURS.windows(2).all(|pair| pair[0].type_name < pair[1].type_name));
    }
}
