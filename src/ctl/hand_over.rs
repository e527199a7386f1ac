//! Keeping connections open during a restart, for the unit's `ExecStop=`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chatroom::admin::{AdminRequest, Reply};

use crate::connection::AdminConnection;
use crate::failure::Failure;

/// Has the daemon hand over its connections if systemd is restarting it. Returns the text to print,
/// which goes to the journal.
pub fn hand_over(unit: &str, socket: Option<&Path>, timeout: Duration) -> Result<String, Failure> {
    let jobs = jobs(unit)?;
    if !is_restart(&jobs, unit) {
        return Ok(String::new());
    }
    let mut connection = match AdminConnection::open(socket, timeout) {
        Ok(connection) => connection,
        // It has already stopped.
        Err(Failure::NotRunning(_)) => return Ok(String::new()),
        Err(failure) => return Err(failure),
    };
    match connection.ask(&AdminRequest::HandOver)? {
        Reply::Refused { code, message } => Err(Failure::Refused { code, message }),
        // systemd continues when this command ends; the daemon has to be done by then.
        _ if connection.until_closed() => Ok(String::new()),
        _ => Err(Failure::Usage("chatroomd did not hand over its connections in time".to_owned())),
    }
}

/// The jobs of systemd for the unit.
fn jobs(unit: &str) -> Result<String, Failure> {
    let output = Command::new("systemctl")
        .args(["list-jobs", "--no-legend", "--plain", "--full", unit])
        .env("SYSTEMD_COLORS", "0")
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Failure::Usage(format!(
                "cannot find out whether this is a restart, so all clients are told to reconnect: {why}"
            )))
        }
    }
}

/// Whether the unit is being restarted. Each line is a job: number, unit, type and state.
fn is_restart(jobs: &str, unit: &str) -> bool {
    jobs.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(unit) && words.next() == Some("restart")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_told_from_a_stop() {
        let jobs = "  733 chatroomd.service    restart running\n 734 other.service stop waiting\n";
        assert!(is_restart(jobs, "chatroomd.service"));
        assert!(!is_restart(jobs, "other.service"));
        assert!(!is_restart("1 chatroomd.service stop running\n", "chatroomd.service"));
        assert!(!is_restart("", "chatroomd.service"));
    }
}
