//! Noticing that the network has gone silent under a connection that is written to.
//!
//! While nothing is under way, the system's keep-alives notice. While something is, the system has
//! only the user timeout, which would also end a connection whose other side is there and merely
//! reads nothing for a while. So the system is asked now and then which of the two it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatroom::room::{EndReason, SessionId};

use crate::client_connection::ClientConnection;
use crate::shared::Shared;
use crate::tcp_info;

/// So many times within the allowed silence it is looked.
const LOOKS: u32 = 8;

/// So many connections are looked at before others have their turn: asking takes some microseconds.
const AT_A_TIME: usize = 64;

/// Connections on which something waits to be acknowledged, and since when.
type Unacknowledged = HashMap<SessionId, Instant>;

/// Looks after all connections for as long as the daemon serves. While nothing is written and all of
/// it is acknowledged, there is nothing to look at.
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

/// Whether something was sent and nothing at all was heard for `silence`. Notes what still waits.
fn is_unheard(
    client: &ClientConnection,
    silence: Duration,
    before: &Unacknowledged,
    waiting: &mut Unacknowledged,
) -> bool {
    // A socket of which the system tells nothing is broken; its session notices.
    let Some(Ok(state)) = client.socket().map(tcp_info::read) else { return false };
    let now = Instant::now();
    if !state.is_waiting {
        // Who holds back now may be gone later, without anything being written.
        if state.is_holding_back {
            waiting.insert(client.own_session, now);
        }
        return false;
    }
    let since = before.get(&client.own_session).copied().unwrap_or(now);
    waiting.insert(client.own_session, since);
    // The first look comes a little after the beginning of the waiting.
    state.unheard >= silence && now - since >= silence - silence / LOOKS * 2
}
