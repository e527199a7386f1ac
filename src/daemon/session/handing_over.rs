//! Handing a connection over to another process, and taking one up that another process has had.

use std::sync::Arc;

use chatroom::handover::PackedInput;
use chatroom::names::Name;
use chatroom::wire::Frame;

use super::Connection;
use super::reader::{Reader, Stop};
use crate::outlet::Outlet;
use crate::shared::Shared;
use crate::transport::Transport;

/// Serves a connection from where another process has left it.
pub fn go_on(transport: Transport, outlet: Arc<Outlet>, input: PackedInput, shared: Arc<Shared>) {
    let connection = Connection { transport, outlet, shared };
    tokio::spawn(connection.run(Some(Box::new(input))));
}

impl Reader<'_> {
    /// How far the input has come, with what was not looked at, and whose it is.
    pub(super) fn pack(&mut self, frames: Vec<Frame>) -> (Arc<Outlet>, PackedInput) {
        let stage = self.stage;
        let name = self.name.as_ref().map(Name::to_string);
        let framer = std::mem::replace(&mut self.framer, chatroom::wire::Framer::new(0));
        let (silence, telnet, opening) = (self.silence, self.telnet, self.opening.take());
        let packed = PackedInput { stage, name, framer, opening, telnet, frames, silence };
        (self.outlet().clone(), packed)
    }

    /// Goes on where another process has stopped, and gives what it has not looked at.
    pub(super) fn take_up(&mut self, packed: PackedInput) -> Vec<Frame> {
        self.stage = packed.stage;
        self.name = packed.name.as_deref().map(Name::from_store);
        self.framer = packed.framer;
        self.opening = packed.opening;
        self.telnet = packed.telnet;
        self.silence = packed.silence;
        packed.frames
    }

    /// Does what these lines ask for, and then what comes.
    pub(super) async fn go_on_with(&mut self, unread: Vec<Frame>) -> Stop {
        if !unread.is_empty()
            && let Some(stop) = Box::pin(self.handle_frames(unread)).await
        {
            return stop;
        }
        self.run().await
    }
}
