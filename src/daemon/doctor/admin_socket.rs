//! The admin socket: whether it exists, and who can use it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use chatroom::admin::Finding;
use chatroom::config::Config;

use crate::files::{self, ADMIN_SOCKET_MODE};

const AREA: &str = "admin socket";

/// Checks the socket of a process that has `started` with this configuration.
pub(super) fn examine(started: &Config) -> Vec<Finding> {
    let path = match files::admin_socket(started) {
        Ok(path) => path,
        Err(problem) => {
            let what = format!("{problem:#}");
            return vec![Finding::problem(AREA, what, "Name it in [admin] socket.")];
        }
    };
    let mut findings = vec![socket(&path)];
    findings.extend(path.parent().and_then(folder));
    findings
}

fn socket(path: &Path) -> Finding {
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) => {
            let what = format!("{shown} does not exist any more: {error}");
            return Finding::problem(AREA, what, "`systemctl restart chatroomd` creates it again.");
        }
    };
    let mode = found.permissions().mode() & 0o777;
    let group = rustix::process::getegid().as_raw();
    if mode & 0o007 != 0 {
        let what = format!("all users of this machine can use {shown} (mode {mode:o})");
        Finding::problem(AREA, what, format!("chmod o= {shown}"))
    } else if found.gid() != group {
        let what = format!(
            "{shown} belongs to group {}, but chatroomd runs with group {group}",
            found.gid()
        );
        let advice = format!(
            "chgrp {group} {shown}; otherwise the members of that group cannot use chatctl."
        );
        Finding::problem(AREA, what, advice)
    } else if mode != ADMIN_SOCKET_MODE {
        let what = format!("{shown} has mode {mode:o}: members of its group cannot use chatctl");
        Finding::note(AREA, what, format!("chmod {ADMIN_SOCKET_MODE:o} {shown}"))
    } else {
        Finding::ok(AREA, format!("{shown}, mode {mode:o}"))
    }
}

/// A user who can write in the folder can replace the socket.
fn folder(folder: &Path) -> Option<Finding> {
    const STICKY: u32 = 0o1000;
    let mode = folder.metadata().ok()?.permissions().mode();
    if mode & 0o002 == 0 || mode & STICKY != 0 {
        return None;
    }
    let shown = folder.display();
    let what = format!("any user of this machine can replace the socket in {shown}");
    Some(Finding::problem(AREA, what, format!("chmod o-w {shown}")))
}
