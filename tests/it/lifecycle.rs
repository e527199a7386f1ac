//! Starting, reloading and ending.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use chatroom::admin::{AdminRequest, Reply};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::daemon::{Daemon, until_ended};
use crate::harness::Person;

/// Runs chatroomd to its end on a configuration.
fn run(config: &str, args: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("chatroomd.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroomd"));
    command.arg("--config").arg(file).args(args);
    command.env("RUNTIME_DIRECTORY", folder.path()).env("STATE_DIRECTORY", folder.path());
    command.output().unwrap()
}

#[test]
fn sigterm_and_sigint_say_farewell_to_everybody() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start();
        let mut ann = Person::text(&daemon, "ann");
        let (mut jay, _) = Person::json(&daemon, "jay");
        ann.expect("[SERVER]: jay joined the chat!");
        let mut nameless = Person::connect(&daemon);
        ann.say("last words");
        assert_eq!(jay.event("message")["text"], "last words");
        daemon.signal(signal);
        for person in [&mut ann, &mut nameless] {
            person.expect("[SERVER]: server is shutting down");
            person.expect_end();
        }
        assert_eq!(jay.event("closing")["code"], "shutting-down");
        jay.expect_end();
        drop((ann, nameless, jay));
        daemon.until_notified("STOPPING=1");
        assert_eq!(daemon.until_ended().code(), Some(0));
        assert!(!daemon.socket().exists(), "the socket is tidied away");
    }
}

#[test]
fn messages_sent_before_a_shutdown_are_shown_before_it() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    for n in 0..1000 {
        bo.say(&format!("{n}"));
    }
    // The answer shows that all lines before the question have reached the room.
    bo.say("!who");
    bo.expect("[SERVER]: 2 people are here: ann, bo");
    daemon.signal(Signal::TERM);
    for n in 0..1000 {
        ann.expect(&format!("bo: {n}"));
    }
    ann.expect("[SERVER]: server is shutting down");
    drop((ann, bo));
    assert!(daemon.until_ended().success());
}

#[test]
fn the_end_is_not_held_up_by_who_reads_nothing() {
    let mut daemon = Daemon::with("[timeouts]\ngrace = \"1 s\"\n");
    let deaf = Person::text(&daemon, "deaf");
    let mut talker = Person::text(&daemon, "talker");
    let text = "x".repeat(4000);
    while daemon.users().iter().find(|user| user.name == "deaf").unwrap().behind < 100 {
        (0..100).for_each(|_| talker.say(&text));
    }
    daemon.signal(Signal::TERM);
    assert!(daemon.until_ended().success());
    drop(deaf);
}

#[test]
fn sighup_puts_a_good_configuration_in_force_and_no_other() {
    let daemon = Daemon::start();
    let file = daemon.folder.path().join("chatroomd.toml");
    let good = "[listen]\nchat = \"127.0.0.1:0\"\n[room]\ntopic = \"Tea\"\n";
    fs::write(&file, good).unwrap();
    daemon.signal(Signal::HUP);
    daemon.until_notified("RELOADING=1");
    daemon.until_notified("READY=1");
    let joined = |name: &str| {
        let mut person = Person::text(&daemon, name);
        person.expect("[SERVER]: Topic: Tea");
    };
    joined("ann");

    fs::write(&file, "[room]\ntopic = 5\n").unwrap();
    daemon.signal(Signal::HUP);
    daemon.until_notified("RELOADING=1");
    daemon.until_notified("READY=1");
    joined("bo");
    daemon.until_logged("line 2: `topic` in [room] cannot be 5");

    fs::write(&file, "[listen]\nchat = \"127.0.0.1:1\"\n").unwrap();
    // Asking again does not make it true: what needs a restart is told until there was one.
    for _ in 0..2 {
        let Reply::Reloaded(report) = daemon.ask(&AdminRequest::Reload) else {
            panic!("no report")
        };
        let waiting: Vec<&str> = report.needs_restart.iter().map(|it| it.option.as_str()).collect();
        assert_eq!(waiting, ["[listen] chat"]);
        assert_eq!(report.needs_restart[0].new, "[\"127.0.0.1:1\"]");
    }
}

#[test]
fn systemd_is_told_how_many_are_here() {
    let daemon = Daemon::start();
    let _ann = Person::text(&daemon, "ann");
    daemon.until_notified("STATUS=1 person is here.");
    let _bo = Person::text(&daemon, "bo");
    daemon.until_notified("STATUS=2 people are here.");
}

#[test]
fn the_watchdog_is_pinged_when_there_is_one() {
    let daemon = Daemon::customised("", |command| {
        command.env("WATCHDOG_USEC", "600000");
    });
    daemon.until_notified("WATCHDOG=1");
    daemon.until_notified("WATCHDOG=1");
}

#[test]
fn a_wrong_configuration_says_everything_and_exits_with_78() {
    for args in [&[][..], &["--check-config"]] {
        let output = run("[limits]\nconections = 1\n[log]\nlevel = \"loud\"\n", args);
        assert_eq!(output.status.code(), Some(78));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("chatroomd.toml, line 2: unknown option `conections`"), "{said}");
        assert!(said.contains("line 4: `level` in [log] cannot be \"loud\""), "{said}");
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_chatroomd"))
        .args(["--config", "/nowhere/chatroomd.toml"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(78));
}

#[test]
fn checking_a_good_configuration_does_only_that() {
    let output = run("[room]\nname = \"den\"\n", &["--check-config"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("configuration OK"));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/chatroomd.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_chatroomd"))
        .args(["--check-config", "--config", shipped])
        .output()
        .unwrap();
    assert!(output.status.success());
}

#[test]
fn an_address_in_use_is_said_clearly() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = run(&format!("[listen]\nchat = \"{address}\"\n"), &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let expect = format!("cannot listen on {address}: the address is in use");
    assert!(said.contains(&expect), "{said}");
}

#[test]
fn v4_and_v6_side_by_side() {
    let daemon = Daemon::customised("", |command| {
        let file = command.get_args().nth(1).unwrap().to_owned();
        fs::write(file, "[listen]\nchat = [\"127.0.0.1:0\", \"[::1]:0\"]\n").unwrap();
    });
    let mut ann = Person::text(&daemon, "ann");
    let second = daemon.status().listen[1].parse().unwrap();
    let mut bo = Person::connect_to(second);
    bo.expect(crate::harness::PROMPT);
    bo.say("bo");
    ann.expect("[SERVER]: bo joined the chat!");
}

#[test]
fn a_dead_socket_is_replaced_and_anything_else_is_not() {
    let mut daemon = Daemon::start();
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    assert!(daemon.socket().exists(), "a killed daemon leaves its socket");
    // Two daemons with one admin socket, and each with a history of its own.
    let states = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let again = |daemon: &Daemon, state: &TempDir| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroomd"));
        command.arg("--config").arg(daemon.folder.path().join("chatroomd.toml"));
        command.env("RUNTIME_DIRECTORY", daemon.folder.path()).env("STATE_DIRECTORY", state.path());
        command
    };
    let log = fs::File::create(daemon.folder.path().join("log")).unwrap();
    let mut second = again(&daemon, &states[0]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    daemon.until_logged("listening on");
    let third = again(&daemon, &states[1]).output().unwrap();
    assert_eq!(third.status.code(), Some(1));
    let said = String::from_utf8(third.stderr).unwrap();
    assert!(said.contains("another chatroomd serves the admin socket"), "{said}");
    second.kill().unwrap();
    until_ended(&mut second);

    fs::remove_file(daemon.socket()).unwrap();
    let precious = daemon.folder.path().join("precious");
    fs::write(&precious, "data").unwrap();
    std::os::unix::fs::symlink(&precious, daemon.socket()).unwrap();
    let output = again(&daemon, &states[1]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("is in the way"));
    assert_eq!(fs::read_to_string(precious).unwrap(), "data");
}

#[test]
fn a_stopped_log_does_not_stop_the_chat() {
    // Nobody reads the pipe: as with a stopped journal, each write to it blocks once it is full.
    let (reader, writer) = std::io::pipe().unwrap();
    let daemon = Daemon::customised(
        "[history]\nenabled = false\nreplay = 0\n[log]\nlevel = \"trace\"\n",
        |command| {
            command.stderr(writer);
        },
    );
    let mut ann = Person::text(&daemon, "ann");
    for n in 0..3000 {
        let mut guest = Person::text(&daemon, &format!("guest-{n}"));
        guest.say("!quit");
        guest.expect_end();
    }
    ann.lines_until("[SERVER]: guest-2999 has quit.");
    daemon.until("dropped", |daemon| daemon.status().log_lines_dropped > 0);
    drop(reader);
}
