//! People in a test: connections that speak one of the wire formats.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustls::ClientConnection;
use serde_json::Value;

use crate::daemon::{Daemon, PATIENCE};

pub const PROMPT: &str =
    "[SERVER]: Hi! Type your name (at least 2 characters long), then press enter!";

pub struct Person {
    pub stream: TcpStream,
    /// The layer over the stream, if there is one.
    pub tls: Option<ClientConnection>,
    received: Vec<u8>,
    /// How many bytes went in either direction.
    pub bytes_sent: usize,
    pub bytes_received: usize,
}

impl Person {
    /// Connects, and reads the prompt.
    #[track_caller]
    pub fn connect(daemon: &Daemon) -> Person {
        let mut person = Person::connect_to(daemon.address);
        person.expect(PROMPT);
        person
    }

    #[track_caller]
    pub fn connect_to(address: SocketAddr) -> Person {
        Person::of(TcpStream::connect(address).unwrap())
    }

    /// Connects from another address of this machine.
    #[track_caller]
    pub fn connect_from(from: [u8; 4], address: SocketAddr) -> Person {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Person::of(socket.into())
    }

    fn of(stream: TcpStream) -> Person {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Person { stream, tls: None, received: Vec::new(), bytes_sent: 0, bytes_received: 0 }
    }

    /// Joins with text.
    #[track_caller]
    pub fn text(daemon: &Daemon, name: &str) -> Person {
        let mut person = Person::connect(daemon);
        person.say(name);
        person.expect(&format!("[SERVER]: Welcome {name}! To leave chat write !quit."));
        person
    }

    /// Joins with JSON, and gives the welcome too.
    #[track_caller]
    pub fn json(daemon: &Daemon, name: &str) -> (Person, Value) {
        let mut person = Person::connect(daemon);
        person.say(&format!(r#"{{"type":"hello","protocol":1,"name":"{name}"}}"#));
        let welcome = person.event("welcome");
        (person, welcome)
    }

    /// The same connection again, to send with from another thread.
    pub fn second_hand(&self) -> Person {
        Person::of(self.stream.try_clone().unwrap())
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.bytes_sent += bytes.len();
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.stream).write_all(bytes).unwrap(),
            None => self.stream.write_all(bytes).unwrap(),
        }
    }

    /// Sends a line.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// The next line; none at the end of the connection.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Some(String::from_utf8(line[..end].to_vec()).expect("valid UTF-8"));
            }
            let piece = self.piece()?;
            self.received.extend_from_slice(&piece);
        }
    }

    /// The next bytes that arrive together; none at the end of the connection.
    #[track_caller]
    pub fn piece(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 16 * 1024];
        let read = match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.stream).read(&mut buffer),
            None => self.stream.read(&mut buffer),
        };
        match read {
            Ok(0) => None,
            Ok(count) => {
                self.bytes_received += count;
                Some(buffer[..count].to_vec())
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("nothing came: {error}; so far {:?}", self.received),
        }
    }

    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Expects that the connection ends without another line.
    #[track_caller]
    pub fn expect_end(&mut self) {
        assert_eq!(self.line(), None);
    }

    /// Reads on to a JSON event of a type.
    #[track_caller]
    pub fn event(&mut self, kind: &str) -> Value {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("the end came before {kind}"));
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Reads on, past what is for people, to a refusal.
    #[track_caller]
    pub fn lines_until_refused(&mut self) -> Value {
        loop {
            let line = self.line().expect("a refusal");
            if let Some(event) =
                serde_json::from_str::<Value>(&line).ok().filter(|it| it["type"] == "refused")
            {
                return event;
            }
        }
    }

    /// The next JSON event, whatever it is.
    #[track_caller]
    pub fn any_event(&mut self) -> Value {
        let line = self.line().expect("an event");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// Reads lines up to and with `last`.
    #[track_caller]
    pub fn lines_until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("the end came before {last:?}"));
            let is_last = line == last;
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    /// Reads on to a line that begins so.
    #[track_caller]
    pub fn lines_until_starting(&mut self, beginning: &str) -> String {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("the end came before {beginning:?}"));
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    /// Breaks the connection off with a reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Says that nothing more will be sent.
    pub fn end_input(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}
