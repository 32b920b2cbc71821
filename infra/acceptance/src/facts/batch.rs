//! 8.8 Batch.

use super::calendar::{Cron, DAY, Date, MONTHS, TOKYO};
use super::rights::grants;
use super::{Fact, Fault, Level::R};
use crate::resource::many;
use serde_json::json;
use std::collections::BTreeSet;

const RULES: &str = "nested/batch/eventbridge-rules.yaml";

/// The facts of the batch layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "BAT-1",
        level: R,
        says: "the expressions are those of the report, and the third one is the alert on due dates",
        check: |world| {
            world.steady_views(|it| {
                let rule = |name: &str| format!("EventBridgeRulesStack/{name}Rule");
                let yearly = it.by("nothing", "cron(0 17 31 12 ? *)", "cron(0 17 31 12 ? *)");
                for (name, expression) in [
                    ("MonthlyAggregation", "cron(0 17 L * ? *)"),
                    ("Yearly", yearly),
                    ("DueAlert", "cron(0 23 ? * SUN-FRI *)"),
                ] {
                    it.expect(&rule(name), "ScheduleExpression", expression);
                }
                let count = it.by(2, 3, 3);
                let rules = it.all_in("EventBridgeRulesStack", "AWS::Events::Rule");
                it.equal("the number of rules", rules.len(), count);
                for rule in rules {
                    it.expect(&rule.name, "State", "ENABLED");
                }
            })
        },
        fault: Fault {
            file: RULES,
            from: "ScheduleExpression: \"cron(0 17 L * ? *)\"",
            to: "ScheduleExpression: \"cron(0 17 ? * 1L *)\"",
        },
    },
    Fact {
        id: "BAT-2",
        level: R,
        says: "for 24 months the monthly run is at 17:00 UTC of the last day: 02:00 of the 1st in \
               Tokyo",
        check: |world| {
            world.steady_views(|it| {
                let rule = it.resource("EventBridgeRulesStack/MonthlyAggregationRule");
                let times = Cron::parse(&rule.text("ScheduleExpression")).map(|it| it.times());
                let Some(times) = times else {
                    it.say("the expression cannot be read");
                    return;
                };
                it.equal("the number of runs", times.len() as i64, MONTHS);
                for time in times {
                    it.equal("the time of UTC", time.rem_euclid(DAY), 17 * 60);
                    let local = time + TOKYO;
                    let date = Date::of_days(local.div_euclid(DAY));
                    it.equal("the day in Tokyo", (date.day, local.rem_euclid(DAY)), (1, 120));
                }
            })
        },
        fault: Fault {
            file: RULES,
            from: "ScheduleExpression: \"cron(0 17 L * ? *)\"",
            to: "ScheduleExpression: \"cron(0 17 30 * ? *)\"",
        },
    },
    Fact {
        id: "BAT-4",
        level: R,
        says: "the schedules' role starts the batch on this cluster, tags it, passes its two roles, \
               and does nothing else",
        check: |world| {
            world.steady_views(|it| {
                let e = it.environment;
                let account = "ap-northeast-1:123456789012";
                let expected: BTreeSet<String> = [
                    format!(
                        "ecs:RunTask on arn:aws:ecs:{account}:task-definition/facility-{e}-batch:*"
                    ),
                    format!("ecs:TagResource on arn:aws:ecs:{account}:task/<EcsClusterStack/ECSCluster>/*"),
                    "iam:PassRole on <EcsExecutionRoleStack/ECSTaskExecutionRole.Arn>".to_owned(),
                    "iam:PassRole on <EcsTaskRoleStack/BatchTaskRole.Arn>".to_owned(),
                ]
                .into();
                let role = "EventBridgeRulesStack/BatchEventsRole";
                it.equal("what the role may do", grants(it, role), expected);
                let policy = it.resource("EventBridgeRulesStack/BatchEventsPolicy");
                let cluster = "<EcsClusterStack/ECSCluster.Arn>";
                let conditions: Vec<_> = policy
                    .list("PolicyDocument.Statement")
                    .iter()
                    .map(|it| it["Condition"].clone())
                    .collect();
                it.equal(
                    "the conditions",
                    conditions,
                    [
                        json!({ "ArnEquals": { "ecs:cluster": cluster } }),
                        json!({ "StringEquals": { "ecs:CreateAction": "RunTask" } }),
                        json!({
                            "StringEquals":
                                { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
                        }),
                    ],
                );
                let trust = it.resource(role).at("AssumeRolePolicyDocument.Statement.0");
                let rules = many(&trust["Condition"]["ArnEquals"]["aws:SourceArn"]);
                let names = ["monthly-aggregation", "yearly", "due-alert"];
                let expected =
                    names.map(|it| format!("arn:aws:events:{account}:rule/facility-{e}-{it}"));
                it.equal("who may assume the role", rules, expected);
            })
        },
        fault: Fault {
            file: RULES,
            from: "task-definition/${ProjectName}-${Environment}-batch:*\"",
            to: "task-definition/*\"",
        },
    },
];
