//! From a command to the request for the daemon.

use chatroom::access::ModerationAction;
use chatroom::admin::{AccountRequest, AdminRequest};
use chatroom::secret::Secret;

use crate::args::{Account, Command, Sanction};

impl Account {
    /// The name whose new password the command needs, if any.
    pub fn needs_password(&self) -> Option<&str> {
        match self {
            Account::Add { name, .. } | Account::Password { name } => Some(name),
            _ => None,
        }
    }

    fn request(&self, password: Option<Secret>) -> AccountRequest {
        let password = password.unwrap_or_else(|| Secret::new(String::new()));
        match self {
            Account::List => AccountRequest::List,
            Account::Add { name, operator } => {
                AccountRequest::Add { name: name.clone(), password, operator: *operator }
            }
            Account::Remove { name } => AccountRequest::Remove { name: name.clone() },
            Account::Password { name } => AccountRequest::Password { name: name.clone(), password },
            Account::Lock { name } => AccountRequest::Lock { name: name.clone() },
            Account::Unlock { name } => AccountRequest::Unlock { name: name.clone() },
            Account::Operator { name, off } => {
                AccountRequest::Operator { name: name.clone(), on: !off }
            }
        }
    }
}

impl Sanction {
    fn parts(&self) -> (String, Option<u64>, Option<String>) {
        (self.target.clone(), self.time.map(|time| time.as_secs()), self.reason.clone())
    }
}

fn moderate(action: ModerationAction) -> AdminRequest {
    AdminRequest::Moderate { action }
}

impl Command {
    /// The request for this command, with the password that it needs. None for a command that the
    /// caller handles by itself.
    pub fn request(&self, password: Option<Secret>) -> Option<AdminRequest> {
        Some(match self {
            Command::Completions { .. } | Command::Watch => return None,
            Command::Ban(sanction) => {
                let (target, seconds, reason) = sanction.parts();
                moderate(ModerationAction::Ban { target, seconds, reason })
            }
            Command::Mute(sanction) => {
                let (target, seconds, reason) = sanction.parts();
                moderate(ModerationAction::Mute { target, seconds, reason })
            }
            Command::Unban { target } => {
                moderate(ModerationAction::Unban { target: target.clone() })
            }
            Command::Unmute { target } => {
                moderate(ModerationAction::Unmute { target: target.clone() })
            }
            Command::Bans => AdminRequest::Bans,
            // Both are shown from the status.
            Command::Topic { text, clear: false } if text.is_empty() => AdminRequest::Status,
            Command::Slow { time: None } => AdminRequest::Status,
            Command::Topic { text, .. } => {
                moderate(ModerationAction::Topic { text: text.join(" ") })
            }
            Command::Rename { name, to } => {
                moderate(ModerationAction::Rename { name: name.clone(), to: to.clone() })
            }
            Command::Slow { time: Some(time) } => {
                moderate(ModerationAction::Slow { seconds: time.as_secs() })
            }
            Command::Account { what } => AdminRequest::Account { what: what.request(password) },
            Command::Audit { lines } => AdminRequest::Audit { limit: *lines },
            Command::Users { .. } => AdminRequest::Users,
            Command::Status => AdminRequest::Status,
            Command::Metrics => AdminRequest::Metrics,
            Command::Doctor => AdminRequest::Examine,
            Command::Ping => AdminRequest::Ping,
            Command::Say { text } => AdminRequest::Say { text: text.join(" ") },
            Command::Kick { name, reason } => {
                let reason = Some(reason.join(" ")).filter(|reason| !reason.is_empty());
                moderate(ModerationAction::Kick { name: name.clone(), reason })
            }
            Command::History { since, until, from, grep, lines, .. } => AdminRequest::History {
                after: None,
                before: None,
                since: *since,
                until: *until,
                from: from.clone(),
                grep: grep.clone(),
                limit: *lines,
                wait: false,
            },
            Command::Redact { targets, .. } => AdminRequest::Redact { targets: targets.clone() },
            Command::Backup { .. } => AdminRequest::Backup,
            Command::Reload { .. } => AdminRequest::Reload,
            Command::HandOver { .. } => AdminRequest::HandOver,
            Command::Shutdown { cancel: true, .. } => AdminRequest::CancelShutdown,
            Command::Shutdown { after, message, .. } => AdminRequest::Shutdown {
                after: after.unwrap_or_default().as_secs(),
                message: message.clone(),
            },
            Command::LogLevel { level } => AdminRequest::LogLevel { level: *level },
        })
    }
}
