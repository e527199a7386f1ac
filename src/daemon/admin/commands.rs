//! The requests of `chatctl`.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatroom::access::SanctionKind;
use chatroom::admin::{AdminRequest, Auditing, RefusalCode, Reply, summary};
use chatroom::room::{Refusal, Seq};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::accounts;
use crate::access::{Actor, AuditEvent, AuditId};
use crate::control::{Control, failed, order, reload};
use crate::health::Health;
use crate::moderation::targets::{self, Moderated};
use crate::moderation::{moderate, record, withdraw};
use crate::overview::Overview;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::{doctor, logging, systemd};

/// The longest time to a shutdown, in seconds.
const MAX_NOTICE: u64 = 366 * 86_400;

/// The parts of the daemon that requests need.
pub struct Operator {
    pub overview: Arc<Overview>,
    pub health: Health,
    pub control: mpsc::UnboundedSender<Control>,
}

impl Operator {
    /// Carries out a request, in the audit first. Returns the reply, and the file that follows it if
    /// there is one.
    pub async fn handle(&self, by: Actor, request: AdminRequest) -> (Reply, Option<File>) {
        let recorded = match self.record(&by, &request).await {
            Ok(recorded) => recorded,
            Err(refusal) => return (refused(&refusal), None),
        };
        let answer = match request {
            AdminRequest::Backup => self.back_up().await,
            other => (self.reply_to(by, other).await, None),
        };
        if let Some(id) = recorded.filter(|_| !answer.0.is_done()) {
            withdraw(&self.overview.shared, id).await;
        }
        answer
    }

    /// Writes a request to the audit, unless the code that carries it out does.
    ///
    /// # Errors
    /// It cannot be written, so it must not be done.
    async fn record(&self, by: &Actor, request: &AdminRequest) -> Result<Option<AuditId>, Refusal> {
        let auditing = request.auditing();
        if matches!(auditing, Auditing::Never | Auditing::WithDetails) {
            return Ok(None);
        }
        let target = match request {
            AdminRequest::Redact { targets } => summary(targets),
            other => other.target().unwrap_or_default(),
        };
        let event = AuditEvent { what: request.command(), target, done: None };
        match record(&self.overview.shared, by, &event).await {
            Err(refusal) if auditing == Auditing::Required => Err(refusal),
            recorded => Ok(recorded.ok()),
        }
    }

    /// Makes a reply on another thread, because that may take a while or wait for the disk.
    async fn aside(&self, make: impl FnOnce(&Overview) -> Reply + Send + 'static) -> Reply {
        let overview = self.overview.clone();
        let made = spawn_blocking(move || make(&overview)).await;
        made.unwrap_or_else(|_| failed("a part of chatroomd failed; the log says why"))
    }

    async fn reply_to(&self, by: Actor, request: AdminRequest) -> Reply {
        match request {
            AdminRequest::Ping => match self.health.check().await {
                true => Reply::Done,
                false => failed("a part of chatroomd does not answer; restart it"),
            },
            AdminRequest::Users => users(&self.overview.shared).await,
            AdminRequest::Status => {
                self.aside(|overview| Reply::Status(Box::new(overview.status()))).await
            }
            AdminRequest::Metrics => {
                let metrics = |overview: &Overview| match overview.metrics() {
                    Ok(text) => Reply::Metrics(text),
                    Err(error) => failed(&format!("the metrics cannot be written: {error}")),
                };
                self.aside(metrics).await
            }
            AdminRequest::Examine => {
                let examine = |overview: &Overview| {
                    Reply::Findings(doctor::examine(overview, Timestamp::now()))
                };
                self.aside(examine).await
            }
            AdminRequest::Say { text } => {
                let notice = |reply| RoomRequest::Notice { text, reply };
                self.overview.shared.room.ask(notice).await.map_or_else(room_is_gone, outcome)
            }
            AdminRequest::Moderate { action } => {
                moderated(moderate(&self.overview.shared, by, action).await)
            }
            AdminRequest::Affected { target } => self.affected(&target).await,
            AdminRequest::Bans => {
                self.aside(|overview| Reply::Bans(accounts::bans(&overview.shared))).await
            }
            AdminRequest::Audit { limit } => accounts::audit(&self.overview.shared, limit).await,
            AdminRequest::Account { what } => {
                accounts::handle(&self.overview.shared, by, what).await
            }
            AdminRequest::History { .. } => self.show_history(request).await,
            AdminRequest::MessagesBy { name, since, after } => {
                self.messages_by(name, since, Seq(after)).await
            }
            AdminRequest::Redact { targets } => self.redact(targets).await,
            // These are replied to with more than a line.
            AdminRequest::Watch { .. } => failed("watching has to be asked for on its own"),
            AdminRequest::Backup => failed("a backup has to be asked for on its own"),
            AdminRequest::Reload => reload(&self.control).await,
            AdminRequest::Shutdown { after, .. } if after > MAX_NOTICE => {
                let message = "A shutdown can be announced for a year ahead at most.".to_owned();
                Reply::Refused { code: RefusalCode::BadRequest, message }
            }
            AdminRequest::Shutdown { after, message } => {
                let after = Duration::from_secs(after);
                order(&self.control, |reply| Control::Shutdown {
                    after,
                    message,
                    reply: Some(reply),
                })
                .await
            }
            AdminRequest::CancelShutdown if self.overview.shutdown_at.borrow().is_none() => {
                failed("no shutdown was asked for")
            }
            AdminRequest::CancelShutdown => {
                order(&self.control, |reply| Control::CancelShutdown { reply }).await
            }
            AdminRequest::HandOver if !systemd::is_there() => {
                failed("there is no systemd here that would keep the connections")
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
        }
    }

    async fn affected(&self, word: &str) -> Reply {
        let shared = &self.overview.shared;
        let affected = match targets::resolve(shared, word).await {
            Ok(target) => targets::affected(shared, &target).await,
            Err(refusal) => Err(refusal),
        };
        affected.map_or_else(|refusal| refused(&refusal), Reply::Affected)
    }
}

/// The members, with their permissions.
async fn users(shared: &Arc<Shared>) -> Reply {
    let Some(mut users) = shared.room.ask(|reply| RoomRequest::Users { reply }).await else {
        return room_is_gone();
    };
    let (access_state, now) = (shared.access.access_state(), Timestamp::now());
    // Computing the skeletons of all names takes a while.
    let marked = spawn_blocking(move || {
        for user in &mut users {
            let address = user.address.parse::<SocketAddr>().ok().map(|address| address.ip());
            let mute =
                access_state.sanctions.against(SanctionKind::Mute, Some(&user.name), address, now);
            user.muted |= mute.is_some();
            user.operator = access_state.is_operator(&user.name);
        }
        users
    });
    marked.await.map_or_else(|_| failed("chatroomd is ending"), Reply::Users)
}

fn outcome(outcome: Result<(), Refusal>) -> Reply {
    match outcome {
        Ok(()) => Reply::Done,
        Err(refusal) => refused(&refusal),
    }
}

/// The reply to a moderation action.
fn moderated(outcome: Result<Moderated, Refusal>) -> Reply {
    match outcome {
        Ok(Moderated { said, affected: Some(affected) }) => Reply::Moderated { said, affected },
        other => said(other.map(|moderated| moderated.said)),
    }
}

/// The reply that consists of a sentence.
pub(super) fn said(outcome: Result<String, Refusal>) -> Reply {
    match outcome {
        Ok(said) => Reply::Said(said),
        Err(refusal) => refused(&refusal),
    }
}

pub(super) fn refused(refusal: &Refusal) -> Reply {
    let code = match refusal {
        Refusal::NoSuchUser(_) | Refusal::NoSuchSanction(_) | Refusal::NoSuchAccount(_) => {
            RefusalCode::NoSuchUser
        }
        Refusal::AuditUnwritable => RefusalCode::Failed,
        _ => RefusalCode::BadRequest,
    };
    Reply::Refused { code, message: refusal.to_string() }
}

pub(super) fn room_is_gone() -> Reply {
    failed("the room does not answer; restart chatroomd")
}
