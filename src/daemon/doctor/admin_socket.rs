//! The admin socket: whether it is there, is ours, and is for those that it should be for.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use chatroom::admin::Finding;
use chatroom::config::Config;

use crate::files::{self, ADMIN_SOCKET_MODE};

const AREA: &str = "admin socket";

/// Looks at the socket where a process that has `started` with this has made it.
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
            let what = format!("{shown} is not there any more: {error}");
            return Finding::problem(AREA, what, "`systemctl restart chatroomd` makes it again.");
        }
    };
    let mode = found.permissions().mode() & 0o777;
    let group = rustix::process::getegid().as_raw();
    if mode & 0o007 != 0 {
        let what = format!("everybody on this machine may use {shown} (mode {mode:o})");
        Finding::problem(AREA, what, format!("chmod o= {shown}"))
    } else if found.gid() != group {
        let what =
            format!("{shown} is for the group {}, and chatroomd runs with {group}", found.gid());
        let advice =
            format!("chgrp {group} {shown}; else the members of its group cannot use chatctl.");
        Finding::problem(AREA, what, advice)
    } else if mode != ADMIN_SOCKET_MODE {
        let what = format!("{shown} has mode {mode:o}: members of its group cannot use chatctl");
        Finding::note(AREA, what, format!("chmod {ADMIN_SOCKET_MODE:o} {shown}"))
    } else {
        Finding::ok(AREA, format!("{shown}, mode {mode:o}"))
    }
}

/// Whoever can write in its folder can put another socket in its place.
fn folder(folder: &Path) -> Option<Finding> {
    const STICKY: u32 = 0o1000;
    let mode = folder.metadata().ok()?.permissions().mode();
    if mode & 0o002 == 0 || mode & STICKY != 0 {
        return None;
    }
    let shown = folder.display();
    let what = format!("anybody on this machine can put another socket into {shown}");
    Some(Finding::problem(AREA, what, format!("chmod o-w {shown}")))
}
