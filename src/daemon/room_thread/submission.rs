//! What the room is asked for, and the way to it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use chatroom::access::{Change, Proof, Registry, Target};
use chatroom::admin::{Affected, Redaction, User};
use chatroom::config::Config;
use chatroom::handover::PackedRoom;
use chatroom::names::{Name, NameProblem};
use chatroom::permission::Doing;
use chatroom::room::{EndReason, Refusal, Seq, SessionId};
use chatroom::wire::json::Resume;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use crate::metrics::{Tally, Times};
use crate::outlet::Outlet;
use crate::store;

/// Told whether something was done, or why not.
pub type Outcome = oneshot::Sender<Result<(), Refusal>>;

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
pub enum Submission {
    Join {
        outlet: Arc<Outlet>,
        name: Name,
        /// Why it could not be a new name, if it could not.
        problem: Option<NameProblem>,
        resume: Option<Resume>,
        /// What they have proved with a password.
        proof: Proof,
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
        outlet: Arc<Outlet>,
        reason: EndReason,
    },
    /// The place of who is away since then was held for long enough.
    Expire {
        session: SessionId,
        away: Timestamp,
    },
    Notice {
        text: String,
        reply: Outcome,
    },
    Kick {
        name: String,
        reason: Option<String>,
        reply: Outcome,
    },
    Rename {
        name: String,
        to: Name,
        reply: Outcome,
    },
    /// Tells everybody what the room is about; an empty text is nothing.
    Topic {
        text: String,
        reply: Outcome,
    },
    /// Whether somebody may do that, after all that was asked before.
    May {
        session: SessionId,
        doing: Doing,
        reply: Outcome,
    },
    /// From now on this is in force, which is different in this.
    Access {
        registry: Arc<Registry>,
        change: Change,
        reply: Outcome,
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
        outlets: Vec<Arc<Outlet>>,
    },
    /// Gives what the room is, where that is not stored.
    Pack {
        reply: oneshot::Sender<Option<PackedRoom>>,
    },
    /// Closes the store: nothing will be asked any more.
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// About how many bytes an answer has beside the text that is in it.
const ANSWER_BYTES: usize = 256;

impl Submission {
    /// About how many bytes the person who asks will be answered with.
    pub fn answer_bytes(&self) -> usize {
        match self {
            // As many people as there are: nothing else is asked meanwhile.
            Submission::Who { .. } => usize::MAX,
            Submission::Speech { text, .. } | Submission::Direct { text, .. } => {
                text.len() + ANSWER_BYTES
            }
            _ => ANSWER_BYTES,
        }
    }
}

/// The way to the room thread.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) inbox: mpsc::UnboundedSender<Submission>,
    pub(super) people: watch::Receiver<usize>,
    pub(super) counts: Arc<Counts>,
}

/// What is counted of the room for others to see.
#[derive(Default)]
pub struct Counts {
    /// Requests of people that were refused, by the code of the refusal.
    pub refusals: Tally,
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
