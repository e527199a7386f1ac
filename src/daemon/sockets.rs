//! Options of sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;
use tracing::debug;

/// How many connections may wait to be accepted. The system's own limit (`net.core.somaxconn`)
/// counts where it is lower; with tokio's usual 1024 a storm of connections crawls.
const BACKLOG: i32 = 4096;

/// A keep-alive that is not answered is repeated so many times.
const KEEPALIVE_RETRIES: u32 = 3;

/// So many bytes may wait in the system for a reader that takes no more; then the socket counts as
/// full. What waits beyond that, waits in the log, where it is shared, and the reader is known to
/// be behind.
const MAX_UNSENT_BYTES: u32 = 16 * 1024;

/// Whether a listening socket expects TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerKind {
    Plain,
    Tls,
}

impl ListenerKind {
    /// An address as operators see it.
    pub fn show(self, address: SocketAddr) -> String {
        match self {
            ListenerKind::Plain => address.to_string(),
            ListenerKind::Tls => format!("{address} (TLS)"),
        }
    }
}

/// Opens a listening socket.
///
/// # Errors
/// The system's reason.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether a listening socket could be opened at an address now: it is bound, and closed again.
///
/// # Errors
/// The system's reason why not.
pub fn try_bind(address: SocketAddr) -> io::Result<()> {
    bind(address).map(drop)
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart need not wait until the connections of before are forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that "0.0.0.0" and "[::]" can stand beside each other.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A connection that another process has had, with its options.
///
/// # Errors
/// It cannot be waited for.
pub fn adopt(socket: OwnedFd) -> io::Result<TcpStream> {
    // That it does not block belongs to the socket, and not to the process.
    TcpStream::from_std(socket.into())
}

/// Makes a new connection prompt, and has the system notice within `silence` when the network goes
/// silent under it while nothing is under way. While something is, [`crate::silence`] notices; the
/// user timeout is for a reader that has no room for it for longer than it may be `stalled`.
pub fn prepare(stream: &TcpStream, silence: Duration, stalled: Duration) {
    let socket = SockRef::from(stream);
    let second = Duration::from_secs(1);
    let keepalive = TcpKeepalive::new()
        .with_time((silence / 2).max(second))
        .with_interval((silence / 2 / KEEPALIVE_RETRIES).max(second))
        .with_retries(KEEPALIVE_RETRIES);
    let outcome = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive));
    if let Err(error) = outcome {
        // The other side may be gone already; then the first read says so.
        debug!(event = "socket-option", %error, "cannot set the options of a connection: {error}");
    }
    if let Err(error) = socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES) {
        debug!(event = "socket-option", %error, "cannot limit the unsent bytes of a connection: {error}");
    }
    if let Err(error) = socket.set_tcp_user_timeout(Some(stalled + silence)) {
        debug!(event = "socket-option", %error, "cannot set the timeout of a connection: {error}");
    }
}
