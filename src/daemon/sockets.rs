//! Opens sockets, and sets their options.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;
use tracing::debug;

/// The maximum number of connections that wait to be accepted. A lower limit of the system
/// (`net.core.somaxconn`) takes precedence. With tokio's default of 1024, a storm of connections is
/// slow.
const BACKLOG: i32 = 4096;

/// The number of times that an unanswered keep-alive is repeated.
const KEEPALIVE_RETRIES: u32 = 3;

/// The number of unsent bytes in the system at which the socket counts as full. The rest waits in
/// the log, which is shared, and the connection is known to be behind.
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

/// Checks that a listening socket could be opened on an address now, by binding one.
///
/// # Errors
/// The system's reason.
pub fn try_bind(address: SocketAddr) -> io::Result<()> {
    bind(address).map(drop)
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So a restart does not have to wait until the system has forgotten the old connections.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that both "0.0.0.0" and "[::]" can be used.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Takes over the connection of another process, which keeps its options.
///
/// # Errors
/// The runtime does not accept the socket.
pub fn adopt(socket: OwnedFd) -> io::Result<TcpStream> {
    // The socket is non-blocking already, because that belongs to the socket and not to the process.
    TcpStream::from_std(socket.into())
}

/// Sets the options of a new connection: no delays, and keep-alives that notice within `silence` when
/// the network goes silent while nothing is unacknowledged. Otherwise the module `silence` notices. The
/// user timeout is for clients that read nothing for longer than `stalled`.
pub fn prepare(stream: &TcpStream, silence: Duration, stalled: Duration) {
    let socket = SockRef::from(stream);
    let second = Duration::from_secs(1);
    let keepalive = TcpKeepalive::new()
        .with_time((silence / 2).max(second))
        .with_interval((silence / 2 / KEEPALIVE_RETRIES).max(second))
        .with_retries(KEEPALIVE_RETRIES);
    let outcome = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive));
    if let Err(error) = outcome {
        // The other side may be gone already, which the first read will show.
        debug!(event = "socket-option", %error, "cannot set the options of a connection: {error}");
    }
    if let Err(error) = socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES) {
        debug!(event = "socket-option", %error, "cannot limit the unsent bytes of a connection: {error}");
    }
    if let Err(error) = socket.set_tcp_user_timeout(Some(stalled + silence)) {
        debug!(event = "socket-option", %error, "cannot set the timeout of a connection: {error}");
    }
}
