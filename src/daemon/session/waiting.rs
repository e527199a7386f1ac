//! Waiting for input, and for how long.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use chatroom::handover::Stage;
use tokio::time::{Instant, timeout_at};

use super::ConnectionTask;
use super::reader::Reader;

/// What waiting has brought.
pub(super) enum Waited {
    /// Bytes, or the end of them.
    Readable,
    /// Nothing more came, which shows that what has come is a piece.
    Decision,
    /// Nothing came for so long that the connection is to end: there is no name yet,
    NoName,
    /// or it may be that nobody is there.
    Silent,
    /// The connection is to be handed over.
    Freezing,
    Broken(io::Error),
}

impl Reader<'_> {
    /// Waits for bytes, as long as this connection may go without.
    pub(super) async fn until_readable(&self) -> Waited {
        let Some((deadline, over)) = self.deadline() else {
            return self.readable().await;
        };
        Box::pin(timeout_at(deadline, self.readable())).await.unwrap_or(over)
    }

    fn readable(&self) -> impl Future<Output = Waited> {
        let ConnectionTask { transport, client, .. } = self.connection;
        poll_fn(|context| {
            if client.is_freezing() {
                return Poll::Ready(Waited::Freezing);
            }
            transport
                .poll_readable(context)
                .map(|readable| readable.map_or_else(Waited::Broken, |()| Waited::Readable))
        })
    }

    /// Until when something has to come, and what it means if it does not.
    fn deadline(&self) -> Option<(Instant, Waited)> {
        let decision = self.until_decision().map(|pause| self.heard + pause);
        match self.stage {
            Stage::New | Stage::Naming | Stage::Password => {
                let named = self.client().traffic.start + self.naming_time();
                match decision.filter(|&decision| decision < named) {
                    Some(decision) => Some((decision, Waited::Decision)),
                    None => Some((named, Waited::NoName)),
                }
            }
            _ if decision.is_some() => decision.map(|decision| (decision, Waited::Decision)),
            Stage::Joined if self.client().dialect().requires_keep_alive() => {
                Some((self.heard + Duration::from_secs(self.silence.into()), Waited::Silent))
            }
            Stage::Joined | Stage::Over => None,
        }
    }
}
