//! Handing all plain connections over to the process that comes next, as at an upgrade.
//!
//! The manager keeps for that process: a [`Suitcase`] with the sockets, and a file in memory with
//! what belongs to them ([`Packed`]). Who is connected notices a pause. TLS cannot go on in another
//! process; who speaks it is told to come back.

mod inherited;
mod state;
mod suitcase;

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chatroom::room::{EndReason, SessionId};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

pub use inherited::{Inherited, keep, keep_none};
pub use state::{Packed, PackedConnection, PackedInput, PackedMember, PackedOutput, PackedRoom};
use suitcase::Suitcase;

use crate::outlet::Outlet;
use crate::room_thread::Submission;
use crate::session::Stage;
use crate::shared::Shared;
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
    shared.room.ask(|reply| Submission::Probe { reply }).await;
    let room = shared.room.ask(|reply| Submission::Pack { reply }).await.flatten();
    let mut outlets: Vec<Arc<Outlet>> = Vec::new();
    let mut connections = Vec::new();
    for (outlet, input) in shared.connections.take_kept() {
        match outlet.pack() {
            Some(output) => {
                let connection = outlet.connection;
                connections.push(PackedConnection { connection, input, output });
                outlets.push(outlet);
            }
            // Its last words, as far as the socket takes them.
            None => outlet.write_last(&shared.window),
        }
    }
    shared.room.ask(|reply| Submission::Close { reply }).await;
    let count = connections.len();
    let packed = Packed { accepted: shared.connections.accepted(), room, connections };
    spawn_blocking(move || store(&packed, &outlets)).await??;
    Ok(count)
}

/// Has every plain connection stop between two lines; the others are told.
async fn freeze(shared: &Shared) {
    for outlet in shared.connections.all() {
        match outlet.is_plain() {
            true => outlet.freeze(),
            false => outlet.close(shared.window.last(), EndReason::ShuttingDown),
        }
    }
    let left = shared.connections.until_none(FREEZING).await;
    if left > 0 {
        warn!(
            event = "not-handed-over",
            connections = left,
            "{left} connections are not handed over"
        );
    }
}

fn store(packed: &Packed, outlets: &[Arc<Outlet>]) -> anyhow::Result<()> {
    let sockets: Vec<BorrowedFd<'_>> =
        outlets.iter().filter_map(|outlet| outlet.socket()).collect();
    let suitcase = Suitcase::pack(&sockets).context("the connections do not fit")?;
    let state = packed.write().context("there is no place for the state")?;
    systemd::store(SUITCASE, &[suitcase.inner.as_fd(), suitcase.outer.as_fd()])?;
    systemd::store(STATE, &[state.as_fd()])?;
    systemd::barrier()
}

/// What another process has handed over, with the sockets.
pub struct HandedOver {
    pub packed: Packed,
    sockets: Vec<Option<TcpStream>>,
}

impl HandedOver {
    /// Takes it from what was inherited. It stays with the manager as well, until [`settle`].
    ///
    /// None if there is nothing, or nothing that this version can read: then those who were
    /// connected are let go, and come back by themselves.
    pub fn take(inherited: &mut Inherited) -> Option<HandedOver> {
        let (mut state, suitcase) = inherited.handed_over()?;
        let packed = match Packed::read(&mut state) {
            Ok(packed) => packed,
            Err(problem) => {
                warn!(
                    event = "not-taken-up",
                    "the connections of before cannot be taken up, and are closed: {problem:#}"
                );
                return None;
            }
        };
        let sockets = suitcase.look(packed.connections.len()).and_then(|sockets| {
            sockets.into_iter().map(|socket| socket.map(sockets::take_up).transpose()).collect()
        });
        match sockets {
            Ok(sockets) => Some(HandedOver { packed, sockets }),
            Err(problem) => {
                warn!(event = "not-taken-up", "the connections of before are lost: {problem}");
                None
            }
        }
    }

    /// The sessions that go on, as far as their sockets have come.
    pub fn sessions(&self) -> HashSet<SessionId> {
        let all = self.packed.connections.iter().zip(&self.sockets);
        let joined = all.filter(|(connection, socket)| {
            socket.is_some() && connection.input.stage == Stage::Joined
        });
        joined.map(|(connection, _)| connection.output.session).collect()
    }

    /// Serves all of them from where they were left.
    pub fn go_on(self, shared: &Arc<Shared>) {
        shared.connections.go_on_counting(self.packed.accepted);
        let mut count = 0;
        for (connection, socket) in self.packed.connections.into_iter().zip(self.sockets) {
            let Some(socket) = socket else { continue };
            // Who has closed meanwhile has no address any more; reading notices the rest.
            let Ok(peer) = socket.peer_addr() else { continue };
            let PackedConnection { connection, input, output } = connection;
            let socket = Arc::new(socket);
            let outlet = Arc::new(Outlet::unpack(connection, peer, socket.clone(), output));
            shared.connections.take_up(&outlet);
            if input.stage == Stage::Joined {
                shared.room.submit(Submission::TakeUp { outlet: outlet.clone() });
            }
            session::go_on(Transport::plain(socket), outlet, input, shared.clone());
            count += 1;
        }
        info!(event = "taken-up", connections = count, "took up {count} connections");
    }
}

/// The manager need not keep any more what was taken up.
pub fn settle() {
    systemd::remove(STATE);
    systemd::remove(SUITCASE);
}
