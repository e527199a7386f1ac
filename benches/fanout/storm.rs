//! Everybody at once: joining until each knows of all others, and coming back.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::servers::Running;
use crate::usage;

const PATIENCE: Duration = Duration::from_secs(120);

/// The first input of a client, and what it has learnt.
#[derive(Default, Clone)]
struct Person {
    hello: String,
    is_welcome: bool,
    resumed: bool,
    /// How many people it knows to be here.
    known: usize,
    token: String,
    seq: u64,
    unfinished: Vec<u8>,
}

/// Gives how long joining and coming back take, in seconds, and the server's time on processors.
pub fn measure(running: &Running, count: usize) -> Vec<f64> {
    let cpu = usage::cpu(running.pid());
    let people: Vec<Person> = (0..count)
        .map(|number| Person { hello: hello(number, None), ..Person::default() })
        .collect();
    let begun = Instant::now();
    let (people, streams) = all_at_once(running.address, people, |person| person.known == count);
    let joined = begun.elapsed().as_secs_f64();
    drop(streams);
    let back: Vec<Person> = people
        .iter()
        .enumerate()
        .map(|(number, person)| {
            let resume = json!({ "token": person.token, "epoch": 1, "seq": person.seq });
            Person { hello: hello(number, Some(resume)), ..Person::default() }
        })
        .collect();
    let begun = Instant::now();
    let (people, _streams) = all_at_once(running.address, back, |person| person.is_welcome);
    let resumed = begun.elapsed().as_secs_f64();
    assert!(people.iter().all(|person| person.resumed), "they go on with their sessions");
    vec![joined, resumed, usage::cpu_since(&cpu, running.pid()) as f64 / 1e9]
}

fn hello(number: usize, resume: Option<Value>) -> String {
    let mut hello = json!({ "type": "hello", "protocol": 1, "name": format!("u{number:05}") });
    if let Some(resume) = resume {
        hello["resume"] = resume;
    }
    format!("{hello}\n")
}

/// Connects all clients, and waits until `is_done` for all.
fn all_at_once(
    address: SocketAddr,
    mut people: Vec<Person>,
    is_done: impl Fn(&Person) -> bool,
) -> (Vec<Person>, Vec<TcpStream>) {
    let begun = Instant::now();
    let mut poll = Poll::new().unwrap();
    let mut streams: Vec<TcpStream> = (0..people.len())
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest).unwrap();
            stream
        })
        .collect();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 1 << 18];
    let mut done = vec![false; people.len()];
    while done.iter().any(|done| !done) {
        assert!(begun.elapsed() < PATIENCE, "not everybody got in");
        // An interruption is like the end of the time.
        let _ = poll.poll(&mut events, Some(Duration::from_millis(100)));
        for event in &events {
            let number = event.token().0;
            let (person, stream) = (&mut people[number], &mut streams[number]);
            if event.is_writable() && !person.hello.is_empty() {
                let hello = std::mem::take(&mut person.hello);
                assert_eq!(stream.write(hello.as_bytes()).unwrap(), hello.len());
            }
            while let Ok(count) = stream.read(&mut buffer) {
                assert_ne!(count, 0, "the server has closed connection {number}");
                person.take(&buffer[..count]);
            }
            done[number] = is_done(person);
        }
    }
    (people, streams)
}

impl Person {
    fn take(&mut self, bytes: &[u8]) {
        self.unfinished.extend_from_slice(bytes);
        let Some(end) = memchr::memrchr(b'\n', &self.unfinished) else { return };
        let rest = self.unfinished.split_off(end + 1);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        for line in whole.split(|&byte| byte == b'\n') {
            if line.starts_with(br#"{"type":"joined""#) {
                self.known += 1;
                self.seq += 1;
            } else if line.starts_with(br#"{"type":"welcome""#) {
                let welcome: Value = serde_json::from_slice(line).unwrap();
                self.is_welcome = true;
                self.resumed = welcome["resumed"] == true;
                self.known = welcome["users"].as_array().unwrap().len();
                self.token = welcome["token"].as_str().unwrap().to_owned();
                self.seq = welcome["seq"].as_u64().unwrap();
            }
        }
    }
}
