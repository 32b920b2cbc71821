//! ministack as S3, SNS and CloudWatch, over HTTP. `make emulators` installs it. (moto does not speak
//! CBOR, in which the SDK speaks to CloudWatch.)

use crate::{Answer, Http, Variables, eventually, free_port, variables};
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// The bucket of the reports.
const REPORTS: &str = "facility-dev-reports";
/// The bucket of the staff's pages.
const PAGES: &str = "facility-dev-staff-spa";

/// An emulator with what the programs expect to find.
pub struct Aws {
    server: Child,
    http: Http,
    messages: Mutex<Vec<Value>>,
    topic: String,
}

impl Aws {
    /// Starts it, with the buckets and the topic of the batch.
    pub async fn start() -> Aws {
        let port = free_port();
        let server = Command::new("ministack")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("IOT_MTLS_ENABLED", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ministack is not installed (`make emulators`)");
        let http = Http::new(format!("http://127.0.0.1:{port}"));
        let mut aws = Aws { server, http, messages: Mutex::default(), topic: String::new() };
        eventually("the start of ministack", async || {
            aws.http.send(aws.http.request("GET", "/_ministack/health", None)).await
        })
        .await;
        for bucket in [REPORTS, PAGES] {
            let place = "<CreateBucketConfiguration><LocationConstraint>ap-northeast-1\
                </LocationConstraint></CreateBucketConfiguration>";
            let made = aws.object("PUT", bucket, place.into()).await;
            assert!(made.status.is_success(), "{}", made.text());
        }
        let made = aws.query("sns", "Action=CreateTopic&Name=facility-dev-batch").await.text();
        aws.topic = between(&made, "<TopicArn>", "</TopicArn>").unwrap().to_owned();
        aws.subscribe().await;
        aws
    }

    /// Messages of the topic arrive in a queue.
    async fn subscribe(&self) {
        let (topic, queue) = (&self.topic, "arn:aws:sqs:ap-northeast-1:000000000000:inbox");
        assert!(self.query("sqs", "Action=CreateQueue&QueueName=inbox").await.status.is_success());
        let subscribe = format!(
            "Action=Subscribe&TopicArn={topic}&Protocol=sqs&Endpoint={queue}\
             &Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"
        );
        assert!(self.query("sns", &subscribe).await.status.is_success());
    }

    /// What the programs are started with to reach it.
    pub fn variables(&self) -> Variables {
        variables([
            ("AWS_ENDPOINT_URL", &self.http.base),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("REPORTS_BUCKET", REPORTS),
            ("STAFF_SPA_BUCKET", PAGES),
            ("BATCH_TOPIC_ARN", &self.topic),
            ("METRIC_NAMESPACE", "Facility/dev"),
        ])
    }

    async fn object(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        let mut request = self.http.request(method, &format!("/{path}"), None);
        *request.body_mut() = Body::from(body);
        sign_for(&mut request, "s3");
        self.http.send(request).await.unwrap()
    }

    /// Puts one of the staff's pages there.
    pub async fn put_page(&self, key: &str, body: &str) {
        self.object("PUT", &format!("{PAGES}/{key}"), body.as_bytes().to_vec()).await;
    }

    /// An object of the report store.
    pub async fn report(&self, key: &str) -> Option<Vec<u8>> {
        let answer = self.object("GET", &format!("{REPORTS}/{key}"), Vec::new()).await;
        answer.status.is_success().then_some(answer.bytes)
    }

    /// The keys of the report store.
    pub async fn reports(&self) -> Vec<String> {
        let list = self.object("GET", &format!("{REPORTS}?list-type=2"), Vec::new()).await.text();
        let keys = list.split("<Key>").skip(1);
        keys.filter_map(|it| it.split_once("</Key>")).map(|it| it.0.to_owned()).collect()
    }

    /// What was published to the topic so far.
    pub async fn messages(&self) -> Vec<Value> {
        loop {
            let queue = format!("{}/000000000000/inbox", self.http.base);
            let receive = json!({
                "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600,
            });
            let mut request = self.http.request("POST", "/", Some(receive));
            let target = HeaderValue::from_static("AmazonSQS.ReceiveMessage");
            request.headers_mut().insert("x-amz-target", target);
            let json = HeaderValue::from_static("application/x-amz-json-1.0");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
            sign_for(&mut request, "sqs");
            let answer = self.http.send(request).await.unwrap().good();
            let mut known = self.messages.lock().unwrap();
            let Some(new) = answer["Messages"].as_array().filter(|it| !it.is_empty()) else {
                return known.clone();
            };
            let text = |it: &Value| serde_json::from_str(it["Body"].as_str().unwrap()).unwrap();
            known.extend(new.iter().map(text));
        }
    }

    /// How often the batch has said that a job succeeded, as the absence check asks.
    pub async fn successes(&self, job: &str) -> f64 {
        let statistics = format!(
            "Action=GetMetricStatistics&Namespace=Facility%2Fdev&MetricName=BatchSuccess\
             &Dimensions.member.1.Name=Job&Dimensions.member.1.Value={job}\
             &StartTime=2020-01-01T00%3A00%3A00Z&EndTime=2099-01-01T00%3A00%3A00Z\
             &Period=86400&Statistics.member.1=Sum"
        );
        let answer = self.query("monitoring", &statistics).await.text();
        let sums = answer.split("<Sum>").skip(1).filter_map(|it| it.split_once("</Sum>"));
        sums.map(|it| it.0.parse::<f64>().unwrap()).sum()
    }

    async fn query(&self, service: &str, form: &str) -> Answer {
        let mut request = self.http.request("POST", "/", None);
        *request.body_mut() = Body::from(form.to_owned());
        let form = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, form);
        sign_for(&mut request, service);
        self.http.send(request).await.unwrap()
    }
}

/// ministack finds the service in the scope of the signature, and does not verify it.
fn sign_for(request: &mut Request<Body>, service: &str) {
    let scope = format!("test/20260101/ap-northeast-1/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    request.headers_mut().insert(header::AUTHORIZATION, text.parse().unwrap());
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    text.split_once(begin)?.1.split_once(end).map(|it| it.0)
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
