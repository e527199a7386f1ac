//! Too little of something: descriptors, memory; or too much of others.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::ctl::{check_done, run as chatctl};
use crate::daemon::Daemon;
use crate::faults::cannot_run;
use crate::harness::{PROMPT, Person};
use crate::ledger::{CONFIG, check, sizes, talk_under};

/// So long anything may take while something is lacking.
const PROMPTLY: Duration = Duration::from_secs(1);

/// Has the command run with a limit of `ulimit`, in its words.
fn with_limit(command: &mut Command, limit: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limit} && exec \"$@\" 2>> $STATE_DIRECTORY/log"), "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    shell.stdout(Stdio::null());
    *command = shell;
}

#[test]
fn with_few_descriptors_and_many_who_want_in_those_inside_are_served() {
    let daemon = Daemon::customised("", |command| with_limit(command, "-n 64"));
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let lines_before = daemon.log().lines().count();
    let start = Instant::now();
    let mut others: Vec<Person> = (0..200).map(|_| Person::connect_to(daemon.address)).collect();
    for n in 0..100 {
        let asked = Instant::now();
        bo.say(&format!("line {n}"));
        ann.expect(&format!("bo: line {n}"));
        assert!(asked.elapsed() < PROMPTLY, "{:?}", asked.elapsed());
    }
    let heard: Vec<String> = others.iter_mut().map(|other| other.line().unwrap()).collect();
    let inside = heard.iter().filter(|line| *line == PROMPT).count();
    assert!((8..64).contains(&inside), "{inside} of 200 got in");
    let full = heard.iter().filter(|line| line.contains("The room is full.")).count();
    assert_eq!(inside + full, 200, "{heard:?}");
    // There is something left for those who look after it.
    check_done(&chatctl(&daemon.socket(), &["ping"]));
    assert!(!daemon.log().contains("Too many open files"), "{}", daemon.log());
    let lines = daemon.log().lines().count() - lines_before;
    let allowed = 10 * (start.elapsed().as_secs() as usize + 1);
    assert!(lines < allowed, "{lines} lines in {:?}:\n{}", start.elapsed(), daemon.log());
    drop(others);
    let start = Instant::now();
    loop {
        let mut again = Person::connect_to(daemon.address);
        if again.line().as_deref() == Some(PROMPT) {
            break;
        }
    }
    assert!(start.elapsed() < PROMPTLY, "recovered in {:?}", start.elapsed());
}
/// A group of processes that may have only so much memory together. It is gone when this is dropped.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// None where this user may not make groups.
    fn make() -> Option<MemoryGroup> {
        // The older hierarchy, else the one for everything.
        let all = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(Path::new);
        let all = all.into_iter().find(|path| path.exists())?;
        let group = all.join(format!("chatroom-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        let group = MemoryGroup(group);
        group.files().0.exists().then_some(group)
    }

    /// Where the limit is, and how much there is in use.
    fn files(&self) -> (PathBuf, PathBuf) {
        let files = |limit, usage| (self.0.join(limit), self.0.join(usage));
        match self.0.starts_with("/sys/fs/cgroup/memory") {
            true => files("memory.limit_in_bytes", "memory.usage_in_bytes"),
            false => files("memory.max", "memory.current"),
        }
    }

    fn put(&self, child: &Child) {
        fs::write(self.0.join("cgroup.procs"), child.id().to_string()).unwrap();
    }

    /// Allows so much more than what is in use now.
    fn allow_more(&self, bytes: u64) {
        let (limit, usage) = self.files();
        let usage: u64 = fs::read_to_string(usage).unwrap().trim().parse().unwrap();
        fs::write(limit, (usage + bytes).to_string()).unwrap();
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Has more and more connections begin lines that do not end, until the daemon is gone; gives how
/// it ended.
fn flood_until_ended(daemon: &mut Daemon) -> ExitStatus {
    let mut floods = Vec::new();
    let unfinished = [b"{\"type\":\"say\",\"text\":\"".as_slice(), &[b'x'; 20_000]].concat();
    while daemon.child.try_wait().unwrap().is_none() {
        assert!(floods.len() < 5000, "it has memory without an end");
        // It may be gone by now.
        let Ok(mut flood) = TcpStream::connect(daemon.address) else { continue };
        let _ = flood.write_all(&unfinished);
        floods.push(flood);
    }
    daemon.until_ended()
}

/// The ledgers agree when the daemon lacks memory again and again.
fn check_lack_of_memory(lack: impl Fn(&mut Daemon)) {
    let config = CONFIG.replace("[timeouts]", "[limits]\nconnections = 6000\n[timeouts]");
    let mut daemon = Daemon::with(&config);
    let (_, people, lines) = sizes();
    let ledgers = talk_under(
        &mut daemon,
        (2, people, lines),
        |_| None,
        |daemon| {
            lack(daemon);
            daemon.start_again();
        },
    );
    check(&daemon, &ledgers);
}

#[test]
fn the_ledger_agrees_when_the_system_takes_the_daemon_for_its_memory() {
    if MemoryGroup::make().is_none() {
        return cannot_run("a lack of memory", "making control groups needs root");
    }
    check_lack_of_memory(|daemon| {
        let group = MemoryGroup::make().unwrap();
        group.put(&daemon.child);
        group.allow_more(4 << 20);
        assert_eq!(flood_until_ended(daemon).signal(), Some(Signal::KILL.as_raw()));
    });
}

#[test]
fn the_ledger_agrees_when_the_daemon_gets_no_memory() {
    check_lack_of_memory(|daemon| {
        let pid = Some(Pid::from_child(&daemon.child));
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmSize:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let more = Some((kib << 10) + (4 << 20));
        prlimit(pid, Resource::As, Rlimit { current: more, maximum: more }).unwrap();
        // It cannot go on without, and says so.
        assert_eq!(flood_until_ended(daemon).signal(), Some(Signal::ABORT.as_raw()));
        assert!(daemon.log().contains("memory allocation of"), "{}", daemon.log());
    });
}

#[test]
fn a_stopped_client_among_a_thousand_costs_nobody_anything() {
    let daemon = Daemon::with("[limits]\nconnections = 2000\n");
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("heard");
    let port = daemon.address.port().to_string();
    let mut stopped = Command::new("nc")
        .args(["127.0.0.1", &port])
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&file).unwrap())
        .spawn()
        .unwrap();
    writeln!(stopped.stdin.as_mut().unwrap(), "stopped").unwrap();
    daemon.until("it has joined", |daemon| daemon.users().len() == 1);
    let pid = Pid::from_child(&stopped);
    kill_process(pid, Signal::STOP).unwrap();
    let mut people: Vec<Person> =
        (0..999).map(|number| Person::text(&daemon, &format!("person{number}"))).collect();
    let last = "[SERVER]: person998 joined the chat!";
    people.iter_mut().take(998).for_each(|person| drop(person.lines_until(last)));
    let text = "x".repeat(4000);
    let lines: Vec<String> = (0..60).map(|number| format!("{number} {text}")).collect();
    let (speaker, listeners) = people.split_first_mut().unwrap();
    for line in &lines {
        let asked = Instant::now();
        speaker.say(line);
        let heard = format!("person0: {line}");
        listeners.iter_mut().for_each(|listener| listener.expect(&heard));
        assert!(asked.elapsed() < PROMPTLY, "{:?}", asked.elapsed());
    }
    let behind = daemon.users().iter().find(|user| user.name == "stopped").unwrap().behind;
    assert!(behind > 0, "it is stopped and has everything");
    kill_process(pid, Signal::CONT).unwrap();
    let end = format!("person0: {}\n", lines.last().unwrap());
    daemon.until("it has caught up", |_| fs::read_to_string(&file).unwrap().ends_with(&end));
    let heard = fs::read_to_string(&file).unwrap();
    let heard: Vec<&str> =
        heard.lines().filter_map(|line| line.strip_prefix("person0: ")).collect();
    assert_eq!(heard, lines);
    stopped.kill().unwrap();
    stopped.wait().unwrap();
}
