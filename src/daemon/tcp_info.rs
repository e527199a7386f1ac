//! What the system knows of a connection's other side.
//!
//! Without it a reader that merely rests cannot be told from a network that has gone silent.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::raw;

/// How a connection stands, as the system sees it (tcp(7), `TCP_INFO`).
pub struct TcpState {
    /// Something was sent that the other side has not acknowledged.
    pub is_waiting: bool,
    /// Something is not sent, for the other side has no room for it. Its system goes on to
    /// acknowledge, which shows that it is there.
    pub is_holding_back: bool,
    /// For how long nothing was acknowledged.
    pub unheard: Duration,
}

/// Asks the system.
///
/// # Errors
/// The system does not tell.
pub fn read(socket: BorrowedFd<'_>) -> io::Result<TcpState> {
    let info = raw::tcp_info(socket)?;
    Ok(TcpState {
        is_waiting: info.tcpi_unacked > 0,
        is_holding_back: info.tcpi_notsent_bytes > 0,
        unheard: Duration::from_millis(u64::from(info.tcpi_last_ack_recv)),
    })
}
