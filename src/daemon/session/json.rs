//! Carries out lines of the JSON protocol.

use chatroom::room::{EndReason, Refusal, Seq};
use chatroom::wire::json::{JsonRequest, parse_request};
use chatroom::wire::{Answer, PROTOCOL, text};

use super::login;
use super::moderate::moderate;
use super::requests::Requests;
use crate::room_thread::RoomRequest;
use crate::store::history_reader::Selection;

pub(super) async fn handle(requests: &mut Requests<'_>, line: &str) {
    if line.trim().is_empty() {
        return;
    }
    match parse_request(line) {
        Ok(request) => carry_out(requests, request).await,
        Err((refusal, id)) => requests.refuse(refusal, id),
    }
}

async fn carry_out(requests: &mut Requests<'_>, request: JsonRequest) {
    if let Err(denial) = requests.permit(request.command().permission()) {
        return requests.deny(denial, request.id().map(str::to_owned));
    }
    let session = requests.client().session();
    match request {
        JsonRequest::Ping { id } => requests.client().answer(&Answer::Pong { id }),
        JsonRequest::Quit => requests.end(EndReason::Quit),
        JsonRequest::Hello { protocol, .. } if protocol != PROTOCOL => {
            requests.refuse(Refusal::Protocol { version: PROTOCOL }, None);
        }
        JsonRequest::Hello { name, resume, password, hold, .. } => {
            requests.client().set_keeps_place(hold);
            login::join(requests, &name, resume, password).await;
        }
        JsonRequest::Say { text, action, id } => {
            requests.apply_rate_limit().await;
            requests.submit(RoomRequest::Speech { session, action, text, id }).await;
        }
        JsonRequest::Direct { to, text, id } => {
            requests.apply_rate_limit().await;
            requests.submit(RoomRequest::Direct { session, to, text, id }).await;
        }
        JsonRequest::Who => requests.submit(RoomRequest::Who { session }).await,
        JsonRequest::History { before, after, limit, search, id } => {
            let limit = limit.unwrap_or(text::USUAL_HISTORY).clamp(1, text::MAX_HISTORY);
            let (before, after) = (before.map(Seq), after.map(Seq));
            let selection =
                Selection { before, after, limit, grep: search, ..Selection::default() };
            Box::pin(requests.show_history(selection, id)).await;
        }
        JsonRequest::Moderate { action, id } => Box::pin(moderate(requests, action, id)).await,
    }
}
