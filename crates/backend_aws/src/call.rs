//! Calls to services whose own client crates would take minutes to compile for a question or two:
//! signed, sent and tried again by the SDK's own machinery, and answered as JSON.
//!
//! Knows how requests and answers are written, and nothing of what they mean.

use crate::error::{ServiceError, UNREACHABLE};
use crate::session::Session;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use kumiki_project::partition;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};
use std::fmt;

/// Whoever answers calls: AWS, or a test.
pub trait Ask {
    /// The answer to a call.
    ///
    /// # Errors
    /// When the service refuses, or cannot be reached.
    fn ask(&self, call: &Call) -> Result<Value, ServiceError>;
}

/// A service, as its requests are written and signed.
#[derive(Debug)]
pub struct Service {
    /// What its endpoint begins with.
    endpoint: &'static str,
    /// The name that requests are signed for.
    signed_for: &'static str,
    /// How requests are written.
    protocol: Protocol,
    /// The Region of a service that is in one place for all of AWS. IAM and Route 53 have no
    /// Region in their endpoint.
    home: Option<&'static str>,
}

/// <https://smithy.io/2.0/aws/protocols/index.html>
#[derive(Debug)]
enum Protocol {
    /// A form, with the version of the API; answers are XML.
    Query(&'static str),
    /// JSON 1.1, with what the action's name begins with.
    Json(&'static str),
    /// A path; answers are XML or JSON.
    Rest,
}

const fn service(endpoint: &'static str, protocol: Protocol) -> Service {
    Service { endpoint, signed_for: endpoint, protocol, home: None }
}

/// AWS Chatbot, which is in a few Regions only; any of them knows all channels.
/// <https://docs.aws.amazon.com/general/latest/gr/chatbot.html>
pub static CHATBOT: Service =
    Service { home: Some("us-east-2"), ..service("chatbot", Protocol::Rest) };
/// AWS CloudFormation, for what is asked beside a deployment.
pub static CLOUDFORMATION: Service = service("cloudformation", Protocol::Query("2010-05-15"));
/// AWS CloudTrail.
pub static CLOUDTRAIL: Service =
    service("cloudtrail", Protocol::Json("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"));
/// Amazon Cognito's user pools.
pub static COGNITO: Service =
    service("cognito-idp", Protocol::Json("AWSCognitoIdentityProviderService"));
/// Amazon EC2.
pub static EC2: Service = service("ec2", Protocol::Query("2016-11-15"));
/// Amazon ECS.
pub static ECS: Service = service("ecs", Protocol::Json("AmazonEC2ContainerServiceV20141113"));
/// Elastic Load Balancing, of Application Load Balancers.
pub static ELB: Service = service("elasticloadbalancing", Protocol::Query("2015-12-01"));
/// AWS Identity and Access Management.
pub static IAM: Service =
    Service { home: Some("us-east-1"), ..service("iam", Protocol::Query("2010-05-08")) };
/// Service Quotas.
pub static QUOTAS: Service = service("servicequotas", Protocol::Json("ServiceQuotasV20190624"));
/// Amazon RDS.
pub static RDS: Service = service("rds", Protocol::Query("2014-10-31"));
/// Amazon Route 53.
pub static ROUTE53: Service =
    Service { home: Some("us-east-1"), ..service("route53", Protocol::Rest) };
/// Amazon S3, with the bucket in the path.
pub static S3: Service = service("s3", Protocol::Rest);
/// Amazon S3's settings of a whole account.
pub static S3_CONTROL: Service =
    Service { signed_for: "s3", ..service("s3-control", Protocol::Rest) };
/// AWS Secrets Manager.
pub static SECRETS: Service = service("secretsmanager", Protocol::Json("secretsmanager"));
/// Amazon SNS.
pub static SNS: Service = service("sns", Protocol::Query("2010-03-31"));
/// AWS Security Token Service.
pub static STS: Service = service("sts", Protocol::Query("2011-06-15"));

/// One call of an action.
#[derive(Debug)]
pub struct Call {
    /// The service.
    pub service: &'static Service,
    /// The action in the service's words, `DescribeVpcs`.
    pub action: &'static str,
    /// The Region.
    pub region: String,
    /// What is said.
    pub request: Request,
}

/// What a call says.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Names and values of a form.
    Form(Vec<(String, String)>),
    /// A JSON document.
    Json(Value),
    /// A path, what is sent there, and the account that it is about, where the service asks for it.
    Rest {
        /// `GET`, `PUT` or `POST`.
        method: &'static str,
        /// The path, with its query.
        path: String,
        /// The body.
        body: String,
        /// The account.
        account: Option<String>,
    },
}

impl Call {
    /// A call whose parameters are a form.
    pub fn form(
        service: &'static Service,
        action: &'static str,
        region: &str,
        fields: &[(&str, &str)],
    ) -> Self {
        let fields = fields.iter().map(|(name, it)| ((*name).to_owned(), (*it).to_owned()));
        let request = Request::Form(fields.collect());
        Self { service, action, region: region.to_owned(), request }
    }

    /// A call whose parameters are a JSON document.
    pub fn json(
        service: &'static Service,
        action: &'static str,
        region: &str,
        body: Value,
    ) -> Self {
        Self { service, action, region: region.to_owned(), request: Request::Json(body) }
    }

    /// A call that is a path.
    pub fn rest(
        service: &'static Service,
        action: &'static str,
        region: &str,
        method: &'static str,
        path: &str,
    ) -> Self {
        let request =
            Request::Rest { method, path: path.to_owned(), body: String::new(), account: None };
        Self { service, action, region: region.to_owned(), request }
    }

    /// The account that the call is about.
    pub fn of_account(mut self, number: &str) -> Self {
        if let Request::Rest { account, .. } = &mut self.request {
            *account = Some(number.to_owned());
        }
        self
    }

    /// What is sent.
    pub fn with_body(mut self, text: &str) -> Self {
        if let Request::Rest { body, .. } = &mut self.request {
            text.clone_into(body);
        }
        self
    }

    /// The Region that the request is signed for.
    fn signed_in(&self) -> &str {
        self.service.home.unwrap_or(&self.region)
    }

    /// Where the request goes.
    ///
    /// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
    fn endpoint(&self, fips: bool) -> String {
        let Service { endpoint, .. } = self.service;
        let suffix = match partition(self.signed_in()) {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let fips = if fips { "-fips" } else { "" };
        let account = match &self.request {
            Request::Rest { account: Some(account), .. } => format!("{account}."),
            _ => String::new(),
        };
        match *endpoint {
            "iam" | "route53" => format!("https://{endpoint}{fips}.{suffix}"),
            _ => format!("https://{account}{endpoint}{fips}.{}.{suffix}", self.signed_in()),
        }
    }

    fn request(&self) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
        let (method, path, body, kind) = match (&self.request, &self.service.protocol) {
            (Request::Form(fields), Protocol::Query(version)) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("Action", self.action).append_pair("Version", version);
                form.extend_pairs(fields);
                ("POST", "/", form.finish(), "application/x-www-form-urlencoded; charset=utf-8")
            }
            (Request::Json(body), _) => {
                ("POST", "/", body.to_string(), "application/x-amz-json-1.1")
            }
            (Request::Rest { method, path, body, .. }, _) => {
                let kind =
                    if body.starts_with('<') { "application/xml" } else { "application/json" };
                (*method, path.as_str(), body.clone(), kind)
            }
            (Request::Form(_), _) => return Err("a form is for the Query protocol".into()),
        };
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method)?;
        request.set_uri(path)?;
        let headers = request.headers_mut();
        headers.insert("content-type", kind);
        if let Protocol::Json(target) = self.service.protocol {
            headers.insert("x-amz-target", format!("{target}.{}", self.action));
        }
        if let Request::Rest { account: Some(account), .. } = &self.request {
            headers.insert("x-amz-account-id", account.clone());
        }
        Ok(request)
    }
}

/// A refusal, as the SDK's retries look at it.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Ask for Session {
    fn ask(&self, call: &Call) -> Result<Value, ServiceError> {
        self.wait(send(self.config(), call))
    }
}

async fn send(config: &SdkConfig, call: &Call) -> Result<Value, ServiceError> {
    let refused = |text: &str| ServiceError {
        action: call.action,
        code: UNREACHABLE.to_owned(),
        text: text.to_owned(),
    };
    let http = config.http_client().ok_or_else(|| refused("there is no HTTP client"))?;
    let credentials =
        config.credentials_provider().ok_or_else(|| refused("there are no credentials"))?;
    let url = match config.endpoint_url() {
        Some(url) => url.to_owned(),
        None => call.endpoint(config.use_fips().unwrap_or_default()),
    };
    let mut layer = Layer::new("signing");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    let mut signing = SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(Region::new(call.signed_in().to_owned()))),
        name: Some(SigningName::from(call.service.signed_for)),
        ..SigV4OperationSigningConfig::default()
    };
    // S3 wants the digest of the body in a header.
    signing.signing_options.content_sha256_header = call.service.signed_for == "s3";
    layer.store_put(signing);
    let components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )))
        .with_identity_cache(config.identity_cache())
        .with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    let retry = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let request = call.request().map_err(|it| refused(&it.to_string()))?;
    let operation = Operation::builder()
        .service_name(call.service.endpoint)
        .operation_name(call.action)
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .endpoint_url(&url)
        .standard_retry(&retry)
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .runtime_plugin(
            StaticRuntimePlugin::new()
                .with_config(layer.freeze())
                .with_runtime_components(components),
        )
        .serializer(|request: HttpRequest| Ok(request))
        .deserializer(read)
        .build();
    operation.invoke(request).await.map_err(|error| match &error {
        SdkError::ServiceError(it) => ServiceError {
            action: call.action,
            code: it.err().meta().code().unwrap_or("Unknown").to_owned(),
            text: it.err().meta().message().unwrap_or("no reason is given").to_owned(),
        },
        _ => refused(&crate::error::with_sources(&error)),
    })
}

/// An answer as JSON, or the refusal that it is.
fn read(response: &HttpResponse) -> Result<Value, OrchestratorError<Refused>> {
    let bytes = response.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let answer = match text.trim_start().as_bytes().first() {
        None => Ok(Value::Null),
        Some(b'<') => xml(&text),
        Some(_) => serde_json::from_str(&text).map_err(|it| it.to_string()),
    };
    if response.status().is_success() {
        return answer
            .map_err(|it| OrchestratorError::other(format!("the answer is damaged: {it}")));
    }
    let answer = answer.unwrap_or_default();
    let kind = response.headers().get("x-amzn-errortype");
    // Query, EC2's own kind of it, S3, then JSON.
    let code = ["Error.Code", "Errors.Error.Code", "Code", "__type", "code"];
    let code = kind.or_else(|| code.iter().find_map(|it| self::text(&answer, it)));
    let code = code.map(|it| {
        // `com.amazonaws.ecs#ClientException`, `ClientException:http://…`
        let end = it.rsplit('#').next().unwrap_or(it);
        end.split(':').next().unwrap_or(end).to_owned()
    });
    let reason = ["Error.Message", "Errors.Error.Message", "Message", "message"];
    let reason = reason.iter().find_map(|it| self::text(&answer, it));
    let status = response.status().as_u16();
    let refusal = ErrorMetadata::builder()
        .code(code.unwrap_or_else(|| format!("HTTP {status}")))
        .message(reason.unwrap_or("no reason is given"))
        .build();
    Err(OrchestratorError::operation(Refused(refusal)))
}

/// XML as JSON: an element is its text, or a map of what it holds; elements of one name are a list.
/// The root's own name is left out.
fn xml(text: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Map<String, Value>, String)> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|it| it.to_string())?;
        let ended = match event {
            Event::Start(it) => {
                let name = String::from_utf8_lossy(it.local_name().as_ref()).into_owned();
                open.push((name, Map::new(), String::new()));
                continue;
            }
            Event::Empty(it) => {
                (String::from_utf8_lossy(it.local_name().as_ref()).into_owned(), json!(""))
            }
            Event::Text(it) => {
                if let Some((.., held)) = open.last_mut() {
                    held.push_str(&it.decode().map_err(|it| it.to_string())?);
                }
                continue;
            }
            Event::CData(it) => {
                if let Some((.., held)) = open.last_mut() {
                    held.push_str(&it.decode().map_err(|it| it.to_string())?);
                }
                continue;
            }
            Event::GeneralRef(it) => {
                let name = it.decode().map_err(|it| it.to_string())?;
                let written = format!("&{name};");
                let meant = quick_xml::escape::unescape(&written).map_err(|it| it.to_string())?;
                if let Some((.., held)) = open.last_mut() {
                    held.push_str(&meant);
                }
                continue;
            }
            Event::End(_) => match open.pop() {
                Some((name, fields, held)) if fields.is_empty() => (name, json!(held.trim())),
                Some((name, fields, _)) => (name, Value::Object(fields)),
                None => return Err("an element ends that did not begin".to_owned()),
            },
            Event::Eof => return Err("it ends too early".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => continue,
        };
        let (name, value) = ended;
        let Some((_, fields, _)) = open.last_mut() else { return Ok(value) };
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
}

/// Everything at a path of an answer, through lists on the way: one item of XML is no list.
pub fn each<'a>(answer: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = flat(answer);
    for name in path.split('.') {
        found = found.into_iter().filter_map(|it| it.get(name)).flat_map(flat).collect();
    }
    found
}

fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        value => vec![value],
    }
}

/// The first text at a path of an answer.
pub fn text<'a>(answer: &'a Value, path: &str) -> Option<&'a str> {
    each(answer, path).into_iter().find_map(Value::as_str)
}

/// The texts at a path of an answer.
pub fn texts<'a>(answer: &'a Value, path: &str) -> Vec<&'a str> {
    each(answer, path).into_iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn vpcs() -> Call {
        Call::form(&EC2, "DescribeVpcs", "ap-northeast-1", &[("Filter.1.Name", "is-default")])
    }

    fn block() -> Call {
        Call::rest(&S3_CONTROL, "GetPublicAccessBlock", "ap-northeast-1", "GET", "/b?x=1")
            .of_account("111122223333")
    }

    fn services() -> Call {
        Call::json(&ECS, "DescribeServices", "ap-northeast-1", json!({ "cluster": "c" }))
    }

    /// Answers one connection after the other; what was asked, and what came of it.
    fn told(call: &Call, answers: &[(u16, &str)]) -> (Vec<String>, Result<Value, ServiceError>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let retry = RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(1));
            let credentials = Credentials::for_tests();
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .retry_config(retry)
                .build();
            let serve = async {
                let mut asked = Vec::new();
                for (status, body) in answers {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut request = Vec::new();
                    let mut part = [0; 4096];
                    // The whole request has come once its body has the length that its head says.
                    while !whole(&request) {
                        let length = stream.read(&mut part).await.unwrap();
                        request.extend_from_slice(&part[..length]);
                    }
                    asked.push(String::from_utf8(request).unwrap());
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                asked
            };
            let (asked, answer) = tokio::join!(serve, send(&config, call));
            (asked, answer)
        })
    }

    fn whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
        body.len() >= length.map_or(0, |it| it.parse().unwrap())
    }

    #[test]
    fn requests_are_written_as_each_service_wants_them() {
        let cases = [
            (
                vpcs(),
                &[
                    "POST / ",
                    "content-type: application/x-www-form-urlencoded; charset=utf-8",
                    "/ap-northeast-1/ec2/aws4_request",
                    "Action=DescribeVpcs&Version=2016-11-15&Filter.1.Name=is-default",
                ][..],
            ),
            (
                services(),
                &[
                    "POST / ",
                    "content-type: application/x-amz-json-1.1",
                    "x-amz-target: AmazonEC2ContainerServiceV20141113.DescribeServices",
                    "/ap-northeast-1/ecs/aws4_request",
                    r#"{"cluster":"c"}"#,
                ],
            ),
            (
                block(),
                &[
                    "GET /b?x=1 ",
                    "x-amz-account-id: 111122223333",
                    "x-amz-content-sha256: ",
                    "/ap-northeast-1/s3/aws4_request",
                ],
            ),
            (
                Call::form(&IAM, "GetRole", "ap-northeast-1", &[]),
                &["/us-east-1/iam/aws4_request", "Action=GetRole&Version=2010-05-08"],
            ),
        ];
        for (call, expected) in cases {
            let (asked, answer) = told(&call, &[(200, "{}")]);
            assert_eq!(answer.unwrap(), json!({}));
            for part in expected {
                assert!(asked[0].contains(part), "{part} in {}", asked[0]);
            }
        }
    }

    #[test]
    fn answers_and_refusals_are_read_in_each_dialect() {
        let refused = |code: &str, text: &str| Err((code.to_owned(), text.to_owned()));
        let query = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no &amp; no</Message></Error></ErrorResponse>";
        let ec2 = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>not you</Message></Error></Errors></Response>";
        let cases = [
            (
                vpcs(),
                &[(200, "<R><s><item><id>a</id></item><item><id>b</id></item></s></R>")][..],
                Ok(json!({ "s": { "item": [{ "id": "a" }, { "id": "b" }] } })),
            ),
            (services(), &[(200, r#"{"services":[]}"#)], Ok(json!({ "services": [] }))),
            (vpcs(), &[(404, query)], refused("NoSuchEntity", "no & no")),
            (vpcs(), &[(403, ec2)], refused("UnauthorizedOperation", "not you")),
            (
                services(),
                &[(
                    400,
                    r#"{"__type":"com.amazonaws.ecs#AccessDeniedException","Message":"not you"}"#,
                )],
                refused("AccessDeniedException", "not you"),
            ),
            (
                block(),
                &[(404, "<Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error>")],
                refused("NoSuchPublicAccessBlockConfiguration", "no reason is given"),
            ),
            // Throttled, then unwell, then answered; and throttled as often as it is tried.
            (
                services(),
                &[(400, r#"{"__type":"ThrottlingException"}"#), (503, ""), (200, "{}")],
                Ok(json!({})),
            ),
            (
                services(),
                &[(400, r#"{"__type":"ThrottlingException"}"#); 3],
                refused("ThrottlingException", "no reason is given"),
            ),
            // What nobody can read is not tried again.
            (services(), &[(403, "<html>")], refused("HTTP 403", "no reason is given")),
        ];
        for (call, answers, expected) in cases {
            let (asked, answer) = told(&call, answers);
            assert_eq!(asked.len(), answers.len());
            assert_eq!(answer.map_err(|it| (it.code, it.text)), expected);
        }
        let (_, damaged) = told(&services(), &[(200, "{")]);
        let damaged = damaged.unwrap_err();
        assert_eq!(damaged.code, UNREACHABLE);
        assert!(damaged.text.contains("the answer is damaged"), "{}", damaged.text);
    }

    #[test]
    fn endpoints_follow_partition_region_and_fips() {
        let of = |service, region: &str, fips| {
            Call::json(service, "X", region, json!({})).endpoint(fips)
        };
        assert_eq!(of(&EC2, "ap-northeast-1", false), "https://ec2.ap-northeast-1.amazonaws.com");
        assert_eq!(of(&RDS, "us-gov-west-1", true), "https://rds-fips.us-gov-west-1.amazonaws.com");
        assert_eq!(of(&ECS, "cn-north-1", false), "https://ecs.cn-north-1.amazonaws.com.cn");
        assert_eq!(of(&IAM, "ap-northeast-1", false), "https://iam.amazonaws.com");
        assert_eq!(
            of(&CHATBOT, "ap-northeast-1", false),
            "https://chatbot.us-east-2.amazonaws.com"
        );
        let own = "https://111122223333.s3-control.ap-northeast-1.amazonaws.com";
        assert_eq!(block().endpoint(false), own);
    }
}
