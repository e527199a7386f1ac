//! Telling a connection why it is not served, and closing it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chatroom::room::{EndReason, NO_TLS};
use chatroom::wire::{Answer, Dialect};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{HANDSHAKE, proxied};
use crate::shared::Shared;
use crate::tls::Identity;
use crate::transport::Transport;

/// How long the other side may take to close after it was told that this is the end.
const LINGER: Duration = Duration::from_millis(250);

/// So many connections that were turned away may take in the reason at a time; others are not
/// waited for.
static TURNED_AWAY: Semaphore = Semaphore::const_new(MAX_TURNED_AWAY);
pub const MAX_TURNED_AWAY: usize = 16;

/// Over TLS that takes a handshake, which is what somebody might want who has to be turned away: so
/// many at a time are told, each turn takes so long, and the others are just closed.
static TOLD_OVER_TLS: Semaphore = Semaphore::const_new(8);
const BETWEEN_TURNS: Duration = Duration::from_millis(400);
pub(super) const SHORT_HANDSHAKE: Duration = Duration::from_secs(2);

/// Closes without losing the last words: closing a socket while unread input waits in it would
/// reset the connection, and a reset overtakes what is still on its way out.
pub(super) async fn linger(transport: &Transport) {
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
pub(super) fn turn_away(
    transport: Transport,
    shared: &Shared,
    awaits_header: bool,
    reason: EndReason,
) {
    shared.connections.count_end(&reason);
    let Ok(permit) = TURNED_AWAY.try_acquire() else {
        if transport.is_plain() {
            let _ = transport.try_write(&last_words(&reason));
        }
        return;
    };
    tokio::spawn(async move {
        if awaits_header && !transport.is_plain() {
            proxied::skip(&transport).await;
        }
        tell(&transport, &reason).await;
        drop(permit);
    });
}

/// Tells a connection why it is not served, over TLS if that is spoken there and it is its turn.
pub(super) async fn tell(transport: &Transport, reason: &EndReason) {
    if transport.is_plain() {
        return farewell(transport, reason).await;
    }
    let Ok(turn) = TOLD_OVER_TLS.try_acquire() else { return };
    if let Ok(Ok(())) = timeout(SHORT_HANDSHAKE, transport.handshake()).await {
        farewell(transport, reason).await;
    }
    // The next turn comes later, but this connection is over.
    tokio::spawn(async move {
        sleep(BETWEEN_TURNS).await;
        drop(turn);
    });
}

/// What a connection is told that is not served. What it speaks is not known; every client can show
/// a line of text.
fn last_words(reason: &EndReason) -> Vec<u8> {
    let reason = reason.clone();
    Dialect::INITIAL.encode_answer(&Answer::Closing { reason })
}

/// Tells a connection that nobody is served on why that is so, and ends it.
pub(super) async fn farewell(transport: &Transport, reason: &EndReason) {
    // A new connection takes a line at once; if not, there is nobody to tell.
    let _ = transport.try_write(&last_words(reason));
    linger(transport).await;
}

pub(super) fn not_tls() -> EndReason {
    EndReason::Foreign(NO_TLS)
}

/// Tells somebody that the room is not open, and closes. Those who speak TLS hear it encrypted, behind
/// the header of their proxy if that `awaits_header`.
pub fn turn_away_unopened(
    stream: TcpStream,
    identity: Option<&Identity>,
    awaits_header: bool,
    why: &str,
) {
    let stream = Arc::new(stream);
    let transport = match identity {
        None => Ok(Transport::plain(stream)),
        Some(identity) => Transport::tls(stream, identity.config.clone()),
    };
    let Ok(transport) = transport else { return };
    let answer = Answer::Info { message: why.to_owned(), id: None };
    let line = Dialect::INITIAL.encode_answer(&answer);
    if transport.is_plain() {
        // A new connection takes a line at once.
        let _ = transport.try_write(&line);
    }
    let Ok(permit) = TURNED_AWAY.try_acquire() else { return };
    tokio::spawn(async move {
        if awaits_header && !transport.is_plain() {
            proxied::skip(&transport).await;
        }
        if transport.is_plain() {
            linger(&transport).await;
        } else if let Ok(Ok(())) = timeout(HANDSHAKE, transport.handshake()).await {
            let _ = transport.try_write(&line);
            linger(&transport).await;
        }
        drop(permit);
    });
}
