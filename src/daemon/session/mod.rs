//! One connection from its first byte to its last.
//!
//! Its reader and its writer are two futures of one task. The reader turns lines into requests,
//! the writer drives the outlet; whichever of them learns that it is over ends both.

mod json;
mod reader;
mod text;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatroom::names::Name;
use chatroom::room::EndReason;
use chatroom::wire::{Answer, Dialect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::info;

use crate::outlet::Outlet;
use crate::shared::Shared;

/// How long the other side may take to close after it was told that this is the end.
const LINGER: Duration = Duration::from_millis(250);

/// Serves a connection that was just accepted.
pub async fn serve(mut stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    let limit = shared.config().limits.connections;
    let Some(outlet) = shared.connections.admit(peer, limit) else {
        return turn_away(&stream, &shared);
    };
    let registration = Registration { outlet: outlet.clone(), shared: shared.clone() };
    let greeting = shared.config().room.greeting.clone();
    outlet.answer(&Answer::Prompt { greeting });
    let (reason, name) = {
        let mut reader = reader::Reader::new(&stream, &outlet, &shared);
        let reason = tokio::select! {
            reason = reader.run() => reason,
            reason = writer::run(&stream, &outlet, &shared) => reason,
        };
        (reason, reader.name)
    };
    registration.end(name.as_ref(), &reason);
    if !matches!(reason, EndReason::Broken(_) | EndReason::TooSlow | EndReason::Silent) {
        linger(&mut stream).await;
    }
    drop(registration);
}

/// Closes without losing the last words: closing a socket while unread input waits in it would
/// reset the connection, and a reset overtakes what is still on its way out.
async fn linger(stream: &mut TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut drained = [0; 512];
    let until_end = async { while matches!(stream.read(&mut drained).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(LINGER, until_end).await;
}

fn broken(error: &io::Error) -> EndReason {
    EndReason::Broken(error.to_string())
}

fn turn_away(stream: &TcpStream, shared: &Shared) {
    let reason = EndReason::Full;
    let farewell =
        chatroom::wire::encode_answer(Dialect::Text, &Answer::Closing { reason: reason.clone() });
    // A new connection takes a line at once; if not, there is nobody to tell.
    let _ = stream.try_write(&farewell);
    shared.connections.count_end(&reason);
}

/// Takes the connection out of the register and the room, however it ends.
struct Registration {
    outlet: Arc<Outlet>,
    shared: Arc<Shared>,
}

impl Registration {
    fn end(&self, name: Option<&Name>, reason: &EndReason) {
        self.shared.connections.count_end(reason);
        info!(
            event = "disconnected",
            name = name.map(Name::as_str),
            address = self.outlet.peer.to_string(),
            reason = reason.code(),
            "{}",
            match reason {
                EndReason::Broken(problem) => problem,
                _ => "disconnected",
            }
        );
        self.leave(reason.clone());
    }

    fn leave(&self, reason: EndReason) {
        let session = self.outlet.session;
        self.shared.room.submit(crate::room_thread::Submission::Leave { session, reason });
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // A second leave does nothing. This one counts where the task was cancelled.
        self.leave(EndReason::Closed);
        self.shared.connections.remove(self.outlet.session);
    }
}
