//! What a line of text does.

use chatroom::handover::Stage;
use chatroom::permission::Permission;
use chatroom::room::EndReason;
use chatroom::secret::Secret;
use chatroom::wire::{Answer, text};

use super::reader::Reader;
use crate::room_thread::RoomRequest;
use crate::store::history_reader::Selection;

impl Reader<'_> {
    pub(super) async fn handle_text(&mut self, line: &str) {
        let request = text::parse(line);
        let permission = match (self.stage, request.command().permission()) {
            (_, permission @ (Permission::KeepAlive | Permission::Quit)) => permission,
            // Before that, whatever else one types is the answer to a question.
            (Stage::New | Stage::Naming | Stage::Password, _) => Permission::Join,
            (_, permission) => permission,
        };
        match (self.permit(permission), permission, request) {
            (Err(refusal), ..) => self.deny(refusal, None),
            (Ok(()), Permission::Join, _) if self.stage == Stage::Password => {
                Box::pin(self.give_password(line)).await;
            }
            (Ok(()), Permission::Join, _) => self.join(line, None, None).await,
            (Ok(()), _, request) => self.handle_text_request(request).await,
        }
    }

    /// Takes the line for the password of the name that was given before.
    async fn give_password(&mut self, line: &str) {
        let Some(name) = self.name.take() else { return };
        if line.is_empty() {
            self.stage = Stage::Naming;
            let message = "Type another name, then press enter!".to_owned();
            return self.client().answer(&Answer::Info { message, id: None });
        }
        self.join(name.as_str(), None, Some(Secret::new(line.to_owned()))).await;
        // Otherwise they are in, or were asked anew.
        if self.stage == Stage::Password && self.name.is_none() {
            self.stage = Stage::Naming;
        }
    }

    async fn handle_text_request(&mut self, request: text::TextRequest<'_>) {
        let session = self.client().session();
        match request {
            text::TextRequest::KeepAlive => self.client().answer(&Answer::KeepAlive),
            text::TextRequest::Quit => self.end(EndReason::Quit),
            text::TextRequest::Help => self.client().answer(&Answer::Help),
            text::TextRequest::Incomplete(mistake) => {
                let message = mistake.sentence('!');
                self.client().answer(&Answer::Info { message, id: None });
            }
            text::TextRequest::History(limit) => {
                let selection = Selection { limit, ..Selection::default() };
                Box::pin(self.show_history(selection, None)).await;
            }
            text::TextRequest::Search(text) => {
                let (grep, limit) = (Some(text.to_owned()), text::USUAL_HISTORY);
                let selection = Selection { grep, limit, ..Selection::default() };
                Box::pin(self.show_history(selection, None)).await;
            }
            text::TextRequest::Who => self.submit(RoomRequest::Who { session }).await,
            text::TextRequest::Topic => {
                let message = match self.shared().topic() {
                    topic if topic.is_empty() => "The room has no topic.".to_owned(),
                    topic => format!("Topic: {topic}"),
                };
                self.client().answer(&Answer::Info { message, id: None });
            }
            text::TextRequest::Moderate(action) => Box::pin(self.moderate(*action, None)).await,
            // An empty line says nothing; it is no mistake that one has to be told of.
            text::TextRequest::Say("") => {}
            text::TextRequest::Say(text) => self.speak(false, text).await,
            text::TextRequest::Action(text) => self.speak(true, text).await,
            text::TextRequest::Direct { to, text } => {
                self.apply_rate_limit().await;
                let (to, text) = (to.to_owned(), text.to_owned());
                self.submit(RoomRequest::Direct { session, to, text, id: None }).await;
            }
        }
    }

    async fn speak(&mut self, action: bool, text: &str) {
        self.apply_rate_limit().await;
        let (session, text) = (self.client().session(), text.to_owned());
        self.submit(RoomRequest::Speech { session, action, text, id: None }).await;
    }
}
