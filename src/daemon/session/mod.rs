//! One connection from its first byte to its last.
//!
//! Its reader and its writer are two futures of one task. The reader turns lines into requests,
//! the writer drives the outlet; whichever of them learns that it is over ends both.

mod entrance;
mod handing_over;
mod json;
mod opening;
mod pace;
mod reader;
mod text;
mod told;
mod waiting;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatroom::handover::PackedInput;
use chatroom::names::Name;
use chatroom::room::{EndReason, NO_TLS};
use chatroom::wire::{Answer, Dialect};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::error;

use crate::connections::banned;
use crate::listen::Kind;
use crate::outlet::Outlet;
use crate::room_thread::Submission;
use crate::shared::Shared;
use crate::tls::Identity;
use crate::transport::Transport;
pub use handing_over::go_on;
use reader::Stop;

/// How long the other side may take to close after it was told that this is the end.
const LINGER: Duration = Duration::from_millis(250);

/// How long agreeing on keys may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// So many connections that were turned away may take in the reason at a time; others are not
/// waited for.
static TURNED_AWAY: Semaphore = Semaphore::const_new(MOST_TURNED_AWAY);
pub const MOST_TURNED_AWAY: usize = 16;

/// Over TLS that takes a handshake, which is what somebody might want who has to be turned away: so
/// many at a time are told, each turn takes so long, and the others are just closed.
static TOLD_OVER_TLS: Semaphore = Semaphore::const_new(8);
const BETWEEN_TURNS: Duration = Duration::from_millis(400);
const SHORT_HANDSHAKE: Duration = Duration::from_secs(2);

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
    let banned = banned(&shared.access.registry(), peer.ip(), Timestamp::now());
    match shared.connections.admit(&transport, peer, &shared.config().limits, banned) {
        Ok(outlet) => {
            told::came(peer, None, &shared.watchers);
            let greeting = shared.config().room.greeting.clone();
            outlet.answer(&Answer::Prompt { greeting });
            let connection = Connection { transport, outlet, shared };
            // Not an `async fn`, which would hold its argument twice.
            tokio::spawn(connection.run(None));
        }
        Err(reason) => {
            told::came(peer, Some(&reason), &shared.watchers);
            turn_away(transport, &shared, reason);
        }
    }
}

/// Closes without losing the last words: closing a socket while unread input waits in it would
/// reset the connection, and a reset overtakes what is still on its way out.
async fn linger(transport: &Transport) {
    let stream = &transport.tcp;
    if transport.shut_down().is_err() {
        return;
    }
    let mut drained = [0; 512];
    let until_end = async {
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut drained) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    };
    let _ = timeout(LINGER, until_end).await;
}

/// Tells somebody why they cannot come in, at once: a task for each would hold its descriptor until
/// it gets its turn, and they can be many.
fn turn_away(transport: Transport, shared: &Shared, reason: EndReason) {
    shared.connections.count_end(&reason);
    let Ok(permit) = TURNED_AWAY.try_acquire() else {
        if transport.is_plain() {
            let _ = transport.try_write(&last_words(&reason));
        }
        return;
    };
    tokio::spawn(async move {
        if transport.is_plain() {
            farewell(transport, &reason).await;
            return drop(permit);
        }
        let Ok(turn) = TOLD_OVER_TLS.try_acquire() else { return };
        if let Ok(Ok(())) = timeout(SHORT_HANDSHAKE, transport.handshake()).await {
            farewell(transport, &reason).await;
        }
        drop(permit);
        sleep(BETWEEN_TURNS).await;
        drop(turn);
    });
}

/// What a connection is told that is not served. What it speaks is not known; every client can show
/// a line of text.
fn last_words(reason: &EndReason) -> Vec<u8> {
    let reason = reason.clone();
    chatroom::wire::encode_answer(Dialect::Text, &Answer::Closing { reason })
}

/// Tells a connection that nobody is served on why that is so, and ends it.
async fn farewell(transport: Transport, reason: &EndReason) {
    // A new connection takes a line at once; if not, there is nobody to tell.
    let _ = transport.try_write(&last_words(reason));
    linger(&transport).await;
}

fn not_tls() -> EndReason {
    EndReason::Foreign(NO_TLS)
}

/// Tells somebody that the room is not open, and closes. Those who speak TLS hear it encrypted.
pub fn turn_away_unopened(stream: TcpStream, identity: Option<&Identity>, why: &str) {
    let stream = Arc::new(stream);
    let transport = match identity {
        None => Ok(Transport::plain(stream)),
        Some(identity) => Transport::tls(stream, identity.config.clone()),
    };
    let Ok(transport) = transport else { return };
    let answer = Answer::Info { message: why.to_owned(), id: None };
    let line = chatroom::wire::encode_answer(Dialect::Text, &answer);
    if transport.is_plain() {
        // A new connection takes a line at once.
        let _ = transport.try_write(&line);
    }
    let Ok(permit) = TURNED_AWAY.try_acquire() else { return };
    tokio::spawn(async move {
        if transport.is_plain() {
            linger(&transport).await;
        } else if let Ok(Ok(())) = timeout(HANDSHAKE, transport.handshake()).await {
            let _ = transport.try_write(&line);
            linger(&transport).await;
        }
        drop(permit);
    });
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
    fn run(self, before: Option<Box<PackedInput>>) -> impl Future<Output = ()> + Send {
        async move {
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
                    farewell(Transport::plain(self.transport.tcp.clone()), &not_tls()).await;
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
