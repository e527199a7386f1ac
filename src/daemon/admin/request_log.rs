//! The requests of `chatctl` in the log.

use chatroom::admin::{AdminRequest, Reply};
use chatroom::clean::line;
use tracing::{debug, info};

use crate::users;

/// A request that was logged. Requests that only read are logged at the level debug, so those of a
/// monitoring system do not hide the others.
pub struct RequestLog {
    command: &'static str,
    target: Option<String>,
    uid: u32,
    pid: i32,
    only_looks: bool,
}

impl RequestLog {
    /// Logs a request before it is carried out, because it may end the daemon.
    pub fn log(request: &AdminRequest, uid: u32, pid: i32) -> RequestLog {
        let (command, target) = (request.command(), request.target());
        let only_looks = request.only_looks();
        // The name of the user is looked up only if it is logged.
        let asked = || format!("administrator {}: {}", users::shown(uid), request.asked());
        match only_looks {
            true => debug!(event = "admin-look", command, target, uid, pid, "{}", asked()),
            false => info!(event = "admin", command, target, uid, pid, "{}", asked()),
        }
        RequestLog { command, target, uid, pid, only_looks }
    }

    /// Logs a refusal.
    pub fn log_refusal(self, reply: &Reply) {
        let RequestLog { command, target, uid, pid, only_looks } = self;
        let Reply::Refused { message, .. } = reply else { return };
        if only_looks {
            return;
        }
        let (who, message) = (users::shown(uid), line(message));
        info!(
            event = "admin-failed",
            command, target, uid, pid, "administrator {who} was refused {command}: {message}"
        );
    }
}
