//! Accepting connections, whatever `accept` returns.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::warn;

use crate::shared::Shared;
use crate::{session, sockets};

/// After an error that will not pass at once (no descriptors, no memory) accepting rests so long.
const REST: Duration = Duration::from_millis(100);

/// Errors are logged at most so often; between, they are counted.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Tls,
}

impl Kind {
    /// How an address is told to people.
    pub fn show(self, address: SocketAddr) -> String {
        match self {
            Kind::Plain => address.to_string(),
            Kind::Tls => format!("{address} (TLS)"),
        }
    }
}

/// Asked whether the accept loop still turns.
pub type Probe = oneshot::Sender<()>;

/// Opens the chat port on one address.
///
/// # Errors
/// A sentence with what to do about it.
pub fn open(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = sockets::listen(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {address}: the address is in use. Perhaps another chatroomd is \
             running; `ss -ltnp` shows who has it. Else choose another one in [listen]"
        ),
        ErrorKind::AddrNotAvailable => anyhow!(
            "cannot listen on {address}: this machine does not have that address. See `ip address`"
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "cannot listen on {address}: not permitted. Choose a port above 1023 in [listen]"
        ),
        _ => anyhow!("cannot listen on {address}: {error}"),
    })?;
    TcpListener::from_std(socket).context("cannot use a listening socket")
}

/// Accepts connections until it is cancelled, and answers probes.
pub async fn accept_all(
    listener: TcpListener,
    kind: Kind,
    shared: Arc<Shared>,
    mut probes: mpsc::Receiver<Probe>,
) {
    let mut errors = ErrorLog::default();
    loop {
        // Accepting can be given up and begun again at any time without losing a connection.
        tokio::select! {
            probe = probes.recv() => match probe {
                Some(probe) => drop(probe.send(())),
                None => return,
            },
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let timeouts = &shared.config().timeouts;
                    sockets::prepare(&stream, timeouts.silence, timeouts.stalled);
                    session::serve(stream, peer, kind, shared.clone());
                }
                // That one connection was given up by the other side; the next may be fine.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) => {}
                Err(error) => {
                    errors.note(&error);
                    tokio::time::sleep(REST).await;
                }
            },
        }
    }
}

/// Says what is wrong without drowning the log in it.
#[derive(Default)]
struct ErrorLog {
    said: Option<Instant>,
    count: u64,
}

impl ErrorLog {
    fn note(&mut self, error: &std::io::Error) {
        self.count += 1;
        if self.said.is_none_or(|said| said.elapsed() >= LOG_EVERY) {
            warn!(
                event = "accept-failed",
                count = self.count,
                "cannot accept connections: {error}"
            );
            (self.said, self.count) = (Some(Instant::now()), 0);
        }
    }
}
