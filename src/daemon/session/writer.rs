//! Driving the outlet of a connection.

use std::time::Duration;

use chatroom::room::{EndReason, Seq};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::error;

use super::broken;
use crate::outlet::{Outlet, Pumped};
use crate::shared::Shared;

/// Writes whatever there is to write until the connection is to end, and gives the reason.
pub async fn run(stream: &TcpStream, outlet: &Outlet, shared: &Shared) -> EndReason {
    loop {
        match outlet.pump(&shared.window, &mut |bytes| stream.try_write(bytes)) {
            Pumped::Idle => outlet.woken().await,
            Pumped::Ended(reason) => return reason,
            // Both are rare, and kept apart so that an idle connection does not hold their state.
            Pumped::Behind(from, end) => {
                if let Err(reason) = Box::pin(feed(outlet, shared, from, end)).await {
                    return reason;
                }
            }
            Pumped::Blocked => {
                if let Err(reason) = Box::pin(until_taken(stream, outlet, shared)).await {
                    return reason;
                }
            }
        }
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
            error!(event = "store-failed", "{problem}");
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
    while !outlet.is_ending() {
        outlet.woken().await;
    }
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
