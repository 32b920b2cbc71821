//! Where AWS's schemas disagree with AWS's documentation, and the documentation is right.
//!
//! The build fails when an entry names nothing, and when the schemas have come to agree with it:
//! then delete the entry.

/// One fact the schemas get wrong.
pub(crate) struct Correction {
    pub(crate) resource_type: &'static str,
    pub(crate) fact: Fact,
    /// The AWS page that states it.
    #[expect(dead_code, reason = "for the reader, and for whoever reviews an entry")]
    pub(crate) source: &'static str,
}

pub(crate) enum Fact {
    /// A change of this property replaces the resource.
    CreateOnly(&'static str),
    /// A change of this property, which the schemas call conditionally create-only, never replaces
    /// the resource.
    UpdatesInPlace(&'static str),
    /// The type accepts properties its schema does not declare.
    AcceptsUndeclaredProperties,
}

pub(crate) const CORRECTIONS: &[Correction] = &[
    Correction {
        resource_type: "AWS::CertificateManager::Certificate",
        fact: Fact::CreateOnly("ValidationMethod"),
        source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html#cfn-certificatemanager-certificate-validationmethod",
    },
    Correction {
        resource_type: "AWS::CloudFormation::CustomResource",
        fact: Fact::AcceptsUndeclaredProperties,
        source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html",
    },
    Correction {
        resource_type: "AWS::EC2::EIP",
        fact: Fact::CreateOnly("Domain"),
        source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html#cfn-ec2-eip-domain",
    },
    Correction {
        // "Update requires: Some interruptions": another group is a reboot, never another instance.
        resource_type: "AWS::RDS::DBInstance",
        fact: Fact::UpdatesInPlace("DBParameterGroupName"),
        source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html#cfn-rds-dbinstance-dbparametergroupname",
    },
    Correction {
        resource_type: "AWS::Route53::RecordSet",
        fact: Fact::CreateOnly("Name"),
        source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-route53-recordset.html#cfn-route53-recordset-name",
    },
];
