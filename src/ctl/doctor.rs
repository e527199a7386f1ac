//! `chatctl doctor`: checks the installation. The daemon checks what it can from inside; this does the
//! rest from outside.

mod credentials;
mod ports;
mod service;
mod sockets;
mod start;
mod unit;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use chatroom::admin::{AdminRequest, Finding, Reply, Status, Verdict};
use chatroom::clean;

use crate::args::Args;
use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::{program, show};
use unit::Unit;

/// The minimum timeout: the checks of the daemon can take a while.
const PATIENCE: Duration = Duration::from_secs(15);

/// Prints the findings. The exit status is 1 if there is a problem.
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
    let unit = Unit::ask(service::UNIT);
    let loaded = unit.as_ref().filter(|unit| unit.is_loaded());
    match ask(socket, timeout) {
        Ok((status, mut findings)) => {
            findings.insert(0, daemon(&status));
            findings.extend(service::examine(unit.as_ref(), Some(status.pid)));
            // The units do not matter to a daemon that is not the service.
            if let Some(unit) = loaded.filter(|unit| unit.get("MainPID") == status.pid.to_string())
            {
                findings.extend(service::network(unit, &status));
                findings.extend(sockets::examine(unit, Some(&status)));
                findings.extend(credentials::examine(service::UNIT, true));
            }
            findings.extend(seen_from_outside(&status));
            findings
        }
        Err(failure) => {
            let said = failure.to_string();
            let (what, advice) = said.split_once('\n').unwrap_or((&said, "Try again."));
            let mut findings = vec![Finding::problem("daemon", what, advice.replace('\n', " "))];
            findings.extend(service::examine(unit.as_ref(), None));
            if let Some(unit) = loaded {
                findings.extend(sockets::examine(unit, None));
                findings.extend(credentials::examine(service::UNIT, false));
            }
            // Otherwise a daemon is running, and has its ports open.
            if matches!(failure, Failure::NotRunning(_)) {
                findings.extend(start::examine(loaded));
            }
            findings
        }
    }
}

/// Checks of the ports that need to be done from outside the service.
fn seen_from_outside(status: &Status) -> Vec<Finding> {
    let listening: Vec<SocketAddr> =
        status.listen.iter().filter_map(|shown| ports::address(shown)).collect();
    let mut findings = ports::reach(&listening);
    let ports: Vec<u16> = listening.iter().map(|address| address.port()).collect();
    findings.extend(ports::reserved(&ports));
    findings
}

fn ask(socket: Option<&Path>, timeout: Duration) -> Result<(Status, Vec<Finding>), Failure> {
    let mut connection = AdminConnection::open(socket, timeout)?;
    let unknown = || Failure::Misunderstood("unexpected reply".to_owned());
    let Reply::Status(status) = connection.ask(&AdminRequest::Status)? else {
        return Err(unknown());
    };
    match connection.ask(&AdminRequest::Examine)? {
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
            let what = format!("chatroomd {theirs} is running, but {ours} is installed");
            let advice = "`systemctl restart chatroomd` upgrades without dropping connections.";
            Finding::problem("daemon", what, advice)
        }
    }
}

/// Each finding as a line, with the advice below it.
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
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    text.push_str(match (count(Verdict::Problem), count(Verdict::Note)) {
        (0, 0) => "No problems found.\n",
        (0, _) => "No problems found; see the notes.\n",
        (1, _) => "1 problem found.\n",
        _ => "Several problems found.\n",
    });
    text
}
