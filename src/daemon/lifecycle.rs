//! The daemon from its start to its end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use chatroom::admin::Reloaded;
use chatroom::config::Config;
use chatroom::room::EndReason;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::admin::{self, AdminSocket, Operator};
use crate::handover::{self, Inherited};
use crate::health::Health;
use crate::listen::{Kind, Listening};
use crate::overview::Overview;
use crate::reload::{certificate_in_force, identity, log_certificate, reload};
use crate::room_thread::Submission;
use crate::shared::Shared;
use crate::start::{Started, start};
use crate::{files, limits, listen, memory, metrics, signals, silence, systemd, welcome};

/// What the signals and the operator ask of the daemon as a whole.
pub enum Control {
    Reload {
        /// Told what is in force then, or the problems.
        reply: Option<oneshot::Sender<Result<Reloaded, Vec<String>>>>,
    },
    Shutdown {
        after: Duration,
        message: Option<String>,
        /// Told when it is announced.
        reply: Option<oneshot::Sender<()>>,
    },
    CancelShutdown {
        reply: oneshot::Sender<()>,
    },
    /// Another process is about to go on with all connections.
    HandOver {
        /// Told before it begins.
        reply: oneshot::Sender<()>,
    },
    /// The history failed, and there is no going on.
    Fail {
        problem: String,
    },
}

/// Runs the daemon until it is told to end.
///
/// # Errors
/// It cannot start.
pub async fn run(config: Config, config_file: Option<PathBuf>) -> anyhow::Result<()> {
    let mut config = config;
    limits::fit_to_descriptors(&mut config);
    let mut inherited = Inherited::take();
    let starting = systemd::Starting::begin();
    let Listening { sockets, is_activated } = listen::open_all(&config, &mut inherited)?;
    let identity = identity(&config, sockets.iter().any(|(kind, _)| *kind == Kind::Tls))?;
    let listen: Vec<(Kind, SocketAddr)> = sockets
        .iter()
        .map(|(kind, socket)| Ok((*kind, socket.local_addr()?)))
        .collect::<io::Result<_>>()?;
    let (socket, admin_listener) = AdminSocket::open(&files::admin_socket(&config)?)?;

    let (control, orders) = mpsc::unbounded_channel();
    signals::forward(control.clone())?;
    let config = Arc::new(config);
    let Started { shared, database, handed_over } =
        start(&config, identity, &mut inherited, control.clone())?;

    // Everything that serves is in here, and is cancelled when it is dropped.
    let mut tasks = JoinSet::new();
    let mut accept_loops = Vec::new();
    for (kind, socket) in &sockets {
        let (probe, probes) = mpsc::channel(1);
        accept_loops.push(probe);
        let listener = TcpListener::from_std(socket.try_clone()?)?;
        tasks.spawn(listen::accept_all(listener, *kind, shared.clone(), probes));
    }
    let health = Health { accept_loops, room: shared.room.clone() };
    let (set_shutdown_at, shutdown_at) = watch::channel(None);
    let overview = Arc::new(Overview {
        shared: shared.clone(),
        since: Timestamp::now(),
        listen: listen.iter().map(|(kind, address)| kind.show(*address)).collect(),
        config_file: config_file.clone(),
        is_activated,
        database,
        shutdown_at,
    });
    if let Some(address) = config.metrics.listen {
        tasks.spawn(metrics::serve_all(address, overview.clone()));
    }
    let operator = Operator { overview, health: health.clone(), control };
    tasks.spawn(admin::serve_all(admin_listener, operator));
    tasks.spawn(systemd::keep_status(shared.room.clone()));
    tasks.spawn(systemd::keep_watchdog(health));
    tasks.spawn(silence::watch_all(shared.clone()));
    tasks.spawn(memory::give_back(shared.clone()));

    let is_going_on = inherited.had_any();
    if let Some(handed_over) = handed_over {
        handed_over.go_on(&shared);
    }
    for &(kind, address) in &listen {
        let shown = kind.show(address);
        info!(event = "listening", address = %address, "listening on {shown}");
    }
    if let Some(identity) = shared.identity() {
        log_certificate(&certificate_in_force(&identity, None));
    }
    drop(starting);
    systemd::ready(&systemd::status_line(&shared.room));
    if is_going_on {
        handover::settle();
    }
    if !is_activated {
        handover::keep(&sockets);
    }
    welcome::print(&config.room.name, &listen);

    let mut daemon = Daemon { shared, config_file, is_activated, set_shutdown_at };
    let end = daemon.obey(orders).await;
    systemd::stopping();
    tasks.shutdown().await;
    drop(socket);
    if matches!(end, Ok(End::HandOver)) {
        // Who connects meanwhile waits, for systemd holds the listening sockets.
        match handover::hand_over(&daemon.shared).await {
            Ok(count) => {
                info!(
                    event = "handed-over",
                    connections = count,
                    "handed over {count} connections"
                );
            }
            Err(problem) => {
                error!(event = "not-handed-over", "cannot hand the connections over: {problem:#}");
            }
        }
        daemon.shared.watchers.end(true).await;
        return Ok(());
    }
    // Who comes now is turned away by the system.
    drop(sockets);
    if !is_activated {
        handover::keep_none();
    }
    let reason = if end.is_ok() { EndReason::ShuttingDown } else { EndReason::Failed };
    daemon.say_farewell(&reason).await;
    daemon.shared.watchers.end(false).await;
    end.map(drop)
}

/// How the daemon ends.
enum End {
    /// Everybody is told.
    Farewell,
    /// Nobody is told, and another process goes on.
    HandOver,
}

struct Daemon {
    shared: Arc<Shared>,
    config_file: Option<PathBuf>,
    /// Whether systemd has opened the ports.
    is_activated: bool,
    set_shutdown_at: watch::Sender<Option<Instant>>,
}

impl Daemon {
    /// Carries out orders until it is time to end.
    ///
    /// # Errors
    /// It has to end because something failed.
    async fn obey(&mut self, mut orders: mpsc::UnboundedReceiver<Control>) -> anyhow::Result<End> {
        let mut farewell = None;
        loop {
            let shutdown_at = *self.set_shutdown_at.borrow();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Control::Reload { reply }) => {
                        let file = self.config_file.as_deref();
                        let outcome = reload(&self.shared, file, self.is_activated).await;
                        if let Some(reply) = reply {
                            // Who asked may have gone.
                            let _ = reply.send(outcome);
                        }
                    }
                    Some(Control::CancelShutdown { reply }) => {
                        self.set_shutdown_at.send_replace(None);
                        self.announce("The shutdown was called off.".to_owned()).await;
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
                        "the history failed: {problem}. Started again, chatroomd goes on with what \
                         is safely stored, or says why it cannot"
                    ),
                    Some(Control::HandOver { reply }) => {
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

    async fn announce(&self, text: String) {
        let notice = |reply| Submission::Notice { text, reply };
        if let Some(Err(refusal)) = self.shared.room.ask(notice).await {
            warn!(event = "announcement-failed", "cannot announce the shutdown: {refusal}");
        }
    }

    /// Tells everybody that this is the end and waits, for a bounded time, until they heard it.
    async fn say_farewell(&self, reason: &EndReason) {
        // What was sent before is shown before.
        self.shared.room.ask(|reply| Submission::Probe { reply }).await;
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
        self.shared.room.ask(|reply| Submission::Close { reply }).await;
        info!(event = "stopped", "stopped");
    }
}

/// What an announced shutdown is called.
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
