//! What a line of JSON does.

use chatroom::permission::Doing;
use chatroom::room::{EndReason, Refusal, Seq};
use chatroom::wire::json::{Request, parse_request};
use chatroom::wire::{Answer, PROTOCOL, text};

use super::reader::Reader;
use crate::room_thread::Submission;
use crate::store::past::Selection;

/// What is asked for, as the table of permissions knows it; and its id, for a denial.
fn doing(request: &Request) -> (Doing, Option<String>) {
    match request {
        Request::Ping { .. } => (Doing::KeepAlive, None),
        Request::Quit => (Doing::Quit, None),
        Request::Hello { .. } => (Doing::Join, None),
        Request::Who => (Doing::Look, None),
        Request::History { id, .. } => (Doing::History, id.clone()),
        Request::Moderate { id, .. } => (Doing::Moderate, id.clone()),
        Request::Direct { id, .. } => (Doing::Direct, id.clone()),
        Request::Say { id, .. } => (Doing::Speak, id.clone()),
    }
}

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
        let (doing, id) = doing(&request);
        if let Err(denial) = self.permit(doing) {
            return self.deny(denial, id);
        }
        let session = self.outlet().session();
        match request {
            Request::Ping { id } => self.outlet().answer(&Answer::Pong { id }),
            Request::Quit => self.end(EndReason::Quit),
            Request::Hello { protocol, .. } if protocol != PROTOCOL => {
                self.refuse(Refusal::Protocol { version: PROTOCOL }, None);
            }
            Request::Hello { name, resume, password, hold, .. } => {
                self.outlet().set_holds(hold);
                self.join(&name, resume, password).await;
            }
            Request::Say { text, action, id } => {
                self.keep_pace().await;
                self.submit(Submission::Speech { session, action, text, id }).await;
            }
            Request::Direct { to, text, id } => {
                self.keep_pace().await;
                self.submit(Submission::Direct { session, to, text, id }).await;
            }
            Request::Who => self.submit(Submission::Who { session }).await,
            Request::History { before, after, limit, search, id } => {
                let limit = limit.unwrap_or(text::USUAL_HISTORY).clamp(1, text::MOST_HISTORY);
                let (before, after) = (before.map(Seq), after.map(Seq));
                let selection =
                    Selection { before, after, limit, grep: search, ..Selection::default() };
                Box::pin(self.show_history(selection, id)).await;
            }
            Request::Moderate { act, id } => Box::pin(self.moderate(act, id)).await,
        }
    }
}
