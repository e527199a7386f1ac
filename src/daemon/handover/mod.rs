//! Handing all plain connections over to the process that comes next, as at an upgrade.
//!
//! The manager keeps for that process: a [`Suitcase`] with the sockets, and a file in memory with
//! what belongs to them ([`Packed`]). Who is connected notices a pause. TLS cannot go on in another
//! process; who speaks it is told to come back.

mod inherited;
mod kept;
mod state;
mod suitcase;

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use anyhow::Context;
use chatroom::handover::{Packed, PackedConnection, Stage};
use chatroom::room::{EndReason, SessionId};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

pub use inherited::{Inherited, keep, keep_none};
pub use kept::Kept;
use suitcase::Suitcase;

use crate::outlet::Outlet;
use crate::room_thread::Submission;
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
    shared.room.ask(|reply| Submission::Probe { reply }).await;
    let room = shared.room.ask(|reply| Submission::Pack { reply }).await.flatten();
    let mut outlets: Vec<Arc<Outlet>> = Vec::new();
    let mut connections = Vec::new();
    for (outlet, input) in shared.connections.take_kept() {
        match outlet.pack() {
            Some(output) => {
                let (connection, proxied) = (outlet.connection, outlet.source.pack());
                connections.push(PackedConnection { connection, proxied, input, output });
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
            "left {left} connections out of the hand-over, which closes them"
        );
    }
}

fn store(packed: &Packed, outlets: &[Arc<Outlet>]) -> anyhow::Result<()> {
    let sockets: Vec<BorrowedFd<'_>> =
        outlets.iter().filter_map(|outlet| outlet.socket()).collect();
    let suitcase = Suitcase::pack(&sockets).context("the connections do not fit")?;
    let state = state::write(packed).context("there is no place for the state")?;
    systemd::store(SUITCASE, &[suitcase.inner.as_fd(), suitcase.outer.as_fd()])?;
    systemd::store(STATE, &[state.as_fd()])?;
    systemd::barrier()
}

/// What another process has handed over, with the sockets.
pub struct HandedOver {
    pub packed: Packed,
    sockets: Vec<Option<OwnedFd>>,
}

/// Looking at what was handed over, beside the opening of the history, which takes as long. The
/// process must not end before [`Looking::end`]: what is looked at is not with the manager.
pub struct Looking(Option<JoinHandle<Option<HandedOver>>>);

impl Looking {
    /// Begins, if there is something.
    ///
    /// # Errors
    /// There are no threads.
    pub fn begin(inherited: &mut Inherited) -> io::Result<Looking> {
        let Some((state, suitcase)) = inherited.handed_over() else { return Ok(Looking(None)) };
        let look = move || HandedOver::look(state, &suitcase);
        let thread = thread::Builder::new().name("suitcase".to_owned()).spawn(look)?;
        Ok(Looking(Some(thread)))
    }

    /// Gives what there is. It is with the manager as well, until [`settle`].
    pub fn end(self) -> Option<HandedOver> {
        self.0?.join().ok().flatten()
    }
}

impl HandedOver {
    /// None if there is nothing that this version can read: then those who were connected are let
    /// go, and come back by themselves.
    fn look(mut state: File, suitcase: &Suitcase) -> Option<HandedOver> {
        let packed = match state::read(&mut state) {
            Ok(packed) => packed,
            Err(problem) => {
                warn!(
                    event = "not-taken-up",
                    "cannot take up the connections of before, which are closed: {problem:#}"
                );
                return None;
            }
        };
        match suitcase.look(packed.connections.len()) {
            Ok(sockets) => Some(HandedOver { packed, sockets }),
            Err(problem) => {
                warn!(event = "not-taken-up", "lost the connections of before: {problem}");
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
        let mut going_on = Vec::with_capacity(self.sockets.len());
        for (connection, socket) in self.packed.connections.into_iter().zip(self.sockets) {
            // Who has closed meanwhile has no address any more; reading notices the rest.
            let Some(Ok(socket)) = socket.map(sockets::take_up) else { continue };
            let Ok(peer) = socket.peer_addr() else { continue };
            let PackedConnection { connection, proxied, input, output } = connection;
            let source = Source::unpack(peer, proxied);
            let socket = Arc::new(socket);
            let outlet = Arc::new(Outlet::unpack(connection, source, socket.clone(), output));
            shared.connections.take_up(&outlet);
            going_on.push((socket, outlet, input));
        }
        let joined = going_on.iter().filter(|(_, _, input)| input.stage == Stage::Joined);
        let outlets = joined.map(|(_, outlet, _)| outlet.clone()).collect();
        // Together: to wake the room for each would take longer than all the rest.
        shared.room.submit(Submission::TakeUp { outlets });
        let count = going_on.len();
        for (socket, outlet, input) in going_on {
            session::go_on(Transport::plain(socket), outlet, input, shared.clone());
        }
        info!(event = "taken-up", connections = count, "took up {count} connections");
    }
}

/// The manager need not keep any more what was taken up.
pub fn settle() {
    systemd::remove(STATE);
    systemd::remove(SUITCASE);
}
