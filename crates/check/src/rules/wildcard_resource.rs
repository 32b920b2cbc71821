use crate::links::Links;
use crate::policies::{Policy, identity_policies, matches};
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "wildcard-resource",
    severity: Severity::Warning,
    page: include_str!("wildcard_resource.md"),
    check,
};

/// Actions that read or change data, secrets or permissions, and take a resource.
const SENSITIVE: [&str; 33] = [
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "ecs:ExecuteCommand",
    "ecs:RunTask",
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode",
    "rds-db:connect",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "sqs:ReceiveMessage",
    "ssm:GetParameter",
    "ssm:SendCommand",
    "sts:AssumeRole",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for policy in identity_policies(&links) {
        for statement in Policy::read(policy.document).allowing() {
            if statement.is_conditional() {
                continue;
            }
            let resources = statement.resources();
            let Some(everything) = resources.find("*") else { continue };
            let mut named: Vec<&str> = Vec::new();
            for (action, _) in statement.actions().known {
                // Whole services are another rule's finding.
                if action == "*" || action.ends_with(":*") {
                    continue;
                }
                named.extend(SENSITIVE.iter().filter(|it| matches(action, it)));
            }
            named.dedup();
            if named.is_empty() {
                continue;
            }
            let actions: Vec<String> = named.iter().map(|it| format!("`{it}`")).collect();
            let actions = actions.join(", ");
            let finding = cx.report_value(
                everything,
                message!("{actions} is allowed on every resource", actions),
            );
            finding.help.push(message!("name the resources, or add a condition"));
        }
    }
}
