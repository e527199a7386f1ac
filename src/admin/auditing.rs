//! Which requests are recorded in the audit, and when.

use super::{AccountRequest, AdminRequest};

/// When a request is recorded in the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auditing {
    /// Never: the request changes nothing, or is part of a restart by systemd, whose journal
    /// records it.
    Never,
    /// Before it takes effect, by the code that carries it out, so that the entry contains the
    /// details.
    WithDetails,
    /// Before it takes effect. If the entry cannot be stored, the request is refused.
    Required,
    /// Before it takes effect, if possible. The request stops the daemon or fixes a storage
    /// problem, so it must not depend on the entry being stored.
    IfPossible,
}

impl AdminRequest {
    /// When this request is recorded in the audit.
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
            // A backup changes nothing, but it discloses all messages.
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
