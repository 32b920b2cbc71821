//! 8.6 Front end.

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::{many, text};
use crate::world::ACCOUNT;
use serde_json::Value as Json;

const BUCKETS: &str = "nested/frontend/s3-buckets.yaml";
const OAC: &str = "nested/frontend/cloudfront-oac.yaml";
const DISTRIBUTIONS: &str = "nested/frontend/cloudfront-distributions.yaml";

const DISTRIBUTION: &str = "CloudFrontDistributionsStack/VendorDistribution";
const HEADERS: &str = "CloudFrontDistributionsStack/VendorResponseHeadersPolicy";

/// The facts of the front end.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "SPA-1",
        level: R,
        says: "both buckets are encrypted with SSE-S3, versioned, logged, closed to the public in all four \
               ways, and forget old versions after 30 days",
        check: |world| {
            world.views(|it| {
                for (bucket, name) in
                    [("StaffSpaBucket", "staff-spa"), ("VendorSpaBucket", "vendor-spa")]
                {
                    let bucket = format!("S3BucketsStack/{bucket}");
                    let own = format!("facility-{}-{name}-{ACCOUNT}", it.environment);
                    it.expect(&bucket, "BucketName", &own);
                    let rule = "BucketEncryption.ServerSideEncryptionConfiguration.0";
                    let algorithm = format!("{rule}.ServerSideEncryptionByDefault.SSEAlgorithm");
                    it.expect(&bucket, &algorithm, "AES256");
                    it.expect(&bucket, "VersioningConfiguration.Status", "Enabled");
                    for block in [
                        "BlockPublicAcls",
                        "BlockPublicPolicy",
                        "IgnorePublicAcls",
                        "RestrictPublicBuckets",
                    ] {
                        it.expect(
                            &bucket,
                            &format!("PublicAccessBlockConfiguration.{block}"),
                            "true",
                        );
                    }
                    it.expect(
                        &bucket,
                        "OwnershipControls.Rules.0.ObjectOwnership",
                        "BucketOwnerEnforced",
                    );
                    let log = "LoggingConfiguration.DestinationBucketName";
                    it.expect(&bucket, log, "<LogBucketsStack/S3AccessLogBucket>");
                    let rule = "LifecycleConfiguration.Rules.0";
                    let days = format!("{rule}.NoncurrentVersionExpiration.NoncurrentDays");
                    it.expect(&bucket, &days, "30");
                    let parts =
                        format!("{rule}.AbortIncompleteMultipartUpload.DaysAfterInitiation");
                    it.expect(&bucket, &parts, "7");
                }
            })
        },
        fault: Fault {
            file: BUCKETS,
            from: "        BlockPublicPolicy: true\n",
            to: "        BlockPublicPolicy: false\n",
        },
    },
    Fact {
        id: "8.6.1",
        level: R,
        says: "staff files are read through the gateway endpoint or by the deploying role only, and only \
               reading is refused to others: nobody locks himself out",
        check: |world| {
            world.views(|it| {
                let policy = it.resource("S3BucketsStack/StaffSpaBucketPolicy");
                it.equal("its bucket", policy.text("Bucket"), "<S3BucketsStack/StaffSpaBucket>");
                let statements = policy.list("PolicyDocument.Statement");
                let deny = statements.iter().find(|it| {
                    it["Effect"] == "Deny"
                        && it["Condition"]["StringNotEquals"]["aws:SourceVpce"]
                            == "<VpcEndpointsStack/S3GatewayEndpoint>"
                });
                let deny = deny.unwrap_or(&Json::Null);
                it.equal(
                    "what it refuses",
                    many(&deny["Action"]),
                    ["s3:GetObject", "s3:GetObjectVersion"],
                );
                let role = it.parameter("SpaDeployRoleArn");
                let role = if role.is_empty() { "nothing" } else { role };
                let excepted = &deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"];
                it.equal("who is excepted", text(excepted).as_str(), role);
                it.require(it.environment == "dev" || role != "nothing", "nobody deploys");
            })
        },
        fault: Fault {
            file: BUCKETS,
            from: "            Action:\n              - s3:GetObject\n              - s3:GetObjectVersion\n",
            to: "            Action: \"s3:*\"\n",
        },
    },
    Fact {
        id: "S-FE-06",
        level: R,
        says: "the distribution signs its requests by origin access control, and the bucket admits this \
               distribution and no other",
        check: |world| {
            world.views(|it| {
                let control = "CloudFrontOacStack/VendorOac";
                for (property, expected) in [
                    ("OriginAccessControlOriginType", "s3"),
                    ("SigningBehavior", "always"),
                    ("SigningProtocol", "sigv4"),
                ] {
                    it.expect(control, &format!("OriginAccessControlConfig.{property}"), expected);
                }
                let name = format!("facility-{}-vendor-oac", it.environment);
                it.expect(control, "OriginAccessControlConfig.Name", &name);
                let controls = it.names("AWS::CloudFront::OriginAccessControl");
                it.equal("the controls", controls, [control]);
                let origin = "DistributionConfig.Origins.0";
                let oac = "<CloudFrontOacStack/VendorOac.Id>";
                it.expect(DISTRIBUTION, &format!("{origin}.OriginAccessControlId"), oac);
                let bucket = "<S3BucketsStack/VendorSpaBucket.RegionalDomainName>";
                it.expect(DISTRIBUTION, &format!("{origin}.DomainName"), bucket);
                let policy = it.resource("CloudFrontDistributionsStack/VendorSpaBucketPolicy");
                it.equal("its bucket", policy.text("Bucket"), "<S3BucketsStack/VendorSpaBucket>");
                let statements = policy.list("PolicyDocument.Statement");
                let allows: Vec<_> =
                    statements.iter().filter(|it| it["Effect"] == "Allow").collect();
                it.equal("how many it admits", allows.len(), 1);
                let allow = allows.first().copied().unwrap_or(&Json::Null);
                it.equal("whom", text(&allow["Principal"]["Service"]), "cloudfront.amazonaws.com");
                it.equal("to what", many(&allow["Action"]), ["s3:GetObject"]);
                it.equal(
                    "which",
                    text(&allow["Condition"]["ArnEquals"]["aws:SourceArn"]),
                    format!("arn:aws:cloudfront::{ACCOUNT}:distribution/<{DISTRIBUTION}>"),
                );
            })
        },
        fault: Fault {
            file: OAC,
            from: "SigningBehavior: always",
            to: "SigningBehavior: no-override",
        },
    },
    Fact {
        id: "8.6.2",
        level: R,
        says: "the staff screens have a control and a distribution of their own only when asked for, which \
               is nowhere",
        check: |world| {
            let mut problems = world.views(|it| {
                it.equal(
                    "the distributions",
                    it.names("AWS::CloudFront::Distribution"),
                    [DISTRIBUTION],
                );
            });
            let on = [("StaffDistributionEnabled", "true")];
            problems.extend(world.with("prod", "steady-state", &on, |it| {
                let staff = "CloudFrontDistributionsStack/StaffDistribution";
                let distributions = it.names("AWS::CloudFront::Distribution");
                it.equal("the distributions", distributions, [staff, DISTRIBUTION]);
                it.equal("the controls", it.names("AWS::CloudFront::OriginAccessControl").len(), 2);
                let acl = it.resource(staff).text("DistributionConfig.WebACLId");
                it.equal("its ACL", acl, "<EdgeStaffWebAclArn of facility-prod-edge in us-east-1>");
            }));
            problems
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"StaffDistributionEnabled\", \"ParameterValue\": \"false\"",
            to: "\"StaffDistributionEnabled\", \"ParameterValue\": \"true\"",
        },
    },
    Fact {
        id: "8.6.3",
        level: R,
        says: "the distribution redirects to HTTPS, serves Japan (PriceClass_200), rewrites deep links, \
               never caches index.html, sends the security headers and logs to the edge bucket",
        check: |world| {
            world.views(|it| {
                for (property, expected) in [
                    ("Enabled", "true"),
                    ("PriceClass", "PriceClass_200"),
                    ("HttpVersion", "http2and3"),
                    ("IPV6Enabled", "true"),
                    ("DefaultRootObject", "index.html"),
                    ("DefaultCacheBehavior.ViewerProtocolPolicy", "redirect-to-https"),
                    ("DefaultCacheBehavior.AllowedMethods", r#"["GET","HEAD","OPTIONS"]"#),
                    ("DefaultCacheBehavior.Compress", "true"),
                    ("DefaultCacheBehavior.CachePolicyId", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
                    ("CacheBehaviors.0.PathPattern", "/index.html"),
                    ("CacheBehaviors.0.ViewerProtocolPolicy", "redirect-to-https"),
                    ("CacheBehaviors.0.CachePolicyId", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"),
                    ("Logging.Bucket", "<LogBucketsStack/EdgeLogBucket.DomainName>"),
                ] {
                    it.expect(DISTRIBUTION, &format!("DistributionConfig.{property}"), expected);
                }
                let function = it.resource("CloudFrontDistributionsStack/ViewerRequestFunction");
                it.equal(
                    "its runtime",
                    function.text("FunctionConfig.Runtime"),
                    "cloudfront-js-2.0",
                );
                let rewrites =
                    function.text("FunctionCode").contains("request.uri = '/index.html'");
                it.require(rewrites, "deep links are not rewritten");
                let security = "ResponseHeadersPolicyConfig.SecurityHeadersConfig";
                for (property, expected) in [
                    ("StrictTransportSecurity.AccessControlMaxAgeSec", "63072000"),
                    ("StrictTransportSecurity.IncludeSubdomains", "true"),
                    ("FrameOptions.FrameOption", "DENY"),
                    ("ReferrerPolicy.ReferrerPolicy", "same-origin"),
                    ("ContentTypeOptions.Override", "true"),
                ] {
                    it.expect(HEADERS, &format!("{security}.{property}"), expected);
                }
                let csp = format!("{security}.ContentSecurityPolicy.ContentSecurityPolicy");
                let csp = it.resource(HEADERS).text(&csp);
                let api = match it.parameter("VendorApiDomainName") {
                    "" => String::new(),
                    name => format!(" https://{name}"),
                };
                let cognito = "https://cognito-idp.ap-northeast-1.amazonaws.com";
                let connect = format!("connect-src 'self'{api} {cognito};");
                it.require(
                    csp.contains(&connect),
                    format!("the screens may talk elsewhere: {csp}"),
                );
            })
        },
        fault: Fault {
            file: DISTRIBUTIONS,
            from: "PriceClass: PriceClass_200",
            to: "PriceClass: PriceClass_100",
        },
    },
    Fact {
        id: "CF-1",
        level: R,
        says: "stg and prod accept TLS 1.3 only, with the certificate of the edge root; dev has \
               CloudFront's own certificate",
        check: |world| {
            world.views(|it| {
                let viewer = |property: &str| {
                    let path = format!("DistributionConfig.ViewerCertificate.{property}");
                    it.resource(DISTRIBUTION).text(&path)
                };
                it.equal("the lowest version", viewer("MinimumProtocolVersion"), "TLSv1.3_2025");
                let sni = "sni-only";
                it.equal("how", viewer("SslSupportMethod").as_str(), it.by("nothing", sni, sni));
                let own = viewer("CloudFrontDefaultCertificate");
                it.equal("CloudFront's own", own.as_str(), it.by("true", "nothing", "nothing"));
                let certificate = viewer("AcmCertificateArn");
                let edge = format!(
                    "<EdgeCertificateArn of facility-{}-edge in us-east-1>",
                    it.environment
                );
                it.equal("the certificate", certificate.as_str(), it.by("nothing", &edge, &edge));
            })
        },
        fault: Fault {
            file: DISTRIBUTIONS,
            from: "MinimumProtocolVersion: TLSv1.3_2025",
            to: "MinimumProtocolVersion: TLSv1.2_2021",
        },
    },
    Fact {
        id: "CF-2",
        level: R,
        says: "the distribution's web ACL is a global one of us-east-1, read from the edge root or given \
               as such",
        check: |world| {
            let mut problems = world.views(|it| {
                let acl = it.resource(DISTRIBUTION).text("DistributionConfig.WebACLId");
                let edge =
                    format!("<EdgeWebAclArn of facility-{}-edge in us-east-1>", it.environment);
                it.equal("the ACL", acl, edge);
            });
            problems.extend(world.root_views("edge", |it| {
                it.equal("the Region of edge", &*it.inputs.region, "us-east-1");
                let acl = it.output("", "EdgeWebAclArn");
                let name = acl.trim_start_matches('<').trim_end_matches(".Arn>").to_owned();
                it.expect(&name, "Scope", "CLOUDFRONT");
            }));
            problems.extend(world.texts(|it| {
                let parameter =
                    world.template("stack.yaml").and_then(|it| it.parameters.get("EdgeWebAclArn"));
                let pattern = parameter.and_then(|it| it.allowed_pattern.as_ref());
                let global = pattern.is_some_and(|it| it.text.contains(":global/webacl/"));
                it.require(global, "an ACL that is not global can be given");
            }));
            problems
        },
        fault: Fault { file: "edge/stack.yaml", from: "Scope: CLOUDFRONT", to: "Scope: REGIONAL" },
    },
    Fact {
        id: "CF-4",
        level: R,
        says: "no error is answered as a success",
        check: |world| {
            world.views(|it| {
                for distribution in it.all("AWS::CloudFront::Distribution") {
                    for answer in distribution.list("DistributionConfig.CustomErrorResponses") {
                        let masked = text(&answer["ResponseCode"]) == "200";
                        it.require(!masked, format!("{} answers 200", distribution.name));
                    }
                }
                it.require(it.resource(DISTRIBUTION).exists(), "there is no distribution");
            })
        },
        fault: Fault {
            file: DISTRIBUTIONS,
            from: "        DefaultRootObject: index.html\n",
            to: "        DefaultRootObject: index.html\n        CustomErrorResponses:\n          \
                 - { ErrorCode: 403, ResponseCode: 200, ResponsePagePath: /index.html }\n",
        },
    },
    Fact {
        id: "S-STD-11",
        level: S,
        says: "whatever holds data is encrypted: the database by its key, buckets by S3 or a key, queues, \
               topics, groups and registries by keys; TLS 1.3 at the edge and the balancers",
        check: |world| {
            world.views(|it| {
                it.expect("RdsStack/DBInstance", "StorageEncrypted", "true");
                for bucket in it.all("AWS::S3::Bucket") {
                    let rule = "BucketEncryption.ServerSideEncryptionConfiguration.0";
                    let algorithm = format!("{rule}.ServerSideEncryptionByDefault.SSEAlgorithm");
                    let algorithm = bucket.text(&algorithm);
                    let encrypted = ["AES256", "aws:kms"].contains(&&*algorithm);
                    it.require(encrypted, format!("{} is encrypted by {algorithm}", bucket.name));
                }
                for (type_name, property) in [
                    ("AWS::SQS::Queue", "KmsMasterKeyId"),
                    ("AWS::SNS::Topic", "KmsMasterKeyId"),
                    ("AWS::Logs::LogGroup", "KmsKeyId"),
                    ("AWS::ECR::Repository", "EncryptionConfiguration.KmsKey"),
                    ("AWS::SecretsManager::Secret", "KmsKeyId"),
                    ("AWS::Backup::BackupVault", "EncryptionKeyArn"),
                ] {
                    for resource in it.all(type_name) {
                        let key = resource.text(property);
                        let own = key.starts_with("<KmsKeysStack/");
                        it.require(own, format!("{} is encrypted by {key}", resource.name));
                    }
                }
                let policy = it.parameter("AlbSslPolicy");
                it.require(policy.contains("TLS13-1-3"), format!("balancers have {policy}"));
                for listener in it.all("AWS::ElasticLoadBalancingV2::Listener") {
                    if listener.text("Protocol") == "HTTPS" {
                        it.expect(&listener.name, "SslPolicy", policy);
                    }
                }
                let lowest = "DistributionConfig.ViewerCertificate.MinimumProtocolVersion";
                it.expect(DISTRIBUTION, lowest, "TLSv1.3_2025");
            })
        },
        fault: Fault {
            file: "nested/batch/eventbridge-rules.yaml",
            from: "      KmsMasterKeyId:\n        Fn::ImportValue: !Sub \
                   \"${ProjectName}-${Environment}-MessagingKeyArn\"\n",
            to: "      SqsManagedSseEnabled: true\n",
        },
    },
];
