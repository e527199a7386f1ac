//! A start that waits for a cause to pass, such as a full disk. The service stays up, reports the
//! cause, turns clients away with a message, and retries until the room can be opened.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chatroom::admin::{AdminRequest, Finding, Reloaded, Reply, Status};
use chatroom::config::{Config, Difference};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;
use tracing::{error, info};

use crate::backoff::Backoff;
use crate::control::{Control, failed, order, reload};
use crate::faults::{Faults, Part};
use crate::listen::{self, Ports};
use crate::sockets::ListenerKind;
use crate::start::{self, OpenedStores};
use crate::transient::StartFailure;
use crate::{files, limits, logging, systemd};

/// The message for clients during recovery.
const CLOSED: &str =
    "Messages cannot be stored at the moment, so the room is closed. Try again later.";

/// A start that has not opened the room yet: the state that operators can see and act on.
pub struct PendingStart {
    /// The configuration for the next attempt, with its text.
    pub config: Mutex<(Arc<Config>, String)>,
    pub config_file: Option<PathBuf>,
    pub since: Timestamp,
    pub faults: Arc<Faults>,
    pub control: mpsc::UnboundedSender<Control>,
}

/// The outcome of waiting.
pub enum WaitOutcome {
    Opened(Box<OpenedStores>),
    /// The daemon was told to end before the room could be opened.
    Ended,
}

/// After this time the process ends, if only another process can see that the cause has passed.
const NEW_PROCESS_AFTER: Duration = Duration::from_secs(30);

impl PendingStart {
    /// Tries again after a first attempt that failed, until the room can be opened.
    ///
    /// # Errors
    /// An attempt failed permanently, or only another process can succeed.
    pub async fn until_open(
        &self,
        mut failure: StartFailure,
        ports: &Ports,
        orders: &mut mpsc::UnboundedReceiver<Control>,
    ) -> anyhow::Result<WaitOutcome> {
        let mut tasks = turn_all_away(ports, &self.config().0)?;
        tasks.spawn(systemd::ping_watchdog());
        let (mut backoff, begun) = (Backoff::while_running(), Instant::now());
        loop {
            let (error, message, is_of_mounts) = match failure {
                StartFailure::Transient { error, message, is_of_mounts } => {
                    (error, message, is_of_mounts)
                }
                StartFailure::Permanent(error) => return Err(error),
            };
            if is_of_mounts && begun.elapsed() >= NEW_PROCESS_AFTER {
                return Err(
                    error.context("starting again, to see the file systems as they are now")
                );
            }
            self.report(&message);
            if !self.pause(backoff.next(), orders).await {
                return Ok(WaitOutcome::Ended);
            }
            let (config, control) = (self.config().0, self.control.clone());
            match spawn_blocking(move || start::open(&config, control)).await? {
                Ok(opened) => {
                    tasks.shutdown().await;
                    self.faults.clear(&Part::Start);
                    info!(event = "recovered", "what the start waited for is over");
                    return Ok(WaitOutcome::Opened(Box::new(opened)));
                }
                Err(other) => failure = other,
            }
        }
    }

    /// Reports the cause of waiting, if it has changed.
    fn report(&self, problem: &str) {
        if self.faults.set(Part::Start, problem) {
            error!(event = "degraded", "the room cannot be opened, trying again: {problem}");
        }
        systemd::waiting(&self.faults.all().join("; "));
    }

    /// Pauses before the next attempt, and carries out commands in the meantime. Returns false if
    /// the daemon is to end.
    async fn pause(&self, pause: Duration, orders: &mut mpsc::UnboundedReceiver<Control>) -> bool {
        let pause = tokio::time::sleep(pause);
        tokio::pin!(pause);
        loop {
            let order = tokio::select! {
                () = &mut pause => return true,
                order = orders.recv() => order,
            };
            match order {
                Some(Control::Reload { reply }) => {
                    let outcome = self.reload();
                    let is_done = outcome.is_ok();
                    if let Some(reply) = reply {
                        // The operator who asked may have gone.
                        let _ = reply.send(outcome);
                    }
                    if is_done {
                        return true;
                    }
                }
                Some(Control::Shutdown { reply, .. }) => {
                    reply.map(|reply| reply.send(()));
                    return false;
                }
                // systemd still keeps the state that the previous process handed over.
                Some(Control::HandOver { reply }) => {
                    let _ = reply.send(());
                    return false;
                }
                Some(Control::CancelShutdown { reply }) => drop(reply.send(())),
                // The failure of a store that an earlier attempt opened.
                Some(Control::Fail { .. }) => {}
                None => return false,
            }
        }
    }

    /// The configuration for the next attempt, with its text.
    pub fn config(&self) -> (Arc<Config>, String) {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reloads the configuration, for the next attempt.
    fn reload(&self) -> Result<Reloaded, Vec<String>> {
        systemd::reloading();
        let file = files::config_file(self.config_file.as_deref());
        let outcome = files::read_config_text(file.as_deref());
        if let Err(problems) = &outcome {
            problems.iter().for_each(|problem| error!(event = "reload-failed", "{problem}"));
        }
        systemd::waiting(&self.faults.all().join("; "));
        let (mut config, text) = outcome?;
        limits::fit_to_descriptors(&mut config);
        // The ports and the admin socket are open already; all other options apply to the next attempt.
        let mut differences = self.config().0.differences(&config);
        let is_there = |it: &Difference| {
            it.needs_restart()
                && (it.option.starts_with("[listen]") || it.option.starts_with("[admin]"))
        };
        let needs_restart = differences.extract_if(.., |it| is_there(it)).collect();
        logging::set_level(config.log.level);
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = (Arc::new(config), text);
        self.faults.clear(&Part::Configuration);
        info!(event = "reloaded", "read the configuration again");
        let note = "The room is not open yet; chatroomd tries again with this configuration.";
        Ok(Reloaded {
            file,
            changed: differences,
            needs_restart,
            notes: vec![note.to_owned()],
            ..Reloaded::default()
        })
    }

    /// Carries out a request of an operator, as far as that is possible without a room.
    pub async fn handle(&self, request: AdminRequest) -> Reply {
        match request {
            AdminRequest::Status => Reply::Status(Box::new(self.status())),
            AdminRequest::Examine => {
                let finding = |problem| {
                    Finding::problem(
                        "start",
                        problem,
                        "The room opens by itself when that is over.",
                    )
                };
                Reply::Findings(self.faults.all().into_iter().map(finding).collect())
            }
            AdminRequest::Reload => reload(&self.control).await,
            AdminRequest::Shutdown { .. } => {
                let shutdown = |reply| Control::Shutdown {
                    after: Duration::ZERO,
                    message: None,
                    reply: Some(reply),
                };
                order(&self.control, shutdown).await
            }
            AdminRequest::HandOver => {
                order(&self.control, |reply| Control::HandOver { reply }).await
            }
            AdminRequest::LogLevel { level } => {
                if let Some(level) = level {
                    logging::set_level(level);
                }
                Reply::LogLevel(logging::level())
            }
            _ => {
                let problem = self.faults.all().join("; ");
                failed(&format!("the room is not open yet; chatroomd waits: {problem}"))
            }
        }
    }

    fn status(&self) -> Status {
        let (config, _) = self.config();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            room: config.room.name.clone(),
            since: self.since,
            config: self.config_file.clone(),
            log_level: logging::level(),
            connections_limit: config.limits.connections,
            history: config.history.enabled,
            degraded: true,
            faults: self.faults.all(),
            window_limit: config.limits.window,
            ..Status::default()
        }
    }
}

/// Turns away all clients that connect to the open ports.
fn turn_all_away(ports: &Ports, config: &Arc<Config>) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for (_, kind, socket) in &ports.listening.open {
        let identity = ports.identity.clone().filter(|_| *kind == ListenerKind::Tls);
        let listener = TcpListener::from_std(socket.try_clone()?)?;
        if *kind == ListenerKind::Plain || identity.is_some() {
            tasks.spawn(listen::turn_all_away(listener, identity, config.clone(), CLOSED));
        }
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use chatroom::admin::RefusalCode;

    use super::*;

    #[tokio::test]
    async fn an_operator_is_told_what_is_waited_for() {
        let (control, _orders) = mpsc::unbounded_channel();
        let pending = PendingStart {
            config: Mutex::default(),
            config_file: None,
            since: Timestamp::UNIX_EPOCH,
            faults: Arc::new(Faults::new()),
            control,
        };
        pending.report("no space left");
        let Reply::Status(status) = pending.handle(AdminRequest::Status).await else { panic!() };
        assert!(status.degraded);
        assert_eq!(status.faults, ["no space left"]);
        let Reply::Refused { code, message } = pending.handle(AdminRequest::Ping).await else {
            panic!("it answers as if the room were open")
        };
        assert_eq!(code, RefusalCode::Failed);
        assert!(message.contains("no space left"), "{message}");
    }
}
