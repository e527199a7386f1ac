//! What operators do, and what that changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Account, Sanction, SanctionKind, Target, show_time};
use crate::clean::{self, word};

/// What an operator does, with `chatctl` or in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum ModerationAction {
    /// Removes somebody, who may come back.
    Kick {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Keeps somebody out: a name, an address or a network.
    Ban {
        target: String,
        /// For so many seconds; none is until it is taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Unban {
        target: String,
    },
    /// Lets somebody listen only.
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
    /// Sets what the room is about; an empty text brings the configured one back.
    Topic {
        text: String,
    },
    Rename {
        name: String,
        to: String,
    },
    /// The least seconds between two messages of one person; 0 is off.
    Slow {
        seconds: u64,
    },
}

impl ModerationAction {
    /// The word for it in the log and the audit.
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

    /// Whom or what it is about, with what belongs to it.
    pub fn target(&self) -> String {
        self.target_with("")
    }

    /// The same, with a remark on it before what somebody wrote: "bo for 1 h (1 person): spam".
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

    /// What is asked for, as in "ban bo for 1 h: spam".
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

    /// What was done, as in "banned bo for 1 h: spam".
    pub fn done(&self) -> String {
        self.done_with("")
    }

    /// The same, with a remark on it before what somebody wrote.
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

    /// The same act against what its target was found to mean.
    pub fn meaning(mut self, meant: &Target) -> ModerationAction {
        if let ModerationAction::Ban { target, .. } | ModerationAction::Mute { target, .. } =
            &mut self
        {
            *target = meant.to_string();
        }
        self
    }
}

/// What somebody wrote stands last, behind a colon: nothing follows that it could pass for.
fn with_text(what: String, text: &Option<String>) -> String {
    match text.as_deref().map(clean::line) {
        Some(text) if !text.trim().is_empty() => format!("{what}: {}", text.trim()),
        _ => what,
    }
}

fn for_seconds(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!(" for {}", show_time(seconds)))
}

/// What is different from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Whether it `renews` the account: whoever is here under its name, or one that looks like it,
    /// has to prove anew that they may have it.
    PutAccount {
        account: Account,
        renews: bool,
    },
    RemoveAccount(String),
    /// In the place of another one of that kind against the same.
    PutSanction(Sanction),
    RemoveSanction(SanctionKind, Target),
    SetTopic(Option<String>),
    SetSlow(Duration),
    /// It is in force only; what is stored is the file with the password.
    SetRoomHash(Option<String>),
}
