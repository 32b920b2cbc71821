use crate::links::Links;
use crate::policies::{Items, Policy, documents};
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "wildcard-compared-literally",
    severity: Severity::Warning,
    page: include_str!("wildcard_compared_literally.md"),
    check,
};

/// Keys whose values may well hold a star of their own.
const FREE: [&str; 2] = ["s3:prefix", "s3:delimiter"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let mut found = Vec::new();
        documents(&resource.properties, &mut |document| {
            for statement in Policy::read(document).statements {
                statement.conditions(&mut |operator, key, value| {
                    let plain = operator.rsplit(':').next().unwrap_or(operator);
                    let plain = plain.strip_suffix("IfExists").unwrap_or(plain);
                    let like = match plain {
                        "StringEquals" | "StringEqualsIgnoreCase" => "StringLike",
                        "StringNotEquals" | "StringNotEqualsIgnoreCase" => "StringNotLike",
                        _ => return,
                    };
                    if FREE.iter().any(|it| it.eq_ignore_ascii_case(key)) {
                        return;
                    }
                    for (text, value) in Items::read(Some(value)).known {
                        if text.contains('*') {
                            found.push((operator, key, like, text, value));
                        }
                    }
                });
            }
        });
        for (operator, key, like, text, value) in found {
            let like =
                if text.starts_with("arn:") { like.replace("String", "Arn") } else { like.into() };
            let finding = cx.report_value(
                value,
                message!(
                    "`{operator}` compares `{key}` with `{text}` letter by letter",
                    operator,
                    key,
                    text
                ),
            );
            finding.help.push(message!("use `{like}` for patterns", like));
        }
    }
}
