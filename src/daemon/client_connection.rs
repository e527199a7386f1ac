//! The part of a connection that the room thread shares: a cursor in the log and a small outbox.
//!
//! Records are not queued here. [`ClientConnection::pump`] takes from the log what is at the cursor,
//! puts the answers for this connection between the records where they belong, and writes without ever
//! waiting. Two threads use it: the room thread when it publishes a batch
//! ([`ClientConnection::deliver`]), and the connection's own task for everything that cannot be written
//! at once.

mod assembly;
mod handing_over;
mod outbox;
mod state;
mod traffic;
mod waiting;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatroom::names::Name;
use chatroom::room::{EndReason, Record, Seq, SessionId};
use chatroom::wire::{Answer, Batch, Dialect};
use rustix::net::SendFlags;
use tokio::net::TcpStream;

use crate::metrics::Totals;
use crate::source::Source;
use crate::window::Window;
use outbox::OutboxEntry;
use state::{Place, State, Written};
pub use traffic::Traffic;

/// The number of pieces written to one connection before other connections have their turn.
const TURN: u32 = 8;

/// The part of a connection that the room thread shares.
pub struct ClientConnection {
    /// The session of this connection, unless it resumes another one. It also identifies the
    /// connection in the register.
    pub own_session: SessionId,
    pub source: Source,
    pub traffic: Traffic,
    socket: Option<Arc<TcpStream>>,
    /// Whether the room thread can write to the socket: the connection is not encrypted.
    is_direct: bool,
    state: Mutex<State>,
}

/// The state of the connection after pumping.
#[derive(Debug, PartialEq, Eq)]
pub enum Pumped {
    /// Everything is written.
    Idle,
    /// The socket is full.
    Blocked,
    /// There is more, but other connections have their turn first.
    More,
    /// The next records, from the one number to before the other, are no longer in the window.
    /// [`ClientConnection::backfill`] takes them from elsewhere.
    Behind(Seq, Seq),
    /// The connection ends: its last byte is written, or it is broken.
    Ended(EndReason),
}

impl ClientConnection {
    /// A connection that has not joined, in the dialect that each connection begins with.
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
            state: Mutex::new(State::new(own_session)),
        }
    }

    /// The socket, to ask the system about it.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(|stream| stream.as_fd())
    }

    /// Whether the connection is not encrypted.
    pub fn is_plain(&self) -> bool {
        self.is_direct
    }

    /// The dialect of the connection.
    pub fn dialect(&self) -> Dialect {
        self.state().dialect
    }

    /// From now on answers and records are in this dialect.
    pub fn set_dialect(&self, dialect: Dialect) {
        self.state().dialect = dialect;
    }

    /// Whether the place of the session is kept when this connection is lost: the client has a token
    /// to resume it, and has not said that it will not.
    pub fn keeps_place(&self) -> bool {
        let state = self.state();
        state.keeps_place && state.dialect.can_resume()
    }

    /// The client says whether it wants its place to be kept.
    pub fn set_keeps_place(&self, keeps_place: bool) {
        self.state().keeps_place = keeps_place;
    }

    /// The name in the room. None before joining.
    pub fn name(&self) -> Option<Name> {
        self.state().name.clone()
    }

    /// The user has another name from now on.
    pub fn set_name(&self, name: Name) {
        self.state().name = Some(name);
    }

    /// The session whose connection this is.
    pub fn session(&self) -> SessionId {
        self.state().session
    }

    /// From now on this is the connection of `session`.
    pub fn adopt(&self, session: SessionId) {
        self.state().session = session;
    }

    /// Welcomes a user, and shows the log from `cursor` on. The records up to `until` are marked as
    /// replayed.
    pub fn admit(&self, name: Name, welcome: &Answer, cursor: Seq, until: Seq) {
        let mut state = self.state();
        let replay_until = Some(until).filter(|&until| cursor <= until);
        state.name = Some(name);
        state.place = Some(Place { cursor, replay_until, backfilled: None });
        state.push(cursor.previous(), welcome);
        // The newest of these records is the user's own join, which does not count.
        if cursor < until {
            state.push(cursor.previous(), &Answer::StartOfReplay);
        }
        drop(state);
        self.wake();
    }

    /// Shows no record after `last`: the session has left the room or lost this connection.
    pub fn stop_after(&self, last: Seq) {
        self.state().lifecycle.leave(last);
    }

    /// Adds the records that [`Pumped::Behind`] asked for, as far as they are kept. Those before `end`
    /// that are not are skipped, and the client is told.
    pub fn backfill(&self, window: &Window, records: Vec<Record>, end: Seq) {
        let mut state = self.state();
        let Some(cursor) = state.cursor() else { return };
        let first = records.first().map_or(end, |record| record.seq);
        if first > cursor {
            assembly::skip(&mut state, window, cursor, first);
        }
        if let Some(place) = &mut state.place {
            place.backfilled = match records.is_empty() {
                true => None,
                false => Some(Arc::new(Batch::new(window.room.clone(), records))),
            };
        }
    }

    /// The number of records before `next` that are not written yet.
    pub fn behind(&self, next: Seq) -> u64 {
        self.state().cursor().map_or(0, |cursor| next.0.saturating_sub(cursor.0))
    }

    /// The number of bytes received and sent over this connection.
    pub fn totals(&self) -> Totals {
        Totals {
            received: self.traffic.bytes_in.load(Relaxed),
            sent: self.traffic.bytes_out.load(Relaxed),
            deliveries: self.state().delivered,
        }
    }

    /// Sends an answer after the last record that was shown.
    pub fn answer(&self, answer: &Answer) {
        let mut state = self.state();
        let after = state.shown();
        state.push(after, answer);
        drop(state);
        self.wake();
    }

    /// Sends an answer that is already encoded after the last record that was shown.
    pub fn answer_encoded(&self, bytes: Vec<u8>) {
        let mut state = self.state();
        let after = state.shown();
        state.outbox.push(OutboxEntry::bytes(after, false, bytes));
        drop(state);
        self.wake();
    }

    /// Sends an answer after the record `after`.
    pub fn answer_after(&self, after: Seq, answer: &Answer) {
        self.state().push(after, answer);
        self.wake();
    }

    /// Ends the connection after the record `after`, with the reason as the last answer. Of several
    /// reasons, the first counts.
    pub fn close(&self, after: Seq, reason: EndReason) {
        let mut state = self.state();
        if state.lifecycle.end(after, reason.clone()) {
            state.push(after, &Answer::Closing { reason });
        }
        drop(state);
        self.wake();
    }

    /// Closes the connection without a farewell, because the client does not read it.
    pub fn abandon(&self, reason: EndReason) {
        self.state().lifecycle.abandon(reason);
        self.wake();
    }

    /// Whether writing has no purpose any more.
    pub fn is_abandoned(&self) -> bool {
        self.state().is_abandoned()
    }

    /// Whether the connection is to end.
    pub fn is_ending(&self) -> bool {
        self.state().lifecycle.reason().is_some()
    }

    /// Shows a batch that was just published. Work that would have to wait is left to the
    /// connection's own task.
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
        let Some(cursor) = state.cursor() else { return };
        // If the socket is full, the connection's task waits for it.
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
        let has_people = !is_whole && state.outbox.has_people();
        drop(state);
        let is_done = match is_whole {
            true => !is_blocked,
            // The connection made one of these records, or has answers between them. Catching up can
            // take long, so the room thread does not do that.
            false if has_people => false,
            false => cursor >= batch.first() && self.pump(window, &mut write) == Pumped::Idle,
        };
        if !is_done {
            self.wake();
        }
    }

    /// Writes everything that is to be written, as far as `write` takes it.
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
        let was_full = !state.outbox.has_space();
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
                Ok(Written::Nothing) => match state.lifecycle.reason() {
                    Some(reason) => break Pumped::Ended(reason.clone()),
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
        let has_space_again = was_full && state.outbox.has_space();
        drop(state);
        if has_space_again {
            self.wake();
        }
        pumped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
