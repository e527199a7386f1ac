//! The task of one connection, from its first byte to its last ([`ConnectionTask`]).
//!
//! The task first reads the header of a proxy and agrees on keys, if the connection requires that.
//! Then it runs two futures concurrently. The `reader` takes bytes in (`input`), splits them into
//! lines, and has each line carried out (`text`, `json`). The `writer` sends the pending output of
//! the client connection. When one of them learns that the connection is over, both end.

mod input;
mod json;
mod login;
mod moderate;
mod phase;
mod proxied;
mod rate_limit;
mod reader;
mod requests;
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
use proxied::Header;
use reader::{Reader, Stop};
pub use turning_away::{MAX_TURNED_AWAY, turn_away_unopened};
use turning_away::{farewell, linger, not_tls, turn_away};

/// The maximum time of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves a connection that was just accepted, in a task of its own; or turns it away.
pub fn serve(stream: TcpStream, peer: SocketAddr, kind: ListenerKind, shared: Arc<Shared>) {
    let transport = match transport(stream, kind, &shared) {
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
        // The header of the proxy says whose connection it is.
        true => (Source::proxy(peer), None),
        false => {
            let banned = banned(&shared.access.access_state(), peer.ip(), Timestamp::now());
            (Source::direct(peer), banned)
        }
    };
    let awaits_header = source.awaits_header();
    match shared.connections.admit(&transport, source, &config.limits, banned) {
        Ok(client) => {
            if !awaits_header {
                told::came(peer, None, &shared.watchers);
                let greeting = config.room.greeting.clone();
                client.answer(&Answer::Prompt { greeting });
            }
            tokio::spawn(ConnectionTask { transport, client, shared }.run(None));
        }
        Err(reason) => {
            told::came(peer, Some(&reason), &shared.watchers);
            turn_away(transport, &shared, awaits_header, reason);
        }
    }
}

fn transport(stream: TcpStream, kind: ListenerKind, shared: &Shared) -> io::Result<Transport> {
    let stream = Arc::new(stream);
    match (kind, shared.identity()) {
        (ListenerKind::Plain, _) => Ok(Transport::plain(stream)),
        (ListenerKind::Tls, Some(identity)) => Transport::tls(stream, identity.config),
        (ListenerKind::Tls, None) => Err(io::Error::other("there is no certificate")),
    }
}

/// Serves a connection in a task of its own, from where the previous process has stopped.
pub fn resume(
    transport: Transport,
    client: Arc<ClientConnection>,
    input: SavedInput,
    shared: Arc<Shared>,
) {
    tokio::spawn(ConnectionTask { transport, client, shared }.run(Some(Box::new(input))));
}

fn broken(error: &io::Error) -> EndReason {
    EndReason::Broken(error.to_string())
}

/// The resources of the task of one connection. Dropping it removes the connection from the
/// register and its session from the room, however the task ends.
struct ConnectionTask {
    transport: Transport,
    client: Arc<ClientConnection>,
    shared: Arc<Shared>,
}

impl ConnectionTask {
    /// Serves the connection until it ends, or until it is to be handed over. Another process has
    /// `saved` its input, if one served it before.
    ///
    /// This future is most of the memory of an idle connection, so rarely needed parts are boxed.
    #[expect(clippy::manual_async_fn, reason = "an async fn would hold `self` twice")]
    fn run(self, mut saved: Option<Box<SavedInput>>) -> impl Future<Output = ()> + Send {
        async move {
            if !self.is_prepared() && !Box::pin(self.prepare(&mut saved)).await {
                return;
            }
            let mut reader = Reader::new(&self);
            let unread = saved.map_or_else(Vec::new, |saved| reader.restore(*saved));
            let stop = tokio::select! {
                stop = reader.run(unread) => stop,
                reason = writer::run(&self) => Stop::Ended(reason),
            };
            let reason = match stop {
                Stop::Ended(reason) => reason,
                Stop::Frozen(unread) => return self.shared.connections.keep(reader.save(unread)),
            };
            self.end(&reason);
            if !matches!(reason, EndReason::Broken(_) | EndReason::TooSlow | EndReason::Silent) {
                Box::pin(linger(&self.transport)).await;
            }
        }
    }

    /// Whether the first byte is for the reader.
    fn is_prepared(&self) -> bool {
        self.transport.is_plain() && !self.client.source.awaits_header()
    }

    /// Reads the header of a proxy and agrees on keys, if the connection needs that. Returns whether
    /// it is to be served; if not, everything else is done.
    async fn prepare(&self, saved: &mut Option<Box<SavedInput>>) -> bool {
        if self.client.source.awaits_header() {
            let begun = saved.take().and_then(|saved| saved.first_line).unwrap_or_default();
            match self.take_header(begun).await {
                Header::Taken => {}
                Header::Over => return false,
                Header::Frozen(begun) => {
                    self.shared.connections.keep((self.client.clone(), self.save_header(begun)));
                    return false;
                }
            }
        }
        if !self.transport.is_plain()
            && let Err(reason) = self.shake_hands().await
        {
            self.end(&reason);
            return false;
        }
        true
    }

    /// Agrees on keys, unless that takes too long or the connection is to end.
    async fn shake_hands(&self) -> Result<(), EndReason> {
        let shaking = async {
            if let Some(dialect) = self.transport.plain_dialect().await? {
                return Ok(Some(dialect));
            }
            self.transport.handshake().await.map(|()| None)
        };
        let problem = tokio::select! {
            shaken = timeout(HANDSHAKE, shaking) => match shaken {
                Ok(Ok(Some(dialect))) => {
                    // Unencrypted, because the other side does not speak TLS.
                    let plain = Transport::plain(self.transport.tcp.clone());
                    farewell(&plain, dialect, &not_tls()).await;
                    return Err(not_tls());
                }
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it took longer than {} s", HANDSHAKE.as_secs()),
            },
            () = self.client.until_ending() => return Err(EndReason::ShuttingDown),
        };
        Err(EndReason::Broken(format!("the TLS handshake failed: {problem}")))
    }

    /// Counts and logs the end of the connection, and has the session leave the room.
    fn end(&self, reason: &EndReason) {
        self.shared.connections.count_end(reason);
        let hold = self.shared.config().timeouts.hold;
        let stays_detached = !hold.is_zero() && self.client.keeps_place() && told::is_lost(reason);
        told::ended(&self.client, reason, stays_detached, &self.shared.watchers);
        self.submit_end(reason.clone());
    }

    fn submit_end(&self, reason: EndReason) {
        let client = self.client.clone();
        self.shared.room.submit(RoomRequest::End { client, reason });
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        // A second end does nothing; this one counts if the task was cancelled. A connection that is
        // handed over has not ended.
        if !self.client.is_freezing() {
            self.submit_end(EndReason::Closed);
        }
        self.shared.connections.remove(self.client.own_session);
    }
}
