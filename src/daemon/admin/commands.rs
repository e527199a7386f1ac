//! The operator's commands.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chatroom::admin::{RefusalCode, Reply, Request, Status};
use chatroom::room::{Refusal, Seq};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::accounts;
use crate::access::By;
use crate::access::moderation::moderate;
use crate::health::Health;
use crate::lifecycle::Control;
use crate::room_thread::Submission;
use crate::shared::Shared;
use crate::{logging, store, systemd};

/// The longest time to a shutdown, in seconds.
const LONGEST_NOTICE: u64 = 366 * 86_400;

/// What the commands need of the daemon.
pub struct Operator {
    pub shared: Arc<Shared>,
    pub health: Health,
    pub control: mpsc::UnboundedSender<Control>,
    pub since: Timestamp,
    /// The addresses on which the daemon really listens.
    pub listen: Vec<String>,
    pub config_file: Option<PathBuf>,
    /// The history on disk, if there is one.
    pub database: Option<PathBuf>,
    /// When the daemon will end, if that was asked for.
    pub shutdown_at: watch::Receiver<Option<Instant>>,
}

impl Operator {
    /// Does what is asked, and says what came of it; a file may belong to that.
    pub async fn carry_out(&self, by: By, request: Request) -> (Reply, Option<File>) {
        match request {
            Request::Backup => self.back_up().await,
            other => (self.reply_to(by, other).await, None),
        }
    }

    async fn reply_to(&self, by: By, request: Request) -> Reply {
        match request {
            Request::Ping => match self.health.check().await {
                true => Reply::Done,
                false => failed("a part of chatroomd does not answer; restart it"),
            },
            Request::Users => {
                let users = self.shared.room.ask(|reply| Submission::Users { reply }).await;
                users.map_or_else(room_is_gone, Reply::Users)
            }
            Request::Status => Reply::Status(Box::new(self.status())),
            Request::Say { text } => {
                let notice = |reply| Submission::Notice { text, reply };
                self.shared.room.ask(notice).await.map_or_else(room_is_gone, outcome)
            }
            Request::Moderate { act } => said(moderate(&self.shared, by, act).await),
            Request::Bans => Reply::Bans(accounts::bans(&self.shared)),
            Request::Audit { limit } => accounts::audit(&self.shared, limit).await,
            Request::Account { what } => accounts::carry_out(&self.shared, by, what).await,
            Request::History { .. } => self.show_history(request).await,
            Request::Redact { targets } => {
                let targets = targets.into_iter().map(Seq).collect();
                let redact = |reply| Submission::Redact { targets, reply };
                self.shared.room.ask(redact).await.map_or_else(room_is_gone, outcome)
            }
            // Its answer comes with a file.
            Request::Backup => failed("a backup has to be asked for on its own"),
            Request::Reload => self.reload().await,
            Request::Shutdown { after, .. } if after > LONGEST_NOTICE => {
                let message = "A shutdown can be announced for a year ahead at most.".to_owned();
                Reply::Refused { code: RefusalCode::BadRequest, message }
            }
            Request::Shutdown { after, message } => {
                let after = Duration::from_secs(after);
                self.order(|reply| Control::Shutdown { after, message, reply: Some(reply) }).await
            }
            Request::CancelShutdown if self.shutdown_at.borrow().is_none() => {
                failed("no shutdown was asked for")
            }
            Request::CancelShutdown => self.order(|reply| Control::CancelShutdown { reply }).await,
            Request::HandOver if !systemd::is_there() => {
                failed("there is no systemd here that would keep the connections")
            }
            Request::HandOver => self.order(|reply| Control::HandOver { reply }).await,
            Request::LogLevel { level } => {
                if let Some(level) = level {
                    logging::set_level(level);
                }
                Reply::LogLevel(logging::level())
            }
        }
    }

    async fn reload(&self) -> Reply {
        let (reply, outcome) = oneshot::channel();
        if self.control.send(Control::Reload { reply: Some(reply) }).is_err() {
            return failed("chatroomd is ending");
        }
        match outcome.await {
            Ok(Ok(notes)) if notes.is_empty() => Reply::Done,
            Ok(Ok(notes)) => Reply::DoneWith(notes),
            Ok(Err(problems)) => {
                let message = problems.join("\n");
                Reply::Refused { code: RefusalCode::Configuration, message }
            }
            Err(_) => failed("chatroomd is ending"),
        }
    }

    /// Gives an order to the daemon as a whole, and waits until it is carried out.
    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Control) -> Reply {
        let (reply, done) = oneshot::channel();
        if self.control.send(order(reply)).is_err() || done.await.is_err() {
            return failed("chatroomd is ending");
        }
        Reply::Done
    }

    fn status(&self) -> Status {
        let shared = &self.shared;
        let config = shared.config();
        let (first, next, window_bytes) = shared.window.extent();
        let remaining = |at: Instant| at.saturating_duration_since(Instant::now()).as_secs();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            room: shared.window.room.clone(),
            since: self.since,
            listen: self.listen.clone(),
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
            history_bytes: self.database.as_deref().map_or(0, store::size),
            degraded: shared.room.is_degraded(),
            window_records: next.0 - first.0,
            window_bytes,
            window_limit: config.limits.window,
            ended: shared.connections.ended(),
            log_lines_dropped: logging::dropped(),
            slowed: shared.connections.guard.slowed(),
            limited: shared.connections.guard.limited(&config.limits),
            shutdown_in_seconds: self.shutdown_at.borrow().map(remaining),
        }
    }
}

fn outcome(outcome: Result<(), Refusal>) -> Reply {
    match outcome {
        Ok(()) => Reply::Done,
        Err(refusal) => refused(&refusal),
    }
}

/// What was done, in a sentence, or why not.
pub(super) fn said(outcome: Result<String, Refusal>) -> Reply {
    match outcome {
        Ok(said) => Reply::Said(said),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Reply {
    let code = match refusal {
        Refusal::NoSuchUser(_) | Refusal::NoSuchSanction(_) | Refusal::NoSuchAccount(_) => {
            RefusalCode::NoSuchUser
        }
        _ => RefusalCode::BadRequest,
    };
    Reply::Refused { code, message: refusal.to_string() }
}

pub(super) fn failed(message: &str) -> Reply {
    Reply::Refused { code: RefusalCode::Failed, message: message.to_owned() }
}

fn room_is_gone() -> Reply {
    failed("the room does not answer; restart chatroomd")
}
