//! What a request asks for, read from its text alone: which service, in whose account and Region,
//! and what of it. Pure: nothing is looked up.

use crate::form::Form;
use crate::refusal::Refusal;
use crate::s3;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use kumiki_project::REHEARSAL_ACCOUNT;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Incoming {
    /// A header, if it is there and text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host and port that the client spoke to.
    pub(crate) fn host(&self) -> &str {
        self.header("host").unwrap_or_default()
    }
}

/// Who asks, as far as the signature tells. It is not verified: whoever reaches the loopback
/// interface may rehearse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account.
    pub(crate) account: String,
    /// The Region.
    pub(crate) region: String,
    /// The host and port that the client spoke to.
    pub(crate) host: String,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Asked {
    CloudFormation(Form),
    Sts(Form),
    S3(s3::Operation),
}

/// Where nothing else is said.
const DEFAULT_REGION: &str = "us-east-1";

/// The caller and what they ask for.
pub(crate) fn understand(request: &Incoming) -> (Caller, Result<Asked, Refusal>) {
    let authorization = request.header("authorization").unwrap_or_default();
    // A presigned URL says the same in its query.
    let query = request.uri.query().unwrap_or_default().as_bytes();
    let presigned = form_urlencoded::parse(query).find(|(it, _)| it == "X-Amz-Credential");
    let scope = match &presigned {
        Some((_, credential)) => Some(credential.as_ref()),
        None => authorization.split_once("Credential=").map(|(_, it)| it),
    };
    let scope = scope.and_then(|it| it.split([',', ' ']).next()).unwrap_or_default();
    // `ACCESS-KEY/20261124/ap-northeast-1/s3/aws4_request`
    let mut parts = scope.split('/');
    let key = parts.next().unwrap_or_default();
    let is_account = key.len() == 12 && key.bytes().all(|it| it.is_ascii_digit());
    let region = parts.nth(1).filter(|it| kumiki_schema::regions().contains(it));
    let service = parts.next();
    let caller = Caller {
        account: if is_account { key } else { REHEARSAL_ACCOUNT }.to_owned(),
        region: region.unwrap_or(DEFAULT_REGION).to_owned(),
        host: request.host().to_owned(),
    };
    let form = || Form::parse(&request.body);
    let asked = match service {
        // Only browsers name an origin: a page that is open there has no business here.
        _ if request.headers.contains_key("origin") => {
            Err(Refusal::new(403, "AccessDenied", "web pages are not served here"))
        }
        Some("cloudformation") => Ok(Asked::CloudFormation(form())),
        Some("sts") => Ok(Asked::Sts(form())),
        Some("s3") => s3::Operation::of(request).map(Asked::S3),
        Some(other) => Err(Refusal::new(
            501,
            "NotImplemented",
            format!("`{other}` is not served here: only cloudformation, s3 and sts are"),
        )),
        None if request.method == Method::POST && request.uri.path() == "/" => {
            Ok(Asked::CloudFormation(form()))
        }
        None => s3::Operation::of(request).map(Asked::S3),
    };
    (caller, asked)
}

/// Reads a request that is written out, as `POST / HTTP/1.1`, headers, an empty line and a body, and
/// forgets what it says: for whoever wants to see that any can be read.
pub fn read(text: &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().and_then(|it| it.parse().ok()).unwrap_or(Method::POST);
    let uri = first.next().and_then(|it| it.parse().ok()).unwrap_or_else(|| Uri::from_static("/"));
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?))
    };
    let headers = lines.filter_map(header).collect();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = Incoming { method, uri, headers, body };
    match understand(&request) {
        (_, Ok(Asked::CloudFormation(form) | Asked::Sts(form))) => {
            for list in ["Parameters", "Tags", "Capabilities", "ResourcesToImport"] {
                for it in form.structures(list) {
                    it.entries("ResourceIdentifier");
                }
                form.texts(list);
            }
        }
        (_, Ok(Asked::S3(_))) => {
            let _ = s3::content(&request);
        }
        (_, Err(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_tells_who_asks() {
        let request = |authorization: &str| Incoming {
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: [
                (axum::http::header::AUTHORIZATION, authorization.parse().expect("a header")),
                (axum::http::header::HOST, axum::http::HeaderValue::from_static("127.0.0.1:1")),
            ]
            .into_iter()
            .collect(),
            body: Bytes::from_static(b"Action=ListStacks"),
        };
        let signed = "AWS4-HMAC-SHA256 Credential=111122223333/20261124/eu-west-1/cloudformation/\
                      aws4_request, SignedHeaders=host, Signature=00";
        let (caller, asked) = understand(&request(signed));
        assert_eq!((&*caller.account, &*caller.region), ("111122223333", "eu-west-1"));
        assert!(matches!(asked, Ok(Asked::CloudFormation(_))));
        let (caller, _) = understand(&request("Credential=AKIDEXAMPLE/x/nowhere-1/sts/"));
        assert_eq!((&*caller.account, &*caller.region), (REHEARSAL_ACCOUNT, DEFAULT_REGION));
        let (_, asked) = understand(&request("Credential=a/b/us-east-1/ec2/aws4_request"));
        assert_eq!(asked.map(|_| ()).map_err(|it| it.status), Err(501));
    }
}
