//! What a line of JSON does.

use chatroom::room::{EndReason, Refusal, Seq};
use chatroom::wire::json::{Request, parse_request};
use chatroom::wire::{Answer, PROTOCOL, text};

use super::reader::{Reader, Stage};
use crate::room_thread::Submission;
use crate::store::past::Selection;

impl Reader<'_> {
    pub(super) async fn handle_json(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        match parse_request(line) {
            Ok(request) => self.handle_json_request(request).await,
            Err((refusal, id)) => self.refuse(refusal, id),
        }
    }

    async fn handle_json_request(&mut self, request: Request) {
        let session = self.outlet().session();
        match (self.stage, request) {
            (_, Request::Ping { id }) => self.outlet().answer(&Answer::Pong { id }),
            (_, Request::Quit) => self.end(EndReason::Quit),
            (Stage::Joined, Request::Hello { .. }) => self.refuse(Refusal::AlreadyJoined, None),
            (_, Request::Hello { protocol, .. }) if protocol != PROTOCOL => {
                self.refuse(Refusal::Protocol { version: PROTOCOL }, None);
            }
            (_, Request::Hello { name, resume, .. }) => self.join(&name, resume).await,
            (Stage::Joined, Request::Say { text, action, id }) => {
                self.keep_pace().await;
                self.submit(Submission::Speech { session, action, text, id }).await;
            }
            (Stage::Joined, Request::Direct { to, text, id }) => {
                self.keep_pace().await;
                self.submit(Submission::Direct { session, to, text, id }).await;
            }
            (Stage::Joined, Request::Who) => self.submit(Submission::Who { session }).await,
            (Stage::Joined, Request::History { before, after, limit, search, id }) => {
                let limit = limit.unwrap_or(text::USUAL_HISTORY).clamp(1, text::MOST_HISTORY);
                let (before, after) = (before.map(Seq), after.map(Seq));
                let selection =
                    Selection { before, after, limit, grep: search, ..Selection::default() };
                Box::pin(self.show_history(selection, id)).await;
            }
            (
                _,
                Request::Say { id, .. } | Request::Direct { id, .. } | Request::History { id, .. },
            ) => {
                self.refuse(Refusal::NotJoined, id);
            }
            (_, Request::Who) => self.refuse(Refusal::NotJoined, None),
        }
    }
}
