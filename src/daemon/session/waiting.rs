//! Waiting for input.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use super::ConnectionTask;

/// The result of waiting for input.
pub(super) enum Waited {
    /// Bytes, or the end of them.
    Readable,
    /// Nothing more arrived for a while, which shows that the input so far is complete.
    Decision,
    /// No name was given in time. The connection is to end.
    NoName,
    /// Nothing arrived for so long that the other side may be gone. The connection is to end.
    Silent,
    /// The connection is to be handed over.
    Freezing,
    Broken(io::Error),
}

/// Waits for bytes, or until the connection is to be handed over.
pub(super) fn readable(connection: &ConnectionTask) -> impl Future<Output = Waited> {
    let ConnectionTask { transport, client, .. } = connection;
    poll_fn(|context| {
        if client.is_freezing() {
            return Poll::Ready(Waited::Freezing);
        }
        transport
            .poll_readable(context)
            .map(|readable| readable.map_or_else(Waited::Broken, |()| Waited::Readable))
    })
}
