use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Policy, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "data-lost-with-stack",
    severity: Severity::Warning,
    page: include_str!("data_lost_with_stack.md"),
    check,
};

/// Types whose deletion deletes data for good, the property that protects them, and its value.
///
/// A bucket with objects in it cannot be deleted, and a secret or a key only after days.
const TYPES: [(&str, &str, &str); 9] = [
    ("AWS::Cognito::UserPool", "DeletionProtection", "ACTIVE"),
    ("AWS::DocDB::DBCluster", "DeletionProtection", "true"),
    ("AWS::DynamoDB::GlobalTable", "", ""),
    ("AWS::DynamoDB::Table", "DeletionProtectionEnabled", "true"),
    ("AWS::EFS::FileSystem", "", ""),
    ("AWS::Neptune::DBCluster", "DeletionProtection", "true"),
    ("AWS::OpenSearchService::Domain", "", ""),
    ("AWS::RDS::DBCluster", "DeletionProtection", "true"),
    ("AWS::RDS::DBInstance", "DeletionProtection", "true"),
];

fn check(cx: &mut Cx<'_>) {
    if !cx.protected {
        return;
    }
    let links = Links::new(cx);
    for (_, stack, resource) in links.all() {
        let Some((_, property, value)) = TYPES.iter().find(|it| *it.0 == *resource.type_name)
        else {
            continue;
        };
        // What belongs to a cluster holds no data of its own.
        let member = resource.property("DBClusterIdentifier").is_some();
        let replica = resource.property("SourceDBInstanceIdentifier").is_some();
        let protection = resource.property(property);
        let protected =
            protection.is_some_and(|it: &Value| it.as_text().is_none_or(|it| it == *value));
        if member && &*resource.type_name == "AWS::RDS::DBInstance" || replica || protected {
            continue;
        }
        // AWS's own rule reports one of the two policies without the other.
        if resource.deletion_policy != Policy::Delete {
            continue;
        }
        let name = &resource.logical_id;
        let span = cx.declaration(stack, resource).name.span;
        let finding =
            cx.report(span, message!("the data of `{name}` is lost with the resource", name));
        finding.help.push(message!(
            "set `DeletionPolicy` and `UpdateReplacePolicy` to `Retain` or, where there are snapshots, \
             `Snapshot`"
        ));
        if !property.is_empty() {
            finding.help.push(message!("or protect it by `{property}`", property));
        }
    }
}
