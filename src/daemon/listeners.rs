//! The listening sockets of the running daemon. A socket that cannot be opened is tried again, and does
//! not affect the others.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::faults::{Faults, Part};
use crate::listen::{self, Listening, Probe};
use crate::reload::{certificate_in_force, log_certificate};
use crate::shared::Shared;
use crate::sockets::ListenerKind;
use crate::{files, handover};

/// The open listening sockets.
pub struct Listeners {
    open: Mutex<Vec<OpenSocket>>,
    /// Whether systemd has opened them.
    pub is_activated: bool,
}

struct OpenSocket {
    /// The place in the configuration.
    place: usize,
    kind: ListenerKind,
    address: SocketAddr,
    socket: TcpListener,
    accept_loop: mpsc::Sender<Probe>,
}

/// A socket that is to be open.
#[derive(Clone, Copy)]
struct Endpoint {
    place: usize,
    kind: ListenerKind,
    address: SocketAddr,
}

impl Endpoint {
    /// The part to which its faults belong.
    fn part(self) -> Part {
        Part::Listener(self.kind, self.address)
    }
}

impl Listeners {
    /// Serves the open sockets, and opens the others as soon as possible.
    ///
    /// # Errors
    /// The runtime does not accept a socket.
    pub fn serve(
        listening: Listening,
        shared: &Arc<Shared>,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<Arc<Listeners>> {
        let Listening { open, failed, is_activated } = listening;
        let listeners = Arc::new(Listeners { open: Mutex::default(), is_activated });
        for (place, kind, socket) in open {
            let address = socket.local_addr().context("a listening socket has no address")?;
            let (accepting, probes) = listeners.add(Endpoint { place, kind, address }, socket)?;
            tasks.spawn(listen::accept_all(accepting, kind, shared.clone(), probes));
        }
        for (place, kind, address, problem) in failed {
            let endpoint = Endpoint { place, kind, address };
            note(&shared.faults, endpoint, &problem);
            tasks.spawn(listeners.clone().open_later(endpoint, shared.clone()));
        }
        Ok(listeners)
    }

    /// Tries to open a socket until that succeeds, then serves it.
    async fn open_later(self: Arc<Self>, endpoint: Endpoint, shared: Arc<Shared>) {
        let Endpoint { kind, address, .. } = endpoint;
        let mut backoff = Backoff::while_running();
        loop {
            shared.faults.pause(backoff.next()).await;
            let opened = get_certificate(kind, &shared)
                .and_then(|()| listen::open(address))
                .and_then(|socket| self.add(endpoint, socket));
            match opened {
                Err(problem) => note(&shared.faults, endpoint, &problem),
                Ok((listener, probes)) => {
                    shared.faults.clear(&endpoint.part());
                    let shown = kind.show(listener.local_addr().unwrap_or(address));
                    info!(event = "listening", address = %address, "listening on {shown}");
                    handover::keep(&self.sockets());
                    return listen::accept_all(listener, kind, shared, probes).await;
                }
            }
        }
    }

    /// Adds an open socket. Returns the context for its accept loop.
    fn add(
        &self,
        endpoint: Endpoint,
        socket: TcpListener,
    ) -> anyhow::Result<(tokio::net::TcpListener, mpsc::Receiver<Probe>)> {
        let Endpoint { place, kind, .. } = endpoint;
        let address = socket.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(socket.try_clone()?)?;
        let (accept_loop, probes) = mpsc::channel(1);
        let mut open = self.lock();
        open.push(OpenSocket { place, kind, address, socket, accept_loop });
        open.sort_by_key(|open| open.place);
        Ok((listener, probes))
    }

    /// The addresses of the open sockets.
    pub fn addresses(&self) -> Vec<(ListenerKind, SocketAddr)> {
        self.lock().iter().map(|open| (open.kind, open.address)).collect()
    }

    /// The accept loops, to be probed.
    pub fn accept_loops(&self) -> Vec<mpsc::Sender<Probe>> {
        self.lock().iter().map(|open| open.accept_loop.clone()).collect()
    }

    /// Duplicates of the open sockets, for systemd to keep.
    pub fn sockets(&self) -> Vec<(ListenerKind, TcpListener)> {
        let open = self.lock();
        open.iter().filter_map(|open| Some((open.kind, open.socket.try_clone().ok()?))).collect()
    }

    /// Closes all sockets. From then on the system refuses new connections.
    pub fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OpenSocket>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that a socket cannot be opened, and logs it if that is news.
fn note(faults: &Faults, endpoint: Endpoint, problem: &anyhow::Error) {
    let shown = endpoint.kind.show(endpoint.address);
    let problem = format!("not listening on {shown}: {problem:#}");
    if faults.set(endpoint.part(), &problem) {
        let address = endpoint.address;
        warn!(event = "not-listening", %address, "{problem}; trying again");
    }
}

/// Reads the certificate if the socket needs it and none has been read.
fn get_certificate(kind: ListenerKind, shared: &Shared) -> anyhow::Result<()> {
    if kind == ListenerKind::Tls && shared.identity().is_none() {
        let identity = files::certificate(&shared.config())?.load()?;
        log_certificate(&certificate_in_force(&identity, None));
        shared.set_identity(identity);
    }
    Ok(())
}
