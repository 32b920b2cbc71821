//! A project of as many nested templates as one likes, to see how time grows with their number.

use std::fmt::Write as _;
use std::fs;
use std::io::Result;
use std::path::Path;

/// A parent has no more nested stacks than this: a template takes 500 resources at most.
const CHILDREN: usize = 50;

/// Writes a root, parents below it, and leaves below these: `templates` leaves in all, no two of
/// which are alike, each with values from the parameter files of three environments.
pub(crate) fn project(folder: &Path, templates: usize) -> Result<()> {
    for name in ["nested", "parameters"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let mut config = String::from(
        "[roots.main]\ntemplate = \"stack.yaml\"\nstack-name = \"${Environment}-main\"\n\
         region = \"ap-northeast-1\"\nparameters = \"parameters/{environment}.json\"\n",
    );
    for (index, environment) in ["dev", "stg", "prod"].into_iter().enumerate() {
        let _ = writeln!(config, "\n[environments.{environment}]");
        let values = format!(
            "{{\"Environment\": \"{environment}\", \"RetentionDays\": \"{}\"}}\n",
            [7, 30, 365][index]
        );
        fs::write(folder.join(format!("parameters/{environment}.json")), values)?;
    }
    fs::write(folder.join("kumiki.toml"), config)?;

    let parents = templates.div_ceil(CHILDREN);
    let mut root = parameters();
    for parent in 0..parents {
        root.push_str(&nested(&format!("Part{parent}"), &format!("nested/part{parent}.yaml")));
        let first = parent * CHILDREN;
        let mut text = parameters();
        for leaf in first..templates.min(first + CHILDREN) {
            text.push_str(&nested(&format!("Leaf{leaf}"), &format!("leaf{leaf}.yaml")));
            fs::write(folder.join(format!("nested/leaf{leaf}.yaml")), template(leaf))?;
        }
        fs::write(folder.join(format!("nested/part{parent}.yaml")), text)?;
    }
    fs::write(folder.join("stack.yaml"), root)
}

fn parameters() -> String {
    "Parameters:\n  Environment: { Type: String, AllowedPattern: \"[a-z]+\" }\n  \
     RetentionDays: { Type: Number }\nResources:\n"
        .to_owned()
}

fn nested(name: &str, url: &str) -> String {
    format!(
        "  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {url}\n      \
         Parameters: {{ Environment: !Ref Environment, RetentionDays: !Ref RetentionDays }}\n"
    )
}

/// A queue with its dead letters, an alarm, a log group and a role.
fn template(number: usize) -> String {
    let mut text = parameters();
    let _ = write!(
        text,
        r#"  Dead:
    Type: AWS::SQS::Queue
    Properties: {{ QueueName: !Sub "${{Environment}}-dead-{number}", MessageRetentionPeriod: 1209600 }}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${{Environment}}-queue-{number}"
      VisibilityTimeout: {timeout}
      RedrivePolicy: {{ deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 }}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub "${{Environment}}-dead-{number}"
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{{ Name: QueueName, Value: !GetAtt Dead.QueueName }}]
      Statistic: Maximum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
  Log:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties: {{ LogGroupName: !Sub "/${{Environment}}/{number}", RetentionInDays: !Ref RetentionDays }}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {{ Effect: Allow, Principal: {{ Service: lambda.amazonaws.com }}, Action: "sts:AssumeRole" }}
      Policies:
        - PolicyName: read
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {{ Effect: Allow, Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage"], Resource: !GetAtt Queue.Arn }}
"#,
        timeout = 30 + number % 300
    );
    text
}
