//! 8.7 Monitoring, and part 10: alarms and notifications.

use super::{Fact, Fault, Level::R};
use crate::resource::{Resource, text};
use crate::view::View;
use serde_json::{Value as Json, json};
use std::cell::Cell;

const BALANCER_ALARMS: &str = "nested/monitoring/cloudwatch-alarms-alb.yaml";
const DATABASE_ALARMS: &str = "nested/monitoring/cloudwatch-alarms-rds.yaml";
const TOPICS: &str = "nested/monitoring/sns-topics.yaml";

/// The table of part 10: alarm, then metric, threshold, period and evaluations, and what missing
/// data means. Several values are those of dev, stg and prod.
const ALARMS: &[(&str, &str)] = &[
    ("Alb/InternalTarget5xx", "HTTPCode_Target_5XX_Count Sum > 10, 300 x 1, notBreaching"),
    ("Alb/PublicTarget5xx", "HTTPCode_Target_5XX_Count Sum > 10, 300 x 1, notBreaching"),
    ("Alb/InternalUnhealthy", "UnHealthyHostCount Maximum > 0, 60 x 3, notBreaching"),
    ("Alb/PublicUnhealthy", "UnHealthyHostCount Maximum > 0, 60 x 3, notBreaching"),
    ("Alb/InternalLatency", "TargetResponseTime p95 > 1, 300 x 2, notBreaching"),
    ("Alb/PublicLatency", "TargetResponseTime p95 > 1, 300 x 2, notBreaching"),
    ("Alb/InternalErrorRate", "rate >= 5, 300 x 2, notBreaching"),
    ("Alb/PublicErrorRate", "rate >= 5, 300 x 2, notBreaching"),
    ("Alb/InternalElb5xx", "HTTPCode_ELB_5XX_Count Sum > 10, 300 x 1, notBreaching"),
    ("Alb/PublicElb5xx", "HTTPCode_ELB_5XX_Count Sum > 10, 300 x 1, notBreaching"),
    ("Alb/InternalRejected", "RejectedConnectionCount Sum > 0, 300 x 1, notBreaching"),
    ("Alb/PublicRejected", "RejectedConnectionCount Sum > 0, 300 x 1, notBreaching"),
    ("Alb/InternalTargetConnection", "TargetConnectionErrorCount Sum > 10, 300 x 1, notBreaching"),
    ("Alb/PublicTargetConnection", "TargetConnectionErrorCount Sum > 10, 300 x 1, notBreaching"),
    ("Alb/InternalTls", "ClientTLSNegotiationErrorCount Sum > 100, 300 x 1, notBreaching"),
    ("Alb/PublicTls", "ClientTLSNegotiationErrorCount Sum > 100, 300 x 1, notBreaching"),
    ("Ecs/StaffApiCpu", "CPUUtilization Average > 80, 300 x 2, notBreaching"),
    ("Ecs/VendorApiCpu", "CPUUtilization Average > 80, 300 x 2, notBreaching"),
    ("Ecs/StaffApiMemory", "MemoryUtilization Average > 80, 300 x 2, notBreaching"),
    ("Ecs/VendorApiMemory", "MemoryUtilization Average > 80, 300 x 2, notBreaching"),
    ("Ecs/StaffApiMissingTasks", "missing < 0, 60 x 15, notBreaching/notBreaching/breaching"),
    ("Ecs/VendorApiMissingTasks", "missing < 0, 60 x 15, notBreaching/notBreaching/breaching"),
    ("Rds/Cpu", "CPUUtilization Average > 80, 300 x 2, breaching"),
    ("Rds/Storage", "FreeStorageSpace Minimum < 10737418240, 300 x 1, breaching"),
    ("Rds/Connections", "DatabaseConnections Maximum > 40/80/160, 60 x 3, breaching"),
    ("Rds/Memory", "FreeableMemory Average < 106954752/214958080/429916160, 300 x 3, breaching"),
    ("Rds/Credits", "CPUCreditBalance Minimum < 30, 300 x 3, missing"),
    ("Rds/Swap", "SwapUsage Average > 268435456, 300 x 3, missing"),
    ("Rds/Queue", "DiskQueueDepth Average > 10, 300 x 3, missing"),
    ("Rds/ReadLatency", "ReadLatency Average > 0.01, 300 x 3, missing"),
    ("Rds/WriteLatency", "WriteLatency Average > 0.01, 300 x 3, missing"),
    ("Rds/TransactionId", "MaximumUsedTransactionIDs Maximum > 1000000000, 300 x 1, missing"),
    ("Batch/MonthlyInvocation", "FailedInvocations Sum > 0, 300 x 1, notBreaching"),
    ("Batch/DueAlertInvocation", "FailedInvocations Sum > 0, 300 x 1, notBreaching"),
    ("Batch/Dlq", "ApproximateNumberOfMessagesVisible Maximum > 0, 300 x 1, notBreaching"),
    ("Batch/Exit", "TriggeredRules Sum > 0, 300 x 1, notBreaching"),
];

/// The yen of a dollar that part 13 counts with. As of 2026-11-23.
const YEN_OF_A_DOLLAR: i64 = 150;

/// The most that all environments together may cost in a month, in yen.
const CEILING_YEN: i64 = 1_000_000;

/// The facts of the monitoring layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "MAL-1",
        level: R,
        says: "the dimensions of the balancers' alarms are attributes of the balancers and target \
               groups, on the right side",
        check: |world| {
            world.views(|it| {
                let alarms = it.all_in("CloudWatchAlarmsAlbStack", ALARM);
                it.require(alarms.len() >= 16, "alarms are missing");
                for alarm in alarms {
                    let (side, api) = match alarm.logical_id().starts_with("Internal") {
                        true => ("Internal", "StaffApi"),
                        false => ("Public", "VendorApi"),
                    };
                    for (name, value) in dimensions(&alarm) {
                        let expected = match &*name {
                            "LoadBalancer" => format!("<AlbStack/{side}Alb.LoadBalancerFullName>"),
                            "TargetGroup" => format!(
                                "<AlbTargetGroupsStack/{api}TargetGroup.TargetGroupFullName>"
                            ),
                            _ => format!("<AcmCertificatesStack/{side}Certificate>"),
                        };
                        it.equal(format!("{name} of {}", alarm.name), value, expected);
                    }
                }
            })
        },
        fault: Fault {
            file: BALANCER_ALARMS,
            from: "-InternalAlbFullName\"",
            to: "-PublicAlbFullName\"",
        },
    },
    Fact {
        id: "MEC-1",
        level: R,
        says: "the CPU alarm of a service stands above the target of its scaling",
        check: |world| {
            world.steady_views(|it| {
                for api in ["StaffApi", "VendorApi"] {
                    let policy = it.resource(&format!("{api}ServiceStack/ScalingPolicy"));
                    let target =
                        policy.number("TargetTrackingScalingPolicyConfiguration.TargetValue");
                    let alarm = it.resource(&format!("CloudWatchAlarmsEcsStack/{api}CpuAlarm"));
                    let threshold = alarm.number("Threshold");
                    it.equal(format!("the target of {api}"), target, Some(70));
                    it.require(
                        threshold > target,
                        format!("{api} scales at {target:?} and alarms at {threshold:?}"),
                    );
                }
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"EcsCpuTarget\", \"ParameterValue\": \"70\"",
            to: "\"EcsCpuTarget\", \"ParameterValue\": \"85\"",
        },
    },
    Fact {
        id: "MRD-1",
        level: R,
        says: "the database alarms at 40, 80 or 160 connections and below 10 GiB of storage",
        check: |world| {
            world.views(|it| {
                let connections = "CloudWatchAlarmsRdsStack/ConnectionsAlarm";
                it.expect(connections, "Threshold", it.by("40", "80", "160"));
                it.expect(connections, "MetricName", "DatabaseConnections");
                it.expect(connections, "Dimensions.0.Value", "<RdsStack/DBInstance>");
                let storage = "CloudWatchAlarmsRdsStack/StorageAlarm";
                it.expect(storage, "Threshold", "10737418240");
                it.expect(storage, "MetricName", "FreeStorageSpace");
                it.expect(storage, "Dimensions.0.Value", "<RdsStack/DBInstance>");
            })
        },
        fault: Fault {
            file: DATABASE_ALARMS,
            from: "ConnectionsThreshold: 160",
            to: "ConnectionsThreshold: 80",
        },
    },
    Fact {
        id: "LOG-1",
        level: R,
        says: "every log group of every root expires and is encrypted",
        check: |world| {
            let check = |it: &View<'_>| {
                for group in it.all("AWS::Logs::LogGroup") {
                    for property in ["RetentionInDays", "KmsKeyId"] {
                        let found = group.has(property);
                        it.require(found, format!("{} has no {property}", group.name));
                    }
                }
            };
            let mut problems = world.views(check);
            for root in ["bootstrap", "edge", "rotation"] {
                problems.extend(world.root_views(root, check));
            }
            problems.extend(world.views(|it| {
                let groups = it.all_in("LogGroupsStack", "AWS::Logs::LogGroup");
                let named = |name: &str| {
                    groups
                        .iter()
                        .find(|it| it.text("LogGroupName") == name)
                        .map(|it| (it.text("RetentionInDays"), it.text("KmsKeyId")))
                };
                let e = it.environment;
                let logs = it.by("30", "90", "90");
                for (name, days, key) in [
                    (format!("/aws/rds/instance/facility-{e}-db/postgresql"), logs, "Logs"),
                    (format!("/aws/rds/instance/facility-{e}-db/upgrade"), logs, "Logs"),
                    (format!("aws-waf-logs-facility-{e}"), logs, "Logs"),
                    (
                        format!("/aws/ecs/containerinsights/facility-{e}-cluster/performance"),
                        "14",
                        "Logs",
                    ),
                    (format!("/ecs/facility-{e}/exec"), logs, "Logs"),
                    (format!("/aws/events/facility-{e}"), logs, "Logs"),
                    (format!("/aws/cloudtrail/facility-{e}-trail"), "400", "Audit"),
                ] {
                    let key = format!("<KmsKeysStack/{key}Key.Arn>");
                    it.equal(&name, named(&name), Some((days.to_owned(), key)));
                }
            }));
            problems
        },
        fault: Fault { file: "rotation/stack.yaml", from: "      RetentionInDays: 90\n", to: "" },
    },
    Fact {
        id: "SNS-3",
        level: R,
        says: "without identifiers of a workspace or team there is no chat resource",
        check: |world| {
            let chat = |it: &View<'_>, expected: &[&str]| {
                let prefix = "AWS::Chatbot::";
                let mut found: Vec<_> = it
                    .resources()
                    .filter(|it| {
                        it.type_name().starts_with(prefix) || it.logical_id() == "ChatRole"
                    })
                    .map(|it| it.logical_id())
                    .collect();
                found.sort_unstable();
                it.equal("the chat resources", found, expected);
            };
            let mut problems = world.views(|it| {
                let all = ["ChatRole", "SlackChannel", "TeamsChannel"];
                chat(it, it.by(&[], &[], &all));
            });
            let no_slack = [("SlackWorkspaceId", "")];
            problems.extend(world.with("prod", "steady-state", &no_slack, |it| {
                chat(it, &["ChatRole", "TeamsChannel"]);
            }));
            problems
        },
        fault: Fault { file: TOPICS, from: "    Condition: UseSlack\n", to: "" },
    },
    Fact {
        id: "DSH-1",
        level: R,
        says: "the dashboard is valid JSON and shows only what exists",
        check: |world| {
            world.steady_views(|it| {
                let body = it.resource("DashboardStack/Dashboard").text("DashboardBody");
                let Ok(body) = serde_json::from_str::<Json>(&body) else {
                    it.say("the body is no JSON");
                    return;
                };
                let widgets = body["widgets"].as_array().map_or(&[][..], Vec::as_slice);
                let metrics: Vec<&Json> = widgets
                    .iter()
                    .filter_map(|it| it["properties"]["metrics"].as_array())
                    .flatten()
                    .collect();
                it.require(metrics.len() > 20, "metrics are missing");
                for metric in metrics {
                    let parts: Vec<String> = metric
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter(|it| it.is_string())
                        .map(text)
                        .collect();
                    for problem in strangers(it, &parts) {
                        it.say(format!("{}: {problem}", parts.join(" ")));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/monitoring/dashboard.yaml",
            from: "\"StaffApiErrors\"",
            to: "\"StaffErrors\"",
        },
    },
    Fact {
        id: "BUD-1",
        level: R,
        says: "the budgets of all environments together stay within 1,000,000 yen a month",
        check: |world| {
            let sum = Cell::new(0);
            let mut problems = world.steady_views(|it| {
                let budget = it.resource("BudgetStack/MonthlyBudget");
                match budget.number("Budget.BudgetLimit.Amount") {
                    Some(dollars) => sum.set(sum.get() + dollars * YEN_OF_A_DOLLAR),
                    None => it.say("there is no limit"),
                }
                it.expect(&budget.name, "Budget.BudgetLimit.Unit", "USD");
                it.expect(&budget.name, "Budget.TimeUnit", "MONTHLY");
                let notices: Vec<_> = budget
                    .list("NotificationsWithSubscribers")
                    .iter()
                    .map(|it| {
                        let notice = &it["Notification"];
                        format!("{} {}", notice["NotificationType"], notice["Threshold"])
                    })
                    .collect();
                it.equal("the notices", notices, ["\"ACTUAL\" 80", "\"FORECASTED\" 100"]);
            });
            if sum.get() > CEILING_YEN {
                problems.push(format!("{} yen are more than {CEILING_YEN}", sum.get()));
            }
            problems
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"MonthlyBudgetUsd\", \"ParameterValue\": \"900\"",
            to: "\"MonthlyBudgetUsd\", \"ParameterValue\": \"9000\"",
        },
    },
    Fact {
        id: "ALM-1",
        level: R,
        says: "every alarm of the table of part 10 has its figures in all three environments",
        check: |world| {
            world.steady_views(|it| {
                for (alarm, figures) in ALARMS {
                    let (layer, alarm) = alarm.split_once('/').unwrap_or_default();
                    let alarm = it.resource(&format!("CloudWatchAlarms{layer}Stack/{alarm}Alarm"));
                    let expected: Vec<String> = figures
                        .split(' ')
                        .map(|word| {
                            let comma = if word.ends_with(',') { "," } else { "" };
                            match &word.trim_end_matches(',').split('/').collect::<Vec<_>>()[..] {
                                [dev, stg, prod] => format!("{}{comma}", it.by(dev, stg, prod)),
                                _ => word.to_owned(),
                            }
                        })
                        .collect();
                    it.equal(&alarm.name, described(&alarm), expected.join(" "));
                }
            })
        },
        fault: Fault {
            file: DATABASE_ALARMS,
            from: "      Threshold: 80\n",
            to: "      Threshold: 90\n",
        },
    },
    Fact {
        id: "ALM-4",
        level: R,
        says: "every alarm tells when it starts and when it ends, says what missing data means, and \
               leads to the runbook",
        check: |world| {
            let check = |it: &View<'_>, topics: &[&str]| {
                for alarm in it.all(ALARM) {
                    let (start, end) = (alarm.texts("AlarmActions"), alarm.texts("OKActions"));
                    let told = topics.iter().all(|it| start.iter().any(|action| action == it));
                    it.require(told, format!("{} tells {start:?}", alarm.name));
                    it.equal(format!("the end of {}", alarm.name), &end, &start);
                    let missing = alarm.has("TreatMissingData");
                    it.require(missing, format!("{}: missing data means nothing", alarm.name));
                    let runbook = alarm.text("AlarmDescription").contains("Runbook: ");
                    it.require(runbook, format!("{} leads to no runbook", alarm.name));
                }
            };
            let mut problems = world.views(|it| check(it, &["<SnsTopicsStack/AlertTopic>"]));
            problems.extend(world.root_views("edge", |it| check(it, &["<EdgeAlertTopic>"])));
            problems.extend(world.steady_views(|it| {
                // The batch has readers of its own.
                for alarm in it.all_in("CloudWatchAlarmsBatchStack", ALARM) {
                    let topic = "<SnsTopicsStack/BatchNotificationTopic>".to_owned();
                    let told = alarm.texts("AlarmActions").contains(&topic);
                    it.require(told, format!("{} does not tell the batch's readers", alarm.name));
                }
            }));
            problems
        },
        fault: Fault {
            file: BALANCER_ALARMS,
            from: "      TreatMissingData: notBreaching\n",
            to: "",
        },
    },
    Fact {
        id: "T-90",
        level: R,
        says: "a monthly run that is absent is noticed by a check on the 1st at 06:00 in Tokyo",
        check: |world| {
            world.steady_views(|it| {
                let stack = "CloudWatchAlarmsBatchStack";
                let schedule = format!("{stack}/BatchCheckSchedule");
                it.expect(&schedule, "ScheduleExpression", "cron(0 6 1 * ? *)");
                it.expect(&schedule, "ScheduleExpressionTimezone", "Asia/Tokyo");
                it.expect(&schedule, "State", "ENABLED");
                let input = it.resource(&schedule).text("Target.Input");
                let document = format!("<{stack}/BatchCheckDocument>");
                it.require(input.contains(&document), "the schedule starts another document");
                let rule = it.resource(&format!("{stack}/BatchAbsentRule"));
                it.equal(
                    "what the rule waits for",
                    rule.at("EventPattern.detail"),
                    json!({
                        "Definition": [document],
                        "Status": ["Failed", "TimedOut", "Cancelled"],
                    }),
                );
                let targets: Vec<_> =
                    rule.list("Targets").iter().map(|it| text(&it["Arn"])).collect();
                let topics = ["AlertTopic", "BatchNotificationTopic"]
                    .map(|it| format!("<SnsTopicsStack/{it}>"));
                it.equal("whom the rule tells", targets, topics);
            })
        },
        fault: Fault {
            file: "nested/monitoring/cloudwatch-alarms-batch.yaml",
            from: "ScheduleExpression: \"cron(0 6 1 * ? *)\"",
            to: "ScheduleExpression: \"cron(0 6 2 * ? *)\"",
        },
    },
];

const ALARM: &str = "AWS::CloudWatch::Alarm";

/// The dimensions of an alarm, of all its metrics.
fn dimensions(alarm: &Resource<'_>) -> Vec<(String, String)> {
    let mut all = alarm.list("Dimensions");
    for metric in alarm.list("Metrics") {
        let inner = &metric["MetricStat"]["Metric"]["Dimensions"];
        all.extend(inner.as_array().into_iter().flatten().cloned());
    }
    all.iter().map(|it| (text(&it["Name"]), text(&it["Value"]))).collect()
}

/// An alarm as the table of part 10 writes it.
fn described(alarm: &Resource<'_>) -> String {
    let operator = match &*alarm.text("ComparisonOperator") {
        "GreaterThanThreshold" => ">".to_owned(),
        "GreaterThanOrEqualToThreshold" => ">=".to_owned(),
        "LessThanThreshold" => "<".to_owned(),
        other => other.to_owned(),
    };
    let metrics = alarm.list("Metrics");
    let (metric, period) = match metrics.iter().find(|it| it["ReturnData"] == true) {
        Some(it) => {
            let periods = metrics.iter().map(|it| &it["MetricStat"]["Period"]);
            let period = periods.clone().find(|it| !it.is_null()).map(text).unwrap_or_default();
            (text(&it["Id"]), period)
        }
        None => {
            let statistic = ["Statistic", "ExtendedStatistic"].into_iter().find(|it| alarm.has(it));
            let statistic = statistic.map(|it| alarm.text(it)).unwrap_or_default();
            (format!("{} {statistic}", alarm.text("MetricName")), alarm.text("Period"))
        }
    };
    format!(
        "{metric} {operator} {}, {period} x {}, {}",
        alarm.text("Threshold"),
        alarm.text("EvaluationPeriods"),
        alarm.text("TreatMissingData")
    )
}

/// The parts of a dashboard's metric that nothing in the tree stands for.
fn strangers(view: &View<'_>, parts: &[String]) -> Vec<String> {
    let own = format!("Facility/{}", view.environment);
    let mut strangers = Vec::new();
    let [namespace, metric, pairs @ ..] = parts else { return vec!["no metric".to_owned()] };
    if *namespace == own && pairs.is_empty() {
        let filters = view.all("AWS::Logs::MetricFilter");
        let counted = filters.iter().any(|it| {
            it.text("MetricTransformations.0.MetricName") == *metric
                && it.text("MetricTransformations.0.MetricNamespace") == own
        });
        if !counted {
            strangers.push(format!("nothing counts {metric}"));
        }
    }
    for pair in pairs.chunks(2) {
        let [name, value] = pair else { continue };
        let known = match &**name {
            "Job" => ["monthly", "yearly", "due-alert"].contains(&&**value),
            "Region" => value == "ap-northeast-1",
            "Rule" => value == "ALL",
            "Currency" => value == "USD",
            _ => {
                let marker = value.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
                let resource = marker.map(|it| it.split('.').next().unwrap_or(it));
                resource.is_some_and(|it| view.resource(it).exists())
            }
        };
        if !known {
            strangers.push(format!("there is no {name} {value}"));
        }
    }
    strangers
}
