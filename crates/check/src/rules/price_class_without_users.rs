use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "price-class-without-users",
    severity: Severity::Warning,
    page: include_str!("price_class_without_users.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let region = &cx.inputs.region;
    let Some(least) = least_class(region) else { return };
    let links = Links::new(cx);
    for (_, _, resource) in links.certain("AWS::CloudFront::Distribution") {
        let Some(class) = resource.property("DistributionConfig.PriceClass") else { continue };
        let Some(text) = class.as_text() else { continue };
        let served = match text {
            "PriceClass_100" => false,
            "PriceClass_200" => least != "PriceClass_All",
            _ => true,
        };
        if served {
            continue;
        }
        cx.report_value(
            class,
            message!("`{text}` has no edge locations near `{region}`", text, region),
        )
        .help
        .push(message!("use `{least}`, or viewers there are served from another continent", least));
    }
}

/// The cheapest price class with edge locations near a Region, unless every class has some.
///
/// A stack's Region is where its users are, except for us-east-1, where everybody's edge lives.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PriceClass.html>
fn least_class(region: &str) -> Option<&'static str> {
    match region {
        // Australia, New Zealand and South America.
        "ap-southeast-2" | "ap-southeast-4" | "ap-southeast-6" | "sa-east-1" => {
            Some("PriceClass_All")
        }
        _ if region.starts_with("ap-")
            || region.starts_with("me-")
            || region.starts_with("af-") =>
        {
            Some("PriceClass_200")
        }
        _ => None,
    }
}
