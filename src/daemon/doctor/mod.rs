//! Looking at the whole installation from inside: what is wrong, and how to mend it.

mod configuration;
mod sandbox;
mod storage;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chatroom::access::Mode;
use chatroom::admin::Finding;
use chatroom::config::Config;
use jiff::{SignedDuration, Timestamp};

use crate::overview::Overview;
use crate::tls::{Identity, is_open};
use crate::{files, logging};

/// A certificate that ends within so many days has to be renewed.
const DAYS_LEFT: i64 = 14;

/// Looks at everything. It may take a few seconds, in which a thread waits for the disk.
pub fn examine(overview: &Overview, now: Timestamp) -> Vec<Finding> {
    let config = overview.shared.config();
    let (written, mut findings) = configuration::examine(overview);
    findings.push(admin_socket(&config));
    findings.push(openness(&config, overview));
    findings.extend(overview.shared.identity().map(|identity| certificate(&identity, now)));
    findings.extend(storage::examine(overview, &config));
    findings.push(limits(overview, written.as_ref().unwrap_or(&config)));
    findings.push(log());
    findings.extend(sandbox::examine());
    let fault = |problem| {
        let advice = "chatroomd tries again by itself; `chatctl reload` makes it do so at once.";
        Finding::problem("service", problem, advice)
    };
    findings.extend(overview.shared.faults.all().into_iter().map(fault));
    findings
}

fn admin_socket(config: &Config) -> Finding {
    const AREA: &str = "admin socket";
    let path = match files::admin_socket(config) {
        Ok(path) => path,
        Err(problem) => {
            return Finding::problem(AREA, format!("{problem:#}"), "Name it in [admin] socket.");
        }
    };
    let shown = path.display();
    match fs::symlink_metadata(&path).map(|found| found.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o007 != 0 => {
            let what = format!("everybody on this machine may use {shown} (mode {mode:o})");
            Finding::problem(AREA, what, format!("chmod o= {shown}"))
        }
        Ok(mode) => Finding::ok(AREA, format!("{shown}, mode {mode:o}")),
        Err(error) => {
            let what = format!("{shown} is not there any more: {error}");
            Finding::problem(AREA, what, "`systemctl restart chatroomd` makes it again.")
        }
    }
}

/// What others on the network may do.
fn openness(config: &Config, overview: &Overview) -> Finding {
    const AREA: &str = "network";
    let listening = overview.listening().join(", ");
    let is_reachable = config.listen.chat.iter().any(|address| !address.ip().is_loopback());
    if !is_reachable {
        return Finding::ok(AREA, format!("listening on {listening}"));
    }
    let what = format!("listening on {listening}: what is said goes over the network as it is");
    let who = match config.access.mode {
        Mode::Open => ", and anybody may join",
        Mode::Password | Mode::Accounts => "",
    };
    let advice = "`tls` in [listen] encrypts, `mode` in [access] says who may join; see \
                  docs/security.md.";
    Finding::note(AREA, what + who, advice)
}

fn certificate(identity: &Identity, now: Timestamp) -> Finding {
    const AREA: &str = "certificate";
    let (shown, key) = (identity.files.certificate.display(), identity.files.key.display());
    if is_open(&identity.files.key) {
        let what = format!("anybody on this machine can read the key {key}");
        return Finding::problem(AREA, what, format!("chmod o= {key}, and make a new pair."));
    }
    let Some(ends) = identity.facts.ends else {
        return Finding::note(AREA, format!("when {shown} ends is not known"), "Look yourself.");
    };
    let left = ends.duration_since(now);
    let day = ends.strftime("%Y-%m-%d");
    let advice = format!("Renew {shown}, then `chatctl reload`.");
    if left.is_negative() {
        Finding::problem(AREA, format!("{shown} has ended on {day}; clients refuse it"), advice)
    } else if left < SignedDuration::from_hours(DAYS_LEFT * 24) {
        Finding::problem(AREA, format!("{shown} ends on {day}"), advice)
    } else {
        Finding::ok(AREA, format!("{shown} serves until {day}"))
    }
}

fn limits(overview: &Overview, written: &Config) -> Finding {
    const AREA: &str = "limits";
    let wanted = written.limits.connections;
    let most = crate::limits::fitted(wanted);
    if wanted > most {
        let what = format!("{wanted} connections are configured, but descriptors allow {most}");
        return Finding::problem(AREA, what, "Raise LimitNOFILE= of the service.");
    }
    let now = *overview.shared.connections.count().borrow();
    let what = format!("{now} of {most} connections are in use");
    match now * 10 > most * 9 {
        true => Finding::problem(AREA, what, "Raise `connections` in [limits]."),
        false => Finding::ok(AREA, what),
    }
}

fn log() -> Finding {
    match logging::dropped() {
        0 => Finding::ok("log", "every line was taken"),
        dropped => {
            let what = format!("{dropped} lines of the log were lost");
            let advice =
                "Does the journal run, and is there space for it? `journalctl --disk-usage`";
            Finding::problem("log", what, advice)
        }
    }
}

/// Whether others than the owner may do something with a file.
fn mode_of(path: &Path) -> Option<u32> {
    Some(path.metadata().ok()?.permissions().mode() & 0o777)
}
