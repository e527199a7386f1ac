//! What a line of text does.

use chatroom::handover::Stage;
use chatroom::permission::Doing;
use chatroom::room::EndReason;
use chatroom::secret::Secret;
use chatroom::wire::{Answer, text};

use super::reader::Reader;
use crate::room_thread::Submission;
use crate::store::past::Selection;

/// What is asked for, as the table of permissions knows it.
fn doing(request: &text::Request<'_>) -> Doing {
    match request {
        text::Request::KeepAlive => Doing::KeepAlive,
        text::Request::Quit => Doing::Quit,
        text::Request::Help | text::Request::Incomplete(_) => Doing::Help,
        text::Request::Who | text::Request::Topic => Doing::Look,
        text::Request::History(_) | text::Request::Search(_) => Doing::History,
        text::Request::Moderate(_) => Doing::Moderate,
        text::Request::Direct { .. } => Doing::Direct,
        text::Request::Say(_) | text::Request::Action(_) => Doing::Speak,
    }
}

impl Reader<'_> {
    pub(super) async fn handle_text(&mut self, line: &str) {
        let request = text::parse(line);
        let doing = match (self.stage, doing(&request)) {
            (_, doing @ (Doing::KeepAlive | Doing::Quit)) => doing,
            // Before that, whatever else one types is the answer to a question.
            (Stage::New | Stage::Naming | Stage::Password, _) => Doing::Join,
            (_, doing) => doing,
        };
        match (self.permit(doing), doing, request) {
            (Err(refusal), ..) => self.deny(refusal, None),
            (Ok(()), Doing::Join, _) if self.stage == Stage::Password => {
                Box::pin(self.give_password(line)).await;
            }
            (Ok(()), Doing::Join, _) => self.join(line, None, None).await,
            (Ok(()), _, request) => self.handle_text_request(request).await,
        }
    }

    /// Takes the line for the password of the name that was given before.
    async fn give_password(&mut self, line: &str) {
        let Some(name) = self.name.take() else { return };
        if line.is_empty() {
            self.stage = Stage::Naming;
            let message = "Type another name, then press enter!".to_owned();
            return self.outlet().answer(&Answer::Info { message, id: None });
        }
        self.join(name.as_str(), None, Some(Secret::new(line.to_owned()))).await;
        // Otherwise they are in, or were asked anew.
        if self.stage == Stage::Password && self.name.is_none() {
            self.stage = Stage::Naming;
        }
    }

    async fn handle_text_request(&mut self, request: text::Request<'_>) {
        let session = self.outlet().session();
        match request {
            text::Request::KeepAlive => self.outlet().answer(&Answer::KeepAlive),
            text::Request::Quit => self.end(EndReason::Quit),
            text::Request::Help => self.outlet().answer(&Answer::Help),
            text::Request::Incomplete(usage) => self.outlet().answer(&Answer::Usage(usage)),
            text::Request::History(limit) => {
                let selection = Selection { limit, ..Selection::default() };
                Box::pin(self.show_history(selection, None)).await;
            }
            text::Request::Search(text) => {
                let (grep, limit) = (Some(text.to_owned()), text::USUAL_HISTORY);
                let selection = Selection { grep, limit, ..Selection::default() };
                Box::pin(self.show_history(selection, None)).await;
            }
            text::Request::Who => self.submit(Submission::Who { session }).await,
            text::Request::Topic => {
                let message = match self.shared().topic() {
                    topic if topic.is_empty() => "The room has no topic.".to_owned(),
                    topic => format!("Topic: {topic}"),
                };
                self.outlet().answer(&Answer::Info { message, id: None });
            }
            text::Request::Moderate(act) => Box::pin(self.moderate(*act, None)).await,
            // An empty line says nothing; it is no mistake that one has to be told of.
            text::Request::Say("") => {}
            text::Request::Say(text) => self.speak(false, text).await,
            text::Request::Action(text) => self.speak(true, text).await,
            text::Request::Direct { to, text } => {
                self.keep_pace().await;
                let (to, text) = (to.to_owned(), text.to_owned());
                self.submit(Submission::Direct { session, to, text, id: None }).await;
            }
        }
    }

    async fn speak(&mut self, action: bool, text: &str) {
        self.keep_pace().await;
        let (session, text) = (self.outlet().session(), text.to_owned());
        self.submit(Submission::Speech { session, action, text, id: None }).await;
    }
}
