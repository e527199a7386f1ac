//! `chatctl doctor`: what is broken on purpose is found, with what to do about it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use chatroom::admin::{Finding, Verdict};
use serde_json::Value;
use tempfile::TempDir;

use crate::ctl::run;
use crate::daemon::Daemon;
use crate::tls;

/// What the doctor finds of one area.
#[track_caller]
fn findings(daemon: &Daemon, area: &str) -> Vec<Finding> {
    let output = run(&daemon.socket(), &["--json", "doctor"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all: Vec<Finding> = serde_json::from_value(all["findings"].clone()).unwrap();
    let is_wrong = all.iter().any(|finding| finding.verdict == Verdict::Problem);
    assert_eq!(output.status.code(), Some(i32::from(is_wrong)), "{all:?}");
    all.into_iter().filter(|finding| finding.area == area).collect()
}

#[track_caller]
fn check(daemon: &Daemon, area: &str, verdict: Verdict, says: &str) {
    let found = findings(daemon, area);
    let is_said = |finding: &Finding| {
        let all = format!("{} {}", finding.what, finding.advice.as_deref().unwrap_or_default());
        finding.verdict == verdict && all.contains(says)
    };
    assert!(found.iter().any(is_said), "{says:?} is not in {found:?}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_well_is_said_to_be_well() {
    let daemon = Daemon::start();
    set_mode(daemon.folder.path(), 0o700);
    for area in ["daemon", "configuration", "admin socket", "network", "store", "limits", "log"] {
        let found = findings(&daemon, area);
        assert!(!found.is_empty(), "{area}");
        assert!(found.iter().all(|finding| finding.verdict != Verdict::Problem), "{found:?}");
    }
}

#[test]
fn a_configuration_that_is_not_in_force_is_found() {
    let daemon = Daemon::start();
    let file = daemon.folder.path().join("chatroomd.toml");
    let good = fs::read_to_string(&file).unwrap();
    check(&daemon, "configuration", Verdict::Ok, "is right, and in force");
    fs::write(&file, format!("{good}[room]\ntopic = \"Tea\"\n")).unwrap();
    check(&daemon, "configuration", Verdict::Problem, "`chatctl reload`");
    fs::write(&file, format!("{good}[room]\nname = \"salon\"\n")).unwrap();
    for _ in 0..2 {
        let says = "[room] name is \"salon\" in";
        check(&daemon, "configuration", Verdict::Problem, says);
        // A reload does not put it in force, and so it does not become right by one.
        assert!(run(&daemon.socket(), &["reload"]).status.success());
    }
    fs::write(&file, format!("{good}[room]\nname = 5\n")).unwrap();
    check(&daemon, "configuration", Verdict::Problem, "`name` in [room] cannot be 5");
}

#[test]
fn rights_that_are_too_wide_are_found() {
    let daemon = Daemon::start();
    set_mode(&daemon.socket(), 0o666);
    check(&daemon, "admin socket", Verdict::Problem, "chmod o=");
    set_mode(daemon.folder.path(), 0o755);
    check(&daemon, "store", Verdict::Problem, "where passwords are kept");
}

#[test]
fn a_damaged_history_is_found() {
    let daemon = Daemon::start();
    check(&daemon, "store", Verdict::Ok, "is whole");
    // All that is in the log goes into the file, and then its second page is overwritten.
    daemon.database().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = daemon.folder.path().join("history.sqlite");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0xAB; 4096], 4096).unwrap();
    check(&daemon, "store", Verdict::Problem, "is damaged");
}

#[test]
fn a_certificate_that_ends_is_found() {
    let (daemon, _) = tls::daemon();
    check(&daemon, "certificate", Verdict::Ok, "serves until 4096-01-01");
    let file = |name: &str| daemon.folder.path().join(name);
    for (year, says) in [(2020, "has ended on 2020-02-03; clients refuse it"), (4000, "serves")] {
        tls::certify_until(daemon.folder.path(), year);
        assert!(run(&daemon.socket(), &["reload"]).status.success());
        let verdict = if year == 2020 { Verdict::Problem } else { Verdict::Ok };
        check(&daemon, "certificate", verdict, says);
    }
    set_mode(&file("key.pem"), 0o644);
    check(&daemon, "certificate", Verdict::Problem, "anybody on this machine can read the key");
}

#[test]
fn a_daemon_that_is_not_there_is_said_first() {
    let folder = TempDir::new().unwrap();
    let output = run(&folder.path().join("admin.sock"), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("PROBLEM  daemon"), "{said}");
    assert!(said.contains("systemctl start chatroomd"), "{said}");
    assert!(said.ends_with(" wrong.\n"), "{said}");
}
