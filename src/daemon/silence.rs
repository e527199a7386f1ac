//! Noticing that the network has gone silent under a connection that is written to.
//!
//! While nothing is under way, the system's keep-alives notice. While something is, the system has
//! only the user timeout, which would also end a connection whose other side is there and merely
//! reads nothing for a while. So the system is asked now and then which of the two it is.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::outlet::Traffic;
use crate::shared::Shared;
use crate::tcp_info;

/// So many times within the allowed silence it is looked.
const LOOKS: u32 = 8;

/// What is known of one connection.
#[derive(Default)]
pub struct Watch {
    /// How many bytes had been written when all of them were acknowledged.
    acknowledged: u64,
    /// Since when there is something that is not.
    waiting: Option<Instant>,
}

impl Watch {
    /// Whether something was sent and nothing at all was heard for `silence`.
    pub fn is_unheard(&mut self, stream: &TcpStream, traffic: &Traffic, silence: Duration) -> bool {
        let written = traffic.bytes_out.load(Relaxed);
        if written == self.acknowledged {
            return false;
        }
        // A socket of which the system tells nothing is broken; its session notices.
        let Ok(state) = tcp_info::read(stream.as_fd()) else { return false };
        if !state.is_waiting {
            self.waiting = None;
            if !state.is_holding_back {
                self.acknowledged = written;
            }
            return false;
        }
        let waiting = self.waiting.get_or_insert_with(Instant::now).elapsed();
        // The first look comes a little after the beginning of the waiting.
        state.unheard >= silence && waiting >= silence - silence / LOOKS * 2
    }
}

/// Looks after all connections for as long as the daemon serves.
pub async fn watch_all(shared: Arc<Shared>) {
    loop {
        let silence = shared.config().timeouts.silence;
        tokio::time::sleep(silence / LOOKS).await;
        shared.connections.abandon_unheard(silence);
    }
}
