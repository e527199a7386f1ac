//! The connection to the admin socket: a request is one line, a reply is one line, and each has a
//! timeout.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chatroom::admin::{self, AdminRequest, Reply};
use chatroom::config::Config;
use chatroom::wire::json;
use socket2::{Domain, SockAddr, Socket, Type};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::main_process;
use crate::program::variable;

/// The configuration file of the service.
pub const CONFIG: &str = "/etc/chatroomd.toml";

/// The length limit of a reply, in bytes.
const MAX_REPLY_BYTES: usize = 256 << 20;

/// A connection to the admin socket.
pub struct AdminConnection {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    socket: PathBuf,
    timeout: Duration,
}

impl AdminConnection {
    /// Connects to the named socket, or to the first default one where a daemon answers.
    ///
    /// # Errors
    /// The most informative of the failures to connect.
    pub fn open(socket: Option<&Path>, timeout: Duration) -> Result<AdminConnection, Failure> {
        let sockets = match socket {
            Some(socket) => vec![socket.to_owned()],
            None => default_sockets(),
        };
        let mut failure = None;
        for socket in sockets {
            match connect(&socket, timeout) {
                Ok(stream) => {
                    let reader = BufReader::new(stream.try_clone()?);
                    return Ok(AdminConnection { stream, reader, socket, timeout });
                }
                // A socket without access says more than a missing one.
                Err(found @ Failure::NotPermitted(_)) => failure = Some(found),
                Err(found @ Failure::NotRunning(_)) => failure = failure.or(Some(found)),
                Err(other) => return Err(other),
            }
        }
        Err(failure.unwrap_or_else(|| Failure::NotRunning(PathBuf::from(admin::SOCKET_NAME))))
    }

    /// Sends a request and waits for the reply.
    ///
    /// # Errors
    /// There is no reply in time, or it cannot be parsed.
    pub fn ask(&mut self, request: &AdminRequest) -> Result<Reply, Failure> {
        let deadline = Instant::now() + self.timeout;
        // The request may contain a password.
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        json::push_line(request, &mut line);
        self.stream.write_all(&line).map_err(|error| self.failure(error))?;
        let answer = self.read_line(deadline)?;
        serde_json::from_slice(&answer).map_err(|error| Failure::Misunderstood(error.to_string()))
    }

    /// Copies the `length` bytes that follow a reply. The timeout applies to each part.
    ///
    /// # Errors
    /// They do not arrive, or `write` fails.
    pub fn receive(
        &mut self,
        length: u64,
        mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.stream.set_read_timeout(Some(self.timeout))?;
        let mut left = length;
        while left > 0 {
            let piece = match self.reader.fill_buf() {
                Ok([]) => return Err(Failure::Ended),
                Ok(piece) => &piece[..piece.len().min(usize::try_from(left).unwrap_or(usize::MAX))],
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failure(error)),
            };
            write(piece)?;
            let taken = piece.len();
            left -= taken as u64;
            self.reader.consume(taken);
        }
        Ok(())
    }

    /// Waits until the daemon closes the connection. Returns false if it does not do so in time.
    pub fn until_closed(&mut self) -> bool {
        let deadline = Instant::now() + self.timeout;
        matches!(self.read_line(deadline), Err(Failure::Ended))
    }

    /// Waits for a line that the daemon sends without a request.
    ///
    /// # Errors
    /// No line arrives in time, or the connection is closed.
    pub fn receive_line(&mut self, within: Duration) -> Result<Vec<u8>, Failure> {
        self.timeout = within;
        self.read_line(Instant::now() + within)
    }

    fn read_line(&mut self, deadline: Instant) -> Result<Vec<u8>, Failure> {
        let mut answer = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || answer.len() > MAX_REPLY_BYTES {
                return Err(self.no_answer());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.reader.fill_buf() {
                Ok([]) => return Err(Failure::Ended),
                Ok(piece) => {
                    let end = piece.iter().position(|&byte| byte == b'\n');
                    let taken = end.map_or(piece.len(), |end| end + 1);
                    answer.extend_from_slice(&piece[..taken]);
                    // Bytes after the line stay in the buffer: they can be a backup.
                    self.reader.consume(taken);
                    if end.is_some() {
                        return Ok(answer);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
    }

    fn failure(&self, error: std::io::Error) -> Failure {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.no_answer(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Failure::Ended,
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
    // Without blocking: a daemon that hangs with a full queue would block this for ever.
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

fn default_sockets() -> Vec<PathBuf> {
    // If it is missing or invalid, the defaults apply.
    let config = std::fs::read_to_string(CONFIG).ok().and_then(|text| Config::parse(&text).ok());
    let mut sockets = main_process::sockets(variable("MAINPID"));
    sockets.extend(admin::socket_candidates(variable, config.as_ref()));
    let uid = rustix::process::getuid().as_raw();
    let fallback = admin::fallback_runtime_folder(uid);
    // Any user can create a folder in /tmp; only a folder of the same user is trusted.
    if fallback.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == uid) {
        sockets.push(fallback.join(admin::SOCKET_NAME));
    }
    sockets
}
