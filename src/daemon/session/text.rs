//! What a line of text does.

use chatroom::room::EndReason;
use chatroom::wire::{Answer, text};

use super::reader::{Reader, Stage};
use crate::room_thread::Submission;
use crate::store::past::Selection;

impl Reader<'_> {
    pub(super) async fn handle_text(&mut self, line: &str) {
        match (self.stage, text::parse(line)) {
            (_, text::Request::KeepAlive) => self.outlet().answer(&Answer::KeepAlive),
            (_, text::Request::Quit) => self.end(EndReason::Quit),
            (Stage::Joined, request) => self.handle_text_request(request).await,
            (Stage::New | Stage::Naming, _) => self.join(line, None).await,
            (Stage::Over, _) => {}
        }
    }

    async fn handle_text_request(&mut self, request: text::Request<'_>) {
        let session = self.outlet().session();
        match request {
            text::Request::KeepAlive | text::Request::Quit => {}
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
