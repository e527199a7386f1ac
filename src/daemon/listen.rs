//! Accepting connections, whatever `accept` returns.

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

/// After an error that will not pass at once (no descriptors, no memory) accepting rests so long.
const REST: Duration = Duration::from_millis(100);

/// Errors are logged at most so often; between, they are counted.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Asked whether the accept loop still turns.
pub type Probe = oneshot::Sender<()>;

/// The listening sockets at the start.
pub struct Listening {
    /// Those that are open, each with its place in the configuration.
    pub open: Vec<(usize, ListenerKind, std::net::TcpListener)>,
    /// Those that are to be opened, but cannot be now, and why.
    pub failed: Vec<(usize, ListenerKind, SocketAddr, anyhow::Error)>,
    /// Whether systemd has opened them, and not this program as the configuration says.
    pub is_activated: bool,
}

/// The listening sockets at the start, and the certificate that those with TLS show.
pub struct Ports {
    pub listening: Listening,
    pub identity: Option<Identity>,
}

/// Opens the chat ports, or takes over those that are open already. A port for TLS stays closed
/// while there is no certificate to show: `no_certificate` says why.
///
/// # Errors
/// A socket that systemd has passed on cannot be used.
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
            "serving the sockets that systemd has opened; [listen] in the configuration does not \
             count"
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
        // Before another one is opened, which may be the same port on other addresses.
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

/// The addresses that the configuration names.
fn wanted(config: &Config) -> Vec<(ListenerKind, SocketAddr)> {
    let plain = config.listen.chat.iter().map(|&address| (ListenerKind::Plain, address));
    let tls = config.listen.tls.iter().map(|&address| (ListenerKind::Tls, address));
    plain.chain(tls).collect()
}

/// Opens the chat port on one address.
///
/// # Errors
/// A sentence with what to do about it.
pub fn open(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    sockets::listen(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {address}: the address is in use, by another chatroomd perhaps, or \
             for a while by a connection of another program; `ss -tanp sport = :{}` shows whose. \
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

/// Turns everyone away who connects, with this sentence, until it is cancelled: the room is not open.
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
                %error,
                "cannot accept connections: {error}"
            );
            (self.said, self.count) = (Some(Instant::now()), 0);
        }
    }
}
