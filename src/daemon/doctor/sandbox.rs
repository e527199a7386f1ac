//! What the process could do if somebody broke into it, as the system says.

use chatroom::admin::Finding;
use procfs::process::Process;

use crate::systemd;

const AREA: &str = "sandbox";

pub(super) fn examine() -> Vec<Finding> {
    let status = match Process::myself().and_then(|process| process.status()) {
        Ok(status) => status,
        Err(error) => {
            let what = format!("what the process may do is not known: {error}");
            return vec![Finding::note(
                AREA,
                what,
                "Look at `systemd-analyze security chatroomd`.",
            )];
        }
    };
    if !systemd::is_there() {
        let what = "not run by systemd, so nothing confines it";
        let mut findings = vec![Finding::note(AREA, what, "`systemctl start chatroomd` does.")];
        if status.euid == 0 {
            let advice = "Run it as a user of its own, as the service does.";
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
        (status.nonewprivs != Some(1), "it may become somebody else (NoNewPrivileges=)"),
        (status.capeff != 0, "it has capabilities of root (CapabilityBoundingSet=)"),
        (status.seccomp != Some(2), "it may make every system call (SystemCallFilter=)"),
        (!is_read_only("/usr"), "it may write in the system (ProtectSystem=)"),
        (std::fs::read_dir("/root").is_ok(), "it can look into homes (ProtectHome=)"),
    ];
    let open: Vec<&str> =
        open.iter().filter(|(is_open, _)| *is_open).map(|(_, what)| *what).collect();
    if open.is_empty() {
        let what = "no rights, no capabilities, a filter of system calls, nothing to write to";
        return vec![Finding::ok(AREA, what)];
    }
    let advice = "Take what the unit of the package has; `systemctl cat chatroomd` shows what is \
                  in force.";
    vec![Finding::problem(AREA, open.join("; "), advice)]
}
