//! What the batch says to people, through the topic of the batch, and to the monitoring, as metrics.

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::json;
use service_kit::program::Failure;
use service_kit::store::SdkConfig;
use service_kit::telemetry::Trace;
use std::time::Duration;

pub(crate) struct News {
    sns: aws_sdk_sns::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    topic: String,
    namespace: String,
    environment: String,
    trace: Trace,
}

impl News {
    pub(crate) fn new(
        aws: &SdkConfig,
        topic: String,
        namespace: String,
        environment: String,
    ) -> News {
        News {
            sns: aws_sdk_sns::Client::new(aws),
            cloudwatch: aws_sdk_cloudwatch::Client::new(aws),
            topic,
            namespace,
            environment,
            trace: Trace::new(),
        }
    }

    /// Publishes a custom notification, the one form that chat channels take.
    /// <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>
    pub(crate) async fn publish(
        &self,
        id: &str,
        title: &str,
        description: &str,
    ) -> Result<(), Failure> {
        let message = json!({
            "version": "1.0",
            "source": "custom",
            "id": id,
            "content": {
                "textType": "client-markdown",
                "title": format!("[{}] {title}", self.environment),
                "description": description,
            },
        });
        let parent = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(self.trace.parent())
            .build()?;
        let publish = self.sns.publish().topic_arn(&self.topic).message(message.to_string());
        publish.message_attributes("traceparent", parent).send().await?;
        Ok(())
    }

    /// Says how long a job took, over how many rows, and that it succeeded: the marker that the
    /// absence check of `cloudwatch-alarms-batch.yaml` looks for.
    pub(crate) async fn measure(
        &self,
        job: &str,
        took: Duration,
        rows: Option<i64>,
    ) -> Result<(), Failure> {
        let dimension = Dimension::builder().name("Job").value(job).build();
        let datum = |name: &str, unit: StandardUnit, value: f64| {
            let datum = MetricDatum::builder().metric_name(name).unit(unit).value(value);
            datum.dimensions(dimension.clone()).build()
        };
        let succeeded = if rows.is_some() { 1.0 } else { 0.0 };
        let put = self
            .cloudwatch
            .put_metric_data()
            .namespace(&self.namespace)
            .metric_data(datum("BatchDuration", StandardUnit::Seconds, took.as_secs_f64()))
            .metric_data(datum("BatchRows", StandardUnit::Count, rows.unwrap_or(0) as f64))
            .metric_data(datum("BatchSuccess", StandardUnit::Count, succeeded));
        put.send().await?;
        Ok(())
    }
}
