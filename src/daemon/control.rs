//! Orders to the daemon as a whole, and how `chatctl` is answered.

use std::time::Duration;

use chatroom::admin::{RefusalCode, Reloaded, Reply};
use tokio::sync::{mpsc, oneshot};

/// An order to the daemon as a whole, from a signal or from `chatctl`.
pub enum Control {
    Reload {
        /// Receives the configuration in force afterwards, or the problems.
        reply: Option<oneshot::Sender<Result<Reloaded, Vec<String>>>>,
    },
    Shutdown {
        after: Duration,
        message: Option<String>,
        /// Told when the shutdown has been announced.
        reply: Option<oneshot::Sender<()>>,
    },
    CancelShutdown {
        reply: oneshot::Sender<()>,
    },
    /// Another process is about to continue with all connections.
    HandOver {
        /// Told before the hand-over begins.
        reply: oneshot::Sender<()>,
    },
    /// The history failed, and the daemon has to stop.
    Fail {
        problem: String,
    },
}

/// Has the daemon reload its configuration, and waits for the outcome.
pub async fn reload(control: &mpsc::UnboundedSender<Control>) -> Reply {
    let (reply, outcome) = oneshot::channel();
    if control.send(Control::Reload { reply: Some(reply) }).is_err() {
        return failed("chatroomd is ending");
    }
    match outcome.await {
        Ok(Ok(reloaded)) => Reply::Reloaded(Box::new(reloaded)),
        Ok(Err(problems)) => {
            let message = problems.join("\n");
            Reply::Refused { code: RefusalCode::Configuration, message }
        }
        Err(_) => failed("chatroomd is ending"),
    }
}

/// Sends a command to the daemon, and waits until it is carried out.
pub async fn order(
    control: &mpsc::UnboundedSender<Control>,
    order: impl FnOnce(oneshot::Sender<()>) -> Control,
) -> Reply {
    let (reply, done) = oneshot::channel();
    if control.send(order(reply)).is_err() || done.await.is_err() {
        return failed("chatroomd is ending");
    }
    Reply::Done
}

/// The reply to a request that could not be carried out.
pub fn failed(message: &str) -> Reply {
    Reply::Refused { code: RefusalCode::Failed, message: message.to_owned() }
}
