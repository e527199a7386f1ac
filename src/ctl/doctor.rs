//! Looking at the whole installation: what the daemon finds from inside, and what only shows from
//! outside.

mod service;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use chatroom::admin::{Finding, Reply, Request, Status, Verdict};
use chatroom::clean;
use chatroom::config::Config;

use crate::args::Args;
use crate::connection::{CONFIG, Connection};
use crate::failure::Failure;
use crate::{program, show};

/// What the daemon looks through may take a while.
const PATIENCE: Duration = Duration::from_secs(15);

/// Prints what was found. The exit status is 1 if something is wrong.
pub fn run(args: &Args) -> ExitCode {
    let findings = examine(args.socket.as_deref(), args.timeout.max(PATIENCE));
    let is_wrong = findings.iter().any(|finding| finding.verdict == Verdict::Problem);
    let output = match args.json {
        true => format!("{}\n", show::as_json(&Reply::Findings(findings))),
        false => text(&findings),
    };
    let status = if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    program::print_and_exit(&output, status)
}

fn examine(socket: Option<&Path>, timeout: Duration) -> Vec<Finding> {
    match ask(socket, timeout) {
        Ok((status, mut findings)) => {
            findings.insert(0, daemon(&status));
            findings.extend(service::examine(Some(status.pid)));
            findings
        }
        Err(failure) => {
            let said = failure.to_string();
            let (what, advice) = said.split_once('\n').unwrap_or((&said, "Try again."));
            let mut findings = vec![Finding::problem("daemon", what, advice.replace('\n', " "))];
            findings.extend(service::examine(None));
            findings.extend(configuration(Path::new(CONFIG)));
            findings
        }
    }
}

fn ask(socket: Option<&Path>, timeout: Duration) -> Result<(Status, Vec<Finding>), Failure> {
    let mut connection = Connection::open(socket, timeout)?;
    let unknown = || Failure::Misunderstood("it is another than was asked for".to_owned());
    let Reply::Status(status) = connection.ask(&Request::Status)? else { return Err(unknown()) };
    match connection.ask(&Request::Examine)? {
        Reply::Findings(findings) => Ok((*status, findings)),
        Reply::Refused { code, message } => Err(Failure::Refused { code, message }),
        _ => Err(unknown()),
    }
}

fn daemon(status: &Status) -> Finding {
    let (theirs, ours) = (&status.version, env!("CARGO_PKG_VERSION"));
    match theirs == ours {
        true => {
            Finding::ok("daemon", format!("chatroomd {theirs} answers, process {}", status.pid))
        }
        false => {
            let what = format!("chatroomd {theirs} runs, and {ours} is installed");
            let advice = "`systemctl restart chatroomd` puts it in force, and disconnects nobody.";
            Finding::problem("daemon", what, advice)
        }
    }
}

/// The configuration as a start would find it.
fn configuration(file: &Path) -> Option<Finding> {
    const AREA: &str = "configuration";
    let shown = file.display();
    match std::fs::read_to_string(file).map(|text| Config::parse(&text)) {
        Ok(Ok(_)) => Some(Finding::ok(AREA, format!("{shown} is right"))),
        Ok(Err(problems)) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Some(Finding::problem(AREA, problems.join("; "), format!("Correct {shown}.")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let what = format!("cannot read {shown}: {error}");
            Some(Finding::note(AREA, what, "Look as root: `sudo chatctl doctor`."))
        }
    }
}

/// A line each, and below it what to do.
fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.area.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Problem => "PROBLEM",
        };
        let (area, what) = (clean::line(&finding.area), clean::line(&finding.what));
        text.push_str(&format!("{verdict:<7}  {area:<width$}  {what}\n"));
        if let Some(advice) = &finding.advice {
            text.push_str(&format!("{:<7}  {:<width$}  {}\n", "", "", clean::line(advice)));
        }
    }
    text.push_str(match findings.iter().filter(|it| it.verdict == Verdict::Problem).count() {
        0 => "Nothing is wrong.\n",
        1 => "One thing is wrong.\n",
        _ => "Several things are wrong.\n",
    });
    text
}
