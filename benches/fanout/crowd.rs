//! The clients: many connections, driven by one thread.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memchr_iter;
use memchr::memmem::{self, Finder};
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use crate::servers::{Dialect, Running};
use crate::wire::Wire;

/// Stands before what a message says of itself, and nowhere else.
const MARK: u8 = b'^';

/// After the mark: when it was sent, and by whom, in hexadecimal.
const STAMP: usize = 20;

/// Every so many clients one looks at when what it receives was sent.
const SAMPLED_EVERY: usize = 50;

/// A crowd that takes longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Registering,
    Joining,
    In,
}

struct Client {
    wire: Wire,
    stage: Stage,
    /// Received bytes that are not decoded yet, if a scenario looks at them.
    carry: Vec<u8>,
}

pub struct Crowd {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// How many clients there are once all are here.
    count: usize,
    dialect: Dialect,
    /// Whether a read gives one record of TLS, after which there can be more.
    is_secure: bool,
    start: Instant,
    buffer: Vec<u8>,
    joined: usize,
    /// How many messages were received, over all clients.
    pub deliveries: u64,
    /// From sending to receipt, in nanoseconds, where it was looked at.
    pub times: Vec<u64>,
    /// How many messages of each sender the last client has received.
    pub arrived: Vec<u64>,
}

impl Crowd {
    /// Connects so many clients and waits until all have joined.
    pub fn join(running: &Running, dialect: Dialect, count: usize) -> Crowd {
        let mut crowd = Crowd {
            poll: Poll::new().unwrap(),
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            count,
            dialect,
            is_secure: running.tls.is_some(),
            start: Instant::now(),
            buffer: vec![0; 1 << 18],
            joined: 0,
            deliveries: 0,
            times: Vec::new(),
            arrived: vec![0; count],
        };
        // ngircd closes connections where more than a few join at once. Handshakes of TLS take this
        // side as long as the other one, and who takes too long is given up.
        let at_once = match (dialect, &running.tls) {
            (Dialect::Irc, _) => 100,
            (_, Some(_)) => 250.min(count),
            (_, None) => count,
        };
        let begun = Instant::now();
        while crowd.joined < count {
            if crowd.joined == crowd.clients.len() {
                (0..at_once).for_each(|_| crowd.connect(running.address, running.tls.clone()));
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {count} have joined", crowd.joined);
            crowd.turn(Duration::from_millis(100));
        }
        crowd
    }

    fn connect(&mut self, address: SocketAddr, tls: Option<Arc<ClientConfig>>) {
        let mut wire = Wire::connect(address, tls);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.clients.len());
        self.poll.registry().register(&mut wire.stream, token, interest).unwrap();
        self.clients.push(Client { wire, stage: Stage::Connecting, carry: Vec::new() });
    }

    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Takes in whatever comes until nothing has come for a while.
    pub fn settle(&mut self) {
        while self.turn(Duration::from_millis(500)) {}
        self.deliveries = 0;
        self.times.clear();
        self.arrived.fill(0);
    }

    /// Says something.
    pub fn say(&mut self, sender: usize) {
        let nanos = self.start.elapsed().as_nanos() as u64;
        let text = format!("{}{nanos:016x}{sender:04x} ", char::from(MARK));
        let line = match self.dialect {
            Dialect::Raw | Dialect::Text => format!("{text:.<99}\n"),
            Dialect::Json => format!("{{\"type\":\"say\",\"text\":\"{text:.<99}\"}}\n"),
            Dialect::Irc => format!("PRIVMSG #room :{text:.<99}\r\n"),
        };
        self.send(sender, line.as_bytes());
    }

    /// How many clients receive each message: with JSON also its sender.
    pub fn audience(&self) -> u64 {
        self.clients.len() as u64 - u64::from(self.dialect != Dialect::Json)
    }

    /// Waits until so many messages were received.
    pub fn until_delivered(&mut self, count: u64) {
        let begun = Instant::now();
        while self.deliveries < count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count} have come", self.deliveries);
            self.turn(Duration::from_millis(100));
        }
    }

    /// Takes in what comes next. Gives whether anything came within the time.
    pub fn turn(&mut self, timeout: Duration) -> bool {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let begun = Instant::now();
        // It never sleeps: what it costs the server to wake it is not what is to be measured, and
        // on a virtual machine that costs more than a delivery. An interruption does no harm.
        while self.poll.poll(&mut events, Some(Duration::ZERO)).is_err()
            || (events.is_empty() && begun.elapsed() < timeout)
        {
            std::hint::spin_loop();
        }
        for event in &events {
            let number = event.token().0;
            if self.clients[number].stage == Stage::Connecting && event.is_writable() {
                self.connected(number);
            }
            self.read(number);
        }
        let any = !events.is_empty();
        self.events = events;
        any
    }

    fn connected(&mut self, number: usize) {
        self.clients[number].wire.stream.set_nodelay(true).unwrap();
        let login = match self.dialect {
            Dialect::Raw => String::new(),
            Dialect::Text => format!("u{number:05}\n"),
            Dialect::Json => {
                format!("{{\"type\":\"hello\",\"protocol\":1,\"name\":\"u{number:05}\"}}\n")
            }
            Dialect::Irc => format!("NICK u{number:05}\r\nUSER u 0 * :u\r\n"),
        };
        self.send(number, login.as_bytes());
        self.clients[number].stage = match self.dialect {
            Dialect::Raw => Stage::In,
            Dialect::Irc => Stage::Registering,
            _ => Stage::Joining,
        };
        self.joined += usize::from(self.dialect == Dialect::Raw);
    }

    fn send(&mut self, number: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.clients[number].wire.send(bytes);
        }
    }

    fn read(&mut self, number: usize) {
        loop {
            let count = match self.clients[number].wire.read(&mut self.buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("the connection of client {number} is gone: {error}"),
            };
            assert_ne!(count, 0, "the server has closed the connection of client {number}");
            let buffer = std::mem::take(&mut self.buffer);
            self.received(number, &buffer[..count]);
            let is_full = count == buffer.len();
            self.buffer = buffer;
            if !is_full && !self.is_secure {
                return;
            }
        }
    }

    fn received(&mut self, number: usize, bytes: &[u8]) {
        if self.clients[number].stage != Stage::In {
            return self.not_in_yet(number, bytes);
        }
        self.deliveries += memchr_iter(MARK, bytes).count() as u64;
        if self.dialect == Dialect::Irc && bytes.starts_with(b"PING") {
            self.send(number, b"PONG :bench.example.net\r\n");
        }
        let is_last = number + 1 == self.count;
        if is_last || number.is_multiple_of(SAMPLED_EVERY) {
            self.look_at(number, bytes, is_last);
        }
    }

    /// Looks at when messages were sent, and by whom.
    fn look_at(&mut self, number: usize, bytes: &[u8], is_last: bool) {
        let now = self.start.elapsed().as_nanos() as u64;
        let mut carry = std::mem::take(&mut self.clients[number].carry);
        carry.extend_from_slice(bytes);
        let mut done = carry.len();
        for at in memchr_iter(MARK, &carry) {
            let Some(stamp) = carry.get(at + 1..at + 1 + STAMP) else {
                done = at;
                break;
            };
            let stamp = std::str::from_utf8(stamp).unwrap();
            let sent = u64::from_str_radix(&stamp[..16], 16).unwrap();
            self.times.push(now.saturating_sub(sent));
            if is_last {
                self.arrived[usize::from_str_radix(&stamp[16..], 16).unwrap()] += 1;
            }
        }
        carry.drain(..done);
        self.clients[number].carry = carry;
    }

    fn not_in_yet(&mut self, number: usize, bytes: &[u8]) {
        let client = &mut self.clients[number];
        client.carry.extend_from_slice(bytes);
        let (marker, next): (&[u8], &[u8]) = match (client.stage, self.dialect) {
            (Stage::Registering, _) => (b" 001 ", b"JOIN #room\r\n"),
            (_, Dialect::Irc) => (b" 366 ", b""),
            (_, Dialect::Json) => (b"\"type\":\"welcome\"", b""),
            _ => (b"Welcome", b""),
        };
        if Finder::new(marker).find(&client.carry).is_none() {
            if let (Dialect::Irc, Some(at)) = (self.dialect, memmem::find(&client.carry, b"PING "))
            {
                // Some servers want to see that the other side answers before it may join.
                let line = client.carry[at..].split(|&byte| byte == b'\r').next().unwrap();
                let answer = String::from_utf8_lossy(line).replace("PING", "PONG") + "\r\n";
                client.carry.clear();
                self.send(number, answer.as_bytes());
            }
            return;
        }
        client.carry = Vec::new();
        client.stage = match client.stage {
            Stage::Registering => Stage::Joining,
            _ => Stage::In,
        };
        self.joined += usize::from(client.stage == Stage::In);
        self.send(number, next);
    }
}
