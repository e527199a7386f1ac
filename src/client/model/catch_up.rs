//! The time after joining until everything that was missed has been seen.

use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// The time at which the connection was lost.
    lost_at: Option<Duration>,
    missed: Option<Missed>,
}

/// The missed records that are on their way.
#[derive(Debug)]
struct Missed {
    /// The last of them.
    until: u64,
    /// The number of messages among them so far.
    messages: usize,
    after: Absence,
}

/// The user's state before the client connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// They are new.
    New,
    /// The connection was lost for this long.
    Disconnected(Duration),
    /// The client was ended and started again.
    Ended,
}

impl CatchUp {
    /// The connection was lost.
    pub(super) fn lost(&mut self, now: Duration) {
        self.lost_at = Some(now);
        self.missed = None;
    }

    pub(super) fn lost_at(&self) -> Option<Duration> {
        self.lost_at
    }

    /// The client has joined: `until` is the last record from before. `was_ended` says whether it has
    /// resumed the session of an earlier start. Returns whether the user was disconnected.
    pub(super) fn begin(&mut self, until: u64, was_ended: bool, now: Duration) -> bool {
        let lost_at = self.lost_at.take();
        let after = match lost_at {
            Some(lost_at) => Absence::Disconnected(now.saturating_sub(lost_at)),
            None if was_ended => Absence::Ended,
            None => Absence::New,
        };
        self.missed = Some(Missed { until, messages: 0, after });
        lost_at.is_some()
    }

    pub(super) fn is_running(&self) -> bool {
        self.missed.is_some()
    }

    /// A message was shown.
    pub(super) fn count_message(&mut self) {
        if let Some(missed) = &mut self.missed {
            missed.messages += 1;
        }
    }

    /// Ends once everything up to `seen` includes the missed records. Returns the sentence for a
    /// user who was away; an empty one if they were not.
    pub(super) fn finish(&mut self, seen: u64, pending: usize) -> Option<String> {
        let Missed { messages, after, .. } = self.missed.take_if(|missed| seen >= missed.until)?;
        let came_back = match after {
            Absence::New => return Some(String::new()),
            Absence::Disconnected(time) => format!("Reconnected after {} s", time.as_secs()),
            Absence::Ended => "Resumed where you left off".to_owned(),
        };
        let missed = match messages {
            0 => "no new messages".to_owned(),
            1 => "1 new message".to_owned(),
            messages => format!("{messages} new messages"),
        };
        let sending = match pending {
            0 => String::new(),
            1 => "; sending 1 saved line".to_owned(),
            lines => format!("; sending {lines} saved lines"),
        };
        Some(format!("{came_back}: {missed}{sending}."))
    }
}
