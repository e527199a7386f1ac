//! What the room is asked for, and the way to it.

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

/// Told whether something was done, or why not.
pub type ReplySender = oneshot::Sender<Result<(), Refusal>>;

/// How somebody has come in.
pub struct Joined {
    pub name: Name,
    /// Whether they have taken up a session again,
    pub resumed: bool,
    /// which was detached.
    pub was_detached: bool,
}

/// What the rest of the daemon asks of the room. The order in which requests are sent is the order
/// in which they are carried out.
pub enum RoomRequest {
    Join {
        client: Arc<ClientConnection>,
        name: Name,
        /// Why it could not be a new name, if it could not.
        problem: Option<NameProblem>,
        resume: Option<Resume>,
        /// What they have proved with a password.
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
    /// The place of who is away since then was held for long enough.
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
    /// Tells everybody what the room is about; an empty text is nothing.
    Topic {
        text: String,
        reply: ReplySender,
    },
    /// Whether somebody may do that, after all that was asked before.
    May {
        session: SessionId,
        permission: Permission,
        reply: ReplySender,
    },
    /// From now on this is in force, which is different in this.
    Access {
        access_state: Arc<AccessState>,
        change: Change,
        reply: ReplySender,
    },
    /// Takes the text of these records away.
    Redact {
        targets: Vec<Seq>,
        reply: oneshot::Sender<Result<Redaction, Refusal>>,
    },
    /// Whom a sanction would hit, and how many of them are connected.
    Affected {
        target: Target,
        reply: oneshot::Sender<(Affected, usize)>,
    },
    Users {
        reply: oneshot::Sender<Vec<User>>,
    },
    Configure(Arc<Config>),
    /// Answered when everything that was asked before is done.
    Probe {
        reply: oneshot::Sender<()>,
    },
    /// Stores what could not be stored before, if it can be now.
    TryAgain,
    /// Connections go on that another process has had, with their sessions.
    TakeUp {
        clients: Vec<Arc<ClientConnection>>,
    },
    /// Gives what the room is, where that is not stored.
    Save {
        reply: oneshot::Sender<Option<SavedRoom>>,
    },
    /// Closes the store: nothing will be asked any more.
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// About how many bytes an answer has beside the text that is in it.
const ANSWER_BYTES: usize = 256;

impl RoomRequest {
    /// About how many bytes the person who asks will be answered with.
    pub fn answer_bytes(&self) -> usize {
        match self {
            // As many people as there are: nothing else is asked meanwhile.
            RoomRequest::Who { .. } => usize::MAX,
            RoomRequest::Speech { text, .. } | RoomRequest::Direct { text, .. } => {
                text.len() + ANSWER_BYTES
            }
            _ => ANSWER_BYTES,
        }
    }
}

/// The way to the room thread.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) inbox: mpsc::UnboundedSender<RoomRequest>,
    pub(super) people: watch::Receiver<usize>,
    pub(super) counts: Arc<Counts>,
}

/// What is counted of the room for others to see.
#[derive(Default)]
pub struct Counts {
    /// Requests of people that were refused, by the code of the refusal.
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
    /// Asks something of the room.
    pub fn submit(&self, request: RoomRequest) {
        // The thread ends after the last handle only, or has panicked; then the watchdog acts.
        let _ = self.inbox.send(request);
    }

    /// Whether the thread takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.inbox.is_closed()
    }

    /// Asks something that has a reply, and waits for it. None if the thread is no more.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> RoomRequest,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.submit(request(reply));
        answer.await.ok()
    }

    /// How many people are here, and a way to wait until that changes, or whether all is well.
    pub fn people(&self) -> watch::Receiver<usize> {
        self.people.clone()
    }

    /// What is counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many messages and actions there were.
    pub fn messages(&self) -> u64 {
        self.counts.messages.load(Relaxed)
    }

    /// The oldest record that is stored.
    pub fn oldest(&self) -> Seq {
        Seq(self.counts.oldest.load(Relaxed))
    }

    /// Whether what is said cannot be stored at present.
    pub fn is_degraded(&self) -> bool {
        self.counts.is_degraded.load(Relaxed)
    }
}
