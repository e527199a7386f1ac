//! Real sessions with something wrong in them, over every port at once: those who are in the room
//! notice nothing, and nothing is left of it afterwards.
//!
//! `cargo test mutated` runs it small. By hand, with the number of sessions and what chance begins
//! with: `MUTATED="20000 7" cargo test --release mutated`

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chatroom::clean;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::chance::Chance;
use crate::ctl::{check_done, run as chatctl};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::tls::make_certificate;

/// Requests as `chatctl` sends them. None of them is for the watchers.
const ADMIN: &[&str] = &[
    r#"{"command":"ping"}"#,
    r#"{"command":"users"}"#,
    r#"{"command":"status"}"#,
    r#"{"command":"metrics"}"#,
    r#"{"command":"examine"}"#,
    r#"{"command":"say","text":"tea is ready"}"#,
    r#"{"command":"moderate","act":"kick","name":"ann","reason":"too loud"}"#,
    r#"{"command":"moderate","act":"mute","target":"ann","seconds":5,"reason":null}"#,
    r#"{"command":"moderate","act":"topic","text":"tea"}"#,
    r#"{"command":"bans"}"#,
    r#"{"command":"audit","limit":5}"#,
    r#"{"command":"account","what":"list"}"#,
    r#"{"command":"redact","targets":[2,3]}"#,
    r#"{"command":"history","after":1,"since":null,"until":null,"from":null,"grep":"x","limit":5,"wait":false}"#,
];

const HTTP: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n";

/// The input of each client in each example of docs/protocol.md.
fn examples() -> Vec<Vec<u8>> {
    let mut sessions = Vec::new();
    for example in include_str!("../../docs/protocol.md").split("```session\n").skip(1) {
        let example = example.split("```").next().unwrap();
        let sent: Vec<(&str, &str)> =
            example.lines().filter_map(|line| line.split_once("> ")).collect();
        for person in sent.iter().map(|(person, _)| person) {
            let lines = sent.iter().filter(|(other, _)| other == person).map(|(_, line)| *line);
            sessions.push(lines.flat_map(|line| format!("{line}\n").into_bytes()).collect());
        }
    }
    assert!(sessions.len() >= 8, "only {} sessions were found", sessions.len());
    sessions
}

/// How TLS begins.
fn client_hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

/// The ports of a daemon.
struct Ports {
    chat: SocketAddr,
    tls: SocketAddr,
    metrics: SocketAddr,
    admin: std::path::PathBuf,
}

trait Stream: Read + Write {
    fn end(&self, how: Shutdown);
}

impl Stream for TcpStream {
    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

impl Stream for UnixStream {
    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

/// Has one damaged session with the daemon, and gives what it said to that.
fn misbehave(ports: &Ports, examples: &[Vec<u8>], hello: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes: Vec<u8>;
    let tcp = |address: SocketAddr| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    };
    let mut stream: Box<dyn Stream> = match chance.below(12) {
        0 => {
            bytes = hello.to_vec();
            bytes.extend_from_slice(&chance.of(examples)[..]);
            Box::new(tcp(ports.tls))
        }
        1 => {
            bytes = HTTP.repeat(1 + chance.below(3) as usize).into_bytes();
            Box::new(tcp(ports.metrics))
        }
        2 | 3 => {
            let mut requests: Vec<String> = Vec::new();
            (0..=chance.below(4)).for_each(|_| requests.push(format!("{}\n", chance.of(ADMIN))));
            bytes = requests.concat().into_bytes();
            let stream = UnixStream::connect(&ports.admin).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            Box::new(stream)
        }
        _ => {
            bytes = chance.of(examples).clone();
            // Another client could resume with it.
            bytes.extend_from_slice(&chance.of(examples)[..]);
            Box::new(tcp(ports.chat))
        }
    };
    // One in ten is as it should be, so that all the rest of the daemon is reached, too.
    if chance.below(10) > 0 {
        chance.damage(&mut bytes);
    }
    let mut answers = Vec::new();
    let mut listen = |stream: &mut Box<dyn Stream>| {
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(count) => answers.extend_from_slice(&buffer[..count]),
            Err(error) => {
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::WouldBlock | ErrorKind::ConnectionReset),
                    "{error}"
                );
            }
        }
    };
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + chance.below(rest.len() as u64) as usize);
        // It may have been closed by now.
        if stream.write_all(piece).is_err() {
            break;
        }
        if chance.below(4) == 0 {
            listen(&mut stream);
        }
        rest = behind;
    }
    if chance.below(2) == 0 {
        stream.end(Shutdown::Write);
    }
    listen(&mut stream);
    answers
}

/// Follows the room: every record is shown once, in its order, and each line is what it should be.
fn watch(mut watcher: Person, mut next: u64) -> u64 {
    loop {
        let event = watcher.any_event();
        let text = event.to_string();
        assert!(!text.contains(|c| clean::is_unsafe(c) || clean::is_trick(c)), "{event}");
        if let Some(seq) = event["seq"].as_u64() {
            assert_eq!(seq, next, "{event}");
            next += 1;
        }
        match event["text"].as_str() {
            Some("that was it") => return next,
            // In a long run it would be taken for gone if it said nothing.
            Some(text) if text.starts_with("still here") => watcher.say(r#"{"type":"ping"}"#),
            _ => {}
        }
    }
}

#[test]
fn mutated_sessions_trouble_nobody() {
    let given = std::env::var("MUTATED").unwrap_or_default();
    let mut given = given.split(' ').filter_map(|number| number.parse().ok());
    let (sessions, seed) = (given.next().unwrap_or(1500), given.next().unwrap_or(1));
    let folder = tempfile::TempDir::new().unwrap();
    make_certificate(&folder);
    let config = "tls = \"127.0.0.1:0\"\n[timeouts]\nhold = \"1 s\"\n[history]\nreplay = 5\n\
                  [metrics]\nlisten = \"127.0.0.1:0\"\n";
    let daemon = Daemon::in_folder(folder, config, |_| {});
    let tls = daemon.status().listen[1].strip_suffix(" (TLS)").unwrap().parse().unwrap();
    let metrics = crate::metrics::address(&daemon).parse().unwrap();
    let ports = Ports { chat: daemon.address, tls, metrics, admin: daemon.socket() };

    let mut one = Person::text(&daemon, "observer1");
    let mut two = Person::text(&daemon, "observer2");
    let (watcher, welcome) = Person::json(&daemon, "watcher");
    let from = welcome["next"].as_u64().unwrap();
    let watching = thread::spawn(move || watch(watcher, from));
    one.expect("[SERVER]: observer2 joined the chat!");
    one.expect("[SERVER]: watcher joined the chat!");
    let before = daemon.sockets();

    let (examples, hello) = (examples(), client_hello());
    let mut chance = Chance(seed);
    let mut answers = 0;
    for number in 1..=sessions {
        println!("session {number} of MUTATED=\"{sessions} {seed}\"");
        answers += misbehave(&ports, &examples, &hello, &mut chance).len();
        if number % 50 == 0 {
            let asked = Instant::now();
            let line = format!("still here after {number}");
            one.say(&line);
            two.lines_until(&format!("observer1: {line}"));
            check_done(&chatctl(&daemon.socket(), &["ping"]));
            assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
        }
    }
    assert!(answers as u64 > 20 * sessions, "it hardly ever answered: {answers} bytes");
    one.say("that was it");
    let last = watching.join().unwrap() - 1;
    assert!(last - from > sessions / 4, "hardly anything was said: {last}");
    // The watcher has gone; nobody else is left but for those two.
    daemon.until("the others are gone", |daemon| daemon.users().len() == 2);
    daemon.until("their connections are closed", |daemon| {
        // A message that the manager has not read is a socket, too.
        daemon.drop_notifications();
        daemon.sockets() < before
    });
    let log = daemon.log();
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{log}");
    assert!(!log.contains(|c| c != '\n' && clean::is_unsafe(c)), "control codes in the log");
}
