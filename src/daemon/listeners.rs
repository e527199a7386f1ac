//! The listening sockets while the daemon runs: each is opened as soon as that is possible, and one
//! that cannot be opened does not take the others down.

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

/// The sockets that are open.
pub struct Listeners {
    open: Mutex<Vec<Open>>,
    /// Whether systemd has opened them.
    pub is_activated: bool,
}

struct Open {
    /// In the order of the configuration.
    place: usize,
    kind: ListenerKind,
    address: SocketAddr,
    socket: TcpListener,
    accept_loop: mpsc::Sender<Probe>,
}

/// What is to be opened.
#[derive(Clone, Copy)]
struct Wanted {
    place: usize,
    kind: ListenerKind,
    address: SocketAddr,
}

impl Wanted {
    /// The part to which its faults belong.
    fn part(self) -> Part {
        Part::Listener(self.kind, self.address)
    }
}

impl Listeners {
    /// Serves what is open, and opens the rest as soon as that is possible.
    ///
    /// # Errors
    /// A socket cannot be waited for.
    pub fn serve(
        listening: Listening,
        shared: &Arc<Shared>,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<Arc<Listeners>> {
        let Listening { open, failed, is_activated } = listening;
        let listeners = Arc::new(Listeners { open: Mutex::default(), is_activated });
        for (place, kind, socket) in open {
            let address = socket.local_addr().context("a listening socket has no address")?;
            let (accepting, probes) = listeners.add(Wanted { place, kind, address }, socket)?;
            tasks.spawn(listen::accept_all(accepting, kind, shared.clone(), probes));
        }
        for (place, kind, address, problem) in failed {
            let wanted = Wanted { place, kind, address };
            note(&shared.faults, wanted, &problem);
            tasks.spawn(listeners.clone().open_later(wanted, shared.clone()));
        }
        Ok(listeners)
    }

    /// Tries to open a socket until that succeeds, and serves it.
    async fn open_later(self: Arc<Self>, wanted: Wanted, shared: Arc<Shared>) {
        let Wanted { kind, address, .. } = wanted;
        let mut backoff = Backoff::while_running();
        loop {
            shared.faults.pause(backoff.next()).await;
            let opened = get_certificate(kind, &shared)
                .and_then(|()| listen::open(address))
                .and_then(|socket| self.add(wanted, socket));
            match opened {
                Err(problem) => note(&shared.faults, wanted, &problem),
                Ok((listener, probes)) => {
                    shared.faults.clear(&wanted.part());
                    let shown = kind.show(listener.local_addr().unwrap_or(address));
                    info!(event = "listening", address = %address, "listening on {shown}");
                    handover::keep(&self.sockets());
                    return listen::accept_all(listener, kind, shared, probes).await;
                }
            }
        }
    }

    /// Notes that a socket is open. Gives what its accept loop needs.
    fn add(
        &self,
        wanted: Wanted,
        socket: TcpListener,
    ) -> anyhow::Result<(tokio::net::TcpListener, mpsc::Receiver<Probe>)> {
        let Wanted { place, kind, .. } = wanted;
        let address = socket.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(socket.try_clone()?)?;
        let (accept_loop, probes) = mpsc::channel(1);
        let mut open = self.lock();
        open.push(Open { place, kind, address, socket, accept_loop });
        open.sort_by_key(|open| open.place);
        Ok((listener, probes))
    }

    /// The addresses that are served.
    pub fn addresses(&self) -> Vec<(ListenerKind, SocketAddr)> {
        self.lock().iter().map(|open| (open.kind, open.address)).collect()
    }

    /// The accept loops, which answer probes.
    pub fn accept_loops(&self) -> Vec<mpsc::Sender<Probe>> {
        self.lock().iter().map(|open| open.accept_loop.clone()).collect()
    }

    /// The open sockets once more, for the manager to keep.
    pub fn sockets(&self) -> Vec<(ListenerKind, TcpListener)> {
        let open = self.lock();
        open.iter().filter_map(|open| Some((open.kind, open.socket.try_clone().ok()?))).collect()
    }

    /// Closes all of them: new connections are refused by the system.
    pub fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that a socket cannot be opened, and says so if that is news.
fn note(faults: &Faults, wanted: Wanted, problem: &anyhow::Error) {
    let shown = wanted.kind.show(wanted.address);
    let problem = format!("not listening on {shown}: {problem:#}");
    if faults.set(wanted.part(), &problem) {
        let address = wanted.address;
        warn!(event = "not-listening", %address, "{problem}; trying again");
    }
}

/// Reads the certificate if it is needed and not there yet.
fn get_certificate(kind: ListenerKind, shared: &Shared) -> anyhow::Result<()> {
    if kind == ListenerKind::Tls && shared.identity().is_none() {
        let identity = files::certificate(&shared.config())?.load()?;
        log_certificate(&certificate_in_force(&identity, None));
        shared.set_identity(identity);
    }
    Ok(())
}
