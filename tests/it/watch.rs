//! chatctl watch.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::ctl::{chatctl, check_done, check_fails, run};
use crate::daemon::{Daemon, PATIENCE, until_ended};
use crate::handover::hand_over;
use crate::harness::Person;
use crate::proxy::{behind_proxies, through, v1};

/// One who watches, with `chatctl watch`.
struct Watch {
    child: Child,
    /// None where nobody reads it any more.
    output: Option<BufReader<ChildStdout>>,
}

impl Watch {
    /// Begins to watch, and waits until nothing is missed any more.
    fn start(daemon: &Daemon, args: &[&str]) -> Watch {
        let mut command = chatctl(&daemon.socket(), &[&["watch"], args].concat());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut watch = Watch { output: child.stdout.take().map(BufReader::new), child };
        // Announcements before it watches are not shown; all later ones are.
        let mut heard = String::new();
        for count in 1.. {
            assert!(count < 1000, "it never watches");
            check_done(&run(&daemon.socket(), &["say", &format!("check {count}")]));
            if watch.has_output() {
                break;
            }
        }
        check_done(&run(&daemon.socket(), &["say", "begin"]));
        while !heard.contains("begin") {
            heard = watch.line();
        }
        watch
    }

    fn has_output(&self) -> bool {
        let mut pipe = [rustix::event::PollFd::new(
            self.output.as_ref().unwrap().get_ref(),
            rustix::event::PollFlags::IN,
        )];
        let time = rustix::time::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        rustix::event::poll(&mut pipe, Some(&time)).unwrap() > 0
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.output.as_mut().unwrap().read_line(&mut line).unwrap() > 0, "it has ended");
        line.trim_end().to_owned()
    }

    #[track_caller]
    fn event(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// Reads on to a line of this type.
    #[track_caller]
    fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event();
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Waits for the end, and gives the exit status and what was said on standard error.
    fn ended(mut self) -> (Option<i32>, String) {
        let status = until_ended(&mut self.child);
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status.code(), said)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_watcher_sees_who_comes_and_goes_and_what_is_said() {
    let daemon = Daemon::start();
    let mut watch = Watch::start(&daemon, &["--json"]);
    let mut ann = Person::text(&daemon, "ann");
    let address = ann.stream.local_addr().unwrap().to_string();
    ann.say("tea?");
    ann.say("!quit");
    ann.expect_end();
    let connected = watch.event();
    assert_eq!(
        (&connected["type"], &connected["address"]),
        (&"connected".into(), &address.clone().into())
    );
    let mut seen: Vec<String> = Vec::new();
    // The record and the event of the same thing are made by different threads.
    while !["left", "disconnected"].iter().all(|kind| seen.iter().any(|it| it == kind)) {
        let event = watch.event();
        let kind = event["type"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "entered" | "disconnected" => {
                assert_eq!(
                    (&event["name"], &event["address"]),
                    (&"ann".into(), &address.clone().into())
                );
            }
            "message" => {
                assert_eq!((&event["name"], &event["text"]), (&"ann".into(), &"tea?".into()));
            }
            _ => assert_eq!(event["name"], "ann", "{event}"),
        }
        assert!(event["time"].as_str().unwrap().ends_with('Z'));
        seen.push(kind);
    }
    let records: Vec<_> =
        seen.iter().filter(|it| ["joined", "message", "left"].contains(&it.as_str())).collect();
    assert_eq!(records, ["joined", "message", "left"]);
    check_done(&run(&daemon.socket(), &["ban", "127.0.0.1"]));
    let _turned_away = Person::connect_to(daemon.address).line();
    assert_eq!(watch.until("turned-away")["reason"], "banned");
}

#[test]
fn clients_behind_a_proxy_are_shown_at_their_own_addresses() {
    let daemon = behind_proxies("", "");
    let mut watch = Watch::start(&daemon, &["--json"]);
    let mut ann = through(&daemon, &v1("192.0.2.7:1"));
    ann.join_as("ann");
    check_done(&run(&daemon.socket(), &["ban", "192.0.2.7"]));
    while ann.line().is_some() {}
    let _turned_away = through(&daemon, &v1("192.0.2.7:1")).line();
    for kind in ["connected", "entered", "disconnected", "turned-away"] {
        assert_eq!(watch.until(kind)["address"], "192.0.2.7:1", "{kind}");
    }
}

#[test]
fn a_person_is_shown_lines_and_ends_it_with_ctrl_c() {
    let daemon = Daemon::start();
    let mut watch = Watch::start(&daemon, &[]);
    let mut ann = Person::text(&daemon, "ann");
    ann.say("!me waves");
    let mut lines = Vec::new();
    while !lines.iter().any(|line: &String| line.ends_with("  * ann waves")) {
        lines.push(watch.line());
    }
    let has =
        |part: &str| assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:#?}");
    has("  -- ann joined the chat!");
    has(" connected");
    has(" is ann (text)");
    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    assert_eq!(watch.ended(), (Some(0), String::new()));
}

#[test]
fn a_reader_who_is_gone_and_a_daemon_that_ends_end_it() {
    let mut daemon = Daemon::start();
    let mut gone = Watch::start(&daemon, &[]);
    // It notices with the next line.
    drop(gone.output.take());
    check_done(&run(&daemon.socket(), &["say", "anybody?"]));
    assert_eq!(gone.ended().0, Some(0));
    let stays = Watch::start(&daemon, &[]);
    check_done(&run(&daemon.socket(), &["shutdown"]));
    daemon.until_ended();
    let (status, said) = stays.ended();
    assert_eq!(status, Some(69));
    assert!(said.contains("has stopped") && said.contains("systemctl status"), "{said}");
    let nobody = run(&daemon.socket(), &["watch"]);
    check_fails(&nobody, 69, &["chatroomd is not running"]);
}

#[test]
fn it_goes_on_after_a_restart_with_what_it_has_not_seen() {
    let mut daemon = Daemon::start();
    let mut watch = Watch::start(&daemon, &["--json", "--timeout", "60 s"]);
    check_done(&run(&daemon.socket(), &["say", "before"]));
    let before = watch.until("notice");
    assert_eq!(before["text"], "before");
    daemon.kill_and_start_again();
    check_done(&run(&daemon.socket(), &["say", "after"]));
    watch.until("reconnecting");
    watch.until("reconnected");
    let after = watch.until("notice");
    assert_eq!(after["text"], "after");
    assert_eq!(after["seq"].as_u64().unwrap(), before["seq"].as_u64().unwrap() + 1);
}

#[test]
fn it_goes_on_over_a_hand_over() {
    let mut daemon = Daemon::start();
    let mut watch = Watch::start(&daemon, &["--json"]);
    let mut ann = Person::text(&daemon, "ann");
    ann.say("before");
    let before = watch.until("message");
    let stored = hand_over(&mut daemon);
    assert_eq!(watch.until("ending")["handed_over"], true);
    daemon.start_again_with(stored);
    ann.say("after");
    watch.until("reconnected");
    let after = watch.until("message");
    assert_eq!((&before["text"], &after["text"]), (&"before".into(), &"after".into()));
    assert_eq!(after["seq"].as_u64().unwrap(), before["seq"].as_u64().unwrap() + 1);
}

/// One who watches over the socket itself, and reads when the test says so.
fn watch_slowly(daemon: &Daemon) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, r#"{{"command":"watch"}}"#).unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.contains("watching"), "{line}");
    stream
}

/// Says so much that a watcher who does not read has to miss something, and gives what it was then
/// told. Nobody else waits for it.
fn overflow(daemon: &Daemon) -> (Vec<u64>, Vec<Value>) {
    let mut watcher = watch_slowly(daemon);
    let mut ann = Person::text(daemon, "ann");
    let mut bo = Person::text(daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let text = "x".repeat(1000);
    for _ in 0..40 {
        for _ in 0..50 {
            ann.say(&text);
        }
        ann.say("done");
        bo.lines_until("ann: done");
    }
    let (mut seen, mut missed) = (Vec::new(), Vec::new());
    let last = daemon.status().seq;
    while seen.last() != Some(&last) {
        let mut line = String::new();
        assert!(watcher.read_line(&mut line).unwrap() > 0);
        let event: Value = serde_json::from_str(&line).unwrap();
        seen.extend(event["seq"].as_u64());
        if event["type"] == "missed" {
            missed.push(event);
        }
    }
    (seen, missed)
}

const NO_LIMIT: &str = "[limits]\nwindow = \"64 KiB\"\nmessages_per_second = 0\n";

#[test]
fn a_slow_watcher_is_fed_from_the_history() {
    let (seen, missed) = overflow(&Daemon::with(NO_LIMIT));
    assert_eq!(missed, [Value::Null; 0]);
    assert!(seen.windows(2).all(|two| two[1] == two[0] + 1), "a gap or a double");
}

#[test]
fn without_a_history_a_slow_watcher_is_told_what_it_missed() {
    let config = format!("[history]\nenabled = false\n{NO_LIMIT}");
    let (seen, missed) = overflow(&Daemon::with(&config));
    assert!(!missed.is_empty());
    let gaps: Vec<Value> = seen
        .windows(2)
        .filter(|two| two[1] != two[0] + 1)
        .map(|two| serde_json::json!([two[0] + 1, two[1] - 1]))
        .collect();
    let told: Vec<Value> = missed.iter().map(|event| event["records"].clone()).collect();
    assert_eq!(told, gaps);
}

#[test]
fn watchers_do_not_take_the_places_of_others() {
    let daemon = Daemon::start();
    let watchers: Vec<_> = (0..16).map(|_| watch_slowly(&daemon)).collect();
    check_fails(&run(&daemon.socket(), &["watch"]), 1, &["16 others watch already"]);
    // Each of these would need a place as long as it is open.
    let idle: Vec<_> = (0..31).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    check_done(&run(&daemon.socket(), &["users"]));
    drop((watchers, idle));
    daemon.until("there is a place again", |daemon| {
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        writeln!(stream, r#"{{"command":"watch"}}"#).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.contains("watching")
    });
}
