//! Effects of requests, which are carried out after the batch of these requests is stored and
//! shown.

use std::sync::Arc;

use chatroom::admin::{Redaction, User};
use chatroom::names::Name;
use chatroom::room::{EndReason, Refusal, Seq, SessionId};
use chatroom::wire::{Answer, Direct};
use tokio::sync::oneshot;

use super::admission::PendingWelcome;
use super::{Joined, ReplySender};
use crate::client_connection::ClientConnection;

/// An effect of a request, carried out after everything accepted before it is published.
pub enum Effect {
    Answer {
        client: Arc<ClientConnection>,
        after: Seq,
        answer: Answer,
    },
    /// Sends the list of members, and ends the request.
    ShowPeople {
        client: Arc<ClientConnection>,
        after: Seq,
        people: Arc<[Name]>,
    },
    Admit {
        client: Arc<ClientConnection>,
        pending: PendingWelcome,
        reply: oneshot::Sender<Result<Joined, Refusal>>,
    },
    /// Tells the connection the new name of its user.
    Rename {
        client: Arc<ClientConnection>,
        to: Name,
    },
    Close {
        client: Arc<ClientConnection>,
        after: Seq,
        reason: EndReason,
    },
    Reply(ReplySender, Result<(), Refusal>),
    ReplyJoin(oneshot::Sender<Result<Joined, Refusal>>, Refusal),
    ReplyUsers(oneshot::Sender<Vec<User>>),
    ReplyProbe(oneshot::Sender<()>),
    ReplyRedaction(oneshot::Sender<Result<Redaction, Refusal>>, Result<Redaction, Refusal>),
}

/// The effects of a batch, in their order.
#[derive(Default)]
pub struct Effects {
    queue: Vec<Effect>,
    /// The messages in the batch, with their ids: their senders are told if it cannot be stored.
    speech: Vec<(SessionId, Option<String>)>,
}

impl Effects {
    pub fn push(&mut self, effect: Effect) {
        self.queue.push(effect);
    }

    /// A message was accepted into the batch.
    pub fn note_speech(&mut self, session: SessionId, id: Option<String>) {
        self.speech.push((session, id));
    }

    /// The batch is stored: its messages need no answer.
    pub fn confirm_speech(&mut self) {
        self.speech.clear();
    }

    /// The messages of a batch that is not stored.
    pub fn take_speech(&mut self) -> Vec<(SessionId, Option<String>)> {
        std::mem::take(&mut self.speech)
    }

    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.queue)
    }
}

impl Effect {
    /// The part of this effect that remains when its batch is not stored and the log ends with
    /// `last`. It must not refer to a record that was rolled back.
    pub fn rolled_back(self, last: Seq) -> Option<Effect> {
        Some(match self {
            Effect::Admit { client, reply, .. } => {
                client.adopt(client.own_session);
                Effect::ReplyJoin(reply, Refusal::StorageFull)
            }
            Effect::Answer { client, answer: Answer::Direct(direct), .. } if !direct.own => {
                client.release_reserved(direct.text.len());
                return None;
            }
            Effect::Answer { client, answer: Answer::Direct(Direct { id, .. }), .. } => {
                Effect::refuse(client, last, Refusal::StorageFull, id)
            }
            Effect::Answer { client, after, answer } => {
                Effect::Answer { client, after: after.min(last), answer }
            }
            Effect::ShowPeople { client, after, people } => {
                Effect::ShowPeople { client, after: after.min(last), people }
            }
            Effect::Close { client, after, reason } => {
                Effect::Close { client, after: after.min(last), reason }
            }
            Effect::Rename { .. } => return None,
            Effect::Reply(reply, Ok(())) => Effect::Reply(reply, Err(Refusal::StorageFull)),
            Effect::ReplyRedaction(reply, Ok(done)) if !done.redacted.is_empty() => {
                Effect::ReplyRedaction(reply, Err(Refusal::StorageFull))
            }
            other => other,
        })
    }

    /// Refuses a request of a client.
    pub fn refuse(
        client: Arc<ClientConnection>,
        after: Seq,
        refusal: Refusal,
        id: Option<String>,
    ) -> Effect {
        Effect::Answer { client, after, answer: Answer::Refused { refusal, id } }
    }
}
