//! The unit, as systemd has it in force.

use std::collections::HashMap;
use std::process::Command;

use chatroom::admin::Finding;

const UNIT: &str = "chatroomd.service";
const AREA: &str = "service";

/// The unit of the package.
const PACKAGED: &str = include_str!("../../../packaging/chatroomd.service");

/// Directives that systemd shows as they stand in the unit.
const DIRECTIVES: [&str; 22] = [
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
];

/// What systemd says, if it can be asked. The daemon that answers has the process id `pid`.
pub(super) fn examine(pid: Option<u32>) -> Vec<Finding> {
    let output = Command::new("systemctl").args(["show", UNIT]).output();
    match output {
        Ok(output) if output.status.success() => {
            judge(&properties(&String::from_utf8_lossy(&output.stdout)), pid)
        }
        _ => vec![Finding::note(AREA, "systemd cannot be asked", "Is it what runs this machine?")],
    }
}

/// Lines as `ActiveState=active`.
fn properties(shown: &str) -> HashMap<&str, &str> {
    shown.lines().filter_map(|line| line.split_once('=')).collect()
}

fn judge(shown: &HashMap<&str, &str>, pid: Option<u32>) -> Vec<Finding> {
    let get = |name: &str| shown.get(name).copied().unwrap_or_default();
    if get("LoadState") != "loaded" {
        let advice = "Install the package, or packaging/chatroomd.service by hand.";
        return vec![Finding::note(AREA, format!("there is no {UNIT}"), advice)];
    }
    let mut findings = Vec::new();
    match pid {
        None if get("ActiveState") == "failed" => {
            let (result, status) = (get("Result"), get("ExecMainStatus"));
            let what = format!("it has failed ({result}, exit status {status})");
            let advice = "`journalctl -u chatroomd -n 20` says why.";
            findings.push(Finding::problem(AREA, what, advice));
        }
        None => findings.push(Finding::note(
            AREA,
            format!("it is {}", get("ActiveState")),
            "`systemctl start chatroomd` starts it.",
        )),
        Some(pid) if get("MainPID") != pid.to_string() => findings.push(Finding::note(
            AREA,
            format!("process {pid}, which answers, is not that of {UNIT}"),
            "Without systemd nothing starts it again, and a restart disconnects everybody.",
        )),
        Some(_) => findings.extend(running(shown)),
    }
    if get("UnitFileState") == "disabled" {
        let what = "it is not started when the machine is";
        findings.push(Finding::note(AREA, what, "`systemctl enable chatroomd`"));
    }
    findings
}

fn running(shown: &HashMap<&str, &str>) -> Vec<Finding> {
    let get = |name: &str| shown.get(name).copied().unwrap_or_default();
    let mut findings = Vec::new();
    if get("NeedDaemonReload") == "yes" {
        let what = "the unit on disk is another one than that in force";
        findings.push(Finding::problem(AREA, what, "`systemctl daemon-reload`"));
    }
    match get("NRestarts") {
        "" | "0" => {}
        restarts => {
            let what = format!("it was started again {restarts} times after it failed");
            findings.push(Finding::note(AREA, what, "`journalctl -u chatroomd -p err` says why."));
        }
    }
    let packaged = properties(PACKAGED);
    let differs = |name: &&str| shown.contains_key(name) && packaged.get(name) != shown.get(name);
    let different: Vec<String> = DIRECTIVES
        .iter()
        .filter(|name| differs(name))
        .map(|name| format!("{name}={}", get(name)))
        .collect();
    if different.is_empty() {
        let what = format!("{UNIT} is in force as the package has it");
        findings.push(Finding::ok(AREA, what));
    } else {
        let what = format!("{UNIT} is not as the package has it: {}", different.join(", "));
        findings.push(Finding::note(
            AREA,
            what,
            "`systemctl cat chatroomd` shows where that is from.",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use chatroom::admin::Verdict;

    use super::*;

    /// What systemd shows of the packaged unit, with what is different.
    fn judged(different: &str, pid: Option<u32>) -> Vec<(Verdict, String)> {
        let shown =
            format!("LoadState=loaded\nActiveState=active\nMainPID=7\n{PACKAGED}{different}");
        let findings = judge(&properties(&shown), pid);
        findings.into_iter().map(|finding| (finding.verdict, finding.what)).collect()
    }

    #[test]
    fn what_was_weakened_is_named() {
        assert!(matches!(&judged("", Some(7))[..], [(Verdict::Ok, _)]));
        let weak = judged("\nNoNewPrivileges=no\nNeedDaemonReload=yes\nNRestarts=3\n", Some(7));
        assert!(matches!(weak[0], (Verdict::Problem, _)));
        assert!(weak[1].1.contains("3 times"), "{weak:?}");
        assert!(weak[2].1.ends_with(": NoNewPrivileges=no"), "{weak:?}");
    }

    #[test]
    fn what_does_not_run_is_said() {
        let failed = judged("\nActiveState=failed\nResult=exit-code\nExecMainStatus=78\n", None);
        assert_eq!(failed[0].1, "it has failed (exit-code, exit status 78)");
        assert!(judged("", Some(8))[0].1.contains("process 8"));
        assert!(judged("\nLoadState=not-found\n", None)[0].1.contains("there is no"));
    }

    /// A directive that the unit does not have would always differ.
    #[test]
    fn every_directive_is_in_the_unit() {
        let packaged = properties(PACKAGED);
        assert!(DIRECTIVES.iter().all(|name| packaged.contains_key(name)));
    }
}
