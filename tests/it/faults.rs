//! Faults of the disk: full, failing, losing what it had not written. They need root, to mount file
//! systems of their own, and strace.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use chatroom::admin::AdminRequest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::harness::Person;

const NO_REPLAY: &str = "[history]\nreplay = 0\n";

pub fn run(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let quiet = command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Says, past the test runner's capture, that something was not tested; in CI that is a failure.
pub fn cannot_run(what: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test has to run in CI: {why}");
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what} ({why})");
}

/// A file system of a test's own, gone when this is dropped.
pub struct Mount {
    folder: TempDir,
}

impl Mount {
    pub fn tmpfs(size: &str) -> Option<Mount> {
        let folder = TempDir::new().unwrap();
        let options = format!("mode=0700,size={size}");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", path(folder.path())])
            .then_some(Mount { folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["-l", path(self.path())]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A daemon whose history is in `folder`.
fn daemon_in(folder: &Path, config: &str) -> Daemon {
    Daemon::customised(config, |command| {
        command.env("STATE_DIRECTORY", folder);
    })
}

fn say(person: &mut Person, id: usize, text: &str) -> Value {
    person.say(&json!({ "type": "say", "id": id.to_string(), "text": text }).to_string());
    loop {
        let event = person.any_event();
        if event["id"] == json!(id.to_string()) {
            return event;
        }
    }
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let Some(mount) = Mount::tmpfs("2m") else {
        return cannot_run("a full disk", "mounting needs root");
    };
    let daemon = daemon_in(mount.path(), NO_REPLAY);
    let (mut ann, _) = Person::json(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.event("joined");
    let filler = mount.path().join("filler");
    let mut said = 0;
    let text = "x".repeat(3000);
    fs::write(&filler, vec![0; 1 << 20]).unwrap();
    let refused = loop {
        said += 1;
        assert!(said < 2000, "the disk is never full");
        let event = say(&mut ann, said, &text);
        if event["type"] == "refused" {
            break event;
        }
        bo.expect(&format!("ann: {text}"));
    };
    assert_eq!(refused["code"], "storage-full");
    assert!(refused["message"].as_str().unwrap().contains("no space left"));
    assert!(daemon.status().degraded);
    daemon.until_notified("STATUS=DEGRADED");
    // Joining takes less space; once there is none for that either, who comes is told why not.
    let mut guests = Vec::new();
    let mut cy = loop {
        let mut guest = Person::connect(&daemon);
        guest.say(&format!("guest-{}", guests.len()));
        match guest.line().unwrap() {
            told if told.contains("no space left to store it") => break guest,
            welcome => assert!(welcome.contains("Welcome"), "{welcome}"),
        }
        guests.push(guest);
        assert!(guests.len() < 2000, "there is always space to join");
    };
    // Nobody is thrown out.
    bo.say("!who");
    let last = guests.len() + 2;
    while !bo.line().unwrap().starts_with(&format!("[SERVER]: {last} people are here: ann, bo")) {}

    fs::remove_file(&filler).unwrap();
    daemon.until("recovered", |daemon| !daemon.status().degraded);
    let stored = say(&mut ann, said, "there is space again");
    assert_eq!(stored["type"], "message", "the same id, which was not used up by the refusal");
    bo.lines_until("ann: there is space again");
    cy.say("cy");
    cy.expect("[SERVER]: Welcome cy! To leave chat write !quit.");
    let db = rusqlite::Connection::open(mount.path().join("history.sqlite")).unwrap();
    let (count, last): (i64, i64) = db
        .query_row("SELECT count(*), max(seq) FROM records", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(count, last, "the numbering has no hole");
}

#[test]
fn a_leave_while_the_disk_is_full_takes_effect_once_there_is_space() {
    let Some(mount) = Mount::tmpfs("2m") else {
        return cannot_run("leaving with a full disk", "mounting needs root");
    };
    let daemon = daemon_in(mount.path(), NO_REPLAY);
    let (mut ann, _) = Person::json(&daemon, "ann");
    let bo = Person::text(&daemon, "bo");
    ann.event("joined");
    let filler = mount.path().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let text = "x".repeat(3000);
    let mut said = 0;
    while say(&mut ann, said, &text)["type"] == "message" {
        said += 1;
    }
    drop(bo);
    daemon.until("bo's connection is closed", |daemon| daemon.status().connections == 1);
    fs::remove_file(&filler).unwrap();
    drop(file);
    assert_eq!(ann.event("left")["name"], "bo");
    daemon.until("only ann is here", |daemon| daemon.users().len() == 1);
}

#[test]
fn a_failed_fsync_ends_it_and_a_start_goes_on_with_what_is_safe() {
    if !run("strace", &["-V"]) {
        return cannot_run("a failed fsync", "strace is not installed");
    }
    let mut daemon = Daemon::customised(NO_REPLAY, |command| {
        let program = command.get_program().to_owned();
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
        traced.args(["-e", "inject=fsync,fdatasync:error=EIO:when=40+", "--"]);
        traced.arg(program).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => traced.env(key, value),
                None => traced.env_remove(key),
            };
        }
        traced.stdout(Stdio::null()).stderr(Stdio::null());
        *command = traced;
    });
    let (mut ann, welcome) = Person::json(&daemon, "ann");
    let mut stored = 0;
    let closing = loop {
        let text = format!("line {stored}");
        ann.say(&json!({ "type": "say", "id": stored.to_string(), "text": text }).to_string());
        let event = ann.any_event();
        match event["type"].as_str() {
            Some("message") => stored += 1,
            Some("refused") => assert_eq!(event["code"], "storage-full"),
            Some("closing") => break event,
            other => panic!("{other:?}"),
        }
        assert!(stored < 1000, "no fsync fails");
    };
    assert_eq!(closing["code"], "failed");
    assert_eq!(daemon.until_ended().code(), Some(1), "systemd starts it again");
    daemon.start_again();
    let mut ann = Person::connect(&daemon);
    let resume = json!({ "token": welcome["token"], "epoch": 1, "seq": 1 });
    ann.say(
        &json!({ "type": "hello", "protocol": 1, "name": "ann", "resume": resume }).to_string(),
    );
    for n in 0..stored {
        assert_eq!(ann.event("message")["text"], format!("line {n}"));
    }
    // A refused message has not been stored, or is the same message if it is sent again.
    assert_eq!(say(&mut ann, stored, "once more")["type"], "message");
}

/// An ext4 file system in a file, of which the power can be cut.
struct Disk {
    mount: TempDir,
    image: TempDir,
}

impl Disk {
    fn make() -> Option<Disk> {
        let disk = Disk { mount: TempDir::new().unwrap(), image: TempDir::new().unwrap() };
        let file = fs::File::create(disk.file()).unwrap();
        file.set_len(64 << 20).unwrap();
        (run("mkfs.ext4", &["-q", "-F", path(&disk.file())]) && disk.mount()).then_some(disk)
    }

    fn file(&self) -> std::path::PathBuf {
        self.image.path().join("image")
    }

    fn mount(&self) -> bool {
        run("mount", &["-o", "loop", path(&self.file()), path(self.mount.path())])
    }

    /// Cuts the power: what the file system has not written by itself is gone.
    fn cut_power(&self) {
        // FS_IOC_SHUTDOWN of linux/fs.h, with the flag "without flushing the log".
        const FS_IOC_SHUTDOWN: libc::c_ulong = 0x8004_587d;
        let flag: u32 = 2;
        let folder = fs::File::open(self.mount.path()).unwrap();
        // SAFETY: the descriptor is open, and the request reads one number of 32 bits.
        #[allow(unsafe_code)]
        let outcome = unsafe {
            libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&folder), FS_IOC_SHUTDOWN, &raw const flag)
        };
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
    }

    fn remount(&self) {
        assert!(run("umount", &[path(self.mount.path())]) && self.mount());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", path(self.mount.path())]);
    }
}

/// Cuts the power under a talk; gives the last record that was acknowledged before, the last that
/// was stored, and the welcome to who comes back.
fn cut_power_under(config: &str, lines: usize) -> Option<(u64, u64, Value)> {
    let disk = Disk::make()?;
    let mut daemon = daemon_in(disk.mount.path(), config);
    let (mut ann, welcome) = Person::json(&daemon, "ann");
    let mut acknowledged = 0;
    for n in 0..lines {
        acknowledged = say(&mut ann, n, "x")["seq"].as_u64().unwrap();
    }
    disk.cut_power();
    daemon.signal(rustix::process::Signal::KILL);
    daemon.until_ended();
    disk.remount();
    let mut command = daemon.command_again();
    daemon.child = command.env("STATE_DIRECTORY", disk.mount.path()).spawn().unwrap();
    daemon.until_notified("READY=1");
    let Value::Object(_) = &welcome else { panic!("no welcome") };
    let mut ann = Person::connect(&daemon);
    let resume = json!({ "token": welcome["token"], "epoch": 1, "seq": acknowledged });
    ann.say(
        &json!({ "type": "hello", "protocol": 1, "name": "ann", "resume": resume }).to_string(),
    );
    let again = ann.event("welcome");
    let stored = match again["lost"][0].as_u64() {
        Some(first_lost) => first_lost - 1,
        None => acknowledged.min(daemon.status().seq),
    };
    // It goes on, whatever was lost.
    assert_eq!(say(&mut ann, lines, "after the cut")["type"], "message");
    daemon.ask(&AdminRequest::Ping);
    drop(daemon);
    Some((acknowledged, stored, again))
}

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    // By hand: POWER_CUTS=20 cargo test power_cut
    let cuts = std::env::var("POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(3);
    for cut in 1..=cuts {
        let Some((acknowledged, stored, welcome)) = cut_power_under(NO_REPLAY, 100 * cut) else {
            return cannot_run("a power cut", "it needs root, loop devices and mkfs.ext4");
        };
        assert_eq!(stored, acknowledged, "cut {cut}: {welcome}");
        assert_eq!((&welcome["epoch"], &welcome["resumed"]), (&json!(1), &json!(true)));
    }
}

#[test]
fn records_lost_in_a_power_cut_are_recognised() {
    let config = format!("{NO_REPLAY}durability = \"process\"\n");
    let Some((acknowledged, stored, welcome)) = cut_power_under(&config, 500) else {
        return cannot_run("a power cut", "it needs root, loop devices and mkfs.ext4");
    };
    println!("acknowledged up to {acknowledged}, stored up to {stored}: {welcome}");
    // How much is lost is chance; that a number never means two things is not.
    // The session itself may be among what was lost.
    assert_eq!(welcome["epoch"], 2);
    match stored < acknowledged {
        true => assert_eq!(welcome["lost"], json!([stored + 1, acknowledged])),
        false => assert!(welcome.get("lost").is_none(), "{welcome}"),
    }
}
