//! What outlives the client: its session, how far the room was seen, and what was typed and is not
//! acknowledged yet. With it the next start goes on where this one was ended, however it was.

use std::time::Duration;

use chatroom::wire::json::{JsonRequest, Resume};
use serde::{Deserialize, Serialize};

use super::{Keeps, Model, Output, Pending, Phase, Recalled, Show};

/// How far the room was seen is kept no more often than this. A client that is killed shows what
/// came within this time once more when it is started again.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The session, and the last record that was seen.
    pub resume: Option<Resume>,
    /// What is not acknowledged, in its order.
    pub pending: Vec<JsonRequest>,
}

/// What has changed since it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Nothing,
    /// Something was seen or acknowledged: if that is forgotten, it is only shown or said again,
    /// and the server knows what was said before by its id.
    Seen,
    /// Something was typed, which nobody else knows yet.
    Said,
    /// There is another session.
    Session,
}

impl Model {
    /// Begins under a name: with what was kept, if anything is, else by connecting.
    pub(super) fn begin(&mut self, name: String, connected: bool) {
        if self.name.replace(name.clone()).is_some_and(|before| before != name) {
            (self.password, self.gives_password) = (None, false);
        }
        // What was kept under another name stays there.
        if let Some(lines) = self.recalled.take() {
            for Pending { id, .. } in self.pending.drain(..lines) {
                self.outputs.push(Output::Show(Show::NotStored { id }));
            }
            self.resume = None;
        }
        (self.spare, self.has_place) = (None, true);
        if self.keeps() != Keeps::Nothing {
            self.phase = Phase::Recalling { connected };
            self.outputs.push(Output::Recall(name));
        } else {
            self.begin_session(connected);
        }
    }

    /// Takes up what was kept.
    pub(super) fn recalled(&mut self, recalled: Recalled) {
        let Phase::Recalling { connected } = self.phase else { return };
        match recalled {
            Recalled::Kept(kept) if self.keeps() == Keeps::All => self.resume_from(kept),
            Recalled::Kept(kept) => {
                self.spare = kept.resume;
                // What somebody has typed under this name, at a terminal, waits for them there.
                self.has_place = kept.pending.is_empty();
            }
            Recalled::Nothing => {}
            Recalled::NoPlace => self.has_place = false,
        }
        self.begin_session(connected);
    }

    fn resume_from(&mut self, Kept { resume, pending }: Kept) {
        let before = self.pending.len();
        // They come before what is typed from now on.
        for request in pending.into_iter().rev() {
            if let Some(id) = id_of(&request) {
                self.pending.push_front(Pending { id: id.to_owned(), request });
            }
        }
        self.recalled = Some(self.pending.len() - before);
        for index in 0..self.pending.len() - before {
            let Pending { id, request } = &self.pending[index];
            let (id, request) = (id.clone(), request.clone());
            self.show_said(&id, &request);
        }
        self.resume = resume;
    }

    /// What of this outlives the client, under the name that it has.
    pub(super) fn keeps(&self) -> Keeps {
        if self.has_place { self.settings.keeps } else { Keeps::Nothing }
    }

    fn begin_session(&mut self, connected: bool) {
        if connected {
            self.greet();
        } else {
            self.phase = Phase::Connecting;
            self.outputs.push(Output::Connect);
        }
    }

    /// Notes that there is something to keep.
    pub(super) fn changed(&mut self, change: Change) {
        let is_kept = self.keeps() == Keeps::All || change != Change::Said;
        if is_kept {
            self.change = self.change.max(change);
        }
    }

    /// When there is something to keep, at the latest.
    pub(super) fn keep_at(&self) -> Option<Duration> {
        let is_due = self.keeps() != Keeps::Nothing && self.change != Change::Nothing;
        is_due.then_some(self.kept_at + KEEP_EVERY)
    }

    /// Has kept what is to be kept now.
    pub(super) fn keep(&mut self, now: Duration) {
        if self.phase == Phase::Over || self.keep_at().is_none() {
            return;
        }
        match self.change {
            // Before it is sent: what was sent and is not kept would be said twice.
            Change::Said | Change::Session => self.outputs.insert(0, Output::Keep(self.kept())),
            // After it is shown: what was kept and not shown would never be.
            _ if now >= self.kept_at + KEEP_EVERY => self.outputs.push(Output::Keep(self.kept())),
            _ => return,
        }
        (self.change, self.kept_at) = (Change::Nothing, now);
    }

    /// What remains of the session when the client ends.
    pub(super) fn keep_at_end(&mut self) {
        if self.keeps() == Keeps::Nothing || self.name.is_none() {
            return;
        }
        let kept = self.kept();
        // Until the server has taken note of the end, the name is held for this session.
        let is_held = kept.resume.is_some() && !self.is_session_over;
        let goes_on = is_held || !kept.pending.is_empty();
        self.outputs.push(if goes_on { Output::Keep(kept) } else { Output::Forget });
    }

    fn kept(&self) -> Kept {
        let pending = self.pending.iter().filter(|_| self.keeps() == Keeps::All);
        let pending = pending.map(|pending| pending.request.clone()).collect();
        Kept { resume: self.resume.clone().or_else(|| self.spare.clone()), pending }
    }
}

fn id_of(request: &JsonRequest) -> Option<&str> {
    match request {
        JsonRequest::Say { id, .. } | JsonRequest::Direct { id, .. } => id.as_deref(),
        _ => None,
    }
}
