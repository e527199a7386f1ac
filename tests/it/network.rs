//! A network that goes silent, in network namespaces of the test's own.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use chatroom::admin::AdminRequest;

use crate::daemon::Daemon;

/// Two namespaces joined by a cable; they are gone when this is dropped.
pub struct Cable {
    pub server: String,
    pub client: String,
}

impl Cable {
    /// None where this user may not make namespaces.
    pub fn lay() -> Option<Cable> {
        // The names of namespaces are the machine's; those of links are each namespace's own.
        static LAID: AtomicUsize = AtomicUsize::new(0);
        let id = format!("{}-{}", std::process::id(), LAID.fetch_add(1, Relaxed));
        let cable = Cable { server: format!("chatroom-s{id}"), client: format!("chatroom-c{id}") };
        let (server, client) = (cable.server.as_str(), cable.client.as_str());
        ip(&["netns", "add", server])?;
        ip(&["netns", "add", client])?;
        ip(&[
            "-n", server, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns",
            client,
        ])?;
        ip(&["-n", server, "address", "add", "10.99.0.1/24", "dev", "s0"])?;
        ip(&["-n", client, "address", "add", "10.99.0.2/24", "dev", "c0"])?;
        ip(&["-n", server, "link", "set", "s0", "up"])?;
        ip(&["-n", server, "link", "set", "lo", "up"])?;
        ip(&["-n", client, "link", "set", "c0", "up"])?;
        Some(cable)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.server]);
        ip(&["netns", "delete", &self.client]);
    }
}

pub fn ip(args: &[&str]) -> Option<()> {
    let status = Command::new("ip").args(args).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success()).then_some(())
}

/// Says, past the test runner's capture, that something was not tested; in CI that is a failure.
fn cannot_run(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test has to run in CI: {why}");
    let _ = writeln!(std::io::stderr(), "NOT TESTED: a silent network ({why})");
}

/// A daemon on the other side of the cable from `people`, who are `nc` with a name each.
struct Distant {
    cable: Cable,
    daemon: Daemon,
    people: Vec<Child>,
}

impl Distant {
    /// None, and a word about it, where it cannot be had.
    fn start(timeouts: &str, names: &[&str]) -> Option<Distant> {
        let Some(cable) = Cable::lay() else {
            cannot_run("making network namespaces needs root and the program `ip`");
            return None;
        };
        let config = format!("[listen]\nchat = \"10.99.0.1:53000\"\n[timeouts]\n{timeouts}\n");
        let daemon = Daemon::customised("", |command| move_inside(command, &cable, &config));
        let join = |name: &&str| {
            let mut nc = Command::new("ip")
                .args(["netns", "exec", &cable.client, "nc", "10.99.0.1", "53000"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            writeln!(nc.stdin.as_mut().unwrap(), "{name}").unwrap();
            nc
        };
        let people: Vec<Child> = names.iter().map(join).collect();
        daemon.until("all are here", |daemon| daemon.users().len() == names.len());
        Some(Distant { cable, daemon, people })
    }

    /// Cuts the cable and returns how long it took until all clients were taken for gone.
    fn cut(&self) -> Duration {
        ip(&["-n", &self.cable.client, "link", "set", "c0", "down"]).unwrap();
        let silent = Instant::now();
        // An announcement stays in flight without an answer from now on.
        self.daemon.ask(&AdminRequest::Say { text: "is anybody there?".to_owned() });
        self.daemon.until("all gone", |daemon| daemon.users().is_empty());
        silent.elapsed()
    }
}

impl Drop for Distant {
    fn drop(&mut self) {
        for nc in &mut self.people {
            let _ = nc.kill();
            let _ = nc.wait();
        }
    }
}

/// Has a daemon run in the namespace of the server.
pub fn move_inside(command: &mut Command, cable: &Cable, config: &str) {
    let file = command.get_args().nth(1).unwrap().to_owned();
    std::fs::write(&file, config).unwrap();
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", &cable.server]).arg(command.get_program());
    inside.args(command.get_args());
    for (key, value) in command.get_envs() {
        value.map(|value| inside.env(key, value));
    }
    inside.stdout(Stdio::null()).stderr(Stdio::null());
    *command = inside;
}

#[track_caller]
fn check_in_time(took: Duration) {
    assert!(took < Duration::from_secs(6 + 4), "noticed after {took:?}, and not about 6 s");
    assert!(took > Duration::from_secs(2), "a short silence is none: {took:?}");
}

#[test]
fn a_silent_network_is_noticed_in_time_idle_or_not() {
    let Some(mut distant) = Distant::start("silence = \"6 s\"", &["idle", "typing"]) else {
        return;
    };
    writeln!(distant.people[1].stdin.as_mut().unwrap(), "hello").unwrap();
    distant.daemon.until("spoken", |daemon| daemon.status().messages == 1);
    check_in_time(distant.cut());
}

#[test]
fn a_silent_network_is_noticed_in_time_also_under_a_busy_connection() {
    let Some(distant) = Distant::start("silence = \"6 s\"", &["busy"]) else { return };
    ip(&["-n", &distant.cable.client, "link", "set", "c0", "down"]).unwrap();
    for _ in 0..100 {
        // More than the system keeps for a connection, so that the rest has to wait in the log.
        distant.daemon.ask(&AdminRequest::Say { text: "x".repeat(4000) });
    }
    assert!(distant.daemon.users()[0].behind > 0);
    check_in_time(distant.cut());
    assert_eq!(distant.daemon.status().ended.get("silent"), Some(&1));
}
