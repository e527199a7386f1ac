//! Handing a connection over to another process, and taking one up that another process has had.

use std::sync::Arc;

use chatroom::handover::SavedInput;
use chatroom::names::Name;
use chatroom::wire::Frame;

use super::ConnectionTask;
use super::reader::{Reader, Stop};
use crate::client_connection::ClientConnection;
use crate::shared::Shared;
use crate::transport::Transport;

/// Serves a connection from where another process has left it.
pub fn resume(
    transport: Transport,
    client: Arc<ClientConnection>,
    input: SavedInput,
    shared: Arc<Shared>,
) {
    let connection = ConnectionTask { transport, client, shared };
    tokio::spawn(connection.run(Some(Box::new(input))));
}

impl Reader<'_> {
    /// How far the input has come, with what was not looked at, and whose it is.
    pub(super) fn save(&mut self, frames: Vec<Frame>) -> (Arc<ClientConnection>, SavedInput) {
        let stage = self.stage;
        let name = self.name.as_ref().map(Name::to_string);
        let framer = std::mem::replace(&mut self.framer, chatroom::wire::Framer::new(0));
        let (silence, telnet, first_line) = (self.silence, self.telnet, self.first_line.take());
        let saved = SavedInput { stage, name, framer, first_line, telnet, frames, silence };
        (self.client().clone(), saved)
    }

    /// Goes on where another process has stopped, and gives what it has not looked at.
    pub(super) fn resume(&mut self, saved: SavedInput) -> Vec<Frame> {
        self.stage = saved.stage;
        self.name = saved.name.as_deref().map(Name::from_store);
        self.framer = saved.framer;
        self.first_line = saved.first_line;
        self.telnet = saved.telnet;
        self.silence = saved.silence;
        saved.frames
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
