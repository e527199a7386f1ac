//! The status of the daemon, for `chatctl` and for Prometheus.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chatroom::admin::Status;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::listeners::Listeners;
use crate::metrics::{self, Measured};
use crate::shared::Shared;
use crate::unit_files::UnitFiles;
use crate::{logging, store};

/// Everything that the status is made of.
pub struct Overview {
    pub shared: Arc<Shared>,
    pub since: Timestamp,
    /// The sockets that are really open.
    pub listeners: Arc<Listeners>,
    /// The named configuration file, else the default one if it existed at the start.
    pub config_file: Option<PathBuf>,
    /// The files of the unit at the start.
    pub unit_files: UnitFiles,
    /// Whether systemd has opened the ports.
    pub is_activated: bool,
    /// The file of the history, if it is enabled.
    pub database: Option<PathBuf>,
    /// The time at which the daemon will shut down, if a shutdown is announced.
    pub shutdown_at: watch::Receiver<Option<Instant>>,
}

impl Overview {
    /// The addresses on which the daemon really listens.
    pub fn listening(&self) -> Vec<String> {
        let addresses = self.listeners.addresses();
        addresses.into_iter().map(|(kind, address)| kind.show(address)).collect()
    }

    /// The status that `chatctl status` shows.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let config = shared.config();
        let (first, next, window_bytes) = shared.window.extent();
        let (history_bytes, wal_bytes) = self.database.as_deref().map_or((0, 0), store::size);
        let remaining = |at: Instant| at.saturating_duration_since(Instant::now()).as_secs();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            room: shared.window.room.clone(),
            topic: shared.topic(),
            slow_seconds: shared.access.access_state().slow.as_secs(),
            since: self.since,
            listen: self.listening(),
            config: self.config_file.clone(),
            log_level: logging::level(),
            people: *shared.room.people().borrow(),
            connections: *shared.connections.count().borrow(),
            connections_limit: config.limits.connections,
            accepted: shared.connections.accepted(),
            epoch: shared.window.epoch,
            seq: next.previous().0,
            messages: shared.room.messages(),
            history: self.database.is_some(),
            history_oldest: shared.room.oldest().0,
            history_bytes,
            wal_bytes,
            wal_held: shared.room.counts().log.get().is_some_and(|log| log.is_blocked()),
            degraded: shared.room.is_degraded(),
            faults: shared.faults.all(),
            socket_activated: self.is_activated,
            window_records: next.0 - first.0,
            window_bytes,
            window_limit: config.limits.window,
            ended: shared.connections.ended(),
            log_lines_dropped: logging::dropped(),
            slowed: shared.connections.connection_limits.slowed(),
            limited: shared.connections.connection_limits.limited(&config.limits),
            shutdown_in_seconds: self.shutdown_at.borrow().map(remaining),
        }
    }

    /// The metrics, as text.
    ///
    /// # Errors
    /// As [`metrics::text`].
    pub fn metrics(&self) -> Result<String, fmt::Error> {
        let shared = &self.shared;
        let (_, next, _) = shared.window.extent();
        let (totals, lag) = shared.connections.measure(next);
        let refusals = shared.room.counts().refusals.all();
        let measured = Measured { totals, lag, refusals, times: &shared.room.counts().times };
        metrics::text(&self.status(), &measured)
    }
}
