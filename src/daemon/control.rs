//! Orders to the daemon as a whole.

use std::time::Duration;

use chatroom::admin::{RefusalCode, Reloaded, Reply};
use tokio::sync::{mpsc, oneshot};

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

/// Gives an order to the daemon, and waits until it is carried out.
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
