//! `chatctl doctor`, as seen from inside: problems of the installation, and how to fix them.

mod admin_socket;
mod certificate;
mod configuration;
mod entry;
mod installation;
mod network;
mod process;
mod proxies;
mod sandbox;
mod storage;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chatroom::admin::Finding;
use chatroom::config::Config;
use jiff::Timestamp;

use process::Descriptors;

use crate::faults::Part;
use crate::logging;
use crate::overview::Overview;

/// Checks everything. Blocks on the disk, for a few seconds at most.
pub fn examine(overview: &Overview, now: Timestamp) -> Vec<Finding> {
    let config = overview.shared.config();
    let (written, mut findings) = configuration::examine(overview);
    let written = written.as_ref();
    findings.extend(admin_socket::examine(overview.shared.started()));
    let open = Descriptors::of_this_process();
    match &open {
        Ok(open) => findings.extend(network::examine(overview, written, open)),
        Err(error) => {
            let what = format!("cannot find out which ports are open: {error}");
            findings.push(Finding::note("network", what, "`ss -tlnp` as root shows them."));
        }
    }
    findings.extend(proxies::examine(overview));
    findings.extend(certificate::examine(overview, written, now));
    findings.extend(entry::examine(overview, written));
    findings.extend(storage::examine(overview, &config, open.as_ref().ok()));
    findings.push(limits(overview, written.unwrap_or(&config)));
    findings.push(log());
    findings.extend(installation::examine(&overview.unit_files));
    findings.extend(sandbox::examine());
    let faults = overview.shared.faults.by_part();
    findings.extend(faults.into_iter().filter(|(part, _)| *part != Part::Metrics).map(fault));
    findings
}

/// A fault, in the words of the part that has it.
fn fault((part, problem): (Part, String)) -> Finding {
    let area = if matches!(part, Part::Listener(..)) { network::AREA } else { "service" };
    let advice = "chatroomd tries again by itself; `chatctl reload` makes it try at once.";
    Finding::problem(area, problem, advice)
}

fn limits(overview: &Overview, written: &Config) -> Finding {
    const AREA: &str = "limits";
    let wanted = written.limits.connections;
    let most = crate::limits::fitted(wanted);
    if wanted > most {
        let what = format!(
            "{wanted} connections are configured, but the limit of open files allows {most}"
        );
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
        0 => Finding::ok("log", "no lines were dropped"),
        dropped => {
            let what = format!("{dropped} lines of the log were dropped");
            let advice =
                "Check that systemd-journald runs and has space: `journalctl --disk-usage`";
            Finding::problem("log", what, advice)
        }
    }
}

/// The permission bits of a file.
fn mode_of(path: &Path) -> Option<u32> {
    Some(path.metadata().ok()?.permissions().mode() & 0o777)
}
