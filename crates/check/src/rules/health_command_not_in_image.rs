use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "health-command-not-in-image",
    severity: Severity::Warning,
    page: include_str!("health_command_not_in_image.md"),
    check,
};

/// Programs that health commands begin with.
const CLIENTS: &[&str] = &["curl", "wget"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, task) in links.certain("AWS::ECS::TaskDefinition") {
        let containers = task.property("ContainerDefinitions").and_then(Value::as_list);
        for container in containers.unwrap_or_default() {
            self::container(cx, container);
        }
    }
}

fn container(cx: &mut Cx<'_>, container: &Value) {
    let command = container.get("HealthCheck").and_then(|it| it.get("Command"));
    let (Some(command), Some(image)) = (command, container.get("Image")) else { return };
    let Some(words) = words(command) else { return };
    let (shell, program) = match &words[..] {
        [shell, script, ..] if shell == "CMD-SHELL" => (true, script.split_whitespace().next()),
        [exec, program, ..] if exec == "CMD" => (false, Some(&**program)),
        _ => return,
    };
    let program = program.filter(|it| CLIENTS.contains(it));
    let lacks = image.as_text().map(lacks);
    let help =
        message!("let the program answer for itself, in exec form: `[CMD, /program, healthcheck]`");
    if let (Some(lacks), Some(text)) = (lacks, image.as_text())
        && let Some(program) =
            program.into_iter().chain(shell.then_some("sh")).find(|it| lacks.contains(it))
    {
        let finding = cx.report_value(
            command,
            message!("image `{text}` has no `{program}` to check its health with", text, program),
        );
        if let Some(span) = image.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the image")) });
        }
        finding.help.push(help);
        return;
    }
    // Of an image of one's own, all that is known is that somebody has to put the program in.
    let own = image.as_text().is_none_or(|it| it.contains(".dkr.ecr."));
    if let Some(program) = program.filter(|_| own) {
        let finding = cx.report_value(
            command,
            message!("the health check works only if the image has `{program}` in it", program),
        );
        finding.severity = Severity::Info;
        finding.help.push(help);
    }
}

/// The words of a command, if all are known.
fn words(command: &Value) -> Option<Vec<String>> {
    let items = command.as_list()?;
    items.iter().map(|it| it.as_text().map(str::to_owned)).collect()
}

/// The programs that a well-known image surely does not have.
///
/// Whoever builds on such an image gives the result a name of its own, of which nothing is known.
/// - <https://github.com/GoogleContainerTools/distroless>: no shell, but in tags with `debug`
/// - <https://github.com/docker-library/official-images>: Alpine has BusyBox's `wget` and no
///   `curl`; the slim variants of the language images have neither
fn lacks(image: &str) -> &'static [&'static str] {
    let image = image.split('@').next().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    if image.contains("/distroless/") {
        return if tag.contains("debug") { &[] } else { &["sh", "curl", "wget"] };
    }
    let library = ["library/", "docker.io/library/", "public.ecr.aws/docker/library/"];
    let official = image == last || library.iter().any(|it| image.strip_prefix(it) == Some(last));
    if !official {
        return &[];
    }
    match name {
        "alpine" => &["curl"],
        "node" | "python" | "golang" if tag.contains("alpine") => &["curl"],
        "node" | "python" if tag.contains("slim") => &["curl", "wget"],
        "busybox" => &["curl"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::lacks;

    #[test]
    fn well_known_images_are_known() {
        let cases: [(&str, &[&str]); 7] = [
            ("gcr.io/distroless/static-debian12", &["sh", "curl", "wget"]),
            ("gcr.io/distroless/static-debian12:debug", &[]),
            ("public.ecr.aws/docker/library/node:22-slim", &["curl", "wget"]),
            ("alpine:3.20", &["curl"]),
            ("nginx:alpine", &[]),
            ("123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/node:22-slim", &[]),
            ("node:22", &[]),
        ];
        for (image, expected) in cases {
            assert_eq!(lacks(image), expected, "{image}");
        }
    }
}
