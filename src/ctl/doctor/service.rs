//! Checks of the service unit.

use chatroom::admin::{Finding, Status};

use super::unit::Unit;

pub(super) const UNIT: &str = "chatroomd.service";
const AREA: &str = "service";

/// The service unit of the package.
const PACKAGED: &str = include_str!("../../../packaging/chatroomd.service");

/// Directives that systemd shows exactly as they are written in the unit.
const DIRECTIVES: [&str; 30] = [
    "NoNewPrivileges",
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "PrivateDevices",
    "PrivateMounts",
    "DevicePolicy",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectControlGroups",
    "ProtectProc",
    "ProcSubset",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "RemoveIPC",
    "FileDescriptorStoreMax",
    "User",
    "Group",
    "UMask",
    "Type",
    "Restart",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "StateDirectory",
    "StateDirectoryMode",
];

/// Checks the unit. The daemon that answers has the process id `pid`.
pub(super) fn examine(unit: Option<&Unit>, pid: Option<u32>) -> Vec<Finding> {
    match unit {
        Some(unit) => judge(unit, pid),
        None => {
            vec![Finding::note(AREA, "systemd does not answer", "Does this machine use systemd?")]
        }
    }
}

fn judge(unit: &Unit, pid: Option<u32>) -> Vec<Finding> {
    if let Some(finding) = not_loaded(unit) {
        return vec![finding];
    }
    let mut findings = match pid {
        None => vec![stopped(unit)],
        Some(pid) if unit.get("MainPID") != pid.to_string() => vec![Finding::note(
            AREA,
            format!("process {pid} answers, but it is not the process of {UNIT}"),
            "Without systemd, nothing restarts it after a failure, and a restart disconnects all clients.",
        )],
        Some(_) => restarts(unit).into_iter().collect(),
    };
    if unit.get("NeedDaemonReload") == "yes" {
        let what = "the unit has changed on disk since it was loaded";
        let advice = "Run `systemctl daemon-reload`, then `systemctl restart chatroomd`.";
        findings.push(Finding::problem(AREA, what, advice));
    }
    findings.extend(hand_over(unit));
    findings.push(packaged(unit));
    // If a socket starts the service, the socket is enabled instead.
    if unit.get("UnitFileState") == "disabled" && unit.get("TriggeredBy").is_empty() {
        let what = "it is not started at boot";
        findings.push(Finding::note(AREA, what, "Run `systemctl enable chatroomd`."));
    }
    findings
}

fn not_loaded(unit: &Unit) -> Option<Finding> {
    let install = "Install the package, or packaging/chatroomd.service by hand.";
    Some(match unit.get("LoadState") {
        "loaded" => return None,
        "masked" => {
            let what = format!("{UNIT} is masked: it cannot be started");
            Finding::problem(AREA, what, "Run `systemctl unmask chatroomd`.")
        }
        "bad-setting" | "error" => {
            let what = format!("systemd cannot load {UNIT}: {}", unit.get("LoadError"));
            Finding::problem(
                AREA,
                what,
                format!("`systemd-analyze verify {UNIT}` shows the problem."),
            )
        }
        _ => Finding::note(AREA, format!("there is no {UNIT}"), install),
    })
}

fn stopped(unit: &Unit) -> Finding {
    let (state, pid) = (unit.get("ActiveState"), unit.get("MainPID"));
    match state {
        "failed" => {
            let (result, status) = (unit.get("Result"), unit.get("ExecMainStatus"));
            let what = format!("it has failed ({result}, exit status {status})");
            Finding::problem(AREA, what, "`journalctl -u chatroomd -n 20` shows why.")
        }
        "active" | "reloading" => {
            let what =
                format!("systemd runs it as process {pid}, but its admin socket does not answer");
            let advice = "If [admin] socket names another path, pass it with --socket. Otherwise \
                          `systemctl restart chatroomd` creates the socket again.";
            Finding::problem(AREA, what, advice)
        }
        "activating" if unit.get("SubState") == "auto-restart" => {
            let what = "it fails, and systemd keeps restarting it";
            Finding::problem(AREA, what, "`journalctl -u chatroomd -n 20` shows why.")
        }
        _ => {
            Finding::note(AREA, format!("it is {state}"), "`systemctl start chatroomd` starts it.")
        }
    }
}

fn restarts(unit: &Unit) -> Option<Finding> {
    let restarts = Some(unit.get("NRestarts")).filter(|count| !["", "0"].contains(count))?;
    let what = format!("it was restarted {restarts} times after failures");
    Some(Finding::note(AREA, what, "`journalctl -u chatroomd -p err` shows why."))
}

/// Ports that are opened by a service with a network of its own are unreachable. Only sockets that
/// were opened outside it work: by systemd or by a previous process.
pub(super) fn network(unit: &Unit, status: &Status) -> Option<Finding> {
    if unit.get("PrivateNetwork") != "yes" || status.socket_activated {
        return None;
    }
    let what = "PrivateNetwork=yes without chatroomd.socket: nobody can reach the ports that the service opens";
    let advice = "Set up chatroomd.socket (docs/administration.md), or remove PrivateNetwork= from the unit.";
    Some(Finding::problem(AREA, what, advice))
}

/// Checks the commands without which a restart disconnects all clients and a reload does nothing.
fn hand_over(unit: &Unit) -> Vec<Finding> {
    let lacks =
        |property: &str, part: &str| unit.shows(property) && !unit.get(property).contains(part);
    let advice =
        "Use the line of the package's unit; `systemctl cat chatroomd` shows the current one.";
    let mut findings = Vec::new();
    if lacks("ExecStop", "hand-over") {
        let what = "ExecStop= does not run `chatctl hand-over`: a restart disconnects all clients";
        findings.push(Finding::problem(AREA, what, advice));
    }
    if lacks("ExecReload", "reload") && lacks("ExecReload", "HUP") {
        let what = "ExecReload= does not reload chatroomd";
        findings.push(Finding::problem(AREA, what, advice));
    }
    findings
}

/// Compares the unit with the one of the package.
fn packaged(unit: &Unit) -> Finding {
    let packaged = Unit::of(UNIT, PACKAGED);
    let differs = |name: &&&str| unit.shows(name) && packaged.get(name) != unit.get(name);
    let different: Vec<String> = DIRECTIVES
        .iter()
        .filter(differs)
        .map(|name| format!("{name}={}", unit.get(name)))
        .collect();
    if different.is_empty() {
        return Finding::ok(AREA, format!("{UNIT} is as in the package"));
    }
    let what = format!("{UNIT} differs from the package: {}", different.join(", "));
    let drop_ins = unit.get("DropInPaths");
    let advice = match drop_ins {
        "" => "`systemctl cat chatroomd` shows where this comes from.".to_owned(),
        _ => format!("If this is not intended, check the drop-ins: {drop_ins}"),
    };
    Finding::note(AREA, what, advice)
}

#[cfg(test)]
mod tests {
    use chatroom::admin::Verdict;

    use super::*;

    /// The findings about the packaged unit with some differences.
    fn judged(different: &str, pid: Option<u32>) -> Vec<(Verdict, String)> {
        let shown =
            format!("LoadState=loaded\nActiveState=active\nMainPID=7\n{PACKAGED}{different}");
        let findings = judge(&Unit::of(UNIT, &shown), pid);
        findings.into_iter().map(|finding| (finding.verdict, finding.what)).collect()
    }

    #[test]
    fn what_was_weakened_is_named() {
        assert!(matches!(&judged("", Some(7))[..], [(Verdict::Ok, _)]));
        let weak = judged("\nNoNewPrivileges=no\nNeedDaemonReload=yes\nNRestarts=3\n", Some(7));
        assert!(weak[0].1.contains("3 times"), "{weak:?}");
        assert!(matches!(weak[1], (Verdict::Problem, _)), "{weak:?}");
        assert!(weak[2].1.ends_with(": NoNewPrivileges=no"), "{weak:?}");
    }

    #[test]
    fn what_does_not_run_is_said() {
        let failed = judged("\nActiveState=failed\nResult=exit-code\nExecMainStatus=78\n", None);
        assert_eq!(failed[0].1, "it has failed (exit-code, exit status 78)");
        assert!(judged("", Some(8))[0].1.contains("process 8"));
        assert!(judged("\nLoadState=not-found\n", None)[0].1.contains("there is no"));
        let masked = judged("\nLoadState=masked\n", None);
        assert!(masked[0].0 == Verdict::Problem && masked[0].1.contains("is masked"));
        let silent = judged("", None);
        assert!(
            silent[0].1.contains("process 7, but its admin socket does not answer"),
            "{silent:?}"
        );
        let again = judged("\nActiveState=activating\nSubState=auto-restart\n", None);
        assert!(again[0].1.contains("keeps restarting it"), "{again:?}");
    }

    #[test]
    fn a_network_of_its_own_is_for_sockets_of_systemd() {
        let unit = Unit::of(UNIT, "PrivateNetwork=yes\n");
        let activated = Status { socket_activated: true, ..Status::default() };
        assert_eq!(network(&unit, &activated), None);
        assert!(network(&unit, &Status::default()).is_some());
        assert_eq!(network(&Unit::of(UNIT, "PrivateNetwork=no\n"), &Status::default()), None);
    }

    #[test]
    fn a_unit_without_the_commands_of_the_package_is_found() {
        let without = judged("\nExecStop=\nExecReload=/bin/true\n", Some(7));
        assert!(without[0].1.contains("a restart disconnects all clients"), "{without:?}");
        assert!(without[1].1.contains("does not reload"), "{without:?}");
        // The line in the unit of version 0.1.
        let older = judged("\nExecReload=/bin/kill -HUP $MAINPID\n", Some(7));
        assert!(matches!(&older[..], [(Verdict::Ok, _)]), "{older:?}");
    }

    /// A directive that the unit does not have would always differ.
    #[test]
    fn every_directive_is_in_the_unit() {
        let packaged = Unit::of(UNIT, PACKAGED);
        assert!(DIRECTIVES.iter().all(|name| packaged.shows(name)));
    }
}
