//! Carries out lines of the text protocol.

use chatroom::permission::Permission;
use chatroom::room::EndReason;
use chatroom::secret::Secret;
use chatroom::wire::text::{self, TextRequest};
use chatroom::wire::{Answer, topic_sentence};

use super::login;
use super::moderate::moderate;
use super::phase::Phase;
use super::requests::Requests;
use crate::room_thread::RoomRequest;
use crate::store::history_reader::Selection;

pub(super) async fn handle(requests: &mut Requests<'_>, line: &str) {
    let request = text::parse(line);
    let permission = match request.command().permission() {
        permission @ (Permission::KeepAlive | Permission::Quit) => permission,
        // During login, every other line is the answer to a question.
        _ if requests.phase.is_login() => Permission::Join,
        permission => permission,
    };
    match requests.permit(permission) {
        Err(denial) => requests.deny(denial, None),
        Ok(()) if permission == Permission::Join => log_in(requests, line).await,
        Ok(()) => carry_out(requests, request).await,
    }
}

/// Takes the line for the name, or for the password of the name that was given before.
async fn log_in(requests: &mut Requests<'_>, line: &str) {
    match std::mem::replace(&mut requests.phase, Phase::Naming) {
        Phase::Password(_) if line.is_empty() => {
            requests.inform("Type another name, then press enter!");
        }
        Phase::Password(name) => {
            let password = Secret::new(line.to_owned());
            Box::pin(login::give_password(requests, &name, password)).await;
        }
        _ => login::join(requests, line, None, None).await,
    }
}

async fn carry_out(requests: &mut Requests<'_>, request: TextRequest<'_>) {
    let session = requests.client().session();
    match request {
        TextRequest::KeepAlive => requests.client().answer(&Answer::KeepAlive),
        TextRequest::Quit => requests.end(EndReason::Quit),
        TextRequest::Help => requests.client().answer(&Answer::Help),
        TextRequest::Incomplete(mistake) => requests.inform(mistake.sentence('!')),
        TextRequest::History(limit) => {
            let selection = Selection { limit, ..Selection::default() };
            Box::pin(requests.show_history(selection, None)).await;
        }
        TextRequest::Search(text) => {
            let (grep, limit) = (Some(text.to_owned()), text::USUAL_HISTORY);
            let selection = Selection { grep, limit, ..Selection::default() };
            Box::pin(requests.show_history(selection, None)).await;
        }
        TextRequest::Who => requests.submit(RoomRequest::Who { session }).await,
        TextRequest::Topic => requests.inform(topic_sentence(&requests.shared().topic())),
        TextRequest::Moderate(action) => Box::pin(moderate(requests, *action, None)).await,
        // An empty line says nothing, and is no mistake to be told of.
        TextRequest::Say("") => {}
        TextRequest::Say(text) => speak(requests, false, text).await,
        TextRequest::Action(text) => speak(requests, true, text).await,
        TextRequest::Direct { to, text } => {
            requests.apply_rate_limit().await;
            let (to, text) = (to.to_owned(), text.to_owned());
            requests.submit(RoomRequest::Direct { session, to, text, id: None }).await;
        }
    }
}

async fn speak(requests: &mut Requests<'_>, action: bool, text: &str) {
    requests.apply_rate_limit().await;
    let (session, text) = (requests.client().session(), text.to_owned());
    requests.submit(RoomRequest::Speech { session, action, text, id: None }).await;
}
