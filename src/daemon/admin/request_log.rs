//! What operators ask for, in the log.

use chatroom::admin::{AdminRequest, Reply};
use chatroom::clean::line;
use tracing::{debug, info};

use crate::users;

/// Something that was asked for. What only looks is logged for debugging: else nobody would find
/// what was done among the looks of a monitoring system.
pub struct RequestLog {
    command: &'static str,
    target: Option<String>,
    uid: u32,
    pid: i32,
    only_looks: bool,
}

impl RequestLog {
    /// Logs it, before it is done: it may end the daemon.
    pub fn log(request: &AdminRequest, uid: u32, pid: i32) -> RequestLog {
        let (command, target) = (request.command(), request.target());
        let only_looks = request.only_looks();
        // Who that is, is only looked up where it is logged.
        let asked = || format!("administrator {}: {}", users::shown(uid), request.asked());
        match only_looks {
            true => debug!(event = "admin-look", command, target, uid, pid, "{}", asked()),
            false => info!(event = "admin", command, target, uid, pid, "{}", asked()),
        }
        RequestLog { command, target, uid, pid, only_looks }
    }

    /// Logs that it was not done, if so.
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
