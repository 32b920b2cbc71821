//! Whether a deployed root works, as far as the control plane of each service tells it: facts that
//! nothing but a deployment can prove, by the identifiers that the templates' documents give them.

use super::{About, Deployed, Finding, Verdict};
use crate::call::{
    Ask, CLOUDTRAIL, COGNITO, Call, EC2, ECS, ELB, RDS, S3, SECRETS, SNS, Service, each, text,
    texts,
};
use crate::error::ServiceError;
use kumiki_source::{Message, message};
use serde_json::{Value, json};

/// A fact about every resource of a type.
struct Fact {
    /// The fact's identifier.
    name: &'static str,
    /// The type.
    of: &'static str,
    /// What is asked about a resource.
    call: fn(&str, &str) -> Call,
    /// Whether the answer is as it should be, and what is so. Nothing when the answer does not say.
    judge: fn(&Value) -> Option<(bool, Message)>,
}

fn form(
    service: &'static Service,
    action: &'static str,
    region: &str,
    fields: &[(&str, &str)],
) -> Call {
    Call::form(service, action, region, fields)
}

/// A state, and whether it is the one that it should be.
fn state(answer: &Value, path: &str, good: &[&str]) -> Option<(bool, Message)> {
    let state = text(answer, path)?;
    Some((good.contains(&state), message!("its state is `{state}`", state)))
}

/// Every fact, in the order in which it is told: from the network to the programs.
static FACTS: &[Fact] = &[
    Fact {
        name: "VPC-3",
        of: "AWS::EC2::VPC",
        call: |region, id| {
            form(
                &EC2,
                "DescribeSecurityGroups",
                region,
                &[
                    ("Filter.1.Name", "vpc-id"),
                    ("Filter.1.Value.1", id),
                    ("Filter.2.Name", "group-name"),
                    ("Filter.2.Value.1", "default"),
                ],
            )
        },
        judge: |answer| {
            let group = *each(answer, "securityGroupInfo.item").first()?;
            let rules = each(group, "ipPermissions.item").len()
                + each(group, "ipPermissionsEgress.item").len();
            Some((rules == 0, message!("the default security group has {rules} rules", rules)))
        },
    },
    Fact {
        name: "TGW-1",
        of: "AWS::EC2::TransitGatewayAttachment",
        call: |region, id| {
            form(
                &EC2,
                "DescribeTransitGatewayAttachments",
                region,
                &[("TransitGatewayAttachmentIds.1", id)],
            )
        },
        judge: |it| state(it, "transitGatewayAttachments.item.state", &["available"]),
    },
    Fact {
        name: "RTB-4",
        of: "AWS::EC2::RouteTable",
        call: |region, id| form(&EC2, "DescribeRouteTables", region, &[("RouteTableId.1", id)]),
        judge: |answer| {
            let routes = texts(answer, "routeTableSet.item.routeSet.item.state");
            let dead = routes.iter().filter(|it| **it != "active").count();
            let count = routes.len();
            (count > 0).then(|| {
                (dead == 0, message!("{dead} of {count} routes lead nowhere", dead, count))
            })
        },
    },
    Fact {
        name: "EPT-4",
        of: "AWS::EC2::VPCEndpoint",
        call: |region, id| form(&EC2, "DescribeVpcEndpoints", region, &[("VpcEndpointId.1", id)]),
        judge: |it| state(it, "vpcEndpointSet.item.state", &["available"]),
    },
    Fact {
        name: "FLW-2",
        of: "AWS::EC2::FlowLog",
        call: |region, id| form(&EC2, "DescribeFlowLogs", region, &[("FlowLogId.1", id)]),
        judge: |it| state(it, "flowLogSet.item.deliverLogsStatus", &["SUCCESS"]),
    },
    Fact {
        name: "PG-4",
        of: "AWS::RDS::DBInstance",
        call: |region, id| {
            form(&RDS, "DescribeDBInstances", region, &[("DBInstanceIdentifier", id)])
        },
        judge: |answer| {
            let of = "DescribeDBInstancesResult.DBInstances.DBInstance";
            let status = text(answer, &format!("{of}.DBInstanceStatus"))?;
            let group = format!("{of}.DBParameterGroups.DBParameterGroup.ParameterApplyStatus");
            let group = text(answer, &group)?;
            let good = status == "available" && group == "in-sync";
            Some((good, message!("it is `{status}`, its parameters `{group}`", status, group)))
        },
    },
    Fact {
        name: "SEC",
        of: "AWS::SecretsManager::Secret",
        call: |region, id| {
            Call::json(&SECRETS, "DescribeSecret", region, json!({ "SecretId": id }))
        },
        // The value itself is nobody's business here.
        judge: |answer| {
            let stages = answer.get("VersionIdsToStages")?.as_object()?;
            let mut stages = stages.values().filter_map(Value::as_array).flatten();
            let current = stages.any(|it| it == "AWSCURRENT");
            Some((
                current,
                match current {
                    true => message!("it has a value"),
                    false => message!("it has no value"),
                },
            ))
        },
    },
    Fact {
        name: "REP",
        of: "AWS::S3::Bucket",
        call: |region, id| {
            let path = format!("/{id}?list-type=2&max-keys=0");
            Call::rest(&S3, "ListObjectsV2", region, "GET", &path)
        },
        judge: |_| Some((true, message!("the bucket answers"))),
    },
    Fact {
        name: "SNS-1",
        of: "AWS::SNS::Topic",
        call: |region, id| form(&SNS, "GetTopicAttributes", region, &[("TopicArn", id)]),
        judge: |answer| {
            let entries = each(answer, "GetTopicAttributesResult.Attributes.entry");
            let number = |name: &str| -> Option<usize> {
                let entry = entries.iter().find(|it| text(it, "key") == Some(name))?;
                text(entry, "value")?.parse().ok()
            };
            let (confirmed, pending) =
                (number("SubscriptionsConfirmed")?, number("SubscriptionsPending")?);
            Some((
                pending == 0 && confirmed > 0,
                message!(
                    "{confirmed} subscriptions are confirmed, {pending} are not",
                    confirmed,
                    pending
                ),
            ))
        },
    },
    Fact {
        name: "TRA-2",
        of: "AWS::CloudTrail::Trail",
        call: |region, id| Call::json(&CLOUDTRAIL, "GetTrailStatus", region, json!({ "Name": id })),
        judge: |answer| {
            let logging = answer.get("IsLogging")?.as_bool()?;
            Some((
                logging,
                match logging {
                    true => message!("the trail is recording"),
                    false => message!("the trail is not recording"),
                },
            ))
        },
    },
    Fact {
        name: "POOL-4",
        of: "AWS::Cognito::UserPool",
        call: |region, id| {
            Call::json(&COGNITO, "DescribeUserPool", region, json!({ "UserPoolId": id }))
        },
        judge: |answer| {
            let path = "UserPool.AdminCreateUserConfig.AllowAdminCreateUserOnly";
            let closed = each(answer, path).first()?.as_bool()?;
            Some((
                closed,
                match closed {
                    true => message!("nobody can sign up alone"),
                    false => message!("anybody can sign up"),
                },
            ))
        },
    },
    Fact {
        name: "ALB-health",
        of: "AWS::ElasticLoadBalancingV2::TargetGroup",
        call: |region, id| form(&ELB, "DescribeTargetHealth", region, &[("TargetGroupArn", id)]),
        judge: |answer| {
            answer.get("DescribeTargetHealthResult")?;
            let of =
                "DescribeTargetHealthResult.TargetHealthDescriptions.member.TargetHealth.State";
            let states = texts(answer, of);
            let healthy = states.iter().filter(|it| **it == "healthy").count();
            let count = states.len();
            // A target that leaves is part of every deployment.
            let good = states.iter().all(|it| ["healthy", "draining"].contains(it));
            Some((
                good && healthy > 0,
                message!("{healthy} of {count} targets answer `/health`", healthy, count),
            ))
        },
    },
    Fact {
        name: "ALB-TLS",
        of: "AWS::ElasticLoadBalancingV2::Listener",
        call: |region, id| {
            form(&ELB, "DescribeListeners", region, &[("ListenerArns.member.1", id)])
        },
        judge: |answer| {
            let of = "DescribeListenersResult.Listeners.member";
            let port = text(answer, &format!("{of}.Port"))?;
            match text(answer, &format!("{of}.SslPolicy")) {
                Some(policy) => Some((
                    policy.starts_with("ELBSecurityPolicy-TLS13-"),
                    message!("port {port} has the policy `{policy}`", port, policy),
                )),
                // Without TLS a listener may only send clients to one that has it.
                None => (text(answer, &format!("{of}.DefaultActions.member.Type"))
                    == Some("redirect"))
                .then(|| (true, message!("port {port} sends clients to TLS", port))),
            }
        },
    },
    Fact {
        name: "ECS",
        of: "AWS::ECS::Service",
        call: |region, id| {
            // `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME`
            let cluster = id.split('/').nth(1).unwrap_or_default();
            let body = json!({ "cluster": cluster, "services": [id] });
            Call::json(&ECS, "DescribeServices", region, body)
        },
        judge: |answer| {
            let number = |name: &str| each(answer, name).first()?.as_u64();
            let (running, desired) =
                (number("services.runningCount")?, number("services.desiredCount")?);
            let rolled = texts(answer, "services.deployments.rolloutState");
            let stable = rolled.len() == 1 && rolled[0] == "COMPLETED";
            Some((
                stable && running == desired && running > 0,
                message!("{running} of {desired} tasks run", running, desired),
            ))
        },
    },
];

/// A fact, and why nobody can tell.
type Drill = (&'static str, fn() -> Message);

/// What neither a template nor the control plane tells: a person has to do it, or it takes days.
static DRILLS: &[Drill] = &[
    ("RDS-5", || message!("a failover of the database is a drill")),
    ("DR-1", || message!("a restore in the other Region is a drill")),
    ("BAK-2", || message!("the first copy is there 26 hours after the first backup at the latest")),
    ("ROT-2", || message!("a forced rotation is a drill")),
    ("WAF-3", || message!("2,100 requests in five minutes are a drill")),
    ("ALM-2", || message!("metrics are there after a day")),
    ("SNS-2", || message!("a test message reaches people, who have to say so")),
    ("DNS-1", || message!("names resolve where their clients are")),
];

/// Asks whether what was deployed works.
pub fn smoke(of: &Deployed<'_>, ask: &dyn Ask) -> Vec<Finding> {
    let mut found = Vec::new();
    for fact in FACTS {
        for resource in of.resources.iter().filter(|it| it.type_name == fact.of) {
            let about = About(fact.name, resource.path.clone());
            found.push(match ask.ask(&(fact.call)(of.region, &resource.physical_id)) {
                Err(error) => refused(about, &error),
                Ok(answer) => match (fact.judge)(&answer) {
                    None => about.unknown(message!("the answer does not say it")),
                    Some((true, evidence)) => about.found(Verdict::Pass, evidence),
                    Some((false, evidence)) => about.found(Verdict::Fail, evidence),
                },
            });
        }
    }
    let drills = DRILLS.iter().map(|(name, why)| About(name, String::new()).unknown(why()));
    found.extend(drills);
    found
}

/// A resource that its service does not know is gone.
fn refused(about: About, error: &ServiceError) -> Finding {
    let gone = ["NotFound", "NoSuch", "Unknown"];
    match gone.iter().any(|it| error.code.contains(it)) && error.code != "Unknown" {
        true => {
            about.fail(error.message(), message!("`kumiki drift` compares it with the template"))
        }
        false => about.unanswered(error),
    }
}

/// Where a task of the batch image looks from inside the network, and what became of it.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
pub struct Probe<'p> {
    /// Where the root is.
    pub of: &'p Deployed<'p>,
    /// Waits before the task is asked again; false when it was waited for long enough.
    pub wait: &'p mut dyn FnMut() -> bool,
}

impl Probe<'_> {
    /// Starts the task and waits for its end.
    pub fn run(self, ask: &dyn Ask) -> Finding {
        let of = self.of;
        let about = || About("probe", "batch smoke".to_owned());
        let ends = |type_name: &str, end: &str| {
            let resources = of.resources.iter();
            let mut fitting = resources
                .filter(|it| it.type_name == type_name && it.path.ends_with(end))
                .map(|it| it.physical_id.clone());
            fitting.next()
        };
        let needed = ends("AWS::ECS::Cluster", "")
            .zip(ends("AWS::ECS::TaskDefinition", "/BatchTaskDefinition"))
            .zip(ends("AWS::EC2::Subnet", "/PrivateSubnet1"))
            .zip(ends("AWS::EC2::SecurityGroup", "/BatchSecurityGroup"));
        let Some((((cluster, task), subnet), group)) = needed else {
            return about().unknown(message!("the batch is not deployed yet"));
        };
        let body = json!({
            "cluster": cluster,
            "taskDefinition": task,
            "launchType": "FARGATE",
            "count": 1,
            "startedBy": "kumiki smoke",
            "networkConfiguration": { "awsvpcConfiguration": {
                "subnets": [subnet],
                "securityGroups": [group],
                "assignPublicIp": "DISABLED",
            } },
            "overrides": { "containerOverrides": [{ "name": "batch", "command": ["smoke"] }] },
        });
        let started = match ask.ask(&Call::json(&ECS, "RunTask", of.region, body)) {
            Ok(it) => it,
            Err(error) => return about().unanswered(&error),
        };
        let Some(task) = text(&started, "tasks.taskArn") else {
            let reason = text(&started, "failures.reason").unwrap_or_default();
            return about().unknown(message!("the task was not started: {reason}", reason));
        };
        let body = json!({ "cluster": cluster, "tasks": [task] });
        while (self.wait)() {
            let answer = match ask.ask(&Call::json(&ECS, "DescribeTasks", of.region, body.clone()))
            {
                Ok(it) => it,
                Err(error) => return about().unanswered(&error),
            };
            if text(&answer, "tasks.lastStatus") != Some("STOPPED") {
                continue;
            }
            let code =
                each(&answer, "tasks.containers.exitCode").first().and_then(|it| it.as_i64());
            return match code {
                Some(0) => about().pass(message!(
                    "inside the network, the database, the reports and the topic answer"
                )),
                Some(code) => about().fail(
                    message!("the task ended with {code}", code),
                    message!("its log says which of them does not answer"),
                ),
                None => {
                    let reason = text(&answer, "tasks.stoppedReason").unwrap_or_default();
                    about().fail(
                        message!("the task did not run: {reason}", reason),
                        message!("look at the image and at the roles of the task"),
                    )
                }
            };
        }
        about().unknown(message!("the task has not ended yet"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Answer, Script, lines};
    use super::super::{NoAccount, Placed};
    use super::*;

    fn placed(path: &str, type_name: &str) -> Placed {
        let (path, type_name) = (path.to_owned(), type_name.to_owned());
        // The shape of a service's ARN; other types are named by anything.
        let physical_id = "arn:aws:ecs:ap-northeast-1:111122223333:service/cluster/api".to_owned();
        Placed { path, type_name, physical_id }
    }

    fn told(resources: &[Placed], ask: &dyn Ask) -> Vec<Finding> {
        let (region, account) = ("ap-northeast-1", "111122223333");
        smoke(&Deployed { region, account, resources }, ask)
    }

    type Case = (&'static str, &'static str, [(Value, &'static str); 2]);

    /// A fact, the action that is asked, a good answer and a bad one, and what is said of them.
    fn cases() -> Vec<Case> {
        let state =
            |outer: &str, name: &str, state: &str| json!({ outer: { "item": { name: state } } });
        let database = |status: &str, group: &str| {
            let group = json!({ "DBParameterGroup": { "ParameterApplyStatus": group } });
            let database = json!({ "DBInstanceStatus": status, "DBParameterGroups": group });
            json!({ "DescribeDBInstancesResult": { "DBInstances": { "DBInstance": database } } })
        };
        let routes = |states: [&str; 2]| {
            let routes = states.map(|it| json!({ "state": it }));
            json!({ "routeTableSet": { "item": { "routeSet": { "item": routes } } } })
        };
        let topic = |confirmed: &str, pending: &str| {
            json!({ "GetTopicAttributesResult": { "Attributes": { "entry": [
                { "key": "SubscriptionsConfirmed", "value": confirmed },
                { "key": "SubscriptionsPending", "value": pending } ] } } })
        };
        let targets = |states: [&str; 2]| {
            let targets = states.map(|it| json!({ "TargetHealth": { "State": it } }));
            json!({ "DescribeTargetHealthResult": { "TargetHealthDescriptions": { "member": targets } } })
        };
        let listener = |policy: &str| {
            let listener = json!({ "Port": "443", "SslPolicy": policy });
            json!({ "DescribeListenersResult": { "Listeners": { "member": listener } } })
        };
        let service = |running: u64, deployments: Value| json!({ "services": [{ "runningCount": running, "desiredCount": 2, "deployments": deployments }] });
        let done = json!([{ "rolloutState": "COMPLETED" }]);
        let rules = |rules: Value| json!({ "securityGroupInfo": { "item": { "groupId": "sg", "ipPermissions": rules } } });
        let only = |it: bool| json!({ "UserPool": { "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": it } } });
        vec![
            (
                "VPC-3",
                "DescribeSecurityGroups",
                [
                    (rules(json!("")), "PASS: the default security group has 0 rules"),
                    (rules(json!({ "item": {} })), "FAIL: the default security group has 1 rules"),
                ],
            ),
            (
                "TGW-1",
                "DescribeTransitGatewayAttachments",
                [
                    (
                        state("transitGatewayAttachments", "state", "available"),
                        "PASS: its state is `available`",
                    ),
                    (
                        state("transitGatewayAttachments", "state", "pendingAcceptance"),
                        "FAIL: its state is `pendingAcceptance`",
                    ),
                ],
            ),
            (
                "RTB-4",
                "DescribeRouteTables",
                [
                    (routes(["active", "active"]), "PASS: 0 of 2 routes lead nowhere"),
                    (routes(["active", "blackhole"]), "FAIL: 1 of 2 routes lead nowhere"),
                ],
            ),
            (
                "EPT-4",
                "DescribeVpcEndpoints",
                [
                    (
                        state("vpcEndpointSet", "state", "available"),
                        "PASS: its state is `available`",
                    ),
                    (state("vpcEndpointSet", "state", "failed"), "FAIL: its state is `failed`"),
                ],
            ),
            (
                "FLW-2",
                "DescribeFlowLogs",
                [
                    (
                        state("flowLogSet", "deliverLogsStatus", "SUCCESS"),
                        "PASS: its state is `SUCCESS`",
                    ),
                    (
                        state("flowLogSet", "deliverLogsStatus", "FAILED"),
                        "FAIL: its state is `FAILED`",
                    ),
                ],
            ),
            (
                "PG-4",
                "DescribeDBInstances",
                [
                    (
                        database("available", "in-sync"),
                        "PASS: it is `available`, its parameters `in-sync`",
                    ),
                    (
                        database("available", "pending-reboot"),
                        "FAIL: it is `available`, its parameters `pending-reboot`",
                    ),
                ],
            ),
            (
                "SEC",
                "DescribeSecret",
                [
                    (
                        json!({ "VersionIdsToStages": { "a": ["AWSPREVIOUS"], "b": ["AWSCURRENT"] } }),
                        "PASS: it has a value",
                    ),
                    (
                        json!({ "VersionIdsToStages": { "a": ["AWSPENDING"] } }),
                        "FAIL: it has no value",
                    ),
                ],
            ),
            (
                "REP",
                "ListObjectsV2",
                [(json!({}), "PASS: the bucket answers"), (json!({}), "PASS: the bucket answers")],
            ),
            (
                "SNS-1",
                "GetTopicAttributes",
                [
                    (topic("1", "0"), "PASS: 1 subscriptions are confirmed, 0 are not"),
                    (topic("1", "1"), "FAIL: 1 subscriptions are confirmed, 1 are not"),
                ],
            ),
            (
                "TRA-2",
                "GetTrailStatus",
                [
                    (json!({ "IsLogging": true }), "PASS: the trail is recording"),
                    (json!({ "IsLogging": false }), "FAIL: the trail is not recording"),
                ],
            ),
            (
                "POOL-4",
                "DescribeUserPool",
                [
                    (only(true), "PASS: nobody can sign up alone"),
                    (only(false), "FAIL: anybody can sign up"),
                ],
            ),
            (
                "ALB-health",
                "DescribeTargetHealth",
                [
                    (targets(["healthy", "draining"]), "PASS: 1 of 2 targets answer `/health`"),
                    (targets(["healthy", "unhealthy"]), "FAIL: 1 of 2 targets answer `/health`"),
                ],
            ),
            (
                "ALB-TLS",
                "DescribeListeners",
                [
                    (
                        listener("ELBSecurityPolicy-TLS13-1-3-2021-06"),
                        "PASS: port 443 has the policy `ELBSecurityPolicy-TLS13-1-3-2021-06`",
                    ),
                    (
                        listener("ELBSecurityPolicy-2016-08"),
                        "FAIL: port 443 has the policy `ELBSecurityPolicy-2016-08`",
                    ),
                ],
            ),
            (
                "ECS",
                "DescribeServices",
                [
                    (service(2, done.clone()), "PASS: 2 of 2 tasks run"),
                    (service(1, done), "FAIL: 1 of 2 tasks run"),
                ],
            ),
        ]
    }

    #[test]
    fn each_answer_is_judged() {
        let cases = cases();
        assert_eq!(
            FACTS.iter().map(|it| it.name).collect::<Vec<_>>(),
            cases.iter().map(|(name, ..)| *name).collect::<Vec<_>>()
        );
        for (fact, (name, action, answers)) in FACTS.iter().zip(cases) {
            let resources = [placed("X", fact.of)];
            for (answer, expected) in answers {
                let script =
                    Script { answers: vec![(action, "", Ok(answer))], ..Script::default() };
                let found = lines(&told(&resources, &script), name).concat();
                assert_eq!(found.replacen(" X", "", 1), expected, "{name}");
            }
            let judged = |answer: Answer| {
                let script = Script { answers: vec![(action, "", answer)], ..Script::default() };
                told(&resources, &script).into_iter().find(|it| it.check == name).unwrap().verdict
            };
            // An answer that says nothing, and one that nobody may have, is no pass; what its
            // service does not know is gone.
            if name != "REP" {
                assert_eq!(judged(Ok(json!({}))), Verdict::Unknown, "{name}");
            }
            assert_eq!(judged(Err("AccessDeniedException")), Verdict::Unknown, "{name}");
            assert_eq!(judged(Err("ResourceNotFoundException")), Verdict::Fail, "{name}");
        }
    }

    #[test]
    fn without_an_account_everything_is_unknown() {
        let resources: Vec<Placed> = FACTS.iter().map(|it| placed("X", it.of)).collect();
        let found = told(&resources, &NoAccount);
        assert_eq!(found.len(), FACTS.len() + DRILLS.len());
        assert!(found.iter().all(|it| it.verdict == Verdict::Unknown), "{found:?}");
    }

    #[test]
    fn a_probe_says_how_its_task_ended() {
        let resources = [
            placed("Cluster", "AWS::ECS::Cluster"),
            placed("Batch/BatchTaskDefinition", "AWS::ECS::TaskDefinition"),
            placed("Subnets/PrivateSubnet1", "AWS::EC2::Subnet"),
            placed("Groups/BatchSecurityGroup", "AWS::EC2::SecurityGroup"),
        ];
        let (region, account) = ("ap-northeast-1", "111122223333");
        let of = Deployed { region, account, resources: &resources };
        let started = || Ok(json!({ "tasks": [{ "taskArn": "task/1" }] }));
        let stopped = |code: Value| {
            Ok(json!({ "tasks": [{ "lastStatus": "STOPPED", "stoppedReason": "no image",
                "containers": [{ "exitCode": code }] }] }))
        };
        let running = || Ok(json!({ "tasks": [{ "lastStatus": "PENDING" }] }));
        let cases: [(Answer, Answer, &str); 6] = [
            (
                started(),
                stopped(json!(0)),
                "PASS batch smoke: inside the network, the database, the reports and the topic answer",
            ),
            (started(), stopped(json!(1)), "FAIL batch smoke: the task ended with 1"),
            (started(), stopped(Value::Null), "FAIL batch smoke: the task did not run: no image"),
            (started(), running(), "UNKNOWN batch smoke: the task has not ended yet"),
            (
                Ok(json!({ "failures": [{ "reason": "RESOURCE:ENI" }] })),
                running(),
                "UNKNOWN batch smoke: the task was not started: RESOURCE:ENI",
            ),
            (
                Err("AccessDeniedException"),
                running(),
                "UNKNOWN batch smoke: the credentials do not allow `RunTask`: no (AccessDeniedException)",
            ),
        ];
        for (start, end, expected) in cases {
            let answers = vec![("RunTask", "\"smoke\"", start), ("DescribeTasks", "task/1", end)];
            let script = Script { answers, ..Script::default() };
            let mut rounds = 3;
            let mut wait = || {
                rounds -= 1;
                rounds > 0
            };
            let found = Probe { of: &of, wait: &mut wait }.run(&script);
            assert_eq!(lines(&[found], "probe"), [expected]);
        }
        let of = Deployed { resources: &resources[..1], ..of };
        let found = Probe { of: &of, wait: &mut || true }.run(&NoAccount);
        assert_eq!(
            lines(&[found], "probe"),
            ["UNKNOWN batch smoke: the batch is not deployed yet"]
        );
    }
}
