//! Bans and mutes: against whom, and until when.

use std::fmt;

use jiff::Timestamp;

use super::Target;

/// What somebody may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SanctionKind {
    /// Be here.
    Ban,
    /// Say anything, to everybody or to one.
    Mute,
}

impl SanctionKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SanctionKind::Ban => "ban",
            SanctionKind::Mute => "mute",
        }
    }
}

/// Until when, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Term {
    /// None is until somebody takes it back.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
}

impl Term {
    /// Whether it is still so.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl fmt::Display for Term {
    /// As in ` until 2026-11-23 15:04 UTC: too loud`, behind "You are banned".
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
    /// Who has done it.
    pub by: String,
}
