//! Driving the outlet of a connection.

use std::time::Duration;

use chatroom::room::EndReason;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::outlet::{Outlet, Pumped};
use crate::shared::Shared;
use crate::sockets;

/// Writes whatever there is to write until the connection is to end, and gives the reason.
pub async fn run(stream: &TcpStream, outlet: &Outlet, shared: &Shared) -> EndReason {
    loop {
        match outlet.pump(&shared.window, &mut |bytes| stream.try_write(bytes)) {
            Pumped::Idle => outlet.woken().await,
            Pumped::Ended(reason) => return reason,
            Pumped::Blocked => {
                if let Some(reason) = until_writable(stream, outlet, shared).await {
                    return reason;
                }
            }
        }
    }
}

/// Waits until the socket takes more. Gives a reason to end if that takes too long.
///
/// The user timeout that notices a silent network would also end a connection whose other side is
/// there and just reads nothing, so that it gives way to the longer time meanwhile.
async fn until_writable(stream: &TcpStream, outlet: &Outlet, shared: &Shared) -> Option<EndReason> {
    let timeouts = shared.config().timeouts.clone();
    sockets::set_user_timeout(stream, timeouts.stalled + Duration::from_secs(1));
    let writable = timeout(timeouts.stalled, stream.writable());
    let ended = tokio::select! {
        waited = writable => match waited {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(EndReason::Broken(error.to_string())),
            Err(_) => Some(EndReason::TooSlow),
        },
        () = until_ending_and_then(outlet, timeouts.grace) => Some(EndReason::TooSlow),
    };
    sockets::set_user_timeout(stream, timeouts.silence);
    ended
}

/// Who does not read when it is time to go does not get the whole of the longer time.
async fn until_ending_and_then(outlet: &Outlet, grace: Duration) {
    while !outlet.is_ending() {
        outlet.woken().await;
    }
    tokio::time::sleep(grace).await;
}
