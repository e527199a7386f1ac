//! Tells a connection why it is not served, and closes it.

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

/// The time for the other side to close after it was told the reason.
const LINGER: Duration = Duration::from_millis(250);

/// The number of connections that were turned away and are given time to read the reason; others
/// are closed at once.
static TURNED_AWAY: Semaphore = Semaphore::const_new(MAX_TURNED_AWAY);
pub const MAX_TURNED_AWAY: usize = 16;

/// Over TLS, telling the reason takes a handshake, which can be what an attacker wants. Therefore,
/// only this many clients are told at a time, each occupies its place for a while, and others are
/// closed without a farewell.
static TOLD_OVER_TLS: Semaphore = Semaphore::const_new(8);
const BETWEEN_TURNS: Duration = Duration::from_millis(400);
pub(super) const SHORT_HANDSHAKE: Duration = Duration::from_secs(2);

/// Closes without losing the last words. Closing a socket that has unread input would reset the
/// connection, and a reset overtakes bytes that are still on their way.
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

/// Turns a connection away, and tells it why if there is a place for that. Connections do not wait for
/// one, because they can be many and each would occupy a file descriptor.
pub(super) fn turn_away(
    transport: Transport,
    shared: &Shared,
    awaits_header: bool,
    reason: EndReason,
) {
    shared.connections.count_end(&reason);
    let Ok(permit) = TURNED_AWAY.try_acquire() else {
        if transport.is_plain() {
            let _ = transport.try_write(&last_words(Dialect::INITIAL, &reason));
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

/// Tells a connection why it is not served. If it is encrypted, only if there is a place for that.
pub(super) async fn tell(transport: &Transport, reason: &EndReason) {
    if transport.is_plain() {
        return farewell(transport, Dialect::INITIAL, reason).await;
    }
    let Ok(turn) = TOLD_OVER_TLS.try_acquire() else { return };
    if let Ok(Ok(())) = timeout(SHORT_HANDSHAKE, transport.handshake()).await {
        farewell(transport, Dialect::INITIAL, reason).await;
    }
    // The place is occupied for longer than the connection exists.
    tokio::spawn(async move {
        sleep(BETWEEN_TURNS).await;
        drop(turn);
    });
}

/// The last words to a connection that is not served.
fn last_words(dialect: Dialect, reason: &EndReason) -> Vec<u8> {
    dialect.encode_answer(&Answer::Closing { reason: reason.clone() })
}

/// Tells a connection why it is not served, and closes it.
pub(super) async fn farewell(transport: &Transport, dialect: Dialect, reason: &EndReason) {
    // The socket of a new connection accepts a line at once. If it does not, the client is not
    // reading.
    let _ = transport.try_write(&last_words(dialect, reason));
    linger(transport).await;
}

pub(super) fn not_tls() -> EndReason {
    EndReason::Foreign(NO_TLS)
}

/// Tells a client why the room is not open, and closes the connection. Over TLS, the message is
/// encrypted, after the header of the proxy if the connection `awaits_header`.
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
