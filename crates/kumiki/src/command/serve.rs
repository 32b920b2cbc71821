//! `kumiki serve`: the embedded engine as an endpoint for the `aws` command and the SDKs.

use crate::Exit;
use crate::args::{Global, Serve as Args};
use crate::output::{Output, Stop, Style};
use crate::project::{Project, project_folder};
use crate::target::Wall;
use kumiki_backend_local::Fault;
use kumiki_project::REHEARSAL_ACCOUNT;
use kumiki_serve::Options;
use kumiki_source::message;
use serde::Serialize;
use std::path::PathBuf;

/// Where the service account lives, and what clients are told to sign for.
const REGION: &str = "ap-northeast-1";

/// What a client needs to reach the endpoint.
#[derive(Serialize)]
struct Endpoint {
    url: String,
    environment: [(&'static str, String); 4],
}

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let folder = match &args.state {
        Some(folder) => folder.clone(),
        // Beside `kumiki.toml`, so that other commands see the same stacks; without one, here.
        None => project_folder(global).unwrap_or_else(|_| PathBuf::from(".")).join(".kumiki"),
    };
    let faults: Result<Vec<Fault>, _> = args.fail.iter().map(|it| Fault::parse(it)).collect();
    // Without a project nothing is taken to be there besides.
    let rehearsal = Project::open(global).map(|(it, _)| it.config.rehearsal).unwrap_or_default();
    let command: Vec<String> = std::env::args().collect();
    let options = Options {
        folder: folder.clone(),
        clock: || Box::new(Wall),
        command: command.join(" "),
        backend: kumiki_backend_local::Options { faults: faults.map_err(Stop::new)?, rehearsal },
    };
    kumiki_serve::run(options, args.port, |address| {
        let url = format!("http://{address}");
        let environment = [
            ("AWS_ENDPOINT_URL", url.clone()),
            // Twelve digits as an access key are the account.
            ("AWS_ACCESS_KEY_ID", REHEARSAL_ACCOUNT.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "kumiki".to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ];
        if output.json {
            return output.document("serve", Endpoint { url, environment });
        }
        let folder = folder.display();
        let text = message!(
            "serving CloudFormation, S3 and STS at {url}; the state is in `{folder}`",
            url,
            folder
        );
        output.line(&output.paint(Style::Bold, &output.text(&text)));
        output.say(&message!(
            "signatures are not verified: account and Region are read from them; interrupt to stop"
        ));
        output.line("");
        for (name, value) in environment {
            output.line(&format!("  export {name}={value}"));
        }
    })
    .map_err(|error| Stop::new(error.message()))?;
    Ok(Exit::Done)
}
