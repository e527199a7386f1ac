//! The session, and the part of it that outlives the client: the last record seen, and the lines
//! that are not acknowledged. With it, the next start continues where this one ended, however it
//! ended.

use std::time::Duration;

use chatroom::wire::json::{JsonRequest, Resume};

use super::io::{Loaded, Persistence, SavedSession};

/// The minimum time between two saves of the last record seen. After a kill, the next start shows
/// the records of at most this time again.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The most important change since the session was saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    #[default]
    Nothing,
    /// Something was seen or acknowledged. If that is lost, it is only shown or sent again, and the
    /// server recognises a repeated line by its id.
    Seen,
    /// A line was typed, which only this client knows so far.
    Typed,
    /// There is another session.
    Session,
}

/// When a session is to be saved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SaveNow {
    /// Before everything else that is to be done: a line that was sent and not saved would be sent
    /// twice.
    First,
    /// After everything else: a record that was saved as seen and not shown would never be shown.
    Last,
}

#[derive(Debug)]
pub(super) struct Session {
    /// The state that is to outlive the client.
    persistence: Persistence,
    /// Whether anything can be saved under the name.
    has_place: bool,
    /// The session to resume, and the last record that was seen.
    resume: Option<Resume>,
    /// The session of an earlier pipe of this name, which may still hold the name.
    spare: Option<Resume>,
    /// The number of pending lines that were loaded, until the client has joined.
    loaded_lines: Option<usize>,
    /// Whether the server knows that the session is over, so that it never has to be resumed.
    is_over: bool,
    change: Change,
    saved_at: Duration,
}

impl Session {
    pub(super) fn new(persistence: Persistence) -> Session {
        Session {
            persistence,
            has_place: true,
            resume: None,
            spare: None,
            loaded_lines: None,
            is_over: false,
            change: Change::Nothing,
            saved_at: Duration::ZERO,
        }
    }

    /// The state that is to outlive the client, under its current name.
    pub(super) fn persistence(&self) -> Persistence {
        if self.has_place { self.persistence } else { Persistence::Nothing }
    }

    /// The session to resume.
    pub(super) fn resume(&self) -> Option<Resume> {
        self.resume.clone()
    }

    /// Begins under another name. The data saved under the previous name stays there: returns how
    /// many of the pending lines belong to it.
    pub(super) fn begin(&mut self) -> usize {
        (self.spare, self.has_place) = (None, true);
        let Some(lines) = self.loaded_lines.take() else { return 0 };
        self.resume = None;
        lines
    }

    /// Takes over the saved session. Returns the lines that are to be sent if the user continues
    /// there; their number is set with [`Session::set_loaded_lines`].
    pub(super) fn load(&mut self, loaded: Loaded) -> Option<Vec<JsonRequest>> {
        match loaded {
            Loaded::Saved(saved) if self.persistence() == Persistence::Everything => {
                self.resume = saved.resume;
                return Some(saved.pending);
            }
            Loaded::Saved(saved) => {
                self.spare = saved.resume;
                // Messages that the user has typed at a terminal under this name stay there for
                // that terminal.
                self.has_place = saved.pending.is_empty();
            }
            Loaded::Nothing => {}
            Loaded::Unavailable => self.has_place = false,
        }
        None
    }

    pub(super) fn set_loaded_lines(&mut self, lines: usize) {
        self.loaded_lines = Some(lines);
    }

    /// Tries the session of an earlier pipe. Returns whether there is one.
    pub(super) fn use_spare(&mut self) -> bool {
        let spare = self.spare.take();
        let is_there = spare.is_some();
        self.resume = spare.or_else(|| self.resume.take());
        is_there
    }

    /// The client has joined. Returns whether it has loaded a session before.
    pub(super) fn joined(&mut self, resume: Resume) -> bool {
        self.resume = Some(resume);
        self.is_over = false;
        self.note(Change::Session);
        self.loaded_lines.take().is_some()
    }

    /// The server knows that the session is over.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// The number of the last record that was seen.
    pub(super) fn seen(&self) -> u64 {
        self.resume.as_ref().map_or(0, |resume| resume.seq)
    }

    /// A record was seen.
    pub(super) fn see(&mut self, epoch: Option<u32>, seq: u64) {
        if let Some(resume) = &mut self.resume {
            resume.epoch = epoch.unwrap_or(resume.epoch);
            resume.seq = resume.seq.max(seq);
            self.note(Change::Seen);
        }
    }

    /// Notes that there is something to save.
    pub(super) fn note(&mut self, change: Change) {
        if self.persistence() == Persistence::Everything || change != Change::Typed {
            self.change = self.change.max(change);
        }
    }

    /// The latest time for the next save, if there is anything to save.
    pub(super) fn save_due(&self) -> Option<Duration> {
        let is_due = self.persistence() != Persistence::Nothing && self.change != Change::Nothing;
        is_due.then_some(self.saved_at + SAVE_EVERY)
    }

    /// Whether the session is to be saved now. It then counts as saved.
    pub(super) fn take_save(&mut self, now: Duration) -> Option<SaveNow> {
        let due = self.save_due()?;
        let save = match self.change {
            Change::Typed | Change::Session => SaveNow::First,
            _ if now >= due => SaveNow::Last,
            _ => return None,
        };
        (self.change, self.saved_at) = (Change::Nothing, now);
        Some(save)
    }

    /// The session to be saved, with these pending lines.
    pub(super) fn saved(&self, pending: Vec<JsonRequest>) -> SavedSession {
        let keeps_lines = self.persistence() == Persistence::Everything;
        let resume = self.resume.clone().or_else(|| self.spare.clone());
        SavedSession { resume, pending: if keeps_lines { pending } else { Vec::new() } }
    }

    /// The session to be saved at the end of the client; none if nothing is worth saving. Until the server
    /// knows that the session is over, it holds the name for it.
    pub(super) fn saved_at_end(&self, pending: Vec<JsonRequest>) -> Option<SavedSession> {
        let saved = self.saved(pending);
        let is_held = saved.resume.is_some() && !self.is_over;
        (is_held || !saved.pending.is_empty()).then_some(saved)
    }
}
