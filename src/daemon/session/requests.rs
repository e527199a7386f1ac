//! Functions that the handlers of requests share.

use std::sync::Arc;

use chatroom::room::{EndReason, Refusal};
use chatroom::wire::{Answer, History};

use super::ConnectionTask;
use super::phase::Phase;
use super::rate_limit::{self, RateLimit, Slowed};
use crate::client_connection::ClientConnection;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::store::history_reader::{MAX_PAGE_BYTES, MAX_SEARCH_BYTES, Selection, Unread};

/// Carries out the requests of one connection: what a request needs to know, and the ways to answer
/// it. `text` and `json` turn lines into calls of it, `login` and `moderate` are requests of their own.
pub(super) struct Requests<'c> {
    pub(super) connection: &'c ConnectionTask,
    pub(super) phase: Phase,
    /// Whether the last line was refused as a name, or as the password of one.
    pub(super) is_name_refused: bool,
    rate_limit: RateLimit,
}

impl<'c> Requests<'c> {
    pub(super) fn new(connection: &'c ConnectionTask) -> Self {
        let (phase, rate_limit) = (Phase::New, RateLimit::default());
        Requests { connection, phase, is_name_refused: false, rate_limit }
    }

    pub(super) fn client(&self) -> &'c Arc<ClientConnection> {
        &self.connection.client
    }

    pub(super) fn shared(&self) -> &'c Shared {
        &self.connection.shared
    }

    /// Sends a request to the room as soon as this connection has few enough on their way.
    pub(super) async fn submit(&self, request: RoomRequest) {
        self.client().traffic.touch();
        self.client().begin_request(request.answer_bytes()).await;
        self.shared().room.submit(request);
    }

    /// Answers with stored records.
    pub(super) async fn show_history(&self, selection: Selection, id: Option<String>) {
        self.client().traffic.touch();
        let room = self.shared().window.room.clone();
        let is_search = selection.grep.is_some();
        let selection = Selection { max_bytes: MAX_PAGE_BYTES, ..selection };
        let (dialect, zone) = (self.client().dialect(), self.shared().window.zone.clone());
        let of = id.clone();
        let encode = move |(records, more)| {
            let history = History { room, id: of, is_search, records, more, zone };
            dialect.encode_answer(&Answer::History(history))
        };
        match self.shared().history_reader.select(selection, encode).await {
            Ok(bytes) => self.client().answer_encoded(bytes),
            Err(unread) => self.refuse(
                match unread {
                    Unread::Busy => Refusal::SearchesBusy,
                    Unread::TooLong => Refusal::SearchTooLong { limit: MAX_SEARCH_BYTES },
                    // The log contains the cause.
                    Unread::Failed(_) => Refusal::HistoryUnreadable,
                },
                id,
            ),
        }
    }

    /// Tells the user something.
    pub(super) fn inform(&self, message: impl Into<String>) {
        self.client().answer(&Answer::Info { message: message.into(), id: None });
    }

    /// Tells the user why a request was not carried out.
    pub(super) fn refuse(&self, refusal: Refusal, id: Option<String>) {
        self.shared().room.counts().refusals.count(refusal.code());
        self.client().answer(&Answer::Refused { refusal, id });
    }

    /// Ends the connection after everything that it has requested.
    pub(super) fn end(&mut self, reason: EndReason) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        if phase.is_joined() {
            let client = self.client().clone();
            self.shared().room.submit(RoomRequest::End { client, reason });
        } else {
            self.client().close(self.shared().window.last(), reason);
        }
    }

    /// Waits until this connection may send another message. The wait is rare, so its state is kept
    /// apart from what every connection needs.
    pub(super) async fn apply_rate_limit(&mut self) {
        let client = self.client();
        let rate = rate_limit::rate(&self.shared().config().limits, &client.source);
        let Some(rate) = rate else { return };
        if let Err(slowed) = self.rate_limit.take(rate, client.traffic.start.elapsed()) {
            Box::pin(self.wait(slowed)).await;
        }
    }

    async fn wait(&mut self, slowed: Slowed) {
        if slowed.is_news {
            self.shared().connections.connection_limits.note_slowed();
            self.inform(rate_limit::TOLD);
        }
        tokio::select! {
            () = tokio::time::sleep(slowed.wait) => {}
            // The connection is to end, or to be handed over.
            () = self.client().until_stopping() => {}
        }
        self.rate_limit.take_slowed(&slowed);
    }
}
