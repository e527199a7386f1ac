//! Recognises messages that are sent again, by the ids that clients choose.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{Seq, SessionId};

/// The number of ids of a session that are kept in memory. A client sends only its last messages again,
/// those that were not acknowledged.
const KEPT: usize = 256;

/// The newest ids of each session.
#[derive(Debug, Default)]
pub struct RecentIds {
    sessions: HashMap<SessionId, Ids>,
}

#[derive(Debug, Default)]
struct Ids {
    by_id: HashMap<Arc<str>, Seq>,
    order: VecDeque<Arc<str>>,
    /// Whether the session may have used ids that are not in memory.
    is_partial: bool,
}

/// The result of looking up an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was used for this record; 0 for a direct message.
    Used(Seq),
    Unused,
    /// Only the store can tell.
    Unsure,
}

impl RecentIds {
    /// Whether a session has used an id.
    pub fn look_up(&self, session: SessionId, id: &str) -> Known {
        match self.sessions.get(&session) {
            None => Known::Unused,
            Some(ids) => match ids.by_id.get(id) {
                Some(seq) => Known::Used(*seq),
                None if ids.is_partial => Known::Unsure,
                None => Known::Unused,
            },
        }
    }

    /// Notes that a session has used an id.
    pub fn note(&mut self, session: SessionId, id: &str, seq: Seq) {
        let ids = self.sessions.entry(session).or_default();
        let id: Arc<str> = id.into();
        ids.by_id.insert(id.clone(), seq);
        ids.order.push_back(id);
        if ids.order.len() > KEPT
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.by_id.remove(&oldest);
            ids.is_partial = true;
        }
    }

    /// Notes that a session may have used ids that are only in the store.
    pub fn note_unknown_past(&mut self, session: SessionId) {
        self.sessions.entry(session).or_default().is_partial = true;
    }

    /// Forgets the ids of records that were not stored.
    pub fn forget_ids(&mut self, forgotten: &[(SessionId, String)]) {
        let mut by_session: HashMap<SessionId, HashSet<&str>> = HashMap::new();
        for (session, id) in forgotten {
            by_session.entry(*session).or_default().insert(id);
        }
        for (session, forgotten) in by_session {
            if let Some(ids) = self.sessions.get_mut(&session) {
                ids.by_id.retain(|id, _| !forgotten.contains(&**id));
                ids.order.retain(|id| !forgotten.contains(&**id));
            }
        }
    }

    /// Forgets a session that has left.
    pub fn forget_session(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: SessionId = SessionId(1);

    #[test]
    fn what_fits_into_memory_is_known_exactly() {
        let mut recent = RecentIds::default();
        for n in 0..KEPT {
            recent.note(ANN, &n.to_string(), Seq(n as u64 + 1));
        }
        assert_eq!(recent.look_up(ANN, "0"), Known::Used(Seq(1)));
        assert_eq!(recent.look_up(ANN, "new"), Known::Unused, "nothing is older than memory yet");
        recent.forget_ids(&[(ANN, "5".to_owned())]);
        assert_eq!(recent.look_up(ANN, "5"), Known::Unused);
        recent.note(ANN, "new", Seq(99));
        assert_eq!(recent.look_up(ANN, "0"), Known::Used(Seq(1)), "there was room for one");
        for n in 0..KEPT {
            recent.note(ANN, &format!("later {n}"), Seq(100));
        }
        assert_eq!(recent.look_up(ANN, "0"), Known::Unsure, "now it is older than memory");
        recent.note_unknown_past(SessionId(2));
        assert_eq!(recent.look_up(SessionId(2), "5"), Known::Unsure);
    }

    #[test]
    fn what_is_older_than_memory_only_the_store_knows() {
        let mut recent = RecentIds::default();
        assert_eq!(recent.look_up(ANN, "0"), Known::Unused);
        for n in 0..=KEPT {
            recent.note(ANN, &n.to_string(), Seq(n as u64 + 1));
        }
        assert_eq!(recent.look_up(ANN, "5"), Known::Used(Seq(6)));
        assert_eq!(recent.look_up(ANN, "0"), Known::Unsure);
        assert_eq!(recent.look_up(SessionId(2), "5"), Known::Unused);
        recent.forget_ids(&[(ANN, "5".to_owned())]);
        assert_ne!(recent.look_up(ANN, "5"), Known::Used(Seq(6)));
        recent.forget_session(ANN);
        assert_eq!(recent.look_up(ANN, "0"), Known::Unused);
    }
}
