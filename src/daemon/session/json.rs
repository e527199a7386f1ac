//! What a line of JSON does.

use chatroom::room::{EndReason, Refusal, Seq};
use chatroom::wire::json::{JsonRequest, parse_request};
use chatroom::wire::{Answer, PROTOCOL, text};

use super::reader::Reader;
use crate::room_thread::RoomRequest;
use crate::store::history_reader::Selection;

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

    async fn handle_json_request(&mut self, request: JsonRequest) {
        if let Err(denial) = self.permit(request.command().permission()) {
            return self.deny(denial, request.id().map(str::to_owned));
        }
        let session = self.client().session();
        match request {
            JsonRequest::Ping { id } => self.client().answer(&Answer::Pong { id }),
            JsonRequest::Quit => self.end(EndReason::Quit),
            JsonRequest::Hello { protocol, .. } if protocol != PROTOCOL => {
                self.refuse(Refusal::Protocol { version: PROTOCOL }, None);
            }
            JsonRequest::Hello { name, resume, password, hold, .. } => {
                self.client().set_keeps_place(hold);
                self.join(&name, resume, password).await;
            }
            JsonRequest::Say { text, action, id } => {
                self.apply_rate_limit().await;
                self.submit(RoomRequest::Speech { session, action, text, id }).await;
            }
            JsonRequest::Direct { to, text, id } => {
                self.apply_rate_limit().await;
                self.submit(RoomRequest::Direct { session, to, text, id }).await;
            }
            JsonRequest::Who => self.submit(RoomRequest::Who { session }).await,
            JsonRequest::History { before, after, limit, search, id } => {
                let limit = limit.unwrap_or(text::USUAL_HISTORY).clamp(1, text::MAX_HISTORY);
                let (before, after) = (before.map(Seq), after.map(Seq));
                let selection =
                    Selection { before, after, limit, grep: search, ..Selection::default() };
                Box::pin(self.show_history(selection, id)).await;
            }
            JsonRequest::Moderate { action, id } => Box::pin(self.moderate(action, id)).await,
        }
    }
}
