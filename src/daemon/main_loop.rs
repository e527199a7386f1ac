//! The running daemon: carries out orders, and stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use chatroom::room::EndReason;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::control::Control;
use crate::listeners::Listeners;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::{files, handover, reload};

/// The ways in which the daemon stops.
pub enum End {
    /// All clients are told.
    Farewell,
    /// No client is told, and another process continues.
    HandOver,
}

/// The running daemon.
pub struct Daemon {
    pub shared: Arc<Shared>,
    pub config_file: Option<PathBuf>,
    /// Whether systemd has opened the ports.
    pub is_activated: bool,
    pub set_shutdown_at: watch::Sender<Option<Instant>>,
}

impl Daemon {
    /// Hands the connections over, or tells all clients and closes them.
    pub async fn end(&self, end: anyhow::Result<End>, listeners: &Listeners) -> anyhow::Result<()> {
        if matches!(end, Ok(End::HandOver)) {
            // New clients wait in the meantime, because systemd keeps the listening sockets.
            match handover::hand_over(&self.shared).await {
                Ok(count) => {
                    info!(
                        event = "handed-over",
                        connections = count,
                        "handed over {count} connections"
                    );
                }
                Err(problem) => {
                    error!(
                        event = "not-handed-over",
                        "cannot hand the connections over: {problem:#}"
                    );
                }
            }
            self.shared.watchers.end(true).await;
            return Ok(());
        }
        // From here on the system refuses new connections.
        listeners.close();
        if !listeners.is_activated {
            handover::keep_none();
        }
        let reason = if end.is_ok() { EndReason::ShuttingDown } else { EndReason::Failed };
        self.say_farewell(&reason).await;
        self.shared.watchers.end(false).await;
        end.map(drop)
    }

    /// Carries out orders until it is time to stop.
    ///
    /// # Errors
    /// The daemon has to stop because something failed.
    pub async fn obey(
        &mut self,
        mut orders: mpsc::UnboundedReceiver<Control>,
    ) -> anyhow::Result<End> {
        let mut farewell = None;
        loop {
            let shutdown_at = *self.set_shutdown_at.borrow();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Control::Reload { reply }) => {
                        let file = self.config_file.as_deref();
                        let outcome =
                            reload::reload(&self.shared, file, self.is_activated).await;
                        if let Some(reply) = reply {
                            // The administrator who asked may be gone.
                            let _ = reply.send(outcome);
                        }
                    }
                    Some(Control::CancelShutdown { reply }) => {
                        self.set_shutdown_at.send_replace(None);
                        self.announce("The shutdown was cancelled.".to_owned()).await;
                        let _ = reply.send(());
                    }
                    Some(Control::Shutdown { after, message, reply }) => {
                        farewell = message;
                        self.set_shutdown_at.send_replace(Some(Instant::now() + after));
                        if after > Duration::ZERO {
                            self.announce(later(after, farewell.as_deref())).await;
                        }
                        reply.map(|reply| reply.send(()));
                    }
                    Some(Control::Fail { problem }) => bail!(
                        "the history failed: {problem}. After a restart, chatroomd continues with \
                         what is safely stored, or says why it cannot"
                    ),
                    Some(Control::HandOver { reply }) => {
                        self.look_ahead();
                        let _ = reply.send(());
                        return Ok(End::HandOver);
                    }
                    None => return Ok(End::Farewell),
                },
                () = until(shutdown_at) => break,
            }
        }
        if let Some(message) = farewell {
            self.announce(message).await;
        }
        Ok(End::Farewell)
    }

    /// Warns if the configuration that the next process will find is invalid.
    fn look_ahead(&self) {
        let Err(problems) = files::read_config(self.config_file.as_deref()) else { return };
        problems.iter().for_each(|problem| error!(event = "configuration-kept", "{problem}"));
        let what = "the configuration file is invalid; the next process continues with the configuration in force";
        error!(event = "configuration-kept", "{what}");
    }

    async fn announce(&self, text: String) {
        let notice = |reply| RoomRequest::Notice { text, reply };
        if let Some(Err(refusal)) = self.shared.room.ask(notice).await {
            warn!(event = "announcement-failed", "cannot announce the shutdown: {refusal}");
        }
    }

    /// Tells all clients that the daemon stops, and waits, for a bounded time, until they have read it.
    async fn say_farewell(&self, reason: &EndReason) {
        // Messages that were sent before are shown before.
        self.shared.room.ask(|reply| RoomRequest::Probe { reply }).await;
        let last = self.shared.window.last();
        self.shared.connections.close_all(last, reason);
        let grace = self.shared.config().timeouts.grace;
        let left = self.shared.connections.until_none(grace).await;
        if left > 0 {
            warn!(
                event = "grace-over",
                connections = left,
                "closed {left} connections that had not read the farewell in time"
            );
        }
        self.shared.room.ask(|reply| RoomRequest::Close { reply }).await;
        info!(event = "stopped", "stopped");
    }
}

/// The announcement of a shutdown.
fn later(after: Duration, message: Option<&str>) -> String {
    let seconds = after.as_secs();
    let time = match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    };
    match message {
        Some(message) => format!("The server will shut down in {time}: {message}"),
        None => format!("The server will shut down in {time}."),
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
