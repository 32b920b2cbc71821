use crate::links::{Links, Place};
use crate::policies::least_size;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::collections::BTreeMap;

pub(crate) static RULE: Rule = Rule {
    name: "policy-too-large",
    severity: Severity::Error,
    page: include_str!("policy_too_large.md"),
    check,
};

/// A type, its policy, and the most characters without white space.
const SINGLE: [(&str, &str, usize); 6] = [
    ("AWS::IAM::ManagedPolicy", "PolicyDocument", 6144),
    // The quota is 2,048; it can be raised to this.
    ("AWS::IAM::Role", "AssumeRolePolicyDocument", 4096),
    ("AWS::KMS::Key", "KeyPolicy", 32_768),
    ("AWS::S3::BucketPolicy", "PolicyDocument", 20_480),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy", 20_480),
    ("AWS::EC2::VPCEndpoint", "PolicyDocument", 20_480),
];

/// Identities, and the most characters of all their inline policies together.
const INLINE: [(&str, usize); 3] =
    [("AWS::IAM::Group", 5120), ("AWS::IAM::Role", 10_240), ("AWS::IAM::User", 2048)];

/// Types that add an inline policy to identities, by the property that names them.
const ADDED: [(&str, &[&str]); 4] = [
    ("AWS::IAM::GroupPolicy", &["GroupName"]),
    ("AWS::IAM::Policy", &["Groups", "Roles", "Users"]),
    ("AWS::IAM::RolePolicy", &["RoleName"]),
    ("AWS::IAM::UserPolicy", &["UserName"]),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut inline: BTreeMap<Place, usize> = BTreeMap::new();
    for (place, _, resource) in links.all() {
        let name = &resource.logical_id;
        for (_, property, most) in SINGLE.iter().filter(|it| *it.0 == *resource.type_name) {
            let Some(value) = resource.property(property) else { continue };
            let size = least_size(value);
            if size > *most {
                let finding = cx.report_value(
                    value,
                    message!("the policy of `{name}` has {size} characters", name, size),
                );
                finding.help.push(message!("{most} is the most; split it or shorten it", most));
            }
        }
        let policies = resource.property("Policies").and_then(Value::as_list);
        if INLINE.iter().any(|it| *it.0 == *resource.type_name) {
            let sizes =
                policies.unwrap_or_default().iter().filter_map(|it| it.get("PolicyDocument"));
            *inline.entry(place).or_default() += sizes.map(least_size).sum::<usize>();
        }
        for (_, properties) in ADDED.iter().filter(|it| *it.0 == *resource.type_name) {
            let Some(document) = resource.property("PolicyDocument") else { continue };
            for value in properties.iter().filter_map(|it| resource.property(it)) {
                let targets = value.as_list().unwrap_or(std::slice::from_ref(value));
                for target in targets.iter().filter_map(|it| links.reference(it)) {
                    if let Some(target) = links.place(target.resource) {
                        *inline.entry(target).or_default() += least_size(document);
                    }
                }
            }
        }
    }
    for (place, size) in inline {
        let resource = links.at(place);
        let Some((_, most)) = INLINE.iter().find(|it| *it.0 == *resource.type_name) else {
            continue;
        };
        if size <= *most {
            continue;
        }
        let stack = &cx.tree.stacks[place.0];
        let span = cx.declaration(stack, resource).name.span;
        let name = &resource.logical_id;
        let finding = cx.report(
            span,
            message!("the inline policies of `{name}` have {size} characters together", name, size),
        );
        finding.help.push(message!("{most} is the most; use managed policies", most));
    }
}
