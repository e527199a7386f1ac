//! A start that meets a passing cause, as a full disk: the service stays up, says what it waits for,
//! turns people away with a clear sentence, and tries again until the room can be opened.

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
use crate::faults::Faults;
use crate::listen::{self, Listening};
use crate::reload::CONFIGURATION;
use crate::sockets::ListenerKind;
use crate::start::{self, Opened};
use crate::tls::Identity;
use crate::transient::{Transient, is_of_mounts, is_transient};
use crate::{files, limits, logging, systemd};

/// The name of the fault.
const PART: &str = "start";

/// What those hear who connect meanwhile.
const CLOSED: &str =
    "Messages cannot be stored at the moment, so the room is closed. Try again later.";

/// What an operator sees and can do while the room is not open.
pub struct Waiting {
    /// The configuration for the next attempt, with its text.
    pub config: Mutex<(Arc<Config>, String)>,
    pub config_file: Option<PathBuf>,
    pub since: Timestamp,
    pub faults: Arc<Faults>,
    pub control: mpsc::UnboundedSender<Control>,
}

/// How waiting ends.
pub enum Outcome {
    Opened(Box<Opened>),
    /// The daemon was told to end before the room could be opened.
    Ended,
}

/// After so long a process makes way for another one, if that may see other mounts.
const MAKE_WAY_AFTER: Duration = Duration::from_secs(30);

/// What of the start is there already.
pub struct Ready<'r> {
    pub listening: &'r Listening,
    pub identity: Option<Identity>,
}

impl Waiting {
    /// Tries to open the room until that succeeds, after a first attempt that did not.
    ///
    /// # Errors
    /// An attempt met a cause that does not pass.
    pub async fn until_open(
        &self,
        mut problem: anyhow::Error,
        ready: Ready<'_>,
        orders: &mut mpsc::UnboundedReceiver<Control>,
    ) -> anyhow::Result<Outcome> {
        let mut tasks = turn_all_away(&ready, &self.config().0)?;
        tasks.spawn(systemd::ping_watchdog());
        let (mut backoff, begun) = (Backoff::while_running(), Instant::now());
        loop {
            if is_of_mounts(&problem) && begun.elapsed() >= MAKE_WAY_AFTER {
                return Err(
                    problem.context("starting again, to see the file systems as they are now")
                );
            }
            self.tell(&problem);
            if !self.pause(backoff.next(), orders).await {
                return Ok(Outcome::Ended);
            }
            let (config, control) = (self.config().0, self.control.clone());
            match spawn_blocking(move || start::open(&config, control)).await? {
                Ok(opened) => {
                    tasks.shutdown().await;
                    self.faults.clear(PART);
                    info!(event = "recovered", "what the start waited for is over");
                    return Ok(Outcome::Opened(Box::new(opened)));
                }
                Err(other) if is_transient(&other) => problem = other,
                Err(other) => return Err(other),
            }
        }
    }

    /// Says what is waited for, if that is news.
    fn tell(&self, problem: &anyhow::Error) {
        let problem = match problem.downcast_ref::<Transient>() {
            Some(problem) => problem.to_string(),
            None => format!("{problem:#}"),
        };
        if self.faults.set(PART, &problem) {
            error!(event = "degraded", "the room cannot be opened, trying again: {problem}");
        }
        systemd::waiting(&self.faults.all().join("; "));
    }

    /// Pauses before the next attempt, and carries out orders meanwhile. Gives whether to go on.
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
                // What the process before has handed over is still with the manager.
                Some(Control::HandOver { reply }) => {
                    let _ = reply.send(());
                    return false;
                }
                Some(Control::CancelShutdown { reply }) => drop(reply.send(())),
                // A store that an attempt has opened in vain.
                Some(Control::Fail { .. }) => {}
                None => return false,
            }
        }
    }

    /// The configuration for the next attempt, with its text.
    pub fn config(&self) -> (Arc<Config>, String) {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the configuration again, for the next attempt.
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
        // The ports and the admin socket are there already; the rest counts at the next attempt.
        let mut differences = self.config().0.differences(&config);
        let is_there = |it: &Difference| {
            it.needs_restart()
                && (it.option.starts_with("[listen]") || it.option.starts_with("[admin]"))
        };
        let needs_restart = differences.extract_if(.., |it| is_there(it)).collect();
        logging::set_level(config.log.level);
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = (Arc::new(config), text);
        self.faults.clear(CONFIGURATION);
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

    /// Does what an operator asks for, as far as that can be done without a room.
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

/// Serves what is open with a sentence on why the room is not.
fn turn_all_away(ready: &Ready<'_>, config: &Arc<Config>) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for (_, kind, socket) in &ready.listening.open {
        let identity = ready.identity.clone().filter(|_| *kind == ListenerKind::Tls);
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
        let waiting = Waiting {
            config: Mutex::default(),
            config_file: None,
            since: Timestamp::UNIX_EPOCH,
            faults: Arc::new(Faults::new()),
            control,
        };
        waiting.tell(&anyhow::anyhow!("x").context(Transient("no space left".to_owned())));
        let Reply::Status(status) = waiting.handle(AdminRequest::Status).await else { panic!() };
        assert!(status.degraded);
        assert_eq!(status.faults, ["no space left"]);
        let Reply::Refused { code, message } = waiting.handle(AdminRequest::Ping).await else {
            panic!("it answers as if the room were open")
        };
        assert_eq!(code, RefusalCode::Failed);
        assert!(message.contains("no space left"), "{message}");
    }
}
