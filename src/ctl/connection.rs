//! Talking to the daemon: one line there, one line back, within a time.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chatroom::admin::{self, Reply, Request};
use chatroom::wire::json;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::failure::Failure;

/// The longest answer that is read, in bytes.
const MOST_ANSWER_BYTES: usize = 256 << 20;

/// A connection to the admin socket.
pub struct Connection {
    stream: UnixStream,
    socket: PathBuf,
    timeout: Duration,
}

impl Connection {
    /// Connects to the named socket, or to the first of the usual ones where somebody answers.
    ///
    /// # Errors
    /// The failure that says most about why none could be reached.
    pub fn open(socket: Option<&Path>, timeout: Duration) -> Result<Connection, Failure> {
        let places = match socket {
            Some(socket) => vec![socket.to_owned()],
            None => usual_places(),
        };
        let mut failure = None;
        for socket in places {
            match connect(&socket, timeout) {
                Ok(stream) => return Ok(Connection { stream, socket, timeout }),
                // That somebody is there but may not be talked to says more than an empty place.
                Err(Failure::NotRunning(_)) if failure.is_some() => {}
                Err(Failure::NotRunning(place)) => failure = Some(Failure::NotRunning(place)),
                Err(other) => return Err(other),
            }
        }
        Err(failure.unwrap_or_else(|| Failure::NotRunning(PathBuf::from(admin::SOCKET_NAME))))
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// No answer in time, or none that is understood.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        let deadline = Instant::now() + self.timeout;
        let mut line = Vec::new();
        json::push_line(request, &mut line);
        self.stream.write_all(&line).map_err(|error| self.failure(error))?;
        let answer = self.read_line(deadline)?;
        serde_json::from_slice(&answer).map_err(|error| Failure::Misunderstood(error.to_string()))
    }

    /// Waits until the daemon closes the connection. Gives false if it does not in time.
    pub fn until_closed(&mut self) -> bool {
        let deadline = Instant::now() + self.timeout;
        matches!(self.read_line(deadline), Err(Failure::Io(error)) if error.kind() == ErrorKind::UnexpectedEof)
    }

    fn read_line(&mut self, deadline: Instant) -> Result<Vec<u8>, Failure> {
        let mut answer = Vec::new();
        let mut piece = [0; 16 * 1024];
        while answer.last() != Some(&b'\n') {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || answer.len() > MOST_ANSWER_BYTES {
                return Err(self.no_answer());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => answer.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
        Ok(answer)
    }

    fn failure(&self, error: std::io::Error) -> Failure {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.no_answer(),
            _ => Failure::Io(error),
        }
    }

    fn no_answer(&self) -> Failure {
        Failure::NoAnswer { socket: self.socket.clone(), within: self.timeout }
    }
}

fn connect(path: &Path, timeout: Duration) -> Result<UnixStream, Failure> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)?;
    // Not waiting here: a daemon that hangs with a full queue would hold this up without an end.
    socket.set_nonblocking(true)?;
    socket.connect(&address).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory => {
            Failure::NotRunning(path.to_owned())
        }
        ErrorKind::PermissionDenied => Failure::NotPermitted(path.to_owned()),
        ErrorKind::WouldBlock => Failure::NoAnswer { socket: path.to_owned(), within: timeout },
        _ => Failure::Io(error),
    })?;
    socket.set_nonblocking(false)?;
    socket.set_write_timeout(Some(timeout))?;
    Ok(socket.into())
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = admin::socket_candidates(|name| std::env::var(name).ok());
    let uid = rustix::process::getuid().as_raw();
    let fallback = admin::fallback_runtime_folder(uid);
    // Anybody can make a folder in /tmp; only one's own is trusted.
    if fallback.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == uid) {
        places.push(fallback.join(admin::SOCKET_NAME));
    }
    places
}
