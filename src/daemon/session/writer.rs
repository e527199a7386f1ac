//! The writing half of a connection: sends the pending output of the client connection.

use std::io::ErrorKind;
use std::pin::Pin;
use std::time::Duration;

use chatroom::room::{EndReason, Seq};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::error;

use super::{ConnectionTask, broken};
use crate::client_connection::{ClientConnection, Pumped};
use crate::shared::Shared;

/// Writes until the connection ends. Returns the reason.
pub async fn run(connection: &ConnectionTask) -> EndReason {
    loop {
        if let Some(waiting) = write(connection)
            && let Err(reason) = waiting.await
        {
            return reason;
        }
        connection.client.woken().await;
    }
}

/// Writes as much as possible at once. Returns a future for the rest, boxed because an idle
/// connection does not need it.
fn write(
    connection: &ConnectionTask,
) -> Option<Pin<Box<impl Future<Output = Result<(), EndReason>>>>> {
    match pump(connection) {
        Pumped::Idle => None,
        pumped => Some(Box::pin(keep_writing(connection, pumped))),
    }
}

fn pump(ConnectionTask { transport, client, shared }: &ConnectionTask) -> Pumped {
    let pumped = client.pump(&shared.window, &mut |bytes| {
        shared.window.written.notify_one();
        transport.try_write(bytes)
    });
    match transport.flush() {
        Err(error) if error.kind() == ErrorKind::WouldBlock && !client.is_abandoned() => {
            Pumped::Blocked
        }
        Err(error) if pumped == Pumped::Idle => Pumped::Ended(broken(&error)),
        _ => pumped,
    }
}

/// Continues until everything is written.
///
/// # Errors
/// Why the connection ends.
async fn keep_writing(connection: &ConnectionTask, mut pumped: Pumped) -> Result<(), EndReason> {
    let ConnectionTask { transport, client, shared } = connection;
    loop {
        match pumped {
            Pumped::Idle => return Ok(()),
            Pumped::Ended(reason) => return Err(reason),
            Pumped::More => tokio::task::yield_now().await,
            Pumped::Behind(from, end) => feed(client, shared, from, end).await?,
            Pumped::Blocked => until_taken(&transport.tcp, client, shared).await?,
        }
        pumped = pump(connection);
    }
}

/// Reads the records that are no longer in the window, for a connection that is behind.
async fn feed(
    client: &ClientConnection,
    shared: &Shared,
    from: Seq,
    end: Seq,
) -> Result<(), EndReason> {
    match shared.history_reader.feed(from, end).await {
        Ok(records) => {
            client.backfill(&shared.window, records, end);
            Ok(())
        }
        Err(problem) => {
            error!(event = "store-failed", "cannot read the history: {problem}");
            Err(EndReason::Failed)
        }
    }
}

/// Waits until the socket takes more, but no longer than its client can take.
async fn until_taken(
    stream: &TcpStream,
    client: &ClientConnection,
    shared: &Shared,
) -> Result<(), EndReason> {
    let timeouts = shared.config().timeouts.clone();
    tokio::select! {
        writable = timeout(timeouts.stalled, stream.writable()) => match writable {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(EndReason::TooSlow),
        },
        // When the connection is to end, its client gets less time.
        () = until_ending_and_then(client, timeouts.grace) => Ok(()),
    }
}

/// Waits until the connection is to end, and then for as long as the other side can take to read the
/// rest. If it cannot read any more, this does not wait.
async fn until_ending_and_then(client: &ClientConnection, grace: Duration) {
    client.until_ending().await;
    if !client.is_abandoned() {
        let _ = timeout(grace, until_abandoned(client)).await;
        client.abandon(EndReason::TooSlow);
    }
}

async fn until_abandoned(client: &ClientConnection) {
    while !client.is_abandoned() {
        client.woken().await;
    }
}
