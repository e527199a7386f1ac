//! What the room is asked for, and the way to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chatroom::admin::User;
use chatroom::config::Config;
use chatroom::names::Name;
use chatroom::room::{EndReason, Refusal, SessionId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::outlet::Outlet;

/// What the rest of the daemon asks of the room. The order in which requests are sent is the order
/// in which they are carried out.
pub enum Submission {
    Join {
        outlet: Arc<Outlet>,
        name: Name,
        /// Told when the person is in, or why not.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Speech {
        session: SessionId,
        action: bool,
        text: String,
        id: Option<String>,
    },
    Direct {
        session: SessionId,
        to: String,
        text: String,
        id: Option<String>,
    },
    Who {
        session: SessionId,
    },
    /// The person goes, and the connection with them. Asking twice does no harm.
    Leave {
        session: SessionId,
        reason: EndReason,
    },
    Notice {
        text: String,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Kick {
        name: String,
        reason: Option<String>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Users {
        reply: oneshot::Sender<Vec<User>>,
    },
    Configure(Arc<Config>),
    /// Answered when everything that was asked before is done.
    Probe {
        reply: oneshot::Sender<()>,
    },
}

/// The way to the room thread.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) inbox: mpsc::UnboundedSender<Submission>,
    pub(super) people: watch::Receiver<usize>,
    pub(super) messages: Arc<AtomicU64>,
}

impl RoomHandle {
    /// Asks something of the room.
    pub fn submit(&self, submission: Submission) {
        // The thread ends after the last handle only, or has panicked; then the watchdog acts.
        let _ = self.inbox.send(submission);
    }

    /// Asks something that has a reply, and waits for it. None if the thread is no more.
    pub async fn ask<T>(
        &self,
        submission: impl FnOnce(oneshot::Sender<T>) -> Submission,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.submit(submission(reply));
        answer.await.ok()
    }

    /// How many people are here, and a way to wait until that changes.
    pub fn people(&self) -> watch::Receiver<usize> {
        self.people.clone()
    }

    /// How many messages and actions there were.
    pub fn messages(&self) -> u64 {
        self.messages.load(Relaxed)
    }
}
