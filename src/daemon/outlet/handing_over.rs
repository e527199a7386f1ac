//! Handing an outlet over to another process.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::handover::PackedOutput;
use chatroom::room::SessionId;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::state::Entry;
use super::{Outlet, Pumped};
use crate::source::Source;
use crate::window::Window;

impl Outlet {
    /// Has the connection's task end between two lines of input, with the connection as it is.
    pub fn freeze(&self) {
        self.state().is_freezing = true;
        self.wake();
    }

    /// Whether the connection is to be handed over.
    pub fn is_freezing(&self) -> bool {
        self.state().is_freezing
    }

    /// How far the output has come. None if the connection is to end.
    pub fn pack(&self) -> Option<PackedOutput> {
        let mut state = self.state();
        if state.ending.is_some() {
            return None;
        }
        state.outbox_bytes = 0;
        let outbox = std::mem::take(&mut state.outbox);
        Some(PackedOutput {
            session: state.session,
            dialect: state.dialect,
            holds: state.holds,
            cursor: state.cursor,
            replay_until: state.replay_until,
            tail: std::mem::take(&mut state.tail),
            outbox: outbox.into_iter().map(|it| (it.after, it.alone, it.into_bytes())).collect(),
            bytes_in: self.traffic.bytes_in.load(Relaxed),
            bytes_out: self.traffic.bytes_out.load(Relaxed),
        })
    }

    /// Writes what is left of a connection that is to end, as far as its socket takes it. Its task
    /// has ended.
    pub fn write_last(&self, window: &Window) {
        let Some(socket) = &self.socket else { return };
        while self.pump(window, &mut |bytes| socket.try_write(bytes)) == Pumped::More {}
        // Who has not read it all is not waited for.
        let _ = SockRef::from(socket).shutdown(Shutdown::Write);
    }

    /// A connection that another process has had.
    pub fn unpack(
        connection: SessionId,
        source: Source,
        socket: Arc<TcpStream>,
        packed: PackedOutput,
    ) -> Outlet {
        let outlet = Outlet::new(connection, source, Some(socket), true);
        outlet.traffic.bytes_in.store(packed.bytes_in, Relaxed);
        outlet.traffic.bytes_out.store(packed.bytes_out, Relaxed);
        let mut state = outlet.state();
        state.session = packed.session;
        state.dialect = packed.dialect;
        state.holds = packed.holds;
        state.cursor = packed.cursor;
        state.replay_until = packed.replay_until;
        // It is not known whether the socket takes more: its task finds out.
        state.is_blocked = true;
        state.tail = packed.tail;
        state.outbox_bytes = packed.outbox.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let entry = |(after, alone, bytes)| Entry::bytes(after, alone, bytes);
        state.outbox = packed.outbox.into_iter().map(entry).collect();
        drop(state);
        outlet
    }
}
