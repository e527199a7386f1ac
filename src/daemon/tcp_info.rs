//! The kernel's information about the other side of a connection.
//!
//! It distinguishes a client that reads nothing for a while from a network that has gone silent.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::raw;

/// The state of a connection, as the system sees it (tcp(7), `TCP_INFO`).
pub struct TcpState {
    /// Something was sent that the other side has not acknowledged.
    pub is_waiting: bool,
    /// Something is not sent, because the other side has no room for it. Its system still sends
    /// acknowledgements, which shows that it is there.
    pub is_holding_back: bool,
    /// The time since the last acknowledgement.
    pub unheard: Duration,
}

/// Asks the system.
///
/// # Errors
/// The system's reason.
pub fn read(socket: BorrowedFd<'_>) -> io::Result<TcpState> {
    let info = raw::tcp_info(socket)?;
    Ok(TcpState {
        is_waiting: info.tcpi_unacked > 0,
        is_holding_back: info.tcpi_notsent_bytes > 0,
        unheard: Duration::from_millis(u64::from(info.tcpi_last_ack_recv)),
    })
}
