//! Notices when the network goes silent while data are on their way to a client.
//!
//! While nothing is unacknowledged, keep-alives notice it. While something is, the system has only the
//! user timeout, which would also end a connection whose client is there and reads nothing for a while.
//! `TCP_INFO` tells the two apart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatroom::room::{EndReason, SessionId};

use crate::client_connection::ClientConnection;
use crate::shared::Shared;
use crate::tcp_info;

/// The number of checks within the permitted silence.
const LOOKS: u32 = 8;

/// The number of connections that are checked before other tasks have their turn. A check takes
/// microseconds.
const AT_A_TIME: usize = 64;

/// Connections with unacknowledged data, and since when they have it.
type Unacknowledged = HashMap<SessionId, Instant>;

/// Checks all connections until it is cancelled. Sleeps while everything that was written is
/// acknowledged.
pub async fn watch_all(shared: Arc<Shared>) {
    let mut waiting = Unacknowledged::default();
    loop {
        if waiting.is_empty() {
            shared.window.written.notified().await;
        }
        let silence = shared.config().timeouts.silence;
        tokio::time::sleep(silence / LOOKS).await;
        let before = std::mem::take(&mut waiting);
        for clients in shared.connections.all().chunks(AT_A_TIME) {
            for client in clients {
                if is_unheard(client, silence, &before, &mut waiting) {
                    client.abandon(EndReason::Silent);
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Whether something was sent and nothing was heard for `silence`. Adds connections with
/// unacknowledged data to `waiting`.
fn is_unheard(
    client: &ClientConnection,
    silence: Duration,
    before: &Unacknowledged,
    waiting: &mut Unacknowledged,
) -> bool {
    // If the system cannot describe a socket, it is broken, and its session notices.
    let Some(Ok(state)) = client.socket().map(tcp_info::read) else { return false };
    let now = Instant::now();
    if !state.is_waiting {
        // A client without room for data may be gone later, without anything being written.
        if state.is_holding_back {
            waiting.insert(client.own_session, now);
        }
        return false;
    }
    let since = before.get(&client.own_session).copied().unwrap_or(now);
    waiting.insert(client.own_session, since);
    // The first check comes a little after the data were sent.
    state.unheard >= silence && now - since >= silence - silence / LOOKS * 2
}
