//! What one says: kept until it is acknowledged, and said again until then.

use std::time::Duration;

use chatroom::wire::json::JsonRequest;

use super::keeping::Change;
use super::{Keeps, Model, Phase, Show};

/// Something said that is not acknowledged yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: String,
    pub(super) request: JsonRequest,
}

impl Model {
    /// Keeps something to be said until it is acknowledged, and says it if that can be done now.
    pub(super) fn say(&mut self, request: impl FnOnce(String) -> JsonRequest, now: Duration) {
        let id = format!("{}-{}", self.settings.tag, self.next_id);
        self.next_id += 1;
        let request = request(id.clone());
        if self.is_too_long(&request) {
            return self.drop_too_long();
        }
        self.show_said(&id, &request);
        if self.phase == Phase::Joined && self.catching_up.is_none() {
            self.send(request.clone(), now);
        } else if self.settings.interactive && self.phase != Phase::Joined {
            self.status("(not connected; this is kept and sent as soon as it can be)");
        }
        self.pending.push_back(Pending { id, request });
        self.changed(Change::Said);
    }

    pub(super) fn show_said(&mut self, id: &str, request: &JsonRequest) {
        let (to, action, text) = match request {
            JsonRequest::Say { text, action, .. } => (None, *action, text),
            JsonRequest::Direct { to, text, .. } => (Some(to.clone()), false, text),
            _ => return,
        };
        self.show(Show::Said { id: id.to_owned(), to, action, text: text.clone() });
    }

    /// Says again what is not acknowledged, in its order.
    pub(super) fn say_pending(&mut self, now: Duration) {
        for Pending { id, request } in std::mem::take(&mut self.pending) {
            if self.is_too_long(&request) {
                self.show(Show::NotStored { id });
                self.drop_too_long();
            } else {
                self.send(request.clone(), now);
                self.pending.push_back(Pending { id, request });
            }
        }
    }

    pub(super) fn acknowledged(&mut self, id: &str, now: Duration) {
        self.pending.retain(|pending| pending.id != id);
        self.changed(Change::Seen);
        self.leave_if_done(now);
    }

    /// Whether the server would not take it, and could not even say for which line.
    fn is_too_long(&self, request: &JsonRequest) -> bool {
        match (request, self.message_bytes) {
            (JsonRequest::Say { text, .. } | JsonRequest::Direct { text, .. }, Some(most)) => {
                text.len() > most
            }
            _ => false,
        }
    }

    fn drop_too_long(&mut self) {
        let most = self.message_bytes.unwrap_or_default();
        self.any_refused = true;
        self.status(&format!("That was not sent: it is longer than {most} bytes."));
    }

    pub(super) fn tell_unsent(&mut self) {
        let what = match self.pending.len() {
            0 => return,
            1 => "1 line was not sent".to_owned(),
            lines => format!("{lines} lines were not sent"),
        };
        let keeps = self.keeps() == Keeps::All && self.name.is_some();
        let then = if keeps { "; it is when you come back" } else { "" };
        self.show(Show::Parting(format!("{what}{then}.")));
    }
}
