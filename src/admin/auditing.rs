//! Which requests are in the audit, and when they are written there.

use super::{AccountRequest, AdminRequest};

/// When a request is written to the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auditing {
    /// Never: it changes nothing, or belongs to a restart by systemd, whose journal has it.
    Never,
    /// Before it takes effect, by the code that carries it out: the entry says what that finds out.
    WithDetails,
    /// Before it takes effect. If that fails, it is refused.
    Required,
    /// Before it takes effect, if possible: it stops the daemon or mends what prevents it from
    /// storing, so it must not depend on that.
    IfPossible,
}

impl AdminRequest {
    /// When this request is written to the audit.
    pub fn auditing(&self) -> Auditing {
        match self {
            AdminRequest::Ping
            | AdminRequest::Users
            | AdminRequest::Status
            | AdminRequest::Metrics
            | AdminRequest::Examine
            | AdminRequest::Affected { .. }
            | AdminRequest::Bans
            | AdminRequest::Audit { .. }
            | AdminRequest::Account { what: AccountRequest::List }
            | AdminRequest::History { .. }
            | AdminRequest::Watch { .. }
            | AdminRequest::MessagesBy { .. }
            | AdminRequest::LogLevel { level: None }
            | AdminRequest::HandOver => Auditing::Never,
            AdminRequest::Moderate { .. } | AdminRequest::Account { .. } => Auditing::WithDetails,
            // A backup changes nothing, but it gives away everything that was said.
            AdminRequest::Say { .. } | AdminRequest::Redact { .. } | AdminRequest::Backup => {
                Auditing::Required
            }
            AdminRequest::Reload
            | AdminRequest::Shutdown { .. }
            | AdminRequest::CancelShutdown
            | AdminRequest::LogLevel { .. } => Auditing::IfPossible,
        }
    }

    /// Whether this request only reads.
    pub fn only_looks(&self) -> bool {
        self.auditing() == Auditing::Never && *self != AdminRequest::HandOver
    }
}
