//! 8.1 Network.

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::{Resource, many};
use crate::view::View;
use ipnet::Ipv4Net;
use std::collections::BTreeSet;

const VPC: &str = "nested/network/vpc-and-igw.yaml";
const SUBNETS: &str = "nested/network/subnets.yaml";
const ROUTES: &str = "nested/network/route-tables.yaml";
const GROUPS: &str = "nested/network/security-groups.yaml";
const ENDPOINTS: &str = "nested/network/vpc-endpoints.yaml";

/// The tiers of the network, and the numbers of their two subnets.
const TIERS: [(&str, [u8; 2]); 3] = [("Public", [0, 1]), ("Private", [10, 11]), ("Data", [20, 21])];

/// What may talk to what (8.1.4): who opens, to whom, on which port.
const MATRIX: &[(&str, &str, &str)] = &[
    ("AlbInternal", "StaffApi", "3000"),
    ("AlbPublic", "VendorApi", "4000"),
    ("StaffApi", "Rds", "5432"),
    ("VendorApi", "Rds", "5432"),
    ("Batch", "Rds", "5432"),
    ("StaffApi", "VpcEndpoint", "443"),
    ("VendorApi", "VpcEndpoint", "443"),
    ("Batch", "VpcEndpoint", "443"),
];

/// The facts of the network layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "VPC-1",
        level: R,
        says: "the address space is 10.0.0.0/16 in dev, 10.1.0.0/16 in stg, 10.2.0.0/16 in prod",
        check: |world| {
            world.views(|it| {
                let expected = it.by("10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16");
                it.expect("VpcStack/VPC", "CidrBlock", expected);
            })
        },
        fault: Fault { file: "parameters/stg.json", from: "10.1.0.0/16", to: "10.4.0.0/16" },
    },
    Fact {
        id: "VPC-2",
        level: R,
        says: "no NAT gateway and no elastic address in the whole tree",
        check: |world| {
            world.views(|it| {
                for type_name in ["AWS::EC2::NatGateway", "AWS::EC2::EIP"] {
                    it.equal(type_name, it.names(type_name), [""; 0]);
                }
            })
        },
        fault: Fault {
            file: VPC,
            from: "  GatewayAttachment:",
            to: "  Address:\n    Type: AWS::EC2::EIP\n\n  GatewayAttachment:",
        },
    },
    Fact {
        id: "VPC-4",
        level: R,
        says: "the address space overlaps neither the on-premises network nor the client VPN",
        check: |world| {
            world.views(|it| {
                for other in ["OnPremCidr", "ClientVpnCidr"] {
                    let apart = match (net(it.parameter("VpcCidr")), net(it.parameter(other))) {
                        (Some(own), Some(other)) => !own.contains(&other) && !other.contains(&own),
                        _ => false,
                    };
                    it.require(apart, format!("VpcCidr overlaps {other}"));
                }
            })
        },
        fault: Fault { file: "parameters/prod.json", from: "172.16.0.0/16", to: "10.0.0.0/8" },
    },
    Fact {
        id: "SUB-1",
        level: R,
        says: "exactly six subnets, three tiers in two zones, all /24: .0/.1, .10/.11, .20/.21",
        check: |world| {
            world.views(|it| {
                it.equal("the number of subnets", it.all("AWS::EC2::Subnet").len(), 6);
                let space = it.by("10.0", "10.1", "10.2");
                for (tier, numbers) in TIERS {
                    for (index, number) in numbers.into_iter().enumerate() {
                        let subnet = format!("SubnetsStack/{tier}Subnet{}", index + 1);
                        it.expect(&subnet, "CidrBlock", &format!("{space}.{number}.0/24"));
                        it.expect(&subnet, "VpcId", "<VpcStack/VPC>");
                    }
                }
            })
        },
        fault: Fault { file: SUBNETS, from: "!Select [11, ", to: "!Select [12, " },
    },
    Fact {
        id: "SUB-2",
        level: R,
        says: "two different Availability Zones, and every tier is in both",
        check: |world| {
            world.views(|it| {
                let zone = |subnet: String| it.resource(&subnet).text("AvailabilityZone");
                for (tier, _) in TIERS {
                    let zones =
                        [1, 2].map(|index| zone(format!("SubnetsStack/{tier}Subnet{index}")));
                    it.equal(
                        format!("the zones of tier {tier}"),
                        zones,
                        ["ap-northeast-1a", "ap-northeast-1c"],
                    );
                }
            })
        },
        fault: Fault {
            file: SUBNETS,
            from: "AvailabilityZone: !Ref AvailabilityZone2",
            to: "AvailabilityZone: !Ref AvailabilityZone1",
        },
    },
    Fact {
        id: "SUB-3",
        level: S,
        says: "the six subnets are exported",
        check: |world| {
            world.views(|it| {
                for (tier, _) in TIERS {
                    for index in 1..=2 {
                        let (name, subnet) =
                            (format!("{tier}Subnet{index}Id"), format!("{tier}Subnet{index}"));
                        it.equal(&name, it.exported(&name), format!("<SubnetsStack/{subnet}>"));
                    }
                }
            })
        },
        fault: Fault { file: SUBNETS, from: "-DataSubnet2Id\"", to: "-DataSubnetTwoId\"" },
    },
    Fact {
        id: "SUB-4",
        level: R,
        says: "no subnet assigns public addresses",
        check: |world| {
            world.views(|it| {
                for subnet in it.all("AWS::EC2::Subnet") {
                    it.expect(&subnet.name, "MapPublicIpOnLaunch", "false");
                }
            })
        },
        fault: Fault {
            file: SUBNETS,
            from: "MapPublicIpOnLaunch: false",
            to: "MapPublicIpOnLaunch: true",
        },
    },
    Fact {
        id: "RTB-1",
        level: R,
        says: "exactly three route tables, each with the two subnets of its tier",
        check: |world| {
            world.views(|it| {
                it.equal("the number of tables", it.all("AWS::EC2::RouteTable").len(), 3);
                let associations = it.all("AWS::EC2::SubnetRouteTableAssociation");
                let found: BTreeSet<(String, String)> = associations
                    .iter()
                    .map(|it| (it.text("RouteTableId"), it.text("SubnetId")))
                    .collect();
                let of = |tier: &str, index| {
                    (
                        format!("<RouteTablesStack/{tier}RouteTable>"),
                        format!("<SubnetsStack/{tier}Subnet{index}>"),
                    )
                };
                let expected: BTreeSet<_> =
                    TIERS.iter().flat_map(|(tier, _)| [of(tier, 1), of(tier, 2)]).collect();
                it.equal("the associations", (associations.len(), found), (6, expected));
            })
        },
        fault: Fault { file: ROUTES, from: "-DataSubnet1Id\"", to: "-PrivateSubnet1Id\"" },
    },
    Fact {
        id: "RTB-2",
        level: R,
        says: "the data table owns no route and is no endpoint's route table",
        check: |world| {
            world.views(|it| {
                let data = "<RouteTablesStack/DataRouteTable>";
                it.require(
                    it.resource("RouteTablesStack/DataRouteTable").exists(),
                    "it is missing",
                );
                for route in it.all("AWS::EC2::Route") {
                    it.require(
                        route.text("RouteTableId") != data,
                        format!("{} uses it", route.name),
                    );
                }
                for endpoint in it.all("AWS::EC2::VPCEndpoint") {
                    let uses = endpoint.texts("RouteTableIds").contains(&data.to_owned());
                    it.require(!uses, format!("{} uses it", endpoint.name));
                }
            })
        },
        fault: Fault { file: ENDPOINTS, from: "-PrivateRouteTableId\"", to: "-DataRouteTableId\"" },
    },
    Fact {
        id: "RTB-3",
        level: R,
        says: "the only route to the Internet gateway is in the public table",
        check: |world| {
            world.views(|it| {
                let routes = it.all("AWS::EC2::Route");
                let to_gateway = routes.iter().filter(|it| it.has("GatewayId"));
                let found: Vec<_> = to_gateway
                    .map(|it| {
                        ["RouteTableId", "DestinationCidrBlock", "GatewayId"].map(|p| it.text(p))
                    })
                    .collect();
                it.equal(
                    "the routes to gateways",
                    found,
                    [[
                        "<RouteTablesStack/PublicRouteTable>",
                        "0.0.0.0/0",
                        "<VpcStack/InternetGateway>",
                    ]],
                );
            })
        },
        fault: Fault {
            file: ROUTES,
            from: "      TransitGatewayId: !Ref TransitGatewayId",
            to: "      GatewayId: igw-0123456789abcdef0",
        },
    },
    Fact {
        id: "RTB-5",
        level: S,
        says: "the routes wait for the attachment of the Transit Gateway",
        check: |world| {
            world.texts(|it| {
                let stack = world.declaration("stack.yaml", "RouteTablesStack");
                let waits = stack.is_some_and(|it| {
                    it.depends_on.iter().any(|it| &*it.text == "TransitGatewayAttachmentStack")
                });
                it.require(
                    waits,
                    "RouteTablesStack does not wait for TransitGatewayAttachmentStack",
                );
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "      - TransitGatewayAttachmentStack\n",
            to: "",
        },
    },
    Fact {
        id: "SG-1",
        level: S,
        says: "exactly seven security groups",
        check: |world| {
            world.views(|it| {
                let groups = [
                    "AlbInternal",
                    "AlbPublic",
                    "Batch",
                    "Rds",
                    "StaffApi",
                    "VendorApi",
                    "VpcEndpoint",
                ];
                it.same(
                    "the groups",
                    it.names("AWS::EC2::SecurityGroup"),
                    groups.map(|it| format!("SecurityGroupsStack/{it}SecurityGroup")),
                );
                for group in groups {
                    let export = it.exported(&format!("{group}SecurityGroupId"));
                    it.equal(format!("the export of {group}"), export, group_id(group));
                }
            })
        },
        fault: Fault {
            file: GROUPS,
            from: "  BatchSecurityGroup:\n",
            to: "  SpareSecurityGroup:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      \
                 GroupDescription: \"Spare\"\n\n  BatchSecurityGroup:\n",
        },
    },
    Fact {
        id: "SG-2",
        level: R,
        says: "no group is without an egress list, and none lets everything out",
        check: |world| {
            world.views(|it| {
                for group in it.all("AWS::EC2::SecurityGroup") {
                    let egress: Vec<_> = group
                        .list("SecurityGroupEgress")
                        .iter()
                        .map(|it| format!("{} to {}", it["IpProtocol"], it["CidrIp"]))
                        .collect();
                    let nowhere = ["\"-1\" to \"127.0.0.1/32\""];
                    it.equal(format!("the egress list of {}", group.name), egress, nowhere);
                }
                for rule in it.all("AWS::EC2::SecurityGroupEgress") {
                    it.expect(&rule.name, "IpProtocol", "tcp");
                }
            })
        },
        fault: Fault { file: GROUPS, from: "CidrIp: 127.0.0.1/32", to: "CidrIp: 0.0.0.0/0" },
    },
    Fact {
        id: "SG-3",
        level: R,
        says: "the world reaches only ports 80 and 443 of the public balancer, and only in stg and prod",
        check: |world| {
            world.views(|it| {
                let world: BTreeSet<_> = ingress(it)
                    .into_iter()
                    .filter(|(from, ..)| from == "0.0.0.0/0")
                    .map(|(_, to, port)| format!("{to} {port}"))
                    .collect();
                let open = BTreeSet::from(["AlbPublic 443", "AlbPublic 80"].map(String::from));
                it.equal(
                    "what the world reaches",
                    world,
                    it.by(BTreeSet::new(), open.clone(), open),
                );
            })
        },
        fault: Fault {
            file: GROUPS,
            from: "      CidrIp: !Ref ClientVpnCidr",
            to: "      CidrIp: 0.0.0.0/0",
        },
    },
    Fact {
        id: "SG-4",
        level: R,
        says: "every rule of a group has a description",
        check: |world| {
            world.views(|it| {
                for rule in rules(it) {
                    it.require(rule.has("Description"), format!("{} has none", rule.name));
                }
                for group in it.all("AWS::EC2::SecurityGroup") {
                    for rule in group.list("SecurityGroupEgress") {
                        let described = rule["Description"].is_string();
                        it.require(described, format!("{} has a rule without one", group.name));
                    }
                }
            })
        },
        fault: Fault {
            file: GROUPS,
            from: "      Description: \"HTTPS from the client VPN\"\n",
            to: "",
        },
    },
    Fact {
        id: "SG-5",
        level: R,
        says: "profile isolated (prod) has no way out to 0.0.0.0/0; profile seed has it on port 443 only",
        check: |world| {
            world.views(|it| {
                let out: Vec<_> = it
                    .all("AWS::EC2::SecurityGroupEgress")
                    .iter()
                    .filter(|it| it.text("CidrIp") == "0.0.0.0/0")
                    .map(|it| format!("{} {}", group(&it.text("GroupId")), ports(it)))
                    .collect();
                let seed =
                    ["StaffApi 443", "VendorApi 443", "Batch 443"].map(String::from).to_vec();
                it.equal(
                    "the profile",
                    it.parameter("EndpointProfile"),
                    it.by("seed", "seed", "isolated"),
                );
                it.equal("what leads out", out, it.by(seed.clone(), seed, Vec::new()));
            })
        },
        fault: Fault {
            file: GROUPS,
            from: "  StaffApiToInternet:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
                   Condition: SeedProfile\n",
            to: "  StaffApiToInternet:\n    Type: AWS::EC2::SecurityGroupEgress\n",
        },
    },
    Fact {
        id: "SG-6",
        level: R,
        says: "ports 3000, 4000 and 5432 are those of target groups, containers and the database",
        check: |world| {
            world.views(|it| {
                for (api, port) in [("StaffApi", "3000"), ("VendorApi", "4000")] {
                    it.expect(&format!("AlbTargetGroupsStack/{api}TargetGroup"), "Port", port);
                    let task = format!("{api}TaskDefinitionStack/TaskDefinition");
                    let mapping = "ContainerDefinitions.0.PortMappings.0.ContainerPort";
                    it.expect(&task, mapping, port);
                    let rule = MATRIX.iter().find(|(_, to, _)| *to == api);
                    it.equal(
                        format!("the port that {api} admits"),
                        rule.map(|it| it.2),
                        Some(port),
                    );
                }
                it.expect("RdsStack/DBInstance", "Port", "5432");
                let admitted: BTreeSet<_> =
                    ingress(it).into_iter().filter(|it| it.1 == "Rds").map(|it| it.2).collect();
                it.equal("what the database admits", admitted, BTreeSet::from(["5432".to_owned()]));
            })
        },
        fault: Fault {
            file: "nested/database/rds-postgresql.yaml",
            from: "      Port: \"5432\"",
            to: "      Port: \"5433\"",
        },
    },
    Fact {
        id: "V-21",
        level: R,
        says: "what reaches what equals the matrix of groups, in both directions of each pair",
        check: |world| {
            world.views(|it| {
                let mut found = ingress(it);
                found.sort();
                it.same(
                    "the rules inwards",
                    found.iter().map(arrow),
                    allowed_ingress(it).iter().map(arrow),
                );
                let found: BTreeSet<_> = it
                    .all("AWS::EC2::SecurityGroupEgress")
                    .iter()
                    .filter(|it| it.text("CidrIp") != "0.0.0.0/0")
                    .map(|it| {
                        let to = match it.text("DestinationPrefixListId").as_str() {
                            "nothing" => group(&it.text("DestinationSecurityGroupId")),
                            list => list.to_owned(),
                        };
                        (group(&it.text("GroupId")), to, ports(it))
                    })
                    .collect();
                let s3 = it.parameter("S3PrefixListId");
                let to_s3 = ["StaffApi", "VendorApi", "Batch"].map(|from| (from, s3, "443"));
                let expected: BTreeSet<_> =
                    MATRIX.iter().chain(&to_s3).map(|it| owned(*it)).collect();
                it.same("the rules outwards", found.iter().map(arrow), expected.iter().map(arrow));
            })
        },
        fault: Fault {
            file: GROUPS,
            from: "      SourceSecurityGroupId: !GetAtt AlbPublicSecurityGroup.GroupId",
            to: "      SourceSecurityGroupId: !GetAtt AlbInternalSecurityGroup.GroupId",
        },
    },
    Fact {
        id: "EPT-1",
        level: R,
        says: "profile seed has one gateway and four interface endpoints, profile isolated one and eight",
        check: |world| {
            world.views(|it| {
                let service = |it: &Resource<'_>| {
                    it.text("ServiceName")
                        .trim_start_matches("com.amazonaws.ap-northeast-1.")
                        .to_owned()
                };
                let of = |kind: &str| -> BTreeSet<String> {
                    let all = it.all("AWS::EC2::VPCEndpoint");
                    all.iter()
                        .filter(|it| it.text("VpcEndpointType") == kind)
                        .map(service)
                        .collect()
                };
                it.equal("the gateways", of("Gateway"), BTreeSet::from(["s3".to_owned()]));
                let seed = ["ecr.api", "ecr.dkr", "secretsmanager", "logs"];
                let isolated = ["sns", "monitoring", "cognito-idp", "ssmmessages"];
                let more: &[&str] = it.by(&[], &[], &isolated);
                let expected = seed.iter().chain(more).map(|it| (*it).to_owned()).collect();
                it.equal::<_, BTreeSet<_>>("the interfaces", of("Interface"), expected);
            })
        },
        fault: Fault {
            file: ENDPOINTS,
            from: "  SnsEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n    Condition: IsIsolated\n",
            to: "  SnsEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n",
        },
    },
    Fact {
        id: "EPT-2",
        level: R,
        says: "interface endpoints stand in one private subnet in dev, in both in stg and prod",
        check: |world| {
            world.views(|it| {
                let both = ["<SubnetsStack/PrivateSubnet1>", "<SubnetsStack/PrivateSubnet2>"];
                let expected = it.by(&both[..1], &both[..], &both[..]);
                for endpoint in interfaces(it) {
                    it.equal(&endpoint.name, endpoint.texts("SubnetIds"), expected);
                    it.expect(&endpoint.name, "PrivateDnsEnabled", "true");
                }
            })
        },
        fault: Fault {
            file: "parameters/stg.json",
            from: "\"EndpointAzCount\", \"ParameterValue\": \"2\"",
            to: "\"EndpointAzCount\", \"ParameterValue\": \"1\"",
        },
    },
    Fact {
        id: "EPT-3",
        level: R,
        says: "every endpoint has a policy that names the account",
        check: |world| {
            world.views(|it| {
                for endpoint in it.all("AWS::EC2::VPCEndpoint") {
                    let statements = endpoint.list("PolicyDocument.Statement");
                    let names = statements.iter().any(|it| {
                        it["Action"] == "*"
                            && it["Condition"]["StringEquals"]["aws:PrincipalAccount"]
                                == crate::world::ACCOUNT
                    });
                    it.require(names, format!("{} does not", endpoint.name));
                    // What is allowed to anybody is allowed for single actions only.
                    for statement in statements.iter().filter(|it| it["Condition"].is_null()) {
                        let all = many(&statement["Action"]).iter().any(|it| it == "*");
                        it.require(!all, format!("{} allows everything to anybody", endpoint.name));
                    }
                }
            })
        },
        fault: Fault {
            file: ENDPOINTS,
            from: "                aws:PrincipalAccount: !Ref AWS::AccountId",
            to: "                aws:PrincipalAccount: \"*\"",
        },
    },
    Fact {
        id: "TGW-2",
        level: S,
        says: "the attachment of the Transit Gateway stands in the two private subnets",
        check: |world| {
            world.views(|it| {
                it.expect(
                    "TransitGatewayAttachmentStack/TransitGatewayAttachment",
                    "SubnetIds",
                    r#"["<SubnetsStack/PrivateSubnet1>","<SubnetsStack/PrivateSubnet2>"]"#,
                );
            })
        },
        fault: Fault {
            file: "nested/network/transit-gateway-attachment.yaml",
            from: "-PrivateSubnet2Id\"",
            to: "-PublicSubnet2Id\"",
        },
    },
    Fact {
        id: "FLW-1",
        level: R,
        says: "flow logs of the VPC go to the flow-log bucket: what was refused in dev, everything else",
        check: |world| {
            world.views(|it| {
                let log = "FlowLogsStack/VpcFlowLog";
                it.expect(log, "ResourceId", "<VpcStack/VPC>");
                it.expect(log, "LogDestination", "<LogBucketsStack/FlowLogBucket.Arn>");
                it.expect(log, "TrafficType", it.by("REJECT", "ALL", "ALL"));
                it.expect(log, "MaxAggregationInterval", "600");
            })
        },
        fault: Fault {
            file: "nested/network/flow-logs.yaml",
            from: "-FlowLogBucketArn\"",
            to: "-LogArchiveBucketArn\"",
        },
    },
    Fact {
        id: "8.1.8",
        level: R,
        says: "the names of stg and prod lead to the two balancers and, on IPv4 and IPv6, to the \
               distribution; only Amazon issues certificates for them",
        check: |world| {
            world.views(|it| {
                let mut expected = Vec::new();
                for (parameter, target, types) in [
                    ("StaffApiDomainName", "<AlbStack/InternalAlb.DNSName>", &["A"][..]),
                    ("VendorApiDomainName", "<AlbStack/PublicAlb.DNSName>", &["A"]),
                    (
                        "VendorSpaDomainName",
                        "<CloudFrontDistributionsStack/VendorDistribution.DomainName>",
                        &["A", "AAAA"],
                    ),
                ] {
                    let name = it.parameter(parameter);
                    expected.extend(types.iter().map(|it| format!("{name} {it} {target}")));
                    expected.push(format!("{name} CAA 0 issue \"amazon.com\""));
                }
                expected.sort();
                let mut found: Vec<_> = it
                    .all("AWS::Route53::RecordSet")
                    .iter()
                    .map(|it| {
                        let target = match it.text("AliasTarget.DNSName").as_str() {
                            "nothing" => it.texts("ResourceRecords").join(" "),
                            target => target.to_owned(),
                        };
                        format!("{} {} {target}", it.text("Name"), it.text("Type"))
                    })
                    .collect();
                found.sort();
                it.same("the records", found, it.by(Vec::new(), expected.clone(), expected));
            })
        },
        fault: Fault {
            file: "nested/network/dns-records.yaml",
            from: "-PublicAlbDnsName\"",
            to: "-InternalAlbDnsName\"",
        },
    },
];

fn net(text: &str) -> Option<Ipv4Net> {
    text.parse().ok()
}

fn interfaces<'w>(view: &View<'w>) -> Vec<Resource<'w>> {
    let mut all = view.all("AWS::EC2::VPCEndpoint");
    all.retain(|it| it.text("VpcEndpointType") == "Interface");
    all
}

fn group_id(group: &str) -> String {
    format!("<SecurityGroupsStack/{group}SecurityGroup.GroupId>")
}

/// The short name of a group, `StaffApi`, or whatever else is there.
fn group(id: &str) -> String {
    let name = id.strip_prefix("<SecurityGroupsStack/");
    name.and_then(|it| it.strip_suffix("SecurityGroup.GroupId>")).unwrap_or(id).to_owned()
}

fn rules<'w>(view: &View<'w>) -> Vec<Resource<'w>> {
    let mut all = view.all("AWS::EC2::SecurityGroupIngress");
    all.extend(view.all("AWS::EC2::SecurityGroupEgress"));
    all
}

/// The port of a rule, or its range.
fn ports(rule: &Resource<'_>) -> String {
    match (rule.text("FromPort"), rule.text("ToPort")) {
        (from, to) if from == to => from,
        (from, to) => format!("{from}-{to}"),
    }
}

/// Who is let in, by whom, on which port.
fn ingress(view: &View<'_>) -> Vec<(String, String, String)> {
    let rules = view.all("AWS::EC2::SecurityGroupIngress");
    let from = |rule: &Resource<'_>| match rule.text("SourceSecurityGroupId").as_str() {
        "nothing" => rule.text("CidrIp"),
        id => group(id),
    };
    rules.iter().map(|it| (from(it), group(&it.text("GroupId")), ports(it))).collect()
}

fn allowed_ingress(view: &View<'_>) -> BTreeSet<(String, String, String)> {
    let networks = [view.parameter("OnPremCidr"), view.parameter("ClientVpnCidr")];
    let office = view.parameter("DevAllowedCidr");
    let mut doors: Vec<(&str, &str)> = networks.map(|it| (it, "AlbInternal")).to_vec();
    match view.environment {
        "dev" => doors.extend([(office, "AlbInternal"), (office, "AlbPublic")]),
        _ => doors.push(("0.0.0.0/0", "AlbPublic")),
    }
    let doors = doors.iter().flat_map(|(from, to)| [(*from, *to, "443"), (*from, *to, "80")]);
    doors.chain(MATRIX.iter().copied()).map(owned).collect()
}

fn arrow((from, to, port): &(String, String, String)) -> String {
    format!("{from} -> {to}:{port}")
}

fn owned((from, to, port): (&str, &str, &str)) -> (String, String, String) {
    (from.to_owned(), to.to_owned(), port.to_owned())
}
