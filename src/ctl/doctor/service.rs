//! The unit, as systemd has it in force.

use chatroom::admin::{Finding, Status};

use super::unit::Unit;

pub(super) const UNIT: &str = "chatroomd.service";
const AREA: &str = "service";

/// The unit of the package.
const PACKAGED: &str = include_str!("../../../packaging/chatroomd.service");

/// Directives that systemd shows as they stand in the unit.
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

/// What systemd says of the unit. The daemon that answers has the process id `pid`.
pub(super) fn examine(unit: Option<&Unit>, pid: Option<u32>) -> Vec<Finding> {
    match unit {
        Some(unit) => judge(unit, pid),
        None => {
            vec![Finding::note(AREA, "systemd cannot be asked", "Is it what runs this machine?")]
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
            format!("process {pid}, which answers, is not that of {UNIT}"),
            "Without systemd nothing starts it again, and a restart disconnects everybody.",
        )],
        Some(_) => restarts(unit).into_iter().collect(),
    };
    if unit.get("NeedDaemonReload") == "yes" {
        let what = "the unit on disk is another one than that in force";
        let advice = "`systemctl daemon-reload`, then `systemctl restart chatroomd`.";
        findings.push(Finding::problem(AREA, what, advice));
    }
    findings.extend(hand_over(unit));
    findings.push(packaged(unit));
    // Where a socket starts it, that is enabled instead.
    if unit.get("UnitFileState") == "disabled" && unit.get("TriggeredBy").is_empty() {
        let what = "it is not started when the machine is";
        findings.push(Finding::note(AREA, what, "`systemctl enable chatroomd`"));
    }
    findings
}

fn not_loaded(unit: &Unit) -> Option<Finding> {
    let install = "Install the package, or packaging/chatroomd.service by hand.";
    Some(match unit.get("LoadState") {
        "loaded" => return None,
        "masked" => {
            let what = format!("{UNIT} is masked: it cannot be started");
            Finding::problem(AREA, what, "`systemctl unmask chatroomd`")
        }
        "bad-setting" | "error" => {
            let what = format!("systemd cannot use {UNIT}: {}", unit.get("LoadError"));
            Finding::problem(
                AREA,
                what,
                format!("`systemd-analyze verify {UNIT}` says what is wrong."),
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
            Finding::problem(AREA, what, "`journalctl -u chatroomd -n 20` says why.")
        }
        "active" | "reloading" => {
            let what =
                format!("systemd runs it as process {pid}, but its admin socket does not answer");
            let advice = "If [admin] socket names another place, say so with --socket. If not, \
                          `systemctl restart chatroomd` makes the socket again.";
            Finding::problem(AREA, what, advice)
        }
        "activating" if unit.get("SubState") == "auto-restart" => {
            let what = "it fails, and systemd starts it again and again";
            Finding::problem(AREA, what, "`journalctl -u chatroomd -n 20` says why.")
        }
        _ => {
            Finding::note(AREA, format!("it is {state}"), "`systemctl start chatroomd` starts it.")
        }
    }
}

fn restarts(unit: &Unit) -> Option<Finding> {
    let restarts = Some(unit.get("NRestarts")).filter(|count| !["", "0"].contains(count))?;
    let what = format!("it was started again {restarts} times after it failed");
    Some(Finding::note(AREA, what, "`journalctl -u chatroomd -p err` says why."))
}

/// A service with a network of its own opens ports that nobody reaches; only a socket that was opened
/// outside of it, by systemd or by the process before, works.
pub(super) fn network(unit: &Unit, status: &Status) -> Option<Finding> {
    if unit.get("PrivateNetwork") != "yes" || status.socket_activated {
        return None;
    }
    let what = "PrivateNetwork=yes without chatroomd.socket: a port that the service opens is reached by \
                nobody";
    let advice = "Set up chatroomd.socket (docs/administration.md), or take that out of the unit.";
    Some(Finding::problem(AREA, what, advice))
}

/// Without these commands a restart disconnects everybody, and a reload does nothing.
fn hand_over(unit: &Unit) -> Vec<Finding> {
    let lacks =
        |property: &str, part: &str| unit.shows(property) && !unit.get(property).contains(part);
    let advice =
        "Take the line of the package's unit; `systemctl cat chatroomd` shows what is in force.";
    let mut findings = Vec::new();
    if lacks("ExecStop", "hand-over") {
        let what = "ExecStop= does not run `chatctl hand-over`: a restart disconnects everybody";
        findings.push(Finding::problem(AREA, what, advice));
    }
    if lacks("ExecReload", "reload") && lacks("ExecReload", "HUP") {
        let what = "ExecReload= does not reload chatroomd";
        findings.push(Finding::problem(AREA, what, advice));
    }
    findings
}

/// Whether the unit is weaker than, or otherwise not, that of the package.
fn packaged(unit: &Unit) -> Finding {
    let packaged = Unit::of(UNIT, PACKAGED);
    let differs = |name: &&&str| unit.shows(name) && packaged.get(name) != unit.get(name);
    let different: Vec<String> = DIRECTIVES
        .iter()
        .filter(differs)
        .map(|name| format!("{name}={}", unit.get(name)))
        .collect();
    if different.is_empty() {
        return Finding::ok(AREA, format!("{UNIT} is in force as the package has it"));
    }
    let what = format!("{UNIT} is not as the package has it: {}", different.join(", "));
    let drop_ins = unit.get("DropInPaths");
    let advice = match drop_ins {
        "" => "`systemctl cat chatroomd` shows where that is from.".to_owned(),
        _ => format!("Is it meant so? The drop-ins are {drop_ins}"),
    };
    Finding::note(AREA, what, advice)
}

#[cfg(test)]
mod tests {
    use chatroom::admin::Verdict;

    use super::*;

    /// What systemd shows of the packaged unit, with what is different.
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
        assert!(again[0].1.contains("starts it again and again"), "{again:?}");
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
        assert!(without[0].1.contains("a restart disconnects everybody"), "{without:?}");
        assert!(without[1].1.contains("does not reload"), "{without:?}");
        // What version 0.1 had.
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
