//! `kumiki explain`: the manual page of a rule.

use crate::Exit;
use crate::args::Explain as Args;
use crate::output::{Output, Stop, Style};
use kumiki_check::RULES;
use kumiki_source::{closest, message};
use serde::Serialize;

pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, Stop> {
    #[derive(Serialize)]
    struct Entry {
        name: &'static str,
        severity: &'static str,
        page: &'static str,
    }
    let entries = RULES.iter().map(|it| Entry {
        name: it.name,
        severity: it.severity.as_str(),
        page: it.page,
    });
    let Some(name) = &args.rule else {
        if output.json {
            #[derive(Serialize)]
            struct Content {
                rules: Vec<Entry>,
            }
            output.document("explain", Content { rules: entries.collect() });
        } else {
            let width = RULES.iter().map(|it| it.name.len()).max().unwrap_or_default();
            for it in RULES {
                let name = output.paint(Style::Bold, &format!("{:width$}", it.name));
                output.line(&format!("{name}  {}", it.severity.as_str()));
            }
        }
        return Ok(Exit::Done);
    };
    match entries.into_iter().find(|it| it.name == name) {
        Some(entry) if output.json => output.document("explain", entry),
        Some(entry) => output.line(entry.page.trim_end()),
        None => {
            let stop = Stop::new(message!("there is no rule `{name}`", name));
            return Err(match closest(name, RULES.iter().map(|it| it.name)) {
                Some(near) => stop.help(message!("did you mean `{near}`?", near)),
                None => stop.help(message!(
                    "AWS's own rules, such as `E3012`, are explained at the address that findings name"
                )),
            });
        }
    }
    Ok(Exit::Done)
}
