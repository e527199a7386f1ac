//! One connection from its first byte to its last.
//!
//! Its reader and its writer are two futures of one task. The reader turns lines into requests,
//! the writer drives the outlet; whichever of them learns that it is over ends both.

mod entrance;
mod handing_over;
mod json;
mod opening;
mod pace;
mod proxied;
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

use chatroom::handover::PackedInput;
use chatroom::names::Name;
use chatroom::room::EndReason;
use chatroom::wire::Answer;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::error;

use crate::connections::banned;
use crate::listen::Kind;
use crate::outlet::Outlet;
use crate::room_thread::Submission;
use crate::shared::Shared;
use crate::source::Source;
use crate::transport::Transport;
pub use handing_over::go_on;
use proxied::Header;
use reader::Stop;
pub use turning_away::{MOST_TURNED_AWAY, turn_away_unopened};
use turning_away::{farewell, linger, not_tls, turn_away};

/// How long agreeing on keys may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Begins to serve a connection that was just accepted, in a task of its own.
pub fn serve(stream: TcpStream, peer: SocketAddr, kind: Kind, shared: Arc<Shared>) {
    let stream = Arc::new(stream);
    let transport = match (kind, shared.identity()) {
        (Kind::Plain, _) => Ok(Transport::plain(stream)),
        (Kind::Tls, Some(identity)) => Transport::tls(stream, identity.config),
        (Kind::Tls, None) => Err(io::Error::other("there is no certificate")),
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
            let banned = banned(&shared.access.registry(), peer.ip(), Timestamp::now());
            (Source::direct(peer), banned)
        }
    };
    let awaits_header = source.awaits_header();
    match shared.connections.admit(&transport, source, &config.limits, banned) {
        Ok(outlet) if awaits_header => {
            let connection = Connection { transport, outlet, shared };
            tokio::spawn(connection.run(None));
        }
        Ok(outlet) => {
            told::came(peer, None, &shared.watchers);
            let greeting = config.room.greeting.clone();
            outlet.answer(&Answer::Prompt { greeting });
            let connection = Connection { transport, outlet, shared };
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
struct Connection {
    transport: Transport,
    outlet: Arc<Outlet>,
    shared: Arc<Shared>,
}

impl Connection {
    /// What an idle connection is, is mostly this future. So it holds nothing that is rarely needed.
    #[expect(clippy::manual_async_fn, reason = "an async fn would hold the connection twice")]
    fn run(self, mut before: Option<Box<PackedInput>>) -> impl Future<Output = ()> + Send {
        async move {
            if self.outlet.source.awaits_header() {
                let begun = before.take().and_then(|before| before.opening).unwrap_or_default();
                match Box::pin(self.take_header(begun)).await {
                    Header::Taken => {}
                    Header::Over => return,
                    Header::Frozen(begun) => {
                        let input = self.pack_header(begun);
                        return self.shared.connections.keep((self.outlet.clone(), input));
                    }
                }
            }
            if !self.transport.is_plain()
                && let Err(reason) = Box::pin(self.shake_hands()).await
            {
                return self.end(None, &reason);
            }
            let mut reader = reader::Reader::new(&self);
            let unread = before.map_or_else(Vec::new, |before| reader.take_up(*before));
            let stop = tokio::select! {
                stop = reader.go_on_with(unread) => stop,
                reason = writer::run(&self) => Stop::Ended(reason),
            };
            let reason = match stop {
                Stop::Ended(reason) => reason,
                Stop::Frozen(unread) => return self.shared.connections.keep(reader.pack(unread)),
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
            () = self.outlet.until_ending() => return Err(EndReason::ShuttingDown),
        };
        Err(EndReason::Broken(format!("the TLS handshake failed: {problem}")))
    }

    fn end(&self, name: Option<&Name>, reason: &EndReason) {
        self.shared.connections.count_end(reason);
        let hold = self.shared.config().timeouts.hold;
        let is_held =
            !hold.is_zero() && self.outlet.holds() && told::is_held(self.outlet.dialect(), reason);
        told::ended(name, &self.outlet, reason, is_held, &self.shared.watchers);
        self.submit_end(reason.clone());
    }

    fn submit_end(&self, reason: EndReason) {
        let outlet = self.outlet.clone();
        self.shared.room.submit(Submission::End { outlet, reason });
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A second end does nothing. This one counts where the task was cancelled. What is handed
        // over has not ended.
        if !self.outlet.is_freezing() {
            self.submit_end(EndReason::Closed);
        }
        self.shared.connections.remove(self.outlet.connection);
    }
}
