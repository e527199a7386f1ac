//! Slow mode: each member may say one thing in a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chatroom::names::Name;
use chatroom::room::Refusal;
use jiff::{SignedDuration, Timestamp};

/// The number of names of former members that are remembered before old ones are removed.
const MAX_FORMER: usize = 256;

/// The time at which each name last spoke, while slow mode is on. Names count and not sessions,
/// because any user can open a new session.
#[derive(Debug, Default)]
pub struct SlowMode {
    last_said: HashMap<Arc<str>, Timestamp>,
}

impl SlowMode {
    /// Checks whether a member may say something now. Their `former` names count as well.
    ///
    /// # Errors
    /// They have to wait.
    pub fn check(
        &self,
        slow: Duration,
        name: &Name,
        former: impl Iterator<Item = String>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let slow = SignedDuration::try_from(slow).unwrap_or(SignedDuration::MAX);
        let former = former.filter_map(|name| self.last_said.get(name.as_str()));
        let said = former.chain(self.last_said.get(name.folded())).max();
        let next = said.and_then(|said| said.checked_add(slow).ok());
        match next.map(|next| next.duration_since(now)).filter(|wait| wait.is_positive()) {
            Some(wait) => Err(Refusal::SlowMode { seconds: wait.as_secs_f64().ceil() as u64 }),
            None => Ok(()),
        }
    }

    /// Notes that a member has spoken, in a room with this number of `members`.
    pub fn note(&mut self, slow: Duration, name: &Name, members: usize, now: Timestamp) {
        if self.last_said.len() > members + MAX_FORMER {
            self.last_said.retain(|_, said| now.duration_since(*said).unsigned_abs() < slow);
        }
        self.last_said.insert(name.folded().clone(), now);
    }

    /// Forgets everything: another time applies now.
    pub fn clear(&mut self) {
        self.last_said.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_waits_under_each_of_their_names() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (slow, bo) = (Duration::from_secs(5), Name::new("Bo").unwrap());
        let mut slow_mode = SlowMode::default();
        slow_mode.note(slow, &bo, 1, at(10));
        let check = |slow_mode: &SlowMode, name: &str, former: &[&str], second| {
            let former = former.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            let name = Name::new(name).unwrap();
            slow_mode.check(slow, &name, former.into_iter(), at(second))
        };
        assert_eq!(check(&slow_mode, "bo", &[], 12), Err(Refusal::SlowMode { seconds: 3 }));
        assert_eq!(check(&slow_mode, "cy", &["bo"], 14), Err(Refusal::SlowMode { seconds: 1 }));
        assert_eq!(check(&slow_mode, "cy", &[], 12), Ok(()));
        assert_eq!(check(&slow_mode, "bo", &[], 15), Ok(()));
        slow_mode.clear();
        assert_eq!(check(&slow_mode, "bo", &[], 12), Ok(()));
    }
}
