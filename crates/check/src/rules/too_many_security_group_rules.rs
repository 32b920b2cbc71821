use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::collections::BTreeMap;

pub(crate) static RULE: Rule = Rule {
    name: "too-many-security-group-rules",
    severity: Severity::Warning,
    page: include_str!("too_many_security_group_rules.md"),
    check,
};

/// How many rules a security group has each way unless the quota was raised; those of IPv4 and IPv6
/// count apart.
const MOST: usize = 60;

#[derive(Default)]
struct Count {
    v4: usize,
    v6: usize,
}

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut counts: BTreeMap<(Place, &str), Count> = BTreeMap::new();
    for (place, _, resource) in links.all() {
        match &*resource.type_name {
            "AWS::EC2::SecurityGroup" => {
                for (property, way) in
                    [("SecurityGroupIngress", "inbound"), ("SecurityGroupEgress", "outbound")]
                {
                    let rules = resource.property(property).and_then(Value::as_list);
                    for rule in rules.unwrap_or_default() {
                        counts.entry((place, way)).or_default().add(rule);
                    }
                }
            }
            "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress" => {
                let way = match &*resource.type_name {
                    "AWS::EC2::SecurityGroupIngress" => "inbound",
                    _ => "outbound",
                };
                let group = resource.property("GroupId").and_then(|it| links.reference(it));
                if let Some(group) = group.and_then(|it| links.place(it.resource)) {
                    counts.entry((group, way)).or_default().add(&resource.properties);
                }
            }
            _ => {}
        }
    }
    for ((group, way), count) in counts {
        let count = count.v4.max(count.v6);
        if count <= MOST {
            continue;
        }
        let resource = links.at(group);
        let span = cx.declaration(&cx.tree.stacks[group.0], resource).name.span;
        let name = &resource.logical_id;
        let finding = cx.report(
            span,
            message!("security group `{name}` has {count} {way} rules", name, count, way),
        );
        finding.help.push(message!(
            "{most} is the most unless the account's quota was raised; use a prefix list or another \
             group",
            most = MOST
        ));
    }
}

impl Count {
    fn add(&mut self, rule: &Value) {
        let (v4, v6) = (rule.get("CidrIp").is_some(), rule.get("CidrIpv6").is_some());
        // A rule that refers to a group counts for both.
        self.v4 += usize::from(v4 || !v6);
        self.v6 += usize::from(v6 || !v4);
    }
}
