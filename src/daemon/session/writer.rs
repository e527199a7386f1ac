//! Driving the outlet of a connection.

use std::io::ErrorKind;
use std::pin::Pin;
use std::time::Duration;

use chatroom::room::{EndReason, Seq};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::error;

use super::{Connection, broken};
use crate::outlet::{Outlet, Pumped};
use crate::shared::Shared;

/// Writes whatever there is to write until the connection is to end, and gives the reason.
pub async fn run(connection: &Connection) -> EndReason {
    loop {
        if let Some(waiting) = write(connection)
            && let Err(reason) = waiting.await
        {
            return reason;
        }
        connection.outlet.woken().await;
    }
}

/// Writes what can be written at once. The rest is kept apart, so that an idle connection does not
/// hold the state of that.
fn write(connection: &Connection) -> Option<Pin<Box<impl Future<Output = Result<(), EndReason>>>>> {
    match pump(connection) {
        Pumped::Idle => None,
        pumped => Some(Box::pin(go_on(connection, pumped))),
    }
}

fn pump(Connection { transport, outlet, shared }: &Connection) -> Pumped {
    let pumped = outlet.pump(&shared.window, &mut |bytes| {
        shared.window.written.notify_one();
        transport.try_write(bytes)
    });
    match transport.flush() {
        Err(error) if error.kind() == ErrorKind::WouldBlock && !outlet.is_abandoned() => {
            Pumped::Blocked
        }
        Err(error) if pumped == Pumped::Idle => Pumped::Ended(broken(&error)),
        _ => pumped,
    }
}

/// Goes on until everything is written. Gives the reason for the end as an error.
async fn go_on(connection: &Connection, mut pumped: Pumped) -> Result<(), EndReason> {
    let Connection { transport, outlet, shared } = connection;
    loop {
        match pumped {
            Pumped::Idle => return Ok(()),
            Pumped::Ended(reason) => return Err(reason),
            Pumped::More => tokio::task::yield_now().await,
            Pumped::Behind(from, end) => feed(outlet, shared, from, end).await?,
            Pumped::Blocked => until_taken(&transport.tcp, outlet, shared).await?,
        }
        pumped = pump(connection);
    }
}

/// Gets for a reader that is behind what is no longer in memory.
async fn feed(outlet: &Outlet, shared: &Shared, from: Seq, end: Seq) -> Result<(), EndReason> {
    match shared.past.feed(from, end).await {
        Ok(records) => {
            outlet.provide(&shared.window, records, end);
            Ok(())
        }
        Err(problem) => {
            error!(event = "store-failed", "cannot read the history: {problem}");
            Err(EndReason::Failed)
        }
    }
}

/// Waits until the socket takes more, for as long as its reader may take.
async fn until_taken(
    stream: &TcpStream,
    outlet: &Outlet,
    shared: &Shared,
) -> Result<(), EndReason> {
    let timeouts = shared.config().timeouts.clone();
    tokio::select! {
        writable = timeout(timeouts.stalled, stream.writable()) => match writable {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(EndReason::TooSlow),
        },
        // Who does not read when it is time to go does not get the whole time.
        () = until_ending_and_then(outlet, timeouts.grace) => Ok(()),
    }
}

/// Waits until the connection is to end, and then for as long as its other side may take to read
/// the rest; nobody is waited for who cannot hear any more.
async fn until_ending_and_then(outlet: &Outlet, grace: Duration) {
    outlet.until_ending().await;
    if !outlet.is_abandoned() {
        let _ = timeout(grace, until_abandoned(outlet)).await;
        outlet.abandon(EndReason::TooSlow);
    }
}

async fn until_abandoned(outlet: &Outlet) {
    while !outlet.is_abandoned() {
        outlet.woken().await;
    }
}
