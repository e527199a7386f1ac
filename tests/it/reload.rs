//! A reload says what is in force afterwards: options, the certificate, the password of the room.

use std::fs;
use std::path::Path;

use chatroom::admin::{AdminRequest, Reloaded, Reply};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::tls::{self, TLS, make_certificate};

/// Adds to the configuration, or takes back what was added before.
fn configure(daemon: &Daemon, more: &str) {
    let file = daemon.folder.path().join("chatroomd.toml");
    let before = daemon.folder.path().join("before");
    if !before.exists() {
        fs::copy(&file, &before).unwrap();
    }
    fs::write(file, fs::read_to_string(before).unwrap() + more).unwrap();
}

#[track_caller]
fn reload(daemon: &Daemon) -> Reloaded {
    match daemon.ask(&AdminRequest::Reload) {
        Reply::Reloaded(reloaded) => *reloaded,
        other => panic!("no report but {other:?}"),
    }
}

/// The output of `chatctl reload`, which has to contain each of these parts.
#[track_caller]
fn check_says(daemon: &Daemon, parts: &[&str]) -> String {
    let said = check_done(&run(&daemon.socket(), &["reload"]));
    parts.iter().for_each(|part| assert!(said.contains(part), "{part:?} is not in\n{said}"));
    said
}

fn make_another_certificate(folder: &TempDir) -> String {
    fs::remove_file(folder.path().join("certificate.pem")).unwrap();
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    make_certificate(folder)
}

#[test]
fn options_are_reported_as_changed_unchanged_or_waiting() {
    let daemon = Daemon::start();
    check_says(&daemon, &["chatroomd.toml): no option has changed."]);
    configure(
        &daemon,
        "[room]\ntopic = \"Tea\"\nname = \"den\"\n[metrics]\nlisten = \"127.0.0.1:1\"\n",
    );
    let parts = [
        "1 option changed, now in force; 2 options need a restart.",
        "[room] topic is now \"Tea\" (was \"\").",
        "[room] name = \"den\" needs a restart: `systemctl restart chatroomd`. Still in force: \"lobby\".",
        "[metrics] listen = \"127.0.0.1:1\" needs a restart",
    ];
    check_says(&daemon, &parts);
    // The second time the topic is not news any more; what waits still waits.
    let again = reload(&daemon);
    assert_eq!(again.changed, []);
    assert_eq!(again.needs_restart.len(), 2);
    daemon.until_logged("changed=\"[room] topic\" ");
    daemon.until_logged("needs_restart=\"[room] name, [metrics] listen\"");
    let json = check_done(&run(&daemon.socket(), &["reload", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["done"], true);
    assert_eq!(json["reload"]["needs_restart"][0]["option"], "[room] name");
    assert_eq!(json["notes"].as_array().unwrap().len(), 2);
    assert_eq!(check_done(&run(&daemon.socket(), &["reload", "--quiet"])), "");
}

#[test]
fn the_commands_of_the_unit_find_the_socket_of_its_process() {
    let daemon = Daemon::start();
    let elsewhere = TempDir::new().unwrap();
    let reload = |pid: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chatctl"));
        command.args(["reload", "--quiet"]).env_remove("CHATROOMD_SOCKET").env("MAINPID", pid);
        command.env("XDG_RUNTIME_DIR", elsewhere.path()).env("RUNTIME_DIRECTORY", elsewhere.path());
        command.output().unwrap()
    };
    assert_eq!(check_done(&reload(&daemon.child.id().to_string())), "");
    daemon.until_logged("read the configuration again");
}

#[test]
fn a_level_that_an_operator_has_set_is_reported_when_a_reload_takes_it_back() {
    let daemon = Daemon::start();
    check_done(&run(&daemon.socket(), &["log-level", "debug"]));
    check_says(&daemon, &["[log] level is now \"info\" (was \"debug\")."]);
}

#[test]
fn a_topic_that_stays_hidden_behind_that_of_an_operator_is_said() {
    let daemon = Daemon::start();
    check_done(&run(&daemon.socket(), &["topic", "Coffee"]));
    configure(&daemon, "[room]\ntopic = \"Tea\"\n");
    check_says(&daemon, &["An operator has set another topic", "chatctl topic --clear"]);
}

#[test]
fn folders_that_systemd_gives_are_not_said_to_need_a_restart() {
    let daemon = Daemon::start();
    configure(&daemon, "[paths]\nstate = \"/nowhere\"\nruntime = \"/nowhere\"\n");
    let report = reload(&daemon);
    assert_eq!(report.needs_restart, []);
    assert!(report.notes[0].contains("[paths] state has no effect"), "{report:?}");
    assert!(report.notes[1].contains("[paths] runtime has no effect"), "{report:?}");
}

#[test]
fn the_certificate_in_force_is_named_and_whether_it_changed() {
    let (daemon, _) = tls::daemon();
    let report = reload(&daemon);
    let before = report.certificate.unwrap();
    assert_eq!((before.changed, before.subject.as_str()), (Some(false), "CN=localhost"));
    assert_eq!(before.file, daemon.folder.path().join("certificate.pem"));
    let fingerprint = make_another_certificate(&daemon.folder);
    assert_ne!(before.fingerprint, fingerprint);
    let parts =
        ["Certificate changed: CN=localhost, valid until 4096-01-01 00:00 UTC", &fingerprint];
    check_says(&daemon, &parts);
    let parts = ["Certificate unchanged: CN=localhost", &fingerprint];
    let said = check_says(&daemon, &parts);
    assert!(!said.contains("credential"), "it is a file of its own: {said}");
    daemon.signal(Signal::HUP);
    let is_logged = |daemon: &Daemon| {
        let log = daemon.log();
        log.contains(&format!("fingerprint=\"{fingerprint}\"")) && log.contains("changed=false")
    };
    daemon.until("logged", is_logged);
}

#[test]
fn another_chain_of_the_same_certificate_is_a_change() {
    let (daemon, _) = tls::daemon();
    let file = daemon.folder.path().join("certificate.pem");
    let alone = fs::read_to_string(&file).unwrap();
    let other = TempDir::new().unwrap();
    make_certificate(&other);
    let more = fs::read_to_string(other.path().join("certificate.pem")).unwrap();
    fs::write(&file, format!("{alone}{more}")).unwrap();
    assert_eq!(reload(&daemon).certificate.unwrap().changed, Some(true));
    assert_eq!(reload(&daemon).certificate.unwrap().changed, Some(false));
}

#[test]
fn an_expired_certificate_is_said_when_it_is_loaded() {
    let (daemon, _) = tls::daemon();
    tls::certify_until(daemon.folder.path(), 2020);
    check_says(&daemon, &["valid until 2020-02-03", "The certificate has expired"]);
}

/// systemd's folder of credentials is a folder of files; here is one of a test's own.
fn with_credentials(folder: TempDir, config: &str) -> Daemon {
    let credentials = folder.path().join("credentials");
    Daemon::in_folder(folder, config, |command| {
        command.env("CREDENTIALS_DIRECTORY", credentials);
    })
}

fn put_credentials(folder: &TempDir) {
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    make_certificate(folder);
    for file in ["certificate.pem", "key.pem"] {
        fs::rename(folder.path().join(file), credentials.join(file)).unwrap();
    }
}

#[test]
fn unchanged_credentials_come_with_what_loads_new_ones() {
    const HOW: &str = "`systemctl restart chatroomd` loads it and keeps plain connections";
    let folder = TempDir::new().unwrap();
    put_credentials(&folder);
    fs::write(folder.path().join("credentials/password"), "hush hush\n").unwrap();
    let config = format!("{TLS}[access]\nmode = \"password\"\n");
    let daemon = with_credentials(folder, &config);
    let parts = [
        "Certificate unchanged",
        "Room password unchanged",
        "The certificate and the room password are credentials",
        HOW,
    ];
    check_says(&daemon, &parts);
    // Where systemd did hand over new ones, there is nothing to add.
    fs::write(daemon.folder.path().join("credentials/password"), "hush hush hush\n").unwrap();
    check_says(&daemon, &["Room password changed", "The certificate is a credential", HOW]);
}

#[test]
fn the_password_of_the_room_is_reported_without_saying_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("room-password");
    fs::write(&file, "hush hush\n").unwrap();
    let daemon = Daemon::in_folder(folder, "[access]\nmode = \"password\"\n", |_| {});
    let said = check_says(&daemon, &["Room password unchanged: from", "room-password"]);
    assert!(!said.contains("credential"), "{said}");
    fs::write(&file, "other words\n").unwrap();
    let said = check_says(&daemon, &["Room password changed: from"]);
    assert!(!said.contains("other words"), "{said}");
    check_says(&daemon, &["Room password unchanged: from"]);
    daemon.until("logged", |daemon| daemon.log().matches("event=\"room-password\"").count() >= 3);
    assert!(!daemon.log().contains("hush") && !daemon.log().contains("other words"));
    // A reload that fails changes nothing, and says so.
    fs::write(&file, "short\n").unwrap();
    let output = run(&daemon.socket(), &["reload"]);
    assert_eq!(output.status.code(), Some(78));
    fs::write(&file, "other words\n").unwrap();
    check_says(&daemon, &["Room password unchanged: from"]);
}

#[test]
fn a_number_of_connections_that_does_not_fit_is_said() {
    let daemon = Daemon::start();
    configure(&daemon, "[limits]\nconnections = 1000000\n");
    let report = reload(&daemon);
    assert!(report.notes.iter().any(|it| it.contains("LimitNOFILE=")), "{report:?}");
    assert!(Path::new(report.file.as_ref().unwrap()).ends_with("chatroomd.toml"));
}
