//! Driving the outlet of a connection.

use std::os::fd::AsFd;
use std::time::Duration;

use chatroom::config::Timeouts;
use chatroom::room::EndReason;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::broken;
use crate::outlet::{Outlet, Pumped};
use crate::shared::Shared;
use crate::{sockets, tcp_info};

/// Writes whatever there is to write until the connection is to end, and gives the reason.
pub async fn run(stream: &TcpStream, outlet: &Outlet, shared: &Shared) -> EndReason {
    loop {
        match outlet.pump(&shared.window, &mut |bytes| stream.try_write(bytes)) {
            Pumped::Idle => outlet.woken().await,
            Pumped::Ended(reason) => return reason,
            Pumped::Blocked => {
                let timeouts = shared.config().timeouts.clone();
                tokio::select! {
                    ended = until_writable(stream, &timeouts) => match ended {
                        Ok(()) => {}
                        Err(reason) => return reason,
                    },
                    // Who does not read when it is time to go does not get the whole time.
                    () = until_ending_and_then(outlet, timeouts.grace) => {
                        return EndReason::TooSlow;
                    }
                }
            }
        }
    }
}

/// Waits until the socket takes more, or gives the reason to end if that takes too long.
///
/// The user timeout that notices a silent network would also end a connection whose other side is
/// there and just reads nothing. So it gives way meanwhile, and the system is asked instead which
/// of the two it is.
async fn until_writable(stream: &TcpStream, timeouts: &Timeouts) -> Result<(), EndReason> {
    let start = Instant::now();
    sockets::set_user_timeout(stream, timeouts.stalled + timeouts.silence);
    while start.elapsed() < timeouts.stalled {
        let left = timeouts.stalled.saturating_sub(start.elapsed());
        if let Ok(writable) = timeout(left.min(timeouts.silence), stream.writable()).await {
            sockets::set_user_timeout(stream, timeouts.silence);
            return writable.map_err(|error| broken(&error));
        }
        // A shorter wait says nothing: the connection may have been idle for long before.
        let is_past_silence = start.elapsed() >= timeouts.silence;
        match tcp_info::is_unheard(stream.as_fd(), timeouts.silence) {
            Ok(true) if is_past_silence => return Err(EndReason::Silent),
            Ok(_) => {}
            Err(error) => return Err(broken(&error)),
        }
    }
    Err(EndReason::TooSlow)
}

async fn until_ending_and_then(outlet: &Outlet, grace: Duration) {
    while !outlet.is_ending() {
        outlet.woken().await;
    }
    sleep(grace).await;
}
