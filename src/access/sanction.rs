//! A ban or a mute.

use std::fmt;

use jiff::Timestamp;

use super::Target;

/// The actions that a sanction forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SanctionKind {
    /// Joining and staying.
    Ban,
    /// Sending messages, to the room or to one member.
    Mute,
}

impl SanctionKind {
    /// The stable word for this kind.
    pub fn as_str(self) -> &'static str {
        match self {
            SanctionKind::Ban => "ban",
            SanctionKind::Mute => "mute",
        }
    }
}

/// The duration of a sanction, and the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Term {
    /// None if it is permanent.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
}

impl Term {
    /// Whether it is not over yet.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl fmt::Display for Term {
    /// Follows "You are banned": ` until 2026-11-23 15:04 UTC: too loud`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(until) = self.until {
            write!(f, " until {}", until.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => f.write_str("."),
        }
    }
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    pub kind: SanctionKind,
    pub target: Target,
    pub term: Term,
    pub made: Timestamp,
    /// The operator who made it.
    pub by: String,
}
