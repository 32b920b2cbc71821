use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "fifo-mismatch",
    severity: Severity::Error,
    page: include_str!("fifo_mismatch.md"),
    check,
};

const QUEUE: &str = "AWS::SQS::Queue";
const TOPIC: &str = "AWS::SNS::Topic";

/// Types, with the property that names one and the property that makes it FIFO.
const TYPES: [(&str, &str, &str); 2] =
    [(QUEUE, "QueueName", "FifoQueue"), (TOPIC, "TopicName", "FifoTopic")];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let fifo = |value: Option<&Value>| match value {
        None => Some(false),
        Some(value) => value.as_bool(),
    };
    for (type_name, name, property) in TYPES {
        for (_, _, resource) in links.certain(type_name) {
            let Some(value) = resource.property(name) else { continue };
            let known = value.as_text().zip(fifo(resource.property(property)));
            let Some((text, fifo)) = known else { continue };
            // A FIFO queue without the ending is for AWS's rules.
            let ends = text.ends_with(".fifo");
            if ends == fifo || type_name == QUEUE && fifo {
                continue;
            }
            let finding = match fifo {
                true => cx.report_value(
                    value,
                    message!(
                        "the name of a FIFO topic ends with `.fifo`, and `{text}` does not",
                        text
                    ),
                ),
                false => cx.report_value(
                    value,
                    message!("`{text}` is the name of something FIFO, and this is not", text),
                ),
            };
            finding.help.push(match fifo {
                true => message!("add `.fifo` to the name"),
                false => message!("set `{property}: true`, or take away `.fifo`", property),
            });
        }
    }
    for (_, _, queue) in links.certain(QUEUE) {
        let Some(value) = queue.property("RedrivePolicy.deadLetterTargetArn") else { continue };
        let Some(reference) = links.reference(value) else { continue };
        let Some(place) = links.place(reference.resource) else { continue };
        let letters = links.at(place);
        if &*letters.type_name != QUEUE {
            continue;
        }
        let both = fifo(queue.property("FifoQueue")).zip(fifo(letters.property("FifoQueue")));
        let Some((one, other)) = both else { continue };
        if one == other {
            continue;
        }
        let (name, other) = (&queue.logical_id, &letters.logical_id);
        let finding = cx.report_value(
            value,
            message!(
                "of `{name}` and its dead-letter queue `{other}`, only one is FIFO",
                name,
                other
            ),
        );
        finding
            .hops
            .push(Hop { span: letters.span, label: Some(message!("the dead-letter queue")) });
        finding.help.push(message!("make both FIFO, or neither"));
    }
}
