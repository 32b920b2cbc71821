//! 8.5 Authentication.

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::text;
use crate::view::View;
use serde_json::Value as Json;

const POOLS: &str = "nested/auth/cognito-user-pool.yaml";
const CLIENTS: &str = "nested/auth/cognito-user-pool-client.yaml";
const IDENTITIES: &str = "nested/auth/cognito-identity-pool.yaml";

const STAFF: &str = "CognitoUserPoolStack/StaffUserPool";
const VENDOR: &str = "CognitoUserPoolStack/VendorUserPool";

/// The schemas as they are deployed. A schema cannot be changed, only added to at its end: any
/// other difference would be refused, or would make a new pool without its users.
const SCHEMAS: [(&str, &str); 2] = [
    (
        STAFF,
        r#"[{"Name":"email","AttributeDataType":"String","Mutable":true,"Required":true},{"Name":"department","AttributeDataType":"String","DeveloperOnlyAttribute":false,"Mutable":true,"Required":false,"StringAttributeConstraints":{"MinLength":"1","MaxLength":"64"}},{"Name":"role","AttributeDataType":"String","DeveloperOnlyAttribute":false,"Mutable":true,"Required":false,"StringAttributeConstraints":{"MinLength":"1","MaxLength":"32"}}]"#,
    ),
    (
        VENDOR,
        r#"[{"Name":"email","AttributeDataType":"String","Mutable":true,"Required":true},{"Name":"company_id","AttributeDataType":"String","DeveloperOnlyAttribute":false,"Mutable":false,"Required":false,"StringAttributeConstraints":{"MinLength":"1","MaxLength":"36"}}]"#,
    ),
];

/// The facts of the authentication layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "POOL-1",
        level: R,
        says: "two pools, staff and vendors, in which nobody registers by himself",
        check: |world| {
            world.views(|it| {
                it.equal("the pools", it.names("AWS::Cognito::UserPool"), [STAFF, VENDOR]);
                for pool in [STAFF, VENDOR] {
                    it.expect(pool, "AdminCreateUserConfig.AllowAdminCreateUserOnly", "true");
                    it.expect(pool, "DeletionProtection", "ACTIVE");
                    it.expect(pool, "UsernameAttributes", r#"["email"]"#);
                    it.expect(pool, "UsernameConfiguration.CaseSensitive", "false");
                    it.expect(pool, "UserPoolTier", "ESSENTIALS");
                }
                // A pool with a domain is out of reach from inside.
                it.equal("the domains", it.names("AWS::Cognito::UserPoolDomain"), [""; 0]);
            })
        },
        fault: Fault {
            file: POOLS,
            from: "AllowAdminCreateUserOnly: true",
            to: "AllowAdminCreateUserOnly: false",
        },
    },
    Fact {
        id: "POOL-2",
        level: R,
        says: "staff have a department and a role, which administrators may change; vendors have a \
               company_id of 1 to 36 characters, which nobody may change",
        check: |world| {
            world.views(|it| {
                for (pool, name, mutable, most) in [
                    (STAFF, "department", true, "64"),
                    (STAFF, "role", true, "32"),
                    (VENDOR, "company_id", false, "36"),
                ] {
                    let schema = it.resource(pool).list("Schema");
                    let attribute =
                        schema.iter().find(|it| it["Name"] == name).unwrap_or(&Json::Null);
                    it.equal(
                        format!("the type of {name}"),
                        text(&attribute["AttributeDataType"]),
                        "String",
                    );
                    it.equal(
                        format!("whether {name} changes"),
                        &attribute["Mutable"],
                        &Json::from(mutable),
                    );
                    let lengths = &attribute["StringAttributeConstraints"];
                    it.equal(format!("the most of {name}"), text(&lengths["MaxLength"]), most);
                    it.equal(format!("the least of {name}"), text(&lengths["MinLength"]), "1");
                }
            })
        },
        fault: Fault {
            file: POOLS,
            from: "          Mutable: false\n",
            to: "          Mutable: true\n",
        },
    },
    Fact {
        id: "POOL-3",
        level: S,
        says: "the schemas are frozen",
        check: |world| {
            world.views(|it| {
                for (pool, schema) in SCHEMAS {
                    it.expect(pool, "Schema", schema);
                }
            })
        },
        fault: Fault { file: POOLS, from: "MaxLength: \"64\"", to: "MaxLength: \"128\"" },
    },
    Fact {
        id: "S-AUTH-03",
        level: R,
        says: "passwords have twelve characters of four classes, the last five are not taken again, and a \
               temporary one lasts three days",
        check: |world| {
            world.views(|it| {
                for pool in [STAFF, VENDOR] {
                    for (property, expected) in [
                        ("MinimumLength", "12"),
                        ("RequireLowercase", "true"),
                        ("RequireUppercase", "true"),
                        ("RequireNumbers", "true"),
                        ("RequireSymbols", "true"),
                        ("PasswordHistorySize", "5"),
                        ("TemporaryPasswordValidityDays", "3"),
                    ] {
                        it.expect(pool, &format!("Policies.PasswordPolicy.{property}"), expected);
                    }
                    let recovery = "AccountRecoverySetting.RecoveryMechanisms";
                    it.expect(pool, recovery, r#"[{"Name":"verified_email","Priority":1}]"#);
                }
            })
        },
        fault: Fault { file: POOLS, from: "MinimumLength: 12", to: "MinimumLength: 8" },
    },
    Fact {
        id: "S-AUTH-04",
        level: R,
        says: "a second factor is optional, by software token",
        check: |world| {
            world.views(|it| {
                for pool in [STAFF, VENDOR] {
                    it.expect(pool, "MfaConfiguration", "OPTIONAL");
                    it.expect(pool, "EnabledMfas", r#"["SOFTWARE_TOKEN_MFA"]"#);
                }
            })
        },
        fault: Fault {
            file: POOLS,
            from: "EnabledMfas: [SOFTWARE_TOKEN_MFA]",
            to: "EnabledMfas: [SMS_MFA]",
        },
    },
    Fact {
        id: "8.5.1-SENDER",
        level: R,
        says: "dev sends with Cognito's sender, stg and prod with the identity of the account",
        check: |world| {
            world.views(|it| {
                for pool in [STAFF, VENDOR] {
                    let sender = it.by("COGNITO_DEFAULT", "DEVELOPER", "DEVELOPER");
                    it.expect(pool, "EmailConfiguration.EmailSendingAccount", sender);
                    let none = "nothing";
                    let from = "no-reply@facility.city.lg.jp";
                    it.expect(pool, "EmailConfiguration.From", it.by(none, from, from));
                }
            })
        },
        fault: Fault {
            file: POOLS,
            from: "              - \"no-reply@${Domain}\"",
            to: "              - \"${Domain}\"",
        },
    },
    Fact {
        id: "CLI-1",
        level: R,
        says: "a client reads what it needs, and writes e-mail and name only: never department, role or \
               company_id",
        check: |world| {
            world.views(|it| {
                for (client, own) in [
                    (
                        "Staff",
                        r#"["email","email_verified","name","custom:department","custom:role"]"#,
                    ),
                    ("Vendor", r#"["email","email_verified","name","custom:company_id"]"#),
                ] {
                    let name = client_of(client);
                    let pool = format!("<CognitoUserPoolStack/{client}UserPool>");
                    it.expect(&name, "UserPoolId", &pool);
                    it.expect(&name, "ReadAttributes", own);
                    it.expect(&name, "WriteAttributes", r#"["email","name"]"#);
                }
            })
        },
        fault: Fault {
            file: CLIENTS,
            from: "WriteAttributes: [email, name]",
            to: "WriteAttributes: [email, name, \"custom:department\"]",
        },
    },
    Fact {
        id: "CLI-2",
        level: R,
        says: "access and ID tokens last 30 minutes, refresh tokens 12 hours, rotated with ten seconds' \
               grace; no secret, no OAuth, SRP only",
        check: |world| {
            world.views(|it| {
                for client in ["Staff", "Vendor"].map(client_of) {
                    for (property, expected) in [
                        ("AccessTokenValidity", "30"),
                        ("IdTokenValidity", "30"),
                        ("RefreshTokenValidity", "12"),
                        ("TokenValidityUnits.AccessToken", "minutes"),
                        ("TokenValidityUnits.IdToken", "minutes"),
                        ("TokenValidityUnits.RefreshToken", "hours"),
                        ("RefreshTokenRotation.Feature", "ENABLED"),
                        ("RefreshTokenRotation.RetryGracePeriodSeconds", "10"),
                        ("GenerateSecret", "false"),
                        ("AllowedOAuthFlowsUserPoolClient", "false"),
                        ("ExplicitAuthFlows", r#"["ALLOW_USER_SRP_AUTH"]"#),
                        ("PreventUserExistenceErrors", "ENABLED"),
                        ("EnableTokenRevocation", "true"),
                    ] {
                        it.expect(&client, property, expected);
                    }
                }
            })
        },
        fault: Fault {
            file: CLIENTS,
            from: "RefreshTokenValidity: 12",
            to: "RefreshTokenValidity: 720",
        },
    },
    Fact {
        id: "IDP-1",
        level: R,
        says: "there is no identity pool in any environment",
        check: |world| {
            world.views(|it| {
                it.equal("the identity pools", it.names("AWS::Cognito::IdentityPool"), [""; 0]);
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"IdentityPoolEnabled\", \"ParameterValue\": \"false\"",
            to: "\"IdentityPoolEnabled\", \"ParameterValue\": \"true\"",
        },
    },
    Fact {
        id: "IDP-2",
        level: R,
        says: "with the gate on, an identity needs a sign-in and has no permission at all",
        check: |world| {
            let on = [("IdentityPoolEnabled", "true")];
            world.with("prod", "steady-state", &on, |it: &View<'_>| {
                let pool = "CognitoIdentityPoolStack/IdentityPool";
                let role = "CognitoIdentityPoolStack/AuthenticatedRole";
                it.expect(pool, "AllowUnauthenticatedIdentities", "false");
                for provider in it.resource(pool).list("CognitoIdentityProviders") {
                    it.equal(
                        "the token check",
                        &provider["ServerSideTokenCheck"],
                        &Json::from(true),
                    );
                }
                for property in ["ManagedPolicyArns", "Policies"] {
                    it.expect(role, property, "nothing");
                }
                let trust = it.resource(role).list("AssumeRolePolicyDocument.Statement");
                let aud = "cognito-identity.amazonaws.com:aud";
                let trusted = trust.first().map(|it| text(&it["Condition"]["StringEquals"][aud]));
                it.equal(
                    "who is trusted",
                    trusted.as_deref(),
                    Some("<CognitoIdentityPoolStack/IdentityPool>"),
                );
                let attached = it.all_in("CognitoIdentityPoolStack", "AWS::IAM::ManagedPolicy");
                it.equal("the policies", attached.len(), 0);
            })
        },
        fault: Fault {
            file: IDENTITIES,
            from: "      Description: \"Authenticated identities, no permission\"\n",
            to: "      Description: \"Authenticated identities, no permission\"\n      \
                 ManagedPolicyArns:\n        - !Sub \
                 \"arn:${AWS::Partition}:iam::aws:policy/AmazonS3ReadOnlyAccess\"\n",
        },
    },
];

fn client_of(pool: &str) -> String {
    format!("CognitoUserPoolClientStack/{pool}UserPoolClient")
}
