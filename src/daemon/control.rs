//! Orders to the daemon as a whole.

use std::time::Duration;

use chatroom::admin::Reloaded;
use tokio::sync::oneshot;

/// What the signals and the operator ask of the daemon as a whole.
pub enum Control {
    Reload {
        /// Told what is in force then, or the problems.
        reply: Option<oneshot::Sender<Result<Reloaded, Vec<String>>>>,
    },
    Shutdown {
        after: Duration,
        message: Option<String>,
        /// Told when it is announced.
        reply: Option<oneshot::Sender<()>>,
    },
    CancelShutdown {
        reply: oneshot::Sender<()>,
    },
    /// Another process is about to go on with all connections.
    HandOver {
        /// Told before it begins.
        reply: oneshot::Sender<()>,
    },
    /// The history failed, and there is no going on.
    Fail {
        problem: String,
    },
}
