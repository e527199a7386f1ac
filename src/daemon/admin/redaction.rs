//! Finding and redacting messages, a bounded number at a time.

use chatroom::admin::{MAX_REDACTED, RefusalCode, Reply};
use chatroom::room::Seq;
use jiff::Timestamp;

use super::Operator;
use super::commands::{refused, room_is_gone};
use crate::control::failed;
use crate::room_thread::RoomRequest;

impl Operator {
    /// The numbers of the messages of a user in the next part of the history.
    pub(super) async fn messages_by(
        &self,
        name: String,
        since: Option<Timestamp>,
        after: Seq,
    ) -> Reply {
        match self.overview.shared.history_reader.messages_by(name, since, after).await {
            Ok(found) => Reply::MessagesBy(found),
            Err(problem) => failed(&problem),
        }
    }

    pub(super) async fn redact(&self, targets: Vec<u64>) -> Reply {
        if targets.len() > MAX_REDACTED {
            let message = format!(
                "{} records are more than can be redacted at a time: {MAX_REDACTED}.",
                targets.len()
            );
            return Reply::Refused { code: RefusalCode::BadRequest, message };
        }
        let targets = targets.into_iter().map(Seq).collect();
        match self.overview.shared.room.ask(|reply| RoomRequest::Redact { targets, reply }).await {
            None => room_is_gone(),
            Some(Ok(redaction)) => Reply::Redacted(redaction),
            Some(Err(refusal)) => refused(&refusal),
        }
    }
}
