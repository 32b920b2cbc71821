use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value, partition};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "certificate-outside-us-east-1",
    severity: Severity::Error,
    page: include_str!("certificate_outside_us_east_1.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let region = &*cx.inputs.region;
    if partition(region) != "aws" {
        return;
    }
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let Some(certificate) = certificate(resource) else { continue };
        let of = match certificate.as_text() {
            Some(arn) => arn.strip_prefix("arn:aws:acm:").and_then(|it| it.split(':').next()),
            None => links
                .reference(certificate)
                .filter(|it| &*it.resource.type_name == "AWS::CertificateManager::Certificate")
                .map(|_| region),
        };
        let Some(of) = of.filter(|it| !it.is_empty() && *it != "us-east-1") else { continue };
        let name = &resource.logical_id;
        cx.report_value(
            certificate,
            message!(
                "`{name}` needs a certificate of `us-east-1`, and this one is in `{of}`",
                name,
                of
            ),
        )
        .help
        .push(message!("request the certificate in a stack in `us-east-1` and pass its ARN"));
    }
}

/// The certificate that CloudFront serves for a resource: its own distribution's, or the one that
/// another service keeps for it.
fn certificate(resource: &Resource) -> Option<&Value> {
    match &*resource.type_name {
        "AWS::CloudFront::Distribution" => {
            resource.property("DistributionConfig.ViewerCertificate.AcmCertificateArn")
        }
        "AWS::Cognito::UserPoolDomain" => resource.property("CustomDomainConfig.CertificateArn"),
        "AWS::ApiGateway::DomainName" => {
            let types = resource.property("EndpointConfiguration.Types");
            let edge = types.is_none_or(|it| {
                it.as_list().is_some_and(|it| it.iter().any(|it| it.as_text() == Some("EDGE")))
            });
            resource.property("CertificateArn").filter(|_| edge)
        }
        _ => None,
    }
}
