//! `chatctl doctor`: what is broken on purpose is found, with what to do about it.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use chatroom::admin::{Finding, Verdict};
use serde_json::Value;
use tempfile::TempDir;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::add_account;
use crate::proxy::behind_proxies;
use crate::tls;

/// The doctor's findings in one area.
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
fn doctor_reports_a_healthy_installation() {
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
    check(&daemon, "configuration", Verdict::Ok, "is valid and in force");
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
    check(&daemon, "store", Verdict::Problem, "which contains password hashes");
}

#[test]
fn a_damaged_history_is_found() {
    let daemon = Daemon::start();
    check(&daemon, "store", Verdict::Ok, "is intact");
    // All that is in the log goes into the file, and then its second page is overwritten.
    daemon.database().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = daemon.folder.path().join("history.sqlite");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0xAB; 4096], 4096).unwrap();
    check(&daemon, "store", Verdict::Problem, "is damaged");
}

#[test]
fn proxies_that_send_no_header_and_clients_beside_them_are_noted() {
    let daemon = behind_proxies("", "");
    check(&daemon, "network", Verdict::Note, "clients on this machine can connect only through");
    let is_told = |finding: &Finding| finding.what.contains("sent no valid header");
    assert!(!findings(&daemon, "network").iter().any(is_told));
    let mut person = Person::connect_to(daemon.address);
    person.say("ann");
    while person.line().is_some() {}
    check(&daemon, "network", Verdict::Note, "1 connection from addresses in [listen]");
    let usual = Daemon::with("proxy_protocol = \"127.0.0.2\"\n[timeouts]\n[history]\nreplay = 0\n");
    let found = findings(&usual, "network");
    assert!(found.iter().all(|finding| !finding.what.contains("proxy_protocol")), "{found:?}");
}

#[test]
fn a_certificate_that_ends_is_found() {
    let (daemon, _) = tls::daemon();
    check(&daemon, "certificate", Verdict::Ok, "is valid until 4096-01-01");
    let file = |name: &str| daemon.folder.path().join(name);
    for (year, says) in
        [(2020, "expired on 2020-02-03; clients refuse it"), (4000, "is valid until")]
    {
        tls::certify_until(daemon.folder.path(), year);
        assert!(run(&daemon.socket(), &["reload"]).status.success());
        let verdict = if year == 2020 { Verdict::Problem } else { Verdict::Ok };
        check(&daemon, "certificate", verdict, says);
    }
    set_mode(&file("key.pem"), 0o644);
    check(&daemon, "certificate", Verdict::Problem, "any user of this machine can read the key");
}

#[test]
fn a_daemon_that_is_not_there_is_said_first() {
    let folder = TempDir::new().unwrap();
    let output = run(&folder.path().join("admin.sock"), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("PROBLEM  daemon"), "{said}");
    assert!(said.contains("systemctl start chatroomd"), "{said}");
    // A daemon that the tests run beside adds the problem of a port in use.
    assert!(said.ends_with(" found.\n"), "{said}");
}

/// Adds to the configuration that the daemon has started with.
fn configure(daemon: &Daemon, good: &str, more: &str) {
    fs::write(daemon.folder.path().join("chatroomd.toml"), format!("{good}{more}")).unwrap();
}

fn config(daemon: &Daemon) -> String {
    fs::read_to_string(daemon.folder.path().join("chatroomd.toml")).unwrap()
}

#[test]
fn every_option_that_needs_a_restart_is_found_before_and_after_a_reload() {
    let daemon = Daemon::start();
    let good = config(&daemon);
    let other = |section: &str, option: &str| {
        let line = good.lines().find(|line| line.starts_with(option)).unwrap();
        assert!(good.contains(section));
        line.to_owned()
    };
    let chat = other("[listen]", "chat");
    let cases = [
        ("[listen] chat", good.replace(&chat, "chat = [\"127.0.0.1:0\", \"127.0.0.2:0\"]")),
        ("[listen] tls", good.replace(&chat, &format!("{chat}\ntls = \"127.0.0.1:0\""))),
        ("[room] name", format!("{good}[room]\nname = \"den\"\n")),
        ("[history] enabled", good.replace("replay = 0", "replay = 0\nenabled = false")),
        (
            "[history] durability",
            good.replace("replay = 0", "replay = 0\ndurability = \"process\""),
        ),
        ("[admin] socket", format!("{good}[admin]\nsocket = \"/nowhere/a.sock\"\n")),
        ("[metrics] listen", format!("{good}[metrics]\nlisten = \"127.0.0.1:1\"\n")),
    ];
    tls::make_certificate(&daemon.folder);
    for (option, text) in cases {
        fs::write(daemon.folder.path().join("chatroomd.toml"), text).unwrap();
        for _ in 0..2 {
            check(&daemon, "configuration", Verdict::Problem, &format!("{option} is "));
            check(&daemon, "configuration", Verdict::Problem, "`systemctl restart chatroomd`");
            check_done(&run(&daemon.socket(), &["reload"]));
            // Output that is never read would block the daemon once it writes more.
            daemon.drop_notifications();
        }
        // The running daemon is as before: the report is about it, not about the file.
        check(&daemon, "store", Verdict::Ok, "survives a power cut");
        check(&daemon, "admin socket", Verdict::Ok, "admin.sock, mode 660");
    }
    configure(&daemon, &good, "");
    assert!(run(&daemon.socket(), &["reload"]).status.success());
    check(&daemon, "configuration", Verdict::Ok, "is valid and in force");
}

#[test]
fn a_folder_that_has_no_effect_is_noted() {
    let daemon = Daemon::start();
    configure(&daemon, &config(&daemon), "[paths]\nstate = \"/nowhere\"\n");
    check(&daemon, "configuration", Verdict::Note, "[paths] state has no effect: systemd gives");
}

#[test]
fn another_log_level_than_the_configured_one_is_noted() {
    let daemon = Daemon::start();
    assert!(run(&daemon.socket(), &["log-level", "debug"]).status.success());
    check(
        &daemon,
        "configuration",
        Verdict::Note,
        "the log level is debug, but info is configured",
    );
}

#[test]
fn a_configuration_that_everybody_can_change_is_found() {
    let daemon = Daemon::start();
    set_mode(&daemon.folder.path().join("chatroomd.toml"), 0o666);
    check(&daemon, "configuration", Verdict::Problem, "chmod o-w");
}

/// A port that is free at the moment, and the socket that keeps it.
fn taken() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn metrics_that_are_not_served_are_found_with_the_cause() {
    let (other, address) = taken();
    let daemon = Daemon::with(&format!("[metrics]\nlisten = \"{address}\"\n"));
    let says = format!("[metrics] listen: nothing listens on {address}: another program uses that");
    check(&daemon, "network", Verdict::Problem, &says);
    check(&daemon, "network", Verdict::Problem, &format!("ss -tlnp 'sport = :{}'", address.port()));
    drop(other);
    // And opened as soon as that is possible.
    assert!(run(&daemon.socket(), &["reload"]).status.success());
    let is_well = |finding: &Finding| finding.verdict == Verdict::Ok;
    daemon.until("served", |daemon| findings(daemon, "network").iter().all(is_well));
}

#[test]
fn metrics_that_are_served_are_well() {
    let daemon = Daemon::with("[metrics]\nlisten = \"127.0.0.1:0\"\n");
    daemon.until_logged("listening for metrics");
    let found = findings(&daemon, "network");
    assert!(found.iter().all(|finding| finding.verdict == Verdict::Ok), "{found:?}");
}

#[test]
fn a_certificate_on_disk_that_is_not_in_force_is_found() {
    let (daemon, _) = tls::daemon();
    let file = |name: &str| daemon.folder.path().join(name);
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let good = (fs::read(&certificate).unwrap(), fs::read(&key).unwrap());
    fs::remove_file(&certificate).unwrap();
    check(&daemon, "certificate", Verdict::Problem, "cannot read the certificate");
    fs::remove_file(&key).unwrap();
    let fingerprint = tls::make_certificate(&daemon.folder);
    let says = format!("is not the certificate in force: on disk: CN=localhost ({fingerprint})");
    check(&daemon, "certificate", Verdict::Problem, &says);
    check(&daemon, "certificate", Verdict::Problem, "`chatctl reload` applies the one on disk");
    // The key of one and the certificate of the other.
    fs::write(&certificate, &good.0).unwrap();
    check(&daemon, "certificate", Verdict::Problem, "do not match");
    fs::write(&key, &good.1).unwrap();
    check(&daemon, "certificate", Verdict::Ok, "is valid until");
    let found = findings(&daemon, "certificate");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_certificate_that_is_missing_for_the_next_start_is_found() {
    let daemon = Daemon::start();
    let good = config(&daemon);
    let with_tls = good.replacen("[listen]\n", "[listen]\ntls = \"127.0.0.1:0\"\n", 1);
    configure(&daemon, &with_tls, "");
    check(&daemon, "certificate", Verdict::Problem, "--make-certificate");
    configure(&daemon, &good, "[tls]\ncertificate = \"/nowhere/c.pem\"\n");
    check(&daemon, "network", Verdict::Note, "there is no TLS port: [listen] tls is empty");
}

#[test]
fn a_room_password_that_is_not_in_force_is_found() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("room-password");
    fs::write(&file, "hush hush\n").unwrap();
    set_mode(&file, 0o600);
    let daemon = Daemon::in_folder(folder, "[access]\nmode = \"password\"\n", |_| {});
    check(&daemon, "access", Verdict::Ok, "the room password in force is the one in");
    fs::write(&file, "other words\n").unwrap();
    check(&daemon, "access", Verdict::Problem, "`chatctl reload` applies it");
    assert!(run(&daemon.socket(), &["reload"]).status.success());
    check(&daemon, "access", Verdict::Ok, "the room password in force is the one in");
    set_mode(&file, 0o644);
    check(
        &daemon,
        "access",
        Verdict::Problem,
        "any user of this machine can read the room password",
    );
    fs::remove_file(&file).unwrap();
    check(&daemon, "access", Verdict::Problem, "cannot read the room password");
}

#[test]
fn a_room_that_nobody_can_join_is_found() {
    let daemon = Daemon::with("[access]\nmode = \"accounts\"\n");
    check(&daemon, "access", Verdict::Problem, "chatctl account add NAME");
    add_account(&daemon, &["ann"]);
    assert!(findings(&daemon, "access").is_empty());
}

#[test]
fn a_store_that_was_taken_away_under_the_daemon_is_found() {
    for file in ["history.sqlite", "access.sqlite"] {
        let daemon = Daemon::start();
        let path = daemon.folder.path().join(file);
        let copy = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        check(&daemon, "store", Verdict::Problem, &format!("{file} was removed or replaced"));
        // One of that name is another one all the same.
        fs::write(&path, copy).unwrap();
        check(&daemon, "store", Verdict::Problem, &format!("{file} was removed or replaced"));
    }
}

#[test]
fn a_file_of_another_user_is_found() {
    let daemon = Daemon::start();
    if !rustix::process::getuid().is_root() {
        assert!(std::env::var_os("CI").is_none(), "this test needs root");
        return eprintln!("not run: giving a file away needs root");
    }
    let path = daemon.folder.path().join("access.sqlite");
    std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    check(
        &daemon,
        "store",
        Verdict::Problem,
        "belongs to user 65534, but chatroomd runs as user 0",
    );
    std::os::unix::fs::chown(daemon.socket(), None, Some(65534)).unwrap();
    check(&daemon, "admin socket", Verdict::Problem, "belongs to group 65534");
}

#[test]
fn an_admin_socket_that_the_group_cannot_use_is_noted() {
    let daemon = Daemon::start();
    set_mode(&daemon.socket(), 0o600);
    check(&daemon, "admin socket", Verdict::Note, "members of its group cannot use chatctl");
    set_mode(&daemon.socket(), 0o660);
    set_mode(daemon.folder.path(), 0o777);
    check(&daemon, "admin socket", Verdict::Problem, "can replace the socket in");
}

#[test]
fn a_program_that_was_replaced_is_found() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("chatroomd");
    fs::copy(env!("CARGO_BIN_EXE_chatroomd"), &program).unwrap();
    let daemon = Daemon::in_folder(folder, "", |command| {
        let mut copied = std::process::Command::new(&program);
        copied.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => copied.env(name, value),
                None => copied.env_remove(name),
            };
        }
        copied.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        *command = copied;
    });
    assert!(findings(&daemon, "program").is_empty());
    fs::remove_file(&program).unwrap();
    check(&daemon, "program", Verdict::Problem, "is not installed any more");
    fs::copy(env!("CARGO_BIN_EXE_chatroomd"), &program).unwrap();
    assert!(findings(&daemon, "program").is_empty(), "the same again is no news");
    fs::remove_file(&program).unwrap();
    fs::write(&program, "another").unwrap();
    check(&daemon, "program", Verdict::Problem, "the previous program still runs");
}

/// A folder with a `systemctl` that shows what a test says of each unit.
fn systemctl(units: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (unit, shown) in units {
        fs::write(folder.path().join(unit), shown).unwrap();
    }
    let script = "#!/bin/sh\ncase $1 in\nshow) cat \"$(dirname \"$0\")/$2\" 2> /dev/null ||\n\
                  echo LoadState=not-found ;;\n*) exit 1 ;;\nesac\n";
    let program = folder.path().join("systemctl");
    fs::write(&program, script).unwrap();
    set_mode(&program, 0o755);
    folder
}

/// The doctor's report for this answer of systemd.
#[track_caller]
fn check_with_systemd(socket: &Path, systemd: &TempDir, code: i32, parts: &[&str]) {
    let path = std::env::var("PATH").unwrap();
    let mut doctor = crate::ctl::chatctl(socket, &["doctor"]);
    doctor.env("PATH", format!("{}:{path}", systemd.path().display()));
    let output = doctor.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    parts.iter().for_each(|part| assert!(said.contains(part), "{part:?} is not in\n{said}"));
}

/// A unit that starts this program on a configuration.
fn unit(folder: &TempDir, config: &str) -> String {
    let file = folder.path().join("chatroomd.toml");
    let paths = format!("[paths]\nstate = \"{}\"\n", folder.path().display());
    fs::write(&file, format!("{paths}{config}")).unwrap();
    let program = env!("CARGO_BIN_EXE_chatroomd");
    let shown = file.display();
    format!(
        "LoadState=loaded\nActiveState=inactive\nMainPID=0\nExecStart={{ path={program} ; \
         argv[]={program} --config {shown} ; ignore_errors=no }}\n"
    )
}

#[test]
fn doctor_says_what_a_start_would_meet() {
    let folder = TempDir::new().unwrap();
    let nowhere = folder.path().join("admin.sock");
    let (other, address) = taken();
    let shown = unit(&folder, &format!("[listen]\nchat = \"{address}\"\n"));
    let systemd = systemctl(&[("chatroomd.service", &shown)]);
    let taken = format!("[listen] names {address}, but another program uses it");
    check_with_systemd(&nowhere, &systemd, 1, &["it is inactive", "toml is valid", &taken]);
    drop(other);
    let broken = unit(&folder, "[room]\nname = 5\n");
    let systemd = systemctl(&[("chatroomd.service", &broken)]);
    check_with_systemd(&nowhere, &systemd, 1, &["PROBLEM  configuration", "cannot be 5"]);
    let tls = unit(&folder, "[listen]\ntls = \"127.0.0.1:0\"\nchat = []\n");
    let systemd = systemctl(&[("chatroomd.service", &tls)]);
    let without = match rustix::process::getuid().is_root() {
        true => "certificate",
        false => "only root can check",
    };
    check_with_systemd(&nowhere, &systemd, 1, &["start", without]);
}

#[test]
fn a_socket_unit_that_does_not_fit_is_found() {
    let daemon = Daemon::start();
    let service = format!("LoadState=loaded\nActiveState=active\nMainPID={}\n", daemon.child.id());
    let socket = "LoadState=loaded\nActiveState=failed\nResult=resources\nUnitFileState=enabled\n";
    let systemd = systemctl(&[("chatroomd.service", &service), ("chatroomd.socket", socket)]);
    let parts = ["PROBLEM  sockets", "chatroomd.socket has failed (resources)"];
    check_with_systemd(&daemon.socket(), &systemd, 1, &parts);
    let socket =
        format!("LoadState=loaded\nActiveState=active\nListen={} (Stream)\n", daemon.address);
    let systemd = systemctl(&[("chatroomd.service", &service), ("chatroomd.socket", &socket)]);
    let parts = ["but the running service was started without it", "systemctl stop chatroomd"];
    check_with_systemd(&daemon.socket(), &systemd, 1, &parts);
}
