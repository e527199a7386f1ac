//! Hands all plain connections over to the next process, as in an upgrade.
//!
//! systemd keeps a [`SocketCarrier`] with the sockets and a memfd with their state ([`SavedState`]) for
//! that process. Clients notice only a pause. A TLS connection cannot continue in another process, so
//! its client is told to reconnect.

mod inherited;
mod socket_carrier;
mod state;

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use anyhow::Context;
use chatroom::handover::{SavedConnection, SavedState, Stage};
use chatroom::room::{EndReason, SessionId};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

pub use inherited::{Inherited, keep, keep_none};
use socket_carrier::SocketCarrier;

use crate::client_connection::ClientConnection;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::source::Source;
use crate::transport::Transport;
use crate::{session, sockets, systemd};

/// The time within which connections have to reach a point where they can be handed over. This is
/// part of the pause that clients notice.
const FREEZING: Duration = Duration::from_secs(1);

/// The names under which systemd keeps the descriptors.
const STATE: &str = "state";
const SUITCASE: &str = "suitcase";

/// Gives every plain connection to systemd, for the next process, and stops serving. Their clients are
/// told nothing. Returns how many connections were handed over.
///
/// # Errors
/// The system or systemd does not accept them.
pub async fn hand_over(shared: &Shared) -> anyhow::Result<usize> {
    freeze(shared).await;
    // Completes all requests, and shows the results as far as the sockets accept them.
    shared.room.ask(|reply| RoomRequest::Probe { reply }).await;
    let room = shared.room.ask(|reply| RoomRequest::Save { reply }).await.flatten();
    let mut clients: Vec<Arc<ClientConnection>> = Vec::new();
    let mut connections = Vec::new();
    for (client, input) in shared.connections.take_kept() {
        match client.save() {
            Some(output) => {
                let (connection, proxied) = (client.own_session, client.source.save());
                connections.push(SavedConnection { connection, proxied, input, output });
                clients.push(client);
            }
            // Tells the client, as far as the socket accepts it.
            None => client.write_last(&shared.window),
        }
    }
    shared.room.ask(|reply| RoomRequest::Close { reply }).await;
    let count = connections.len();
    let saved = SavedState { accepted: shared.connections.accepted(), room, connections };
    spawn_blocking(move || store(&saved, &clients)).await??;
    Ok(count)
}

/// Has every plain connection stop between two lines of input, and closes the others.
async fn freeze(shared: &Shared) {
    for client in shared.connections.all() {
        match client.is_plain() {
            true => client.freeze(),
            false => client.close(shared.window.last(), EndReason::ShuttingDown),
        }
    }
    let left = shared.connections.until_none(FREEZING).await;
    if left > 0 {
        warn!(
            event = "not-handed-over",
            connections = left,
            "left {left} connections out of the hand-over, which closes them"
        );
    }
}

fn store(saved: &SavedState, clients: &[Arc<ClientConnection>]) -> anyhow::Result<()> {
    let sockets: Vec<BorrowedFd<'_>> =
        clients.iter().filter_map(|client| client.socket()).collect();
    let carrier = SocketCarrier::save(&sockets).context("cannot pack the sockets")?;
    let state = state::write(saved).context("cannot write the state")?;
    systemd::store(SUITCASE, &[carrier.inner.as_fd(), carrier.outer.as_fd()])?;
    systemd::store(STATE, &[state.as_fd()])?;
    systemd::barrier()
}

/// The state that the previous process has handed over, with the sockets.
pub struct HandedOver {
    pub saved: SavedState,
    sockets: Vec<Option<OwnedFd>>,
}

/// Reads what was handed over on a thread, while the history is opened. The process must not exit
/// before [`Inspection::end`], because the sockets are not in the carrier in the meantime.
pub struct Inspection(Option<JoinHandle<Option<HandedOver>>>);

impl Inspection {
    /// Begins, if something was handed over.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn begin(inherited: &mut Inherited) -> io::Result<Inspection> {
        let Some((state, carrier)) = inherited.handed_over() else { return Ok(Inspection(None)) };
        let inspect = move || HandedOver::inspect(state, &carrier);
        let thread = thread::Builder::new().name("handover".to_owned()).spawn(inspect)?;
        Ok(Inspection(Some(thread)))
    }

    /// Waits for the result. systemd keeps a copy of it until [`settle`].
    pub fn end(self) -> Option<HandedOver> {
        self.0?.join().ok().flatten()
    }
}

impl HandedOver {
    /// Returns `None` if this version cannot read the state. The connections are closed then, and
    /// clients reconnect by themselves.
    fn inspect(mut state: File, carrier: &SocketCarrier) -> Option<HandedOver> {
        let saved = match state::read(&mut state) {
            Ok(saved) => saved,
            Err(problem) => {
                warn!(
                    event = "not-taken-up",
                    "cannot resume the connections from before the restart, which are closed: {problem:#}"
                );
                return None;
            }
        };
        match carrier.inspect(saved.connections.len()) {
            Ok(sockets) => Some(HandedOver { saved, sockets }),
            Err(problem) => {
                warn!(
                    event = "not-taken-up",
                    "lost the connections from before the restart: {problem}"
                );
                None
            }
        }
    }

    /// The sessions that continue, because their sockets have arrived.
    pub fn sessions(&self) -> HashSet<SessionId> {
        let all = self.saved.connections.iter().zip(&self.sockets);
        let joined = all.filter(|(connection, socket)| {
            socket.is_some() && connection.input.stage == Stage::Joined
        });
        joined.map(|(connection, _)| connection.output.session).collect()
    }

    /// Serves all connections from where the previous process left them.
    pub fn resume(self, shared: &Arc<Shared>) {
        shared.connections.continue_count(self.saved.accepted);
        let mut resume_point = Vec::with_capacity(self.sockets.len());
        for (connection, socket) in self.saved.connections.into_iter().zip(self.sockets) {
            // A connection that was closed in the meantime has no address. Other failures show when
            // reading.
            let Some(Ok(socket)) = socket.map(sockets::adopt) else { continue };
            let Ok(peer) = socket.peer_addr() else { continue };
            let SavedConnection { connection, proxied, input, output } = connection;
            let source = Source::restore(peer, proxied);
            let socket = Arc::new(socket);
            let client =
                Arc::new(ClientConnection::restore(connection, source, socket.clone(), output));
            shared.connections.resume(&client);
            resume_point.push((socket, client, input));
        }
        let joined = resume_point.iter().filter(|(_, _, input)| input.stage == Stage::Joined);
        let clients = joined.map(|(_, client, _)| client.clone()).collect();
        // In one request, because waking the room thread for each would take longer than the rest.
        shared.room.submit(RoomRequest::TakeUp { clients });
        let count = resume_point.len();
        for (socket, client, input) in resume_point {
            session::resume(Transport::plain(socket), client, input, shared.clone());
        }
        info!(event = "taken-up", connections = count, "resumed {count} connections");
    }
}

/// Has systemd drop the handed-over state, because it has been resumed.
pub fn settle() {
    systemd::remove(STATE);
    systemd::remove(SUITCASE);
}
