//! Hands a client connection over to another process.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::handover::SavedOutput;
use chatroom::room::SessionId;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::outbox::OutboxEntry;
use super::state::Place;
use super::{ClientConnection, Pumped};
use crate::source::Source;
use crate::window::Window;

impl ClientConnection {
    /// Has the connection's task stop between two lines of input and leave the connection
    /// unchanged.
    pub fn freeze(&self) {
        self.state().is_freezing = true;
        self.wake();
    }

    /// Whether the connection is to be handed over.
    pub fn is_freezing(&self) -> bool {
        self.state().is_freezing
    }

    /// Returns the output state. None if the connection is to end.
    pub fn save(&self) -> Option<SavedOutput> {
        let mut state = self.state();
        if state.lifecycle.reason().is_some() {
            return None;
        }
        let outbox = state.outbox.take();
        Some(SavedOutput {
            session: state.session,
            dialect: state.dialect,
            holds: state.keeps_place,
            cursor: state.cursor(),
            replay_until: state.place.as_ref().and_then(|place| place.replay_until),
            tail: std::mem::take(&mut state.tail),
            outbox: outbox.into_iter().map(|it| (it.after, it.alone, it.into_bytes())).collect(),
            bytes_in: self.traffic.bytes_in.load(Relaxed),
            bytes_out: self.traffic.bytes_out.load(Relaxed),
        })
    }

    /// Writes the remaining output of a connection that is to end, as far as its socket accepts it.
    /// Its task has ended.
    pub fn write_last(&self, window: &Window) {
        let Some(socket) = &self.socket else { return };
        while self.pump(window, &mut |bytes| socket.try_write(bytes)) == Pumped::More {}
        // A client that has not read all of it is not waited for.
        let _ = SockRef::from(socket).shutdown(Shutdown::Write);
    }

    /// Restores a connection that another process has served.
    pub fn restore(
        connection: SessionId,
        source: Source,
        socket: Arc<TcpStream>,
        saved: SavedOutput,
    ) -> ClientConnection {
        let client = ClientConnection::new(connection, source, Some(socket), true);
        client.traffic.bytes_in.store(saved.bytes_in, Relaxed);
        client.traffic.bytes_out.store(saved.bytes_out, Relaxed);
        let mut state = client.state();
        state.session = saved.session;
        state.dialect = saved.dialect;
        state.keeps_place = saved.holds;
        let replay_until = saved.replay_until;
        state.place = saved.cursor.map(|cursor| Place { cursor, replay_until, backfilled: None });
        // Whether the socket takes more is not known. The connection's task finds out.
        state.is_blocked = true;
        state.tail = saved.tail;
        for (after, alone, bytes) in saved.outbox {
            state.outbox.push(OutboxEntry::bytes(after, alone, bytes));
        }
        drop(state);
        client
    }
}
