//! The requests to the room thread, and the handle that sends them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use chatroom::access::{AccessState, Change, Credential, Target};
use chatroom::admin::{Affected, Redaction, User};
use chatroom::config::Config;
use chatroom::handover::SavedRoom;
use chatroom::names::{Name, NameProblem};
use chatroom::permission::Permission;
use chatroom::room::{EndReason, Refusal, Seq, SessionId};
use chatroom::wire::json::Resume;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use crate::client_connection::ClientConnection;
use crate::metrics::{CounterMap, Times};
use crate::store;

/// Receives whether a request was carried out, or why it was refused.
pub type ReplySender = oneshot::Sender<Result<(), Refusal>>;

/// How a user has joined.
pub struct Joined {
    pub name: Name,
    /// Whether they have resumed a session.
    pub resumed: bool,
    /// Whether that session was detached.
    pub was_detached: bool,
}

/// A request to the room. Requests are carried out in the order in which they are sent.
pub enum RoomRequest {
    Join {
        client: Arc<ClientConnection>,
        name: Name,
        /// The reason why it cannot be a new name, if it cannot.
        problem: Option<NameProblem>,
        resume: Option<Resume>,
        /// The password that was verified.
        credential: Credential,
        reply: oneshot::Sender<Result<Joined, Refusal>>,
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
    /// A connection ends, or has ended. Asking twice does no harm.
    End {
        client: Arc<ClientConnection>,
        reason: EndReason,
    },
    /// The session that was detached at this time has not been resumed in time.
    Expire {
        session: SessionId,
        away: Timestamp,
    },
    Notice {
        text: String,
        reply: ReplySender,
    },
    Kick {
        name: String,
        reason: Option<String>,
        reply: ReplySender,
    },
    Rename {
        name: String,
        to: Name,
        reply: ReplySender,
    },
    /// Shows the topic to all members; an empty text is none.
    Topic {
        text: String,
        reply: ReplySender,
    },
    /// Whether a member has a permission, after everything that was requested before.
    May {
        session: SessionId,
        permission: Permission,
        reply: ReplySender,
    },
    /// Replaces the access state; `change` lists the differences.
    Access {
        access_state: Arc<AccessState>,
        change: Change,
        reply: ReplySender,
    },
    /// Redacts these records.
    Redact {
        targets: Vec<Seq>,
        reply: oneshot::Sender<Result<Redaction, Refusal>>,
    },
    /// The members whom a sanction would affect, and how many of them are connected.
    Affected {
        target: Target,
        reply: oneshot::Sender<(Affected, usize)>,
    },
    Users {
        reply: oneshot::Sender<Vec<User>>,
    },
    Configure(Arc<Config>),
    /// Replied to when everything that was requested before is done.
    Probe {
        reply: oneshot::Sender<()>,
    },
    /// Tries to store again, after storing has failed.
    TryAgain,
    /// Takes over connections of the previous process, with their sessions.
    TakeUp {
        clients: Vec<Arc<ClientConnection>>,
    },
    /// Returns the state of the room, if it is not stored.
    Save {
        reply: oneshot::Sender<Option<SavedRoom>>,
    },
    /// Closes the store and ends the thread.
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// The approximate number of bytes of an answer in addition to its text.
const ANSWER_BYTES: usize = 256;

impl RoomRequest {
    /// The approximate number of bytes of the answer.
    pub fn answer_bytes(&self) -> usize {
        match self {
            // The list has no bound, so the connection makes no other request before it is sent.
            RoomRequest::Who { .. } => usize::MAX,
            RoomRequest::Speech { text, .. } | RoomRequest::Direct { text, .. } => {
                text.len() + ANSWER_BYTES
            }
            _ => ANSWER_BYTES,
        }
    }
}

/// Sends requests to the room thread.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) inbox: mpsc::UnboundedSender<RoomRequest>,
    pub(super) people: watch::Receiver<usize>,
    pub(super) counts: Arc<Counts>,
}

/// The counts of the room thread, for the rest of the daemon.
#[derive(Default)]
pub struct Counts {
    /// Requests of users that were refused, by the code of the refusal.
    pub refusals: CounterMap,
    pub times: Times,
    /// Messages and actions since the start.
    pub messages: AtomicU64,
    /// The oldest record that is stored.
    pub oldest: AtomicU64,
    /// The write-ahead log of the history, if there is one.
    pub log: OnceLock<Arc<store::Log>>,
    /// Whether the last batch could not be stored.
    pub is_degraded: AtomicBool,
}

impl RoomHandle {
    /// Sends a request.
    pub fn submit(&self, request: RoomRequest) {
        // The thread ends only after the last handle is dropped, or by a panic, which the watchdog
        // notices.
        let _ = self.inbox.send(request);
    }

    /// Whether the thread takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.inbox.is_closed()
    }

    /// Sends a request and waits for its reply. None if the thread has ended.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> RoomRequest,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.submit(request(reply));
        answer.await.ok()
    }

    /// The number of members. It also counts as changed when storing fails or works again.
    pub fn people(&self) -> watch::Receiver<usize> {
        self.people.clone()
    }

    /// The counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The number of messages and actions since the start.
    pub fn messages(&self) -> u64 {
        self.counts.messages.load(Relaxed)
    }

    /// The oldest record that is stored.
    pub fn oldest(&self) -> Seq {
        Seq(self.counts.oldest.load(Relaxed))
    }

    /// Whether messages cannot be stored at the moment.
    pub fn is_degraded(&self) -> bool {
        self.counts.is_degraded.load(Relaxed)
    }
}
