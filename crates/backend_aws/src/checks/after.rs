//! What templates cannot say and is set once the stacks are there. What is so already is left alone.

use super::preflight::{BLOCK_PATH, BLOCKS};
use super::{About, Deployed, Finding};
use crate::ServiceError;
use crate::call::{Ask, Call, EC2, RDS, S3_CONTROL, each, text, texts};
use kumiki_source::message;

/// Sets what a deployed root needs besides its templates. A database is restarted only where that is
/// allowed.
pub fn post_deploy(of: &Deployed<'_>, restart: bool, ask: &dyn Ask) -> Vec<Finding> {
    let mut found = Vec::new();
    for vpc in of.physical("AWS::EC2::VPC") {
        let about = About("default-security-group", vpc.to_owned());
        found.push(match close_default_group(of.region, vpc, ask) {
            Ok(0) => about.pass(message!("the default security group has no rules")),
            Ok(count) => about
                .pass(message!("{count} rules of the default security group are removed", count)),
            Err(error) => about.unanswered(&error),
        });
    }
    if of.physical("AWS::S3::Bucket").next().is_some() {
        let about = About("public-access-block", of.account.to_owned());
        found.push(match block_public_access(of, ask) {
            Ok(false) => about.pass(message!("no bucket of the account can be public")),
            Ok(true) => about.pass(message!("no bucket of the account can be public any more")),
            Err(error) => about.unanswered(&error),
        });
    }
    for database in of.physical("AWS::RDS::DBInstance") {
        found.push(parameters_in_sync(of.region, database, restart, ask));
    }
    found
}

/// Removes the rules of a VPC's default security group; how many there were.
fn close_default_group(region: &str, vpc: &str, ask: &dyn Ask) -> Result<usize, ServiceError> {
    let filter = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", vpc),
        ("Filter.2.Name", "group-name"),
        ("Filter.2.Value.1", "default"),
    ];
    let groups = ask.ask(&Call::form(&EC2, "DescribeSecurityGroups", region, &filter))?;
    let mut removed = 0;
    for group in texts(&groups, "securityGroupInfo.item.groupId") {
        let filter = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", group)];
        let rules = ask.ask(&Call::form(&EC2, "DescribeSecurityGroupRules", region, &filter))?;
        for rule in each(&rules, "securityGroupRuleSet.item") {
            let Some(id) = text(rule, "securityGroupRuleId") else { continue };
            let action = match text(rule, "isEgress") {
                Some("true") => "RevokeSecurityGroupEgress",
                _ => "RevokeSecurityGroupIngress",
            };
            let fields = [("GroupId", group), ("SecurityGroupRuleId.1", id)];
            ask.ask(&Call::form(&EC2, action, region, &fields))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Keeps every bucket of the account from being public; whether that was not so.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html>
fn block_public_access(of: &Deployed<'_>, ask: &dyn Ask) -> Result<bool, ServiceError> {
    let call = |action, method| {
        Call::rest(&S3_CONTROL, action, of.region, method, BLOCK_PATH).of_account(of.account)
    };
    match ask.ask(&call("GetPublicAccessBlock", "GET")) {
        Ok(it) if BLOCKS.iter().all(|name| text(&it, name) == Some("true")) => return Ok(false),
        Err(error) if error.code != "NoSuchPublicAccessBlockConfiguration" => return Err(error),
        _ => {}
    }
    let settings = BLOCKS.map(|name| format!("<{name}>true</{name}>")).concat();
    let body = format!(
        "<PublicAccessBlockConfiguration xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\">{settings}</PublicAccessBlockConfiguration>"
    );
    ask.ask(&call("PutPublicAccessBlock", "PUT").with_body(&body))?;
    Ok(true)
}

/// Restarts a database that waits for it to take its parameters, where that is allowed.
fn parameters_in_sync(region: &str, database: &str, restart: bool, ask: &dyn Ask) -> Finding {
    let about = About("parameter-group", database.to_owned());
    let fields = [("DBInstanceIdentifier", database)];
    let answer = match ask.ask(&Call::form(&RDS, "DescribeDBInstances", region, &fields)) {
        Ok(answer) => answer,
        Err(error) => return about.unanswered(&error),
    };
    let status = "DescribeDBInstancesResult.DBInstances.DBInstance.DBParameterGroups.DBParameterGroup.ParameterApplyStatus";
    match text(&answer, status).unwrap_or_default() {
        "in-sync" => about.pass(message!("the database has its parameters")),
        "pending-reboot" if restart => {
            match ask.ask(&Call::form(&RDS, "RebootDBInstance", region, &fields)) {
                Ok(_) => about.unknown(message!(
                    "the database is being restarted to take its parameters: look again in some minutes"
                )),
                Err(error) => about.unanswered(&error),
            }
        }
        "pending-reboot" => about.fail(
            message!("the database takes its parameters when it is restarted"),
            message!("`--allow-reboot` restarts it, which interrupts the service"),
        ),
        status => about.unknown(message!("its parameters are `{status}`", status)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, lines};
    use super::super::{Finding, Placed};
    use super::*;
    use serde_json::json;

    const WRITES: [&str; 4] = [
        "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
        "PutPublicAccessBlock",
        "RebootDBInstance",
    ];

    /// What is found, and what was changed.
    fn told(script: &Script, restart: bool) -> (Vec<Finding>, Vec<String>) {
        let placed = |type_name: &str, physical_id: &str| Placed {
            path: String::new(),
            type_name: type_name.to_owned(),
            physical_id: physical_id.to_owned(),
        };
        let resources = [
            placed("AWS::EC2::VPC", "vpc-1"),
            placed("AWS::S3::Bucket", "reports"),
            placed("AWS::RDS::DBInstance", "db"),
        ];
        let (region, account) = ("ap-northeast-1", "111122223333");
        let of = Deployed { region, account, resources: &resources };
        let found = post_deploy(&of, restart, script);
        let mut changed = script.asked.borrow().clone();
        changed.retain(|it| WRITES.contains(&it.as_str()));
        (found, changed)
    }

    fn account(rules: serde_json::Value, block: &str, parameters: &str) -> Script {
        let group = json!({ "securityGroupInfo": { "item": { "groupId": "sg-1" } } });
        let rules = json!({ "securityGroupRuleSet": { "item": rules } });
        let settings = BLOCKS.map(|it| (it.to_owned(), json!(block))).into_iter().collect();
        let database = json!({ "DBParameterGroups": { "DBParameterGroup": {
            "ParameterApplyStatus": parameters } } });
        let databases = json!({ "DBInstances": { "DBInstance": database } });
        let done = WRITES.map(|it| (it, "", Ok(json!({}))));
        let answers = [
            ("DescribeSecurityGroups", "vpc-1", Ok(group)),
            ("DescribeSecurityGroupRules", "sg-1", Ok(rules)),
            ("GetPublicAccessBlock", "", Ok(serde_json::Value::Object(settings))),
            ("DescribeDBInstances", "db", Ok(json!({ "DescribeDBInstancesResult": databases }))),
        ];
        Script { answers: answers.into_iter().chain(done).collect(), ..Script::default() }
    }

    #[test]
    fn what_is_so_already_is_left_alone() {
        let (found, changed) = told(&account(json!([]), "true", "in-sync"), true);
        assert!(found.iter().all(|it| it.verdict == super::super::Verdict::Pass), "{found:?}");
        assert!(changed.is_empty(), "{changed:?}");
    }

    #[test]
    fn what_is_not_so_is_set() {
        let rules = json!([
            { "securityGroupRuleId": "sgr-1", "isEgress": "false" },
            { "securityGroupRuleId": "sgr-2", "isEgress": "true" },
        ]);
        let (found, changed) = told(&account(rules, "false", "pending-reboot"), true);
        assert_eq!(changed, WRITES);
        let said = ["default-security-group", "public-access-block", "parameter-group"];
        let said = said.map(|it| lines(&found, it).concat());
        assert_eq!(
            said,
            [
                "PASS vpc-1: 2 rules of the default security group are removed",
                "PASS 111122223333: no bucket of the account can be public any more",
                "UNKNOWN db: the database is being restarted to take its parameters: look again in some minutes",
            ]
        );
    }

    #[test]
    fn a_protected_database_is_not_restarted() {
        let (found, changed) = told(&account(json!([]), "true", "pending-reboot"), false);
        assert!(changed.is_empty(), "{changed:?}");
        let expected = ["FAIL db: the database takes its parameters when it is restarted"];
        assert_eq!(lines(&found, "parameter-group"), expected);
    }

    #[test]
    fn a_refusal_is_no_pass() {
        let refused = WRITES.map(|it| (it, "", Err("AccessDenied")));
        let rules = json!({ "securityGroupRuleId": "sgr-1", "isEgress": "false" });
        let mut script = account(rules, "false", "pending-reboot");
        script.answers.splice(0..0, refused);
        let (found, _) = told(&script, true);
        assert!(found.iter().all(|it| it.verdict == super::super::Verdict::Unknown), "{found:?}");
    }
}
