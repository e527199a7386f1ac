//! No request delays other users: an ordinary pair talks while others ask
//! for all that takes long, in each way that there is.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chatroom::admin::{AdminRequest, Reply};
use serde_json::json;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::metrics::address as metrics_address;
use crate::tls;

/// The longest ordinary round trip, for all but one in twenty: a disk or a processor
/// that other programs use as well makes single ones longer.
const BOUND: Duration = Duration::from_millis(250);

/// For how long the pair is watched under each load.
const WATCHED: Duration = Duration::from_millis(1500);

/// On a busy machine it is looked so often: what is unbounded is so each time.
const LOOKS: usize = 6;

/// A history that does not wait for the disk, which other tests keep busy.
const HISTORY: &str = "[history]\nreplay = 0\ndurability = \"process\"\n";

/// Connections that ask all the time.
struct Askers {
    is_over: Arc<AtomicBool>,
    streams: Vec<TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Askers {
    fn new() -> Askers {
        Askers { is_over: Arc::default(), streams: Vec::new(), threads: Vec::new() }
    }

    /// Asks 64 times at once, again and again, and reads all that comes.
    fn in_the_room(mut self, address: SocketAddr, count: usize, request: &str) -> Askers {
        let requests = format!("{request}\n").repeat(64);
        for number in 0..count {
            let mut person = Person::connect_to(address);
            person.say(&format!("asker-{number}"));
            person.lines_until_starting("[SERVER]: Welcome");
            let (mut input, mut output) =
                (person.stream.try_clone().unwrap(), person.stream.try_clone().unwrap());
            let requests = requests.clone();
            self.threads.push(thread::spawn(move || {
                while output.write_all(requests.as_bytes()).is_ok() {}
            }));
            self.threads.push(thread::spawn(move || {
                while input.read(&mut [0; 64 * 1024]).is_ok_and(|count| count > 0) {}
            }));
            self.streams.push(person.stream);
        }
        self
    }

    /// Does something again and again, in so many threads.
    fn beside(mut self, count: usize, work: impl Fn(usize) + Send + Sync + 'static) -> Askers {
        let work = Arc::new(work);
        for number in 0..count {
            let (work, is_over) = (work.clone(), self.is_over.clone());
            self.threads.push(thread::spawn(move || {
                while !is_over.load(Relaxed) {
                    work(number);
                }
            }));
        }
        self
    }
}

impl Drop for Askers {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        for stream in &self.streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Two who talk, and what else has to be quick.
struct Pair {
    ann: Person,
    bo: Person,
    said: usize,
}

impl Pair {
    fn new(daemon: &Daemon) -> Pair {
        let ann = Person::text(daemon, "ann");
        let bo = Person::text(daemon, "bo");
        Pair { ann, bo, said: 0 }
    }

    /// How long a message takes from one to the other and back, again and again.
    fn watch(&mut self) -> Vec<Duration> {
        let start = Instant::now();
        let mut times = Vec::new();
        while start.elapsed() < WATCHED || times.len() < 10 {
            self.said += 1;
            let line = format!("round {}", self.said);
            let begun = Instant::now();
            self.ann.say(&line);
            self.bo.lines_until(&format!("ann: {line}"));
            self.bo.say(&line);
            self.ann.lines_until(&format!("bo: {line}"));
            times.push(begun.elapsed());
        }
        times.sort();
        times
    }

    /// Checks that the pair and the watchdog do not wait for what others ask for.
    #[track_caller]
    fn check(&mut self, what: &str, daemon: &Daemon) {
        for look in 1.. {
            let times = self.watch();
            let asked = Instant::now();
            assert_eq!(daemon.ask(&AdminRequest::Ping), Reply::Done);
            let ping = asked.elapsed();
            let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
            let (median, p95, p99) = (at(50), at(95), at(99));
            println!(
                "{what}: {} round trips, median {median:?}, p95 {p95:?}, p99 {p99:?}, ping {ping:?}",
                times.len()
            );
            if p95 < BOUND && ping < 2 * BOUND {
                return;
            }
            assert!(look < LOOKS, "{what}: p95 {p95:?}, ping {ping:?}");
        }
    }
}

/// Says so many lines of the longest kind, which lowering takes long.
fn fill(daemon: &Daemon, lines: usize) {
    let mut talker = Person::text(daemon, "talker");
    let text = "\u{130}\u{c9}".repeat(1000);
    let mut output = talker.stream.try_clone().unwrap();
    let writer = thread::spawn(move || {
        for number in 0..lines {
            output.write_all(format!("{number} {text}\n").as_bytes()).unwrap();
        }
        output.write_all(b"!who\n").unwrap();
    });
    talker.lines_until_starting("[SERVER]: 1 person is here: talker");
    writer.join().unwrap();
    talker.say("!quit");
    talker.expect_end();
    daemon.until_empty();
}

#[test]
fn searches_without_a_history_hold_up_nobody() {
    let daemon = Daemon::with("[history]\nenabled = false\nreplay = 0\n");
    fill(&daemon, 4000);
    let mut pair = Pair::new(&daemon);
    pair.check("nothing else, in memory", &daemon);
    let askers = Askers::new().in_the_room(daemon.address, 25, "!search not to be found");
    pair.check("25 connections search the window", &daemon);
    drop(askers);
    // A connection that is gone is not searched for any more.
    daemon.until("only the pair is here", |daemon| daemon.status().connections == 2);
    pair.ann.say("!search not to be found");
    let begun = Instant::now();
    pair.ann.lines_until("[SERVER]: No stored message contains that.");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let askers = Askers::new().in_the_room(daemon.address, 25, "!history 200");
    pair.check("25 connections read pages of the window", &daemon);
    drop(askers);
}

#[test]
fn searches_of_the_history_hold_up_neither_pages_nor_talk() {
    let daemon = Daemon::with(&format!("{HISTORY}[limits]\nwindow = \"64 KiB\"\n"));
    fill(&daemon, 2000);
    let mut pair = Pair::new(&daemon);
    pair.check("nothing else, on disk", &daemon);
    let mut reader = Person::text(&daemon, "reader");
    let askers = Askers::new().in_the_room(daemon.address, 25, "!search not to be found");
    pair.check("25 connections search the history", &daemon);
    let page = |reader: &mut Person| {
        let begun = Instant::now();
        reader.say("!history 20");
        reader.lines_until("[SERVER]: End of earlier messages.");
        begun.elapsed()
    };
    let mut pages: Vec<_> = (0..10).map(|_| page(&mut reader)).collect();
    pages.sort();
    println!("a page while 25 connections search the history: median {:?}", pages[5]);
    assert!(pages[5] < BOUND, "{pages:?}");
    drop(askers);
    daemon.until("the askers are gone", |daemon| daemon.status().connections == 3);
    let askers = Askers::new().in_the_room(daemon.address, 25, "!history 200");
    pair.check("25 connections read pages of the history", &daemon);
    drop(askers);
}

/// So many people with long names.
pub fn crowd(daemon: &Daemon, count: usize) -> Vec<Person> {
    let joined = (0..count).map(|n| {
        let mut person = Person::connect_to(daemon.address);
        // 228 bytes in 32 characters.
        person.say(&format!("{n:04}{}", "\u{1F469}\u{1F3FD}".repeat(28)));
        person
    });
    let crowd = joined.collect();
    daemon.until("all are here", |daemon| daemon.status().people == count);
    crowd
}

#[test]
fn lists_of_people_and_joining_hold_up_nobody() {
    let daemon = Daemon::with(HISTORY);
    let _crowd = crowd(&daemon, 600);
    let mut pair = Pair::new(&daemon);
    pair.check("nothing else, in a crowd", &daemon);
    let askers = Askers::new().in_the_room(daemon.address, 10, "!who");
    pair.check("10 connections ask who is here", &daemon);
    drop(askers);
    daemon.until("the askers are gone", |daemon| daemon.status().connections == 602);
    let address = daemon.address;
    let askers = Askers::new().beside(4, move |number| {
        let mut person = Person::connect_to(address);
        person.say(&format!(r#"{{"type":"hello","protocol":1,"name":"guest-{number}"}}"#));
        person.event_after_prompt("welcome");
        person.say(r#"{"type":"quit"}"#);
        while person.line().is_some() {}
    });
    pair.check("4 connections join and leave", &daemon);
    drop(askers);
}

impl Person {
    /// Reads past what is for people, to an event.
    fn event_after_prompt(&mut self, kind: &str) {
        self.lines_until_starting(&format!("{{\"type\":\"{kind}\""));
    }
}

#[test]
fn handshakes_hold_up_nobody() {
    let (daemon, address) = tls::daemon();
    let mut pair = Pair::new(&daemon);
    let config = tls::client_config(&daemon, rustls::ALL_VERSIONS);
    let askers = Askers::new().beside(8, move |_| {
        let name = "localhost".try_into().unwrap();
        let mut tls = rustls::ClientConnection::new(config.clone(), name).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        tls.complete_io(&mut stream).unwrap();
    });
    pair.check("8 threads shake hands", &daemon);
    drop(askers);
}

#[test]
fn requests_of_operators_delay_nobody() {
    let daemon = Daemon::with(&format!("[metrics]\nlisten = \"127.0.0.1:0\"\n{HISTORY}"));
    fill(&daemon, 1000);
    let _crowd = crowd(&daemon, 300);
    for number in 0..50 {
        let ban = ["ban", &format!("10.0.{number}.0/24")];
        check_done(&run(&daemon.socket(), &ban));
    }
    let mut pair = Pair::new(&daemon);
    pair.check("nothing else, for operators", &daemon);
    for (what, request) in [
        ("users", json!({"command": "users"})),
        ("status", json!({"command": "status"})),
        ("metrics", json!({"command": "metrics"})),
        ("bans", json!({"command": "bans"})),
        ("audit", json!({"command": "audit", "limit": 10_000})),
        ("doctor", json!({"command": "examine"})),
        (
            "a search",
            json!({"command": "history", "limit": 1000, "grep": "not to be found", "wait": false}),
        ),
        ("all of the history", json!({"command": "history", "limit": 10_000, "wait": false})),
        ("a backup", json!({"command": "backup"})),
    ] {
        let line = format!("{request}\n");
        let socket = daemon.socket();
        let askers = Askers::new().beside(4, move |_| {
            let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
            stream.write_all(line.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            let begins = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
            assert!(!begins.is_empty() && !begins.contains("refused"), "{begins}");
        });
        pair.check(&format!("4 operators ask for {what}"), &daemon);
        drop(askers);
    }
    let metrics = metrics_address(&daemon);
    let askers = Askers::new().beside(4, move |_| {
        let mut stream = TcpStream::connect(&*metrics).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {metrics}\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    pair.check("4 programs ask for metrics", &daemon);
    drop(askers);
}
