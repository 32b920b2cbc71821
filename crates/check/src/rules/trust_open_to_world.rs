use crate::links::Links;
use crate::policies::{Items, Policy, Statement};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "trust-open-to-world",
    severity: Severity::Error,
    page: include_str!("trust_open_to_world.md"),
    check,
};

/// Identity providers that everybody shares, and the key that says for whom a token is.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html>
const SHARED: [(&str, &str); 4] = [
    ("token.actions.githubusercontent.com", "token.actions.githubusercontent.com:sub"),
    ("gitlab.com", "gitlab.com:sub"),
    ("app.terraform.io", "app.terraform.io:sub"),
    ("cognito-identity.amazonaws.com", "cognito-identity.amazonaws.com:aud"),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, role) in links.certain("AWS::IAM::Role") {
        let Some(document) = role.property("AssumeRolePolicyDocument") else { continue };
        let name = &role.logical_id;
        for statement in Policy::read(document).allowing() {
            if statement.for_everybody() && !statement.is_conditional() {
                let Some(value) = statement.get("Principal") else { continue };
                let finding = cx.report_value(
                    value,
                    message!("every AWS account of the world may take role `{name}`", name),
                );
                finding
                    .help
                    .push(message!("name the accounts, roles or services that may take it"));
            }
            federated(cx, &links, statement, name);
        }
    }
}

/// Tokens of a shared provider that are for anybody.
fn federated(cx: &mut Cx<'_>, links: &Links<'_>, statement: Statement<'_>, name: &str) {
    let providers = statement.principals("Federated");
    let known = providers.known.iter().map(|(text, value)| (Some(*text), *value));
    for (text, value) in known.chain(providers.unknown.iter().map(|it| (None, *it))) {
        // A provider of the tree has an address.
        let url = match text {
            Some(text) => Some(text.rsplit_once("oidc-provider/").map_or(text, |it| it.1)),
            None => links.reference(value).and_then(|it| {
                let provider = links.at(links.place(it.resource)?);
                let url = provider.property("Url")?.as_text()?;
                Some(url.trim_start_matches("https://").trim_end_matches('/'))
            }),
        };
        let Some((provider, key)) = SHARED.iter().find(|it| Some(it.0) == url) else { continue };
        if statement.get("Condition").is_some_and(|it| it.as_map().is_none()) {
            continue;
        }
        let mut asked = false;
        let mut wide: Option<&Value> = None;
        statement.conditions(&mut |_, of, value| {
            // Other claims of a token name a repository as well.
            let prefix = key.rsplit_once(':').map_or(*key, |it| it.0);
            let claim = of.rsplit_once(':').map(|it| it.1);
            if of.starts_with(prefix) && claim != Some("aud") || of == *key {
                asked = true;
                wide = wide.or(Items::read(Some(value)).known.into_iter().find_map(
                    |(text, value)| {
                        let owner =
                            text.trim_start_matches("repo:").trim_start_matches("project_path:");
                        let owner = owner.split('/').next().unwrap_or(owner);
                        (of == *key && owner.trim_matches('*').is_empty()).then_some(value)
                    },
                ));
            }
        });
        let finding = match (asked, wide) {
            (true, None) => continue,
            (_, wide) => cx.report_value(
                wide.unwrap_or(value),
                message!(
                    "everybody who has a token of `{provider}` may take role `{name}`",
                    provider,
                    name
                ),
            ),
        };
        finding.help.push(message!("compare `{key}` with what may take the role", key));
    }
}
