//! What to ask of the daemon for a command.

use chatroom::access::Act;
use chatroom::admin::{AccountRequest, Request};
use chatroom::secret::Secret;

use crate::args::{Account, Command, Sanction};

impl Account {
    /// Whose password is needed for it, if one is.
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

impl Command {
    /// What to ask of the daemon, with the password that it needs. None for what it is not asked for.
    pub fn request(&self, password: Option<Secret>) -> Option<Request> {
        Some(match self {
            Command::Completions { .. } | Command::Watch => return None,
            Command::Ban(sanction) => {
                let (target, seconds, reason) = sanction.parts();
                Request::Moderate { act: Act::Ban { target, seconds, reason } }
            }
            Command::Mute(sanction) => {
                let (target, seconds, reason) = sanction.parts();
                Request::Moderate { act: Act::Mute { target, seconds, reason } }
            }
            Command::Unban { target } => {
                Request::Moderate { act: Act::Unban { target: target.clone() } }
            }
            Command::Unmute { target } => {
                Request::Moderate { act: Act::Unmute { target: target.clone() } }
            }
            Command::Bans => Request::Bans,
            // They are shown.
            Command::Topic { text, clear: false } if text.is_empty() => Request::Status,
            Command::Slow { time: None } => Request::Status,
            Command::Topic { text, .. } => {
                Request::Moderate { act: Act::Topic { text: text.join(" ") } }
            }
            Command::Rename { name, to } => {
                Request::Moderate { act: Act::Rename { name: name.clone(), to: to.clone() } }
            }
            Command::Slow { time: Some(time) } => {
                Request::Moderate { act: Act::Slow { seconds: time.as_secs() } }
            }
            Command::Account { what } => Request::Account { what: what.request(password) },
            Command::Audit { lines } => Request::Audit { limit: *lines },
            Command::Users { .. } => Request::Users,
            Command::Status => Request::Status,
            Command::Metrics => Request::Metrics,
            Command::Doctor => Request::Examine,
            Command::Ping => Request::Ping,
            Command::Say { text } => Request::Say { text: text.join(" ") },
            Command::Kick { name, reason } => {
                let reason = Some(reason.join(" ")).filter(|reason| !reason.is_empty());
                Request::Moderate { act: Act::Kick { name: name.clone(), reason } }
            }
            Command::History { since, until, from, grep, lines, .. } => Request::History {
                after: None,
                before: None,
                since: *since,
                until: *until,
                from: from.clone(),
                grep: grep.clone(),
                limit: *lines,
                wait: false,
            },
            Command::Redact { targets, .. } => Request::Redact { targets: targets.clone() },
            Command::Backup { .. } => Request::Backup,
            Command::Reload { .. } => Request::Reload,
            Command::HandOver { .. } => Request::HandOver,
            Command::Shutdown { cancel: true, .. } => Request::CancelShutdown,
            Command::Shutdown { after, message, .. } => Request::Shutdown {
                after: after.unwrap_or_default().as_secs(),
                message: message.clone(),
            },
            Command::LogLevel { level } => Request::LogLevel { level: *level },
        })
    }
}
