//! Starts that meet something that is missing: the service comes up all the same, says what it waits
//! for, and serves it as soon as it is there. Some need root, to mount file systems of their own.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use chatroom::admin::{AdminRequest, Reply};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::daemon::{Daemon, with_descriptors};
use crate::faults::{Mount, cannot_run, run};
use crate::handover::hand_over;
use crate::harness::{PROMPT, Person};
use crate::network::{Cable, ip, move_inside};
use crate::tls::{TLS, make_certificate};

/// A daemon that does not run, with a history; it has been killed.
fn killed(config: &str, state: Option<&Path>) -> Daemon {
    let mut daemon = Daemon::customised(config, |command| {
        if let Some(state) = state {
            command.env("STATE_DIRECTORY", state);
        }
    });
    let mut ann = Person::text(&daemon, "ann");
    ann.say("before the kill");
    // So much that copying the write-ahead log into the database takes more space.
    let text = "x".repeat(3000);
    (0..40).for_each(|_| ann.say(&text));
    daemon.until("said", |daemon| daemon.status().messages == 41);
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    daemon
}

/// Starts it again, without waiting until it is ready.
fn start(daemon: &mut Daemon, state: Option<&Path>) {
    let mut command = daemon.command_again();
    if let Some(state) = state {
        command.env("STATE_DIRECTORY", state);
    }
    daemon.child = command.spawn().unwrap();
}

/// Somebody joins and is heard of in the status.
fn check_serves(daemon: &Daemon, name: &str) {
    let mut person = Person::connect(daemon);
    person.say(name);
    person.lines_until_starting(&format!("[SERVER]: Welcome {name}!"));
    person.say("good evening");
    person.say("!quit");
    while person.line().is_some() {}
    daemon.until("no fault is left", |daemon| {
        let status = daemon.status();
        !status.degraded && status.faults.is_empty()
    });
}

#[test]
fn a_port_in_use_does_not_take_the_others_down_and_opens_when_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let daemon = Daemon::customised("", |command| {
        let file = command.get_args().nth(1).unwrap().to_owned();
        let listen = format!("[listen]\nchat = [\"127.0.0.1:0\", \"{address}\"]\n");
        fs::write(file, listen).unwrap();
    });
    Person::text(&daemon, "ann").say("!quit");
    let status = daemon.status();
    assert_eq!(status.listen.len(), 1);
    let fault =
        format!("not listening on {address}: cannot listen on {address}: the address is in use");
    assert!(status.faults[0].starts_with(&fault), "{:?}", status.faults);
    daemon.until_notified("STATUS=DEGRADED: not listening on");
    daemon.until_logged("trying again");
    assert_eq!(daemon.log().matches("trying again").count(), 1, "the log is not flooded");
    drop(taken);
    daemon.until("it listens", |daemon| daemon.status().listen.len() == 2);
    Person::connect_to(address).expect(PROMPT);
    assert!(daemon.status().faults.is_empty());
    daemon.until_notified("STATUS=Nobody is here");
}

#[test]
fn a_start_on_nothing_but_a_port_in_use_waits_and_can_be_ended() {
    let mut daemon = killed("", None);
    let taken = TcpListener::bind(daemon.address).unwrap();
    start(&mut daemon, None);
    daemon.until_notified("READY=1");
    assert!(daemon.status().listen.is_empty());
    assert_eq!(daemon.ask(&AdminRequest::Ping), Reply::Done);
    drop(taken);
    // A reload looks at once.
    assert!(matches!(daemon.ask(&AdminRequest::Reload), Reply::Reloaded(_)));
    daemon.until("it listens", |daemon| daemon.status().listen.len() == 1);
    check_serves(&daemon, "bo");
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    let _taken = TcpListener::bind(daemon.address).unwrap();
    start(&mut daemon, None);
    daemon.until_notified("READY=1");
    daemon.signal(Signal::TERM);
    assert!(daemon.until_ended().success());
}

#[test]
fn an_address_that_comes_later_is_served_when_it_is_there() {
    let Some(cable) = Cable::lay() else {
        return cannot_run("an address that comes later", "making a network namespace needs root");
    };
    let address = "192.0.2.77:53977";
    let config = format!("[listen]\nchat = [\"127.0.0.1:0\", \"{address}\"]\n");
    let mut daemon = Daemon::customised("", |command| move_inside(command, &cable, &config));
    let faults = daemon.status().faults;
    assert!(faults[0].contains("this machine does not have that address"), "{faults:?}");
    assert!(ip(&["-n", &cable.server, "address", "add", "192.0.2.77/32", "dev", "lo"]).is_some());
    daemon.until("it listens", |daemon| daemon.status().listen.len() == 2);
    assert_eq!(daemon.status().listen[1], address);
    assert!(daemon.status().faults.is_empty());
    daemon.signal(Signal::TERM);
    daemon.until_ended();
}

#[test]
fn a_broken_certificate_leaves_the_plain_port_open_and_a_good_one_opens_the_other() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("certificate.pem"), "nothing").unwrap();
    let daemon = Daemon::in_folder(folder, TLS, |_| {});
    Person::text(&daemon, "ann").say("!quit");
    let status = daemon.status();
    assert_eq!(status.listen.len(), 1);
    assert!(status.faults[0].contains("there is no certificate in"), "{:?}", status.faults);
    daemon.until_logged("not listening on 127.0.0.1:0 (TLS)");
    fs::remove_file(daemon.folder.path().join("certificate.pem")).unwrap();
    make_certificate(&daemon.folder);
    daemon.until("it listens", |daemon| daemon.status().listen.len() == 2);
    let address: SocketAddr =
        daemon.status().listen[1].strip_suffix(" (TLS)").unwrap().parse().unwrap();
    let mut bo = Person::secure(&daemon, address);
    bo.expect(PROMPT);
    assert!(daemon.status().faults.is_empty());
}

#[test]
fn a_broken_listener_does_not_take_the_room_down() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = taken.local_addr().unwrap();
    let config = format!(
        "[access]\nmode = \"password\"\n[metrics]\nlisten = \"{metrics}\"\n[timeouts]\nhold = \"0 s\"\n"
    );
    let daemon = Daemon::with(&config);
    daemon.until("both are said", |daemon| daemon.status().faults.len() == 2);
    let faults = daemon.status().faults.join("\n");
    assert!(faults.contains(&format!("cannot serve metrics on {metrics}")), "{faults}");
    assert!(faults.contains("cannot read the room password"), "{faults}");
    // Nobody is let in meanwhile, whatever they give.
    let mut ann = Person::connect(&daemon);
    ann.say("ann");
    ann.expect("[SERVER]: The name ann needs a password. Type it, then press enter!");
    ann.say("");
    fs::write(daemon.folder.path().join("room-password"), "correct horse\n").unwrap();
    drop(taken);
    daemon.until("no fault is left", |daemon| daemon.status().faults.is_empty());
    let mut bo = Person::connect(&daemon);
    bo.say("bo");
    bo.line();
    bo.say("correct horse");
    bo.lines_until_starting("[SERVER]: Welcome bo!");
    assert!(TcpStream::connect(metrics).is_ok());
}

#[test]
fn an_admin_socket_that_is_in_the_way_is_waited_for() {
    let mut daemon = killed("", None);
    fs::remove_file(daemon.socket()).unwrap();
    fs::write(daemon.socket(), "something").unwrap();
    start(&mut daemon, None);
    daemon.until_notified("READY=1");
    daemon.until_logged("is in the way of the admin socket");
    let mut ann = Person::connect(&daemon);
    ann.say("!quit");
    fs::remove_file(daemon.socket()).unwrap();
    daemon.until("it is there", |daemon| {
        std::os::unix::net::UnixStream::connect(daemon.socket()).is_ok()
    });
    check_serves(&daemon, "bo");
}

#[test]
fn a_state_folder_that_another_process_still_holds_is_waited_for() {
    let mut daemon = killed("", None);
    let lock = File::create(daemon.folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    start(&mut daemon, None);
    daemon.until_notified("STATUS=DEGRADED: another chatroomd uses the state folder");
    let status = daemon.status();
    assert!(status.degraded && status.faults[0].contains("another chatroomd"), "{status:?}");
    let Reply::Refused { message, .. } = daemon.ask(&AdminRequest::Ping) else {
        panic!("it is well")
    };
    assert!(message.contains("the room is not open yet"), "{message}");
    let mut ann = Person::connect_to(daemon.address);
    ann.expect(
        "[SERVER]: Messages cannot be stored at the moment, so the room is closed. Try again later.",
    );
    ann.expect_end();
    drop(lock);
    daemon.until("it is open", |daemon| !daemon.status().degraded);
    check_serves(&daemon, "bo");
    assert_eq!(daemon.status().seq, 46, "the history goes on");
}

#[test]
fn a_waiting_start_can_be_reloaded_and_stopped() {
    let mut daemon = killed("", None);
    let lock = File::create(daemon.folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    start(&mut daemon, None);
    daemon.until_notified("STATUS=DEGRADED");
    let file = daemon.folder.path().join("chatroomd.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, BROKEN).unwrap();
    let reply = daemon.ask(&AdminRequest::Reload);
    assert!(matches!(reply, Reply::Refused { .. }), "{reply:?}");
    fs::write(&file, format!("{good}[room]\nname = \"den\"\n")).unwrap();
    assert!(matches!(daemon.ask(&AdminRequest::Reload), Reply::Reloaded(_)));
    assert_eq!(daemon.status().room, "den");
    let shutdown = AdminRequest::Shutdown { after: 0, message: None };
    assert_eq!(daemon.ask(&shutdown), Reply::Done);
    assert!(daemon.until_ended().success());
    for signal in [Signal::TERM, Signal::INT] {
        start(&mut daemon, None);
        daemon.until_notified("STATUS=DEGRADED");
        daemon.signal(signal);
        assert!(daemon.until_ended().success());
    }
    drop(lock);
}

#[test]
fn connections_that_were_handed_over_wait_with_the_start() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let stored = hand_over(&mut daemon);
    let lock = File::create(daemon.folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    daemon.start_again_with(stored);
    assert!(daemon.status().degraded);
    ann.say("said while it waits");
    drop(lock);
    daemon.until("it is stored", |daemon| daemon.status().messages == 1);
    ann.say("!who");
    ann.expect("[SERVER]: 1 person is here: ann");
}

/// Fills a file system to the last byte.
fn fill(folder: &Path) -> std::path::PathBuf {
    let filler = folder.join("filler");
    let mut file = File::create(&filler).unwrap();
    for size in [1 << 16, 4096, 512] {
        let piece = vec![0; size];
        while file.write_all(&piece).is_ok() {}
    }
    filler
}

#[test]
fn a_start_on_a_full_disk_comes_up_degraded_and_recovers() {
    let Some(mount) = Mount::tmpfs("2m") else {
        return cannot_run("a start on a full disk", "mounting needs root");
    };
    let state = Some(mount.path());
    let mut daemon = killed("", state);
    let filler = fill(mount.path());
    start(&mut daemon, state);
    daemon.until_notified("STATUS=DEGRADED");
    assert!(daemon.status().degraded);
    let mut bo = Person::connect_to(daemon.address);
    let told = match bo.line().unwrap() {
        prompt if prompt == PROMPT => {
            bo.say("bo");
            bo.line().unwrap()
        }
        told => told,
    };
    assert!(told.contains("store") && told.contains("SERVER"), "{told}");
    fs::remove_file(filler).unwrap();
    daemon.until("recovered", |daemon| !daemon.status().degraded);
    check_serves(&daemon, "cy");
    let db = rusqlite::Connection::open(mount.path().join("history.sqlite")).unwrap();
    let (count, last, runs): (i64, i64, i64) = db
        .query_row("SELECT count(*), max(seq), (SELECT runs FROM meta) FROM records", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!((count, runs), (last, 2), "nothing is missing, and the run is counted once");
}

#[test]
fn a_start_without_any_space_for_the_index_of_the_log_waits() {
    let Some(mount) = Mount::tmpfs("2m") else {
        return cannot_run("a start without space", "mounting needs root");
    };
    let state = Some(mount.path());
    let mut daemon = killed("", state);
    // SQLite makes that anew, for which there is no space then: it reports an I/O error.
    fs::remove_file(mount.path().join("history.sqlite-shm")).unwrap();
    let filler = fill(mount.path());
    start(&mut daemon, state);
    daemon.until_notified("STATUS=DEGRADED");
    let faults = daemon.status().faults;
    assert!(faults[0].contains("cannot write to"), "{faults:?}");
    assert!(!faults[0].contains("move it"), "nothing is wrong with the history: {faults:?}");
    fs::remove_file(filler).unwrap();
    daemon.until("recovered", |daemon| !daemon.status().degraded);
    check_serves(&daemon, "cy");
}

#[test]
fn a_start_on_a_read_only_disk_waits_until_it_can_be_written() {
    let Some(mount) = Mount::tmpfs("8m") else {
        return cannot_run("a read-only disk", "mounting needs root");
    };
    let state = Some(mount.path());
    let mut daemon = killed("", state);
    let remount = |how: &str| {
        let options = format!("remount,{how}");
        assert!(run("mount", &["-o", &options, mount.path().to_str().unwrap()]));
    };
    remount("ro");
    start(&mut daemon, state);
    daemon.until_notified("STATUS=DEGRADED");
    let faults = daemon.status().faults;
    assert!(faults[0].contains("Read-only file system"), "{faults:?}");
    remount("rw");
    daemon.until("recovered", |daemon| !daemon.status().degraded);
    check_serves(&daemon, "cy");
}

/// The descriptors that the manager keeps, as systemd does: also those that it has passed on before.
#[derive(Default)]
struct Store(Vec<(String, OwnedFd)>);

impl Store {
    /// Takes what a process has left.
    fn take(&mut self, stored: Vec<(String, OwnedFd)>) {
        self.0.retain(|(name, _)| !["state", "suitcase"].contains(&name.as_str()));
        self.0.extend(stored);
    }

    /// Starts the daemon with it, on a configuration that is broken.
    fn start_on_broken_file(&self, daemon: &mut Daemon) {
        let command = daemon.command_again();
        fs::write(daemon.folder.path().join("chatroomd.toml"), BROKEN).unwrap();
        let passed = self.0.iter().map(|(name, it)| (name.clone(), it.try_clone().unwrap()));
        let mut command = with_descriptors(&daemon.folder, &command, passed.collect());
        daemon.child = command.spawn().unwrap();
        let told = daemon.until_notified("READY=1");
        assert!(told.contains("STATUS=DEGRADED: the configuration from before"), "{told}");
        // Its configuration may name any free port.
        daemon.address = daemon.status().listen[0].parse().unwrap();
        let faults = daemon.status().faults;
        assert!(faults[0].contains("stays in force"), "{faults:?}");
        assert!(faults[0].contains("line 2: `topic` in [room]"), "{faults:?}");
    }
}

const BROKEN: &str = "[room]\ntopic = 5\n";

#[test]
fn a_restart_on_a_broken_file_goes_on_with_the_configuration_in_force() {
    let mut daemon = Daemon::with("[room]\ntopic = \"Tea\"\n");
    let file = daemon.folder.path().join("chatroomd.toml");
    let good = fs::read_to_string(&file).unwrap().replace("Tea", "Coffee");
    let good = good.replace("127.0.0.1:0", &daemon.address.to_string());
    fs::write(&file, &good).unwrap();
    assert!(matches!(daemon.ask(&AdminRequest::Reload), Reply::Reloaded(_)));
    let mut ann = Person::text(&daemon, "ann");
    ann.expect("[SERVER]: Topic: Coffee");
    let mut store = Store::default();
    for round in 1..=3 {
        fs::write(&file, BROKEN).unwrap();
        store.take(hand_over(&mut daemon));
        store.start_on_broken_file(&mut daemon);
        ann.say("still here");
        daemon.until("it is stored", |daemon| daemon.status().messages == 1);
        let mut guest = Person::text(&daemon, &format!("guest{round}"));
        guest.lines_until("[SERVER]: Topic: Coffee");
        guest.say("!quit");
        while guest.line().is_some() {}
    }
    daemon.until_logged("the configuration file is invalid; the next process");
    fs::write(&file, good.replace("Coffee", "Cocoa")).unwrap();
    assert!(matches!(daemon.ask(&AdminRequest::Reload), Reply::Reloaded(_)));
    assert!(daemon.status().faults.is_empty());
    daemon.until_notified("STATUS=1 person is here");
    Person::text(&daemon, "bo").lines_until("[SERVER]: Topic: Cocoa");
}

#[test]
fn a_crash_while_the_file_is_broken_does_not_end_the_service() {
    let mut daemon = Daemon::with("[room]\ntopic = \"Tea\"\n");
    let mut store = Store::default();
    store.take(hand_over(&mut daemon));
    store.take(Vec::new());
    assert!(store.0.iter().any(|(name, _)| name == "kept"));
    store.start_on_broken_file(&mut daemon);
    Person::text(&daemon, "ann").lines_until("[SERVER]: Topic: Tea");
}

#[test]
fn a_plain_start_on_a_broken_file_and_one_after_an_older_version_exit_with_78() {
    let mut daemon = Daemon::start();
    let ann = Person::text(&daemon, "ann");
    let mut stored = hand_over(&mut daemon);
    // Version 0.1 has not kept its configuration.
    stored.retain(|(name, _)| name != "kept");
    let command = daemon.command_again();
    fs::write(daemon.folder.path().join("chatroomd.toml"), BROKEN).unwrap();
    let mut with = with_descriptors(&daemon.folder, &command, stored);
    assert_eq!(with.status().unwrap().code(), Some(78));
    let mut plain = Command::new(command.get_program());
    plain.args(command.get_args()).env("RUNTIME_DIRECTORY", daemon.folder.path());
    assert_eq!(plain.output().unwrap().status.code(), Some(78));
    drop(ann);
}

#[test]
fn connections_from_an_older_version_are_resumed() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut stored = hand_over(&mut daemon);
    stored.retain(|(name, _)| name != "kept");
    daemon.start_again_with(stored);
    ann.say("!who");
    ann.expect("[SERVER]: 1 person is here: ann");
}
