//! One connection from its first byte to its last.
//!
//! Its reader and its writer are two futures of one task. The reader turns lines into requests,
//! the writer drives the client connection; whichever of them learns that it is over ends both.

mod first_line;
mod handing_over;
mod json;
mod login;
mod proxied;
mod rate_limit;
mod reader;
mod text;
mod told;
mod turning_away;
mod waiting;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatroom::handover::SavedInput;
use chatroom::names::Name;
use chatroom::room::EndReason;
use chatroom::wire::Answer;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::error;

use crate::client_connection::ClientConnection;
use crate::connections::banned;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::sockets::ListenerKind;
use crate::source::Source;
use crate::transport::Transport;
pub use handing_over::resume;
use proxied::Header;
use reader::Stop;
pub use turning_away::{MAX_TURNED_AWAY, turn_away_unopened};
use turning_away::{farewell, linger, not_tls, turn_away};

/// How long agreeing on keys may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Begins to serve a connection that was just accepted, in a task of its own.
pub fn serve(stream: TcpStream, peer: SocketAddr, kind: ListenerKind, shared: Arc<Shared>) {
    let stream = Arc::new(stream);
    let transport = match (kind, shared.identity()) {
        (ListenerKind::Plain, _) => Ok(Transport::plain(stream)),
        (ListenerKind::Tls, Some(identity)) => Transport::tls(stream, identity.config),
        (ListenerKind::Tls, None) => Err(io::Error::other("there is no certificate")),
    };
    let transport = match transport {
        Ok(transport) => transport,
        Err(problem) => {
            let address = peer.to_string();
            return error!(
                event = "tls-failed",
                address, "cannot speak TLS with {peer}: {problem}"
            );
        }
    };
    let config = shared.config();
    let (source, banned) = match config.listen.is_proxy(peer.ip()) {
        // Whose connection it is, its header says.
        true => (Source::proxy(peer), None),
        false => {
            let banned = banned(&shared.access.access_state(), peer.ip(), Timestamp::now());
            (Source::direct(peer), banned)
        }
    };
    let awaits_header = source.awaits_header();
    match shared.connections.admit(&transport, source, &config.limits, banned) {
        Ok(client) if awaits_header => {
            let connection = ConnectionTask { transport, client, shared };
            tokio::spawn(connection.run(None));
        }
        Ok(client) => {
            told::came(peer, None, &shared.watchers);
            let greeting = config.room.greeting.clone();
            client.answer(&Answer::Prompt { greeting });
            let connection = ConnectionTask { transport, client, shared };
            // Not an `async fn`, which would hold its argument twice.
            tokio::spawn(connection.run(None));
        }
        Err(reason) => {
            told::came(peer, Some(&reason), &shared.watchers);
            turn_away(transport, &shared, awaits_header, reason);
        }
    }
}

fn broken(error: &io::Error) -> EndReason {
    EndReason::Broken(error.to_string())
}

/// A connection that is served. It is taken out of the register and the room, however it ends.
struct ConnectionTask {
    transport: Transport,
    client: Arc<ClientConnection>,
    shared: Arc<Shared>,
}

impl ConnectionTask {
    /// What an idle connection is, is mostly this future. So it holds nothing that is rarely needed.
    #[expect(clippy::manual_async_fn, reason = "an async fn would hold the connection twice")]
    fn run(self, mut before: Option<Box<SavedInput>>) -> impl Future<Output = ()> + Send {
        async move {
            if self.client.source.awaits_header() {
                let begun = before.take().and_then(|before| before.first_line).unwrap_or_default();
                match Box::pin(self.take_header(begun)).await {
                    Header::Taken => {}
                    Header::Over => return,
                    Header::Frozen(begun) => {
                        let input = self.save_header(begun);
                        return self.shared.connections.keep((self.client.clone(), input));
                    }
                }
            }
            if !self.transport.is_plain()
                && let Err(reason) = Box::pin(self.shake_hands()).await
            {
                return self.end(None, &reason);
            }
            let mut reader = reader::Reader::new(&self);
            let unread = before.map_or_else(Vec::new, |before| reader.resume(*before));
            let stop = tokio::select! {
                stop = reader.go_on_with(unread) => stop,
                reason = writer::run(&self) => Stop::Ended(reason),
            };
            let reason = match stop {
                Stop::Ended(reason) => reason,
                Stop::Frozen(unread) => return self.shared.connections.keep(reader.save(unread)),
            };
            self.end(reader.name.as_ref(), &reason);
            if !matches!(reason, EndReason::Broken(_) | EndReason::TooSlow | EndReason::Silent) {
                Box::pin(linger(&self.transport)).await;
            }
        }
    }

    /// Agrees on keys, unless that takes too long or the daemon ends meanwhile.
    async fn shake_hands(&self) -> Result<(), EndReason> {
        let shaking = async {
            if self.transport.is_addressed_in_plain().await? {
                return Ok(false);
            }
            self.transport.handshake().await.map(|()| true)
        };
        let problem = tokio::select! {
            shaken = timeout(HANDSHAKE, shaking) => match shaken {
                Ok(Ok(false)) => {
                    // In the language of who does not speak TLS.
                    farewell(&Transport::plain(self.transport.tcp.clone()), &not_tls()).await;
                    return Err(not_tls());
                }
                Ok(Ok(true)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it took longer than {} s", HANDSHAKE.as_secs()),
            },
            () = self.client.until_ending() => return Err(EndReason::ShuttingDown),
        };
        Err(EndReason::Broken(format!("the TLS handshake failed: {problem}")))
    }

    fn end(&self, name: Option<&Name>, reason: &EndReason) {
        self.shared.connections.count_end(reason);
        let hold = self.shared.config().timeouts.hold;
        let stays_detached = !hold.is_zero() && self.client.keeps_place() && told::is_lost(reason);
        told::ended(name, &self.client, reason, stays_detached, &self.shared.watchers);
        self.submit_end(reason.clone());
    }

    fn submit_end(&self, reason: EndReason) {
        let client = self.client.clone();
        self.shared.room.submit(RoomRequest::End { client, reason });
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        // A second end does nothing. This one counts where the task was cancelled. What is handed
        // over has not ended.
        if !self.client.is_freezing() {
            self.submit_end(EndReason::Closed);
        }
        self.shared.connections.remove(self.client.own_session);
    }
}
