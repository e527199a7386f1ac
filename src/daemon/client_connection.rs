//! The way out to one connection: a cursor in the log and a small outbox.
//!
//! Nothing of the room's talk is queued here. [`ClientConnection::pump`] takes from the log what stands at
//! the cursor, puts the answers that are for this connection alone between the records where they
//! belong, and writes without ever waiting. Both sides of a connection use it: who publishes
//! ([`ClientConnection::deliver`]), and the connection's own task, for all that does not go out at once.

mod assembly;
mod handing_over;
mod state;
mod traffic;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatroom::room::{EndReason, Record, Seq, SessionId};
use chatroom::wire::{Answer, Batch, Dialect};
use rustix::net::SendFlags;
use tokio::net::TcpStream;

use crate::metrics::Totals;
use crate::source::Source;
use crate::window::Window;
use state::{Ending, OutboxEntry, State, Written};
pub use traffic::Traffic;

/// So many answers, and so many bytes of them, may wait before no more requests of this connection
/// are taken.
const OUTBOX: usize = 64;
const OUTBOX_BYTES: usize = 64 * 1024;

/// So many pieces are written to one connection before others have their turn.
const TURN: u32 = 8;

/// The way out to one connection.
pub struct ClientConnection {
    /// What the session is called unless it takes up another one.
    pub own_session: SessionId,
    pub source: Source,
    pub traffic: Traffic,
    socket: Option<Arc<TcpStream>>,
    /// Whether who publishes may write to the socket.
    is_direct: bool,
    state: Mutex<State>,
}

/// What is left after pumping.
#[derive(Debug, PartialEq, Eq)]
pub enum Pumped {
    /// Everything there is has been written.
    Idle,
    /// The socket takes no more at present.
    Blocked,
    /// There is more, and others have their turn before it is written.
    More,
    /// What comes next, from the one number to before the other, is no longer in the window.
    /// [`ClientConnection::backfill`] goes on.
    Behind(Seq, Seq),
    /// The connection is to end; its last byte is written, or it is broken.
    Ended(EndReason),
}

impl ClientConnection {
    /// A connection that has not joined, and speaks text until it shows otherwise.
    pub fn new(
        own_session: SessionId,
        source: Source,
        socket: Option<Arc<TcpStream>>,
        is_direct: bool,
    ) -> ClientConnection {
        ClientConnection {
            own_session,
            source,
            socket,
            is_direct,
            traffic: Traffic::new(),
            state: Mutex::new(State {
                session: own_session,
                dialect: Dialect::INITIAL,
                keeps_place: true,
                cursor: None,
                replay_until: None,
                backfilled: None,
                tail: Vec::new(),
                outbox: VecDeque::new(),
                outbox_bytes: 0,
                reserved: 0,
                reserved_bytes: 0,
                last: None,
                is_blocked: false,
                is_abandoned: false,
                ending: None,
                is_freezing: false,
                in_flight: 0,
                in_flight_bytes: 0,
                waits_to_ask: false,
                delivered: 0,
                is_woken: false,
                waker: None,
            }),
        }
    }

    /// The socket, to ask the system about it.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(|stream| stream.as_fd())
    }

    /// Whether what is written goes to the socket as it is.
    pub fn is_plain(&self) -> bool {
        self.is_direct
    }

    /// What the connection speaks.
    pub fn dialect(&self) -> Dialect {
        self.state().dialect
    }

    /// From now on answers and records are in this dialect.
    pub fn set_dialect(&self, dialect: Dialect) {
        self.state().dialect = dialect;
    }

    /// Whether the place of the session is held when this connection is lost: only for a client
    /// that has a token, and has not said that it keeps none.
    pub fn keeps_place(&self) -> bool {
        let state = self.state();
        state.keeps_place && state.dialect.can_resume()
    }

    /// The client says whether it can come back to its session.
    pub fn set_keeps_place(&self, keeps_place: bool) {
        self.state().keeps_place = keeps_place;
    }

    /// Whose connection this is.
    pub fn session(&self) -> SessionId {
        self.state().session
    }

    /// From now on this is the connection of `session`.
    pub fn adopt(&self, session: SessionId) {
        self.state().session = session;
    }

    /// Welcomes; then the log is shown, from `cursor` on, up to `until` marked as of before.
    pub fn admit(&self, welcome: &Answer, cursor: Seq, until: Seq) {
        let mut state = self.state();
        state.cursor = Some(cursor);
        state.replay_until = Some(until).filter(|&until| cursor <= until);
        state.push(cursor.previous(), welcome);
        // The own joining is not shown to who joins.
        if cursor < until {
            state.push(cursor.previous(), &Answer::StartOfReplay);
        }
        drop(state);
        self.wake();
    }

    /// From now on nothing behind the record `after` is shown: the end is near.
    pub fn stop_after(&self, after: Seq) {
        self.state().last.get_or_insert(after);
    }

    /// Gives what [`Pumped::Behind`] asked for, as far as it is kept. What is not, up to before
    /// `end`, is passed over, and the other side is told.
    pub fn backfill(&self, window: &Window, records: Vec<Record>, end: Seq) {
        let mut state = self.state();
        let Some(cursor) = state.cursor else { return };
        let first = records.first().map_or(end, |record| record.seq);
        if first > cursor {
            assembly::skip(&mut state, window, cursor, first);
        }
        state.backfilled = match records.is_empty() {
            true => None,
            false => Some(Arc::new(Batch::new(window.room.clone(), records))),
        };
    }

    /// How many of the records before `next` are still to be written.
    pub fn behind(&self, next: Seq) -> u64 {
        self.state().cursor.map_or(0, |cursor| next.0.saturating_sub(cursor.0))
    }

    /// What has gone over this connection.
    pub fn totals(&self) -> Totals {
        Totals {
            received: self.traffic.bytes_in.load(Relaxed),
            sent: self.traffic.bytes_out.load(Relaxed),
            deliveries: self.state().delivered,
        }
    }

    /// Answers at the place in the talk that the connection has now been shown.
    pub fn answer(&self, answer: &Answer) {
        let mut state = self.state();
        let after = state.cursor.map_or(Seq(0), Seq::previous);
        state.push(after, answer);
        drop(state);
        self.wake();
    }

    /// The same with an answer that is encoded already.
    pub fn answer_encoded(&self, bytes: Vec<u8>) {
        let mut state = self.state();
        let after = state.cursor.map_or(Seq(0), Seq::previous);
        state.push_outbox(OutboxEntry::bytes(after, false, bytes));
        drop(state);
        self.wake();
    }

    /// Answers behind the record `after`.
    pub fn answer_after(&self, after: Seq, answer: &Answer) {
        self.state().push(after, answer);
        self.wake();
    }

    /// Ends the connection behind the record `after`, with the reason as the last answer. Of
    /// several reasons the first counts.
    pub fn close(&self, after: Seq, reason: EndReason) {
        let mut state = self.state();
        if state.ending.is_none() {
            state.push(after, &Answer::Closing { reason: reason.clone() });
            state.ending = Some(Ending { after, reason });
        }
        drop(state);
        self.wake();
    }

    /// Ends the connection without another word, for nobody hears it.
    pub fn abandon(&self, reason: EndReason) {
        let mut state = self.state();
        state.is_abandoned = true;
        let after = state.cursor.unwrap_or_default();
        state.ending.get_or_insert(Ending { after, reason });
        drop(state);
        self.wake();
    }

    /// Whether writing is of no use any more.
    pub fn is_abandoned(&self) -> bool {
        self.state().is_abandoned
    }

    /// Whether the connection is to end.
    pub fn is_ending(&self) -> bool {
        self.state().ending.is_some()
    }

    /// Shows a batch that was just published: at once, if that can be done without waiting, else
    /// the connection's own task is told to.
    ///
    /// Waking a task for each delivery would cost more than the delivery itself.
    pub fn deliver(&self, window: &Window, batch: &Batch) {
        let Some(stream) = self.socket.as_ref().filter(|_| self.is_direct) else {
            return self.wake();
        };
        let mut write = |bytes: &[u8]| {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            Ok(rustix::net::send(stream.as_fd(), bytes, flags)?)
        };
        let mut state = self.state();
        let Some(cursor) = state.cursor else { return };
        // Where the socket is full, its task waits for it.
        if state.is_blocked || cursor >= batch.end() {
            return;
        }
        let is_whole = assembly::is_whole(&state, batch);
        if is_whole {
            let written = assembly::write_batch(&mut state, batch, &mut write);
            self.traffic.bytes_out.fetch_add(*written.as_ref().unwrap_or(&0) as u64, Relaxed);
            state.is_blocked = written.is_err() || !state.tail.is_empty();
        }
        let is_blocked = state.is_blocked;
        let has_people = !is_whole && state.has_people();
        drop(state);
        let is_done = match is_whole {
            true => !is_blocked,
            // It made one of these records, or there are answers between them. But catching up can
            // be long, and is not for the room to wait for.
            false if has_people => false,
            false => cursor >= batch.first() && self.pump(window, &mut write) == Pumped::Idle,
        };
        if !is_done {
            self.wake();
        }
    }

    /// Writes what there is to write, as far as `write` takes it.
    pub fn pump(
        &self,
        window: &Window,
        write: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
    ) -> Pumped {
        let mut counted = |bytes: &[u8]| {
            let written = write(bytes)?;
            self.traffic.bytes_out.fetch_add(written as u64, Relaxed);
            Ok(written)
        };
        let mut state = self.state();
        let was_full = !state.has_space();
        state.is_blocked = false;
        let mut pieces = 0;
        let pumped = loop {
            if pieces == TURN {
                break Pumped::More;
            }
            pieces += 1;
            match state.write_next(window, &mut counted) {
                Ok(Written::Some) => {}
                Ok(Written::Behind(from, end)) => break Pumped::Behind(from, end),
                Ok(Written::Nothing) => match &state.ending {
                    Some(ending) => break Pumped::Ended(ending.reason.clone()),
                    None => break Pumped::Idle,
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.is_blocked = true;
                    break Pumped::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Pumped::Ended(state.broken(&error)),
            }
        };
        let has_space_again = was_full && state.has_space();
        drop(state);
        if has_space_again {
            self.wake();
        }
        pumped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
