//! Opens the chat ports, and accepts connections, whatever `accept` returns.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use chatroom::config::Config;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::handover::{self, Inherited};
use crate::shared::Shared;
use crate::sockets::{self, ListenerKind};
use crate::tls::Identity;
use crate::{session, systemd};

/// The pause after an error that does not pass at once, such as too few file descriptors.
const REST: Duration = Duration::from_millis(100);

/// The shortest time between two log messages about errors. Errors in between are counted.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Asks an accept loop for a sign of life.
pub type Probe = oneshot::Sender<()>;

/// The listening sockets at the start.
pub struct Listening {
    /// The open ones, each with its place in the configuration.
    pub open: Vec<(usize, ListenerKind, std::net::TcpListener)>,
    /// Those that cannot be opened now, and why.
    pub failed: Vec<(usize, ListenerKind, SocketAddr, anyhow::Error)>,
    /// Whether systemd has opened them. Then the addresses in the configuration have no effect.
    pub is_activated: bool,
}

/// The listening sockets at the start, and the certificate that those with TLS show.
pub struct Ports {
    pub listening: Listening,
    pub identity: Option<Identity>,
}

/// Opens the chat ports, or takes over those that are already open. TLS ports stay closed without a
/// certificate; `no_certificate` says why there is none.
///
/// # Errors
/// A socket that systemd has opened cannot be used.
pub fn open_all(
    config: &Config,
    inherited: &mut Inherited,
    no_certificate: Option<&str>,
) -> anyhow::Result<Listening> {
    if let Some(sockets) = inherited.activated() {
        for (_, socket) in &sockets {
            socket.set_nonblocking(true)?;
        }
        info!(
            event = "socket-activation",
            "serving the sockets that systemd has opened; the addresses in [listen] have no effect"
        );
        let open = (0..).zip(sockets).map(|(place, (kind, socket))| (place, kind, socket));
        return Ok(Listening { open: open.collect(), failed: Vec::new(), is_activated: true });
    }
    let wanted = wanted(config);
    let can_serve = |kind: ListenerKind| kind == ListenerKind::Plain || no_certificate.is_none();
    let (mut kept, unwanted): (Vec<_>, Vec<_>) = inherited
        .kept()
        .into_iter()
        .partition(|(kind, at, _)| can_serve(*kind) && wanted.contains(&(*kind, *at)));
    if !unwanted.is_empty() {
        for (kind, address, _) in &unwanted {
            let shown = kind.show(*address);
            info!(event = "no-longer-listening", %address, "no longer listening on {shown}");
        }
        // Before another socket is opened, perhaps with the same port and another address.
        drop(unwanted);
        handover::keep_none();
        if let Err(problem) = systemd::barrier() {
            warn!(event = "not-notified", "{problem:#}");
        }
    }
    let mut listening = Listening { open: Vec::new(), failed: Vec::new(), is_activated: false };
    for (place, (kind, address)) in wanted.into_iter().enumerate() {
        let taken = kept.iter().position(|(other, at, _)| (*other, *at) == (kind, address));
        let opened = match (taken, no_certificate.filter(|_| kind == ListenerKind::Tls)) {
            (_, Some(problem)) => Err(anyhow!(problem.to_owned())),
            (Some(taken), None) => Ok(kept.swap_remove(taken).2),
            (None, None) => open(address),
        };
        match opened {
            Ok(socket) => listening.open.push((place, kind, socket)),
            Err(problem) => listening.failed.push((place, kind, address, problem)),
        }
    }
    Ok(listening)
}

/// The addresses in the configuration.
fn wanted(config: &Config) -> Vec<(ListenerKind, SocketAddr)> {
    let plain = config.listen.chat.iter().map(|&address| (ListenerKind::Plain, address));
    let tls = config.listen.tls.iter().map(|&address| (ListenerKind::Tls, address));
    plain.chain(tls).collect()
}

/// Opens a chat port.
///
/// # Errors
/// A sentence that says what to do about it.
pub fn open(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    sockets::listen(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {address}: the address is in use, perhaps by another chatroomd, or \
             temporarily by a connection of another program; `ss -tanp sport = :{}` shows by which. \
             Try again, or choose another address in [listen]",
            address.port()
        ),
        ErrorKind::AddrNotAvailable => anyhow!(
            "cannot listen on {address}: this machine does not have that address. See `ip address`"
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "cannot listen on {address}: not permitted. Choose a port above 1023 in [listen]"
        ),
        _ => anyhow!("cannot listen on {address}: {error}"),
    })
}

/// Accepts connections until it is cancelled, and answers probes.
pub async fn accept_all(
    listener: TcpListener,
    kind: ListenerKind,
    shared: Arc<Shared>,
    mut probes: mpsc::Receiver<Probe>,
) {
    let mut errors = ErrorLog::default();
    loop {
        // `accept` can be cancelled at any time without losing a connection.
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
                // The other side has given up this connection; the next one may be fine.
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

/// Turns all clients away with this sentence, because the room is not open. Runs until it is cancelled.
pub async fn turn_all_away(
    listener: TcpListener,
    identity: Option<Identity>,
    config: Arc<Config>,
    why: &'static str,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let awaits_header = config.listen.is_proxy(peer.ip());
                session::turn_away_unopened(stream, identity.as_ref(), awaits_header, why);
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

/// Logs errors of `accept`, without flooding the log.
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
                %error,
                "cannot accept connections: {error}"
            );
            (self.said, self.count) = (Some(Instant::now()), 0);
        }
    }
}
