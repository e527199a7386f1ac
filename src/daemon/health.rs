//! Checks that everything that serves the chat still answers.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::listeners::Listeners;
use crate::room_thread::{RoomHandle, RoomRequest};
use crate::systemd;

/// Asks every accept loop and the room thread for a sign of life.
#[derive(Clone)]
pub struct Health {
    pub listeners: Arc<Listeners>,
    pub room: RoomHandle,
}

impl Health {
    /// Waits until all have answered. Returns false if one of them has ended.
    pub async fn check(&self) -> bool {
        for accept_loop in self.listeners.accept_loops() {
            let (probe, answer) = oneshot::channel();
            if accept_loop.send(probe).await.is_err() || answer.await.is_err() {
                return false;
            }
        }
        self.room.ask(|reply| RoomRequest::Probe { reply }).await.is_some()
    }
}

/// Pings systemd's watchdog, if there is one, as long as everything that serves the chat answers.
pub async fn ping_watchdog(health: Health) {
    let Some(period) = systemd::watchdog_period() else { return };
    loop {
        tokio::time::sleep(period).await;
        // If something does not answer, this waits, no ping is sent, and systemd restarts the service.
        if health.check().await {
            let told = spawn_blocking(systemd::ping).await;
            if told.is_err() {
                return;
            }
        }
    }
}
