//! A project of as many nested templates as one likes, to see how time grows with their number.

use std::fmt::Write as _;
use std::fs;
use std::io::Result;
use std::path::Path;

/// A parent has no more nested stacks than this: a template takes 500 resources at most.
const CHILDREN: usize = 50;

/// Writes a root, parents below it, and leaves below these: `templates` leaves in all, no two of
/// which are alike, each of `fives` times five resources, with values from the parameter files of
/// three environments.
pub(crate) fn project(folder: &Path, templates: usize, fives: usize) -> Result<()> {
    for name in ["nested", "parameters"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let mut config = String::from(
        "[roots.main]\ntemplate = \"stack.yaml\"\nstack-name = \"${Environment}-main\"\n\
         region = \"ap-northeast-1\"\nparameters = \"parameters/{environment}.json\"\n",
    );
    for (environment, days) in [("dev", 7), ("stg", 30), ("prod", 365)] {
        let _ = writeln!(config, "\n[environments.{environment}]");
        values(folder, environment, days)?;
    }
    if fives > 1 {
        // The embedded engine takes what AWS takes only when it is asked to.
        config.push_str(
            "\n[[suppressions]]\nrule = \"tree-too-large\"\nfile = \"stack.yaml\"\nname = \"Part0\"\n\
             reason = \"a quota that can be raised\"\n",
        );
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
            fs::write(folder.join(format!("nested/leaf{leaf}.yaml")), template(leaf, fives))?;
        }
        fs::write(folder.join(format!("nested/part{parent}.yaml")), text)?;
    }
    fs::write(folder.join("stack.yaml"), root)
}

/// Writes the parameter file of an environment: how many days each log group keeps.
pub(crate) fn values(folder: &Path, environment: &str, days: u16) -> Result<()> {
    let values = format!("{{\"Environment\": \"{environment}\", \"RetentionDays\": \"{days}\"}}\n");
    fs::write(folder.join(format!("parameters/{environment}.json")), values)
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

/// Queues with their dead letters, an alarm, a log group and a role.
fn template(leaf: usize, fives: usize) -> String {
    let mut text = parameters();
    for five in 0..fives {
        resources(&mut text, five, leaf * fives + five);
    }
    text
}

fn resources(text: &mut String, five: usize, number: usize) {
    // The first need no number.
    let five = if five == 0 { String::new() } else { five.to_string() };
    let _ = write!(
        text,
        r#"  Dead{five}:
    Type: AWS::SQS::Queue
    Properties: {{ QueueName: !Sub "${{Environment}}-dead-{number}", MessageRetentionPeriod: 1209600 }}
  Queue{five}:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${{Environment}}-queue-{number}"
      VisibilityTimeout: {timeout}
      RedrivePolicy: {{ deadLetterTargetArn: !GetAtt Dead{five}.Arn, maxReceiveCount: 5 }}
  Alarm{five}:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub "${{Environment}}-dead-{number}"
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{{ Name: QueueName, Value: !GetAtt Dead{five}.QueueName }}]
      Statistic: Maximum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
  Log{five}:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties: {{ LogGroupName: !Sub "/${{Environment}}/{number}", RetentionInDays: !Ref RetentionDays }}
  Role{five}:
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
              - {{ Effect: Allow, Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage"], Resource: !GetAtt Queue{five}.Arn }}
"#,
        timeout = 30 + number % 300
    );
}
