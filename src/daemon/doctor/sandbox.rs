//! Checks of what an attacker who controls the process could do.

use chatroom::admin::Finding;
use procfs::process::Process;

use crate::systemd;

const AREA: &str = "sandbox";

pub(super) fn examine() -> Vec<Finding> {
    let status = match Process::myself().and_then(|process| process.status()) {
        Ok(status) => status,
        Err(error) => {
            let what = format!("cannot find out what the process is permitted to do: {error}");
            return vec![Finding::note(
                AREA,
                what,
                "`systemd-analyze security chatroomd` shows it.",
            )];
        }
    };
    if !systemd::is_there() {
        let what = "not run by systemd, so it has no sandbox";
        let mut findings =
            vec![Finding::note(AREA, what, "`systemctl start chatroomd` runs it in one.")];
        if status.euid == 0 {
            let advice = "Run it as a user of its own, as the packaged service does.";
            findings.push(Finding::problem(AREA, "it runs as root", advice));
        }
        return findings;
    }
    let is_read_only = |path: &str| {
        rustix::fs::statvfs(path)
            .is_ok_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
    };
    let open = [
        (status.euid == 0, "it runs as root (User=)"),
        (status.nonewprivs != Some(1), "it can gain privileges (NoNewPrivileges=)"),
        (status.capeff != 0, "it has capabilities (CapabilityBoundingSet=)"),
        (status.seccomp != Some(2), "it can make any system call (SystemCallFilter=)"),
        (!is_read_only("/usr"), "it can write to /usr (ProtectSystem=)"),
        (std::fs::read_dir("/root").is_ok(), "it can read home folders (ProtectHome=)"),
    ];
    let open: Vec<&str> =
        open.iter().filter(|(is_open, _)| *is_open).map(|(_, what)| *what).collect();
    if open.is_empty() {
        let what = "unprivileged user, no capabilities, filtered system calls, read-only system";
        return vec![Finding::ok(AREA, what)];
    }
    let advice = "Use the settings of the packaged unit; `systemctl cat chatroomd` shows those in \
                  force.";
    vec![Finding::problem(AREA, open.join("; "), advice)]
}
