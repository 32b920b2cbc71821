use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "metric-filter-refused",
    severity: Severity::Error,
    page: include_str!("metric_filter_refused.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, filter) in links.all() {
        if !matches!(
            &*filter.type_name,
            "AWS::Logs::MetricFilter" | "AWS::Logs::SubscriptionFilter"
        ) {
            continue;
        }
        if let Some(value) = filter.property("FilterPattern")
            && let Some(open) = value.as_text().and_then(unclosed)
        {
            let finding = cx.report_value(
                value,
                message!("the pattern of the filter does not close its `{open}`", open),
            );
            finding.help.push(message!("write the other half"));
        }
        let list = filter.property("MetricTransformations").and_then(Value::as_list);
        for transformation in list.unwrap_or_default() {
            if let Some(value) = transformation.get("MetricNamespace")
                && let Some(namespace) = value.as_text().filter(|it| it.starts_with("AWS/"))
            {
                let finding = cx.report_value(
                    value,
                    message!("namespace `{namespace}` belongs to AWS", namespace),
                );
                finding.help.push(message!("choose one that does not begin with `AWS/`"));
            }
            let dimensions = transformation.get("Dimensions").and_then(Value::as_list);
            if let Some(value) = transformation.get("DefaultValue")
                && dimensions.is_some_and(|it| !it.is_empty())
            {
                let finding = cx.report_value(
                    value,
                    message!("a metric with dimensions has no value for when nothing matches"),
                );
                finding.help.push(message!("leave out `DefaultValue`, or the dimensions"));
            }
        }
    }
}

/// The bracket or quote of a pattern that is not closed, outside of regular expressions.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
fn unclosed(pattern: &str) -> Option<char> {
    let pattern = pattern.trim();
    // Only patterns for JSON and for fields have brackets with a meaning.
    if !pattern.starts_with(['{', '[']) || pattern.contains('%') {
        return None;
    }
    let mut open = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    for character in pattern.chars() {
        match character {
            _ if std::mem::take(&mut escaped) => {}
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' | '(' if !quoted => open.push(character),
            '}' | ']' | ')' if !quoted => drop(open.pop()),
            _ => {}
        }
    }
    if quoted { Some('"') } else { open.pop() }
}

#[cfg(test)]
mod tests {
    use super::unclosed;

    #[test]
    fn brackets_are_counted() {
        assert_eq!(unclosed("{ ($.level = \"ERROR\") && ($.a[0] = 1) }"), None);
        assert_eq!(unclosed("{ $.level = \"ERROR }"), Some('"'));
        assert_eq!(unclosed("{ ($.level = ERROR }"), Some('{'));
        assert_eq!(unclosed("[ip, user, status = 5*"), Some('['));
        assert_eq!(unclosed("ERROR (timeout"), None);
        assert_eq!(unclosed("{ $.message = %\\(% }"), None);
        assert_eq!(unclosed("{ $.a = \"\\\"\" }"), None);
    }
}
