//! The actions of operators, and the changes that they make.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Account, Sanction, SanctionKind, Target, show_time};
use crate::clean::{self, word};

/// An action of an operator, with `chatctl` or in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum ModerationAction {
    /// Removes a member, who can join again.
    Kick {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Keeps a name, an address or a network out.
    Ban {
        target: String,
        /// The duration; none if it is permanent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Unban {
        target: String,
    },
    /// Lets a user read only.
    Mute {
        target: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Unmute {
        target: String,
    },
    /// Sets the topic; an empty text restores the configured one.
    Topic {
        text: String,
    },
    Rename {
        name: String,
        to: String,
    },
    /// Sets the shortest time between two messages of one user, in seconds; 0 turns slow mode off.
    Slow {
        seconds: u64,
    },
}

impl ModerationAction {
    /// The word for the action in the log and the audit.
    pub fn as_str(&self) -> &'static str {
        match self {
            ModerationAction::Kick { .. } => "kick",
            ModerationAction::Ban { .. } => "ban",
            ModerationAction::Unban { .. } => "unban",
            ModerationAction::Mute { .. } => "mute",
            ModerationAction::Unmute { .. } => "unmute",
            ModerationAction::Topic { .. } => "topic",
            ModerationAction::Rename { .. } => "rename",
            ModerationAction::Slow { .. } => "slow",
        }
    }

    /// The target, with the duration and the reason.
    pub fn target(&self) -> String {
        self.target_with("")
    }

    /// The target with a remark in front of the reason: "bo for 1 h (1 person): spam".
    pub fn target_with(&self, remark: &str) -> String {
        let with = |target: &str, seconds: &Option<u64>, reason: &Option<String>| {
            let time = for_seconds(*seconds);
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{target}{time}{remark}{reason}")
        };
        match self {
            ModerationAction::Kick { name, reason } => with(name, &None, reason),
            ModerationAction::Ban { target, seconds, reason }
            | ModerationAction::Mute { target, seconds, reason } => with(target, seconds, reason),
            ModerationAction::Unban { target } | ModerationAction::Unmute { target } => {
                with(target, &None, &None)
            }
            ModerationAction::Topic { text } => text.clone(),
            ModerationAction::Rename { name, to } => format!("{name} to {to}"),
            ModerationAction::Slow { seconds: 0 } => "off".to_owned(),
            ModerationAction::Slow { seconds } => show_time(*seconds),
        }
    }

    /// The request, as in "ban bo for 1 h: spam".
    pub fn asked(&self) -> String {
        match self {
            ModerationAction::Kick { name, reason } => {
                with_text(format!("kick {}", word(name)), reason)
            }
            ModerationAction::Ban { target, seconds, reason } => {
                with_text(format!("ban {}{}", word(target), for_seconds(*seconds)), reason)
            }
            ModerationAction::Unban { target } => format!("unban {}", word(target)),
            ModerationAction::Mute { target, seconds, reason } => {
                with_text(format!("mute {}{}", word(target), for_seconds(*seconds)), reason)
            }
            ModerationAction::Unmute { target } => format!("unmute {}", word(target)),
            ModerationAction::Topic { text } if text.trim().is_empty() => {
                "topic --clear".to_owned()
            }
            ModerationAction::Topic { text } => format!("topic: {}", clean::line(text)),
            ModerationAction::Rename { name, to } => {
                format!("rename {} to {}", word(name), word(to))
            }
            ModerationAction::Slow { seconds: 0 } => "slow off".to_owned(),
            ModerationAction::Slow { seconds } => format!("slow {}", show_time(*seconds)),
        }
    }

    /// Describes the action after it was carried out, as in "banned bo for 1 h: spam".
    pub fn done(&self) -> String {
        self.done_with("")
    }

    /// Describes the action like [`Self::done`], with a remark in front of the reason.
    pub fn done_with(&self, remark: &str) -> String {
        let permanently = |seconds: Option<u64>| match seconds {
            None => " permanently".to_owned(),
            seconds => for_seconds(seconds),
        };
        match self {
            ModerationAction::Kick { name, reason } => {
                with_text(format!("kicked {}{remark}", word(name)), reason)
            }
            ModerationAction::Ban { target, seconds, reason } => {
                let time = permanently(*seconds);
                with_text(format!("banned {}{time}{remark}", word(target)), reason)
            }
            ModerationAction::Unban { target } => format!("unbanned {}{remark}", word(target)),
            ModerationAction::Mute { target, seconds, reason } => {
                let time = permanently(*seconds);
                with_text(format!("muted {}{time}{remark}", word(target)), reason)
            }
            ModerationAction::Unmute { target } => format!("unmuted {}{remark}", word(target)),
            ModerationAction::Topic { text } if text.trim().is_empty() => {
                "cleared the topic".to_owned()
            }
            ModerationAction::Topic { text } => format!("set the topic: {}", clean::line(text)),
            ModerationAction::Rename { name, to } => {
                format!("renamed {} to {}", word(name), word(to))
            }
            ModerationAction::Slow { seconds: 0 } => "turned slow mode off".to_owned(),
            ModerationAction::Slow { seconds } => {
                format!("set slow mode to {}", show_time(*seconds))
            }
        }
    }

    /// The same action against the target that its word means.
    pub fn meaning(mut self, meant: &Target) -> ModerationAction {
        if let ModerationAction::Ban { target, .. } | ModerationAction::Mute { target, .. } =
            &mut self
        {
            *target = meant.to_string();
        }
        self
    }
}

/// Appends a text that a user wrote, after a colon and at the end, so that it cannot imitate
/// anything after it.
fn with_text(what: String, text: &Option<String>) -> String {
    match text.as_deref().map(clean::line) {
        Some(text) if !text.trim().is_empty() => format!("{what}: {}", text.trim()),
        _ => what,
    }
}

fn for_seconds(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!(" for {}", show_time(seconds)))
}

/// A change of the access state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// If it `renews` the account, members under its name or a confusable one are removed, because they
    /// have not given its password.
    PutAccount {
        account: Account,
        renews: bool,
    },
    RemoveAccount(String),
    /// Replaces a sanction of the same kind against the same target.
    PutSanction(Sanction),
    RemoveSanction(SanctionKind, Target),
    SetTopic(Option<String>),
    SetSlow(Duration),
    /// Not stored: the password is in a file.
    SetRoomHash(Option<String>),
}
