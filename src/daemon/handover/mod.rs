//! Handing all plain connections over to the process that comes next, as at an upgrade.
//!
//! The manager keeps for that process: a [`SocketCarrier`] with the sockets, and a file in memory with
//! what belongs to them ([`SavedState`]). Who is connected notices a pause. TLS cannot go on in another
//! process; who speaks it is told to come back.

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

/// How long connections may take to come to a point where they can be handed over. It is part of the
/// pause that everybody has.
const FREEZING: Duration = Duration::from_secs(1);

/// The names of what the manager keeps.
const STATE: &str = "state";
const SUITCASE: &str = "suitcase";

/// Gives every plain connection to the manager, for the process that comes next. Nothing is served
/// here any more then, and nobody was told anything.
///
/// # Errors
/// The system or the manager does not take them.
pub async fn hand_over(shared: &Shared) -> anyhow::Result<usize> {
    freeze(shared).await;
    // Everything that was asked for is done, and shown as far as the sockets take it.
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
            // Its last words, as far as the socket takes them.
            None => client.write_last(&shared.window),
        }
    }
    shared.room.ask(|reply| RoomRequest::Close { reply }).await;
    let count = connections.len();
    let saved = SavedState { accepted: shared.connections.accepted(), room, connections };
    spawn_blocking(move || store(&saved, &clients)).await??;
    Ok(count)
}

/// Has every plain connection stop between two lines; the others are told.
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
    let carrier = SocketCarrier::save(&sockets).context("the connections do not fit")?;
    let state = state::write(saved).context("there is no place for the state")?;
    systemd::store(SUITCASE, &[carrier.inner.as_fd(), carrier.outer.as_fd()])?;
    systemd::store(STATE, &[state.as_fd()])?;
    systemd::barrier()
}

/// What another process has handed over, with the sockets.
pub struct HandedOver {
    pub saved: SavedState,
    sockets: Vec<Option<OwnedFd>>,
}

/// Looking at what was handed over, beside the opening of the history, which takes as long. The
/// process must not end before [`Inspection::end`]: what is looked at is not with the manager.
pub struct Inspection(Option<JoinHandle<Option<HandedOver>>>);

impl Inspection {
    /// Begins, if there is something.
    ///
    /// # Errors
    /// There are no threads.
    pub fn begin(inherited: &mut Inherited) -> io::Result<Inspection> {
        let Some((state, carrier)) = inherited.handed_over() else { return Ok(Inspection(None)) };
        let inspect = move || HandedOver::inspect(state, &carrier);
        let thread = thread::Builder::new().name("handover".to_owned()).spawn(inspect)?;
        Ok(Inspection(Some(thread)))
    }

    /// Gives what there is. It is with the manager as well, until [`settle`].
    pub fn end(self) -> Option<HandedOver> {
        self.0?.join().ok().flatten()
    }
}

impl HandedOver {
    /// None if there is nothing that this version can read: then those who were connected are let
    /// go, and come back by themselves.
    fn inspect(mut state: File, carrier: &SocketCarrier) -> Option<HandedOver> {
        let saved = match state::read(&mut state) {
            Ok(saved) => saved,
            Err(problem) => {
                warn!(
                    event = "not-taken-up",
                    "cannot take up the connections of before, which are closed: {problem:#}"
                );
                return None;
            }
        };
        match carrier.inspect(saved.connections.len()) {
            Ok(sockets) => Some(HandedOver { saved, sockets }),
            Err(problem) => {
                warn!(event = "not-taken-up", "lost the connections of before: {problem}");
                None
            }
        }
    }

    /// The sessions that go on, as far as their sockets have come.
    pub fn sessions(&self) -> HashSet<SessionId> {
        let all = self.saved.connections.iter().zip(&self.sockets);
        let joined = all.filter(|(connection, socket)| {
            socket.is_some() && connection.input.stage == Stage::Joined
        });
        joined.map(|(connection, _)| connection.output.session).collect()
    }

    /// Serves all of them from where they were left.
    pub fn resume(self, shared: &Arc<Shared>) {
        shared.connections.continue_count(self.saved.accepted);
        let mut resume_point = Vec::with_capacity(self.sockets.len());
        for (connection, socket) in self.saved.connections.into_iter().zip(self.sockets) {
            // Who has closed meanwhile has no address any more; reading notices the rest.
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
        // Together: to wake the room for each would take longer than all the rest.
        shared.room.submit(RoomRequest::TakeUp { clients });
        let count = resume_point.len();
        for (socket, client, input) in resume_point {
            session::resume(Transport::plain(socket), client, input, shared.clone());
        }
        info!(event = "taken-up", connections = count, "took up {count} connections");
    }
}

/// The manager need not keep any more what was taken up.
pub fn settle() {
    systemd::remove(STATE);
    systemd::remove(SUITCASE);
}
