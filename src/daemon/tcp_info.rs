//! What the system knows of a connection's other side.
//!
//! This is the one place with `unsafe`: no library that the project uses reads `TCP_INFO`, and
//! without it a reader that merely rests cannot be told from a network that has gone silent.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

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
    let info = get(socket)?;
    Ok(TcpState {
        is_waiting: info.tcpi_unacked > 0,
        is_holding_back: info.tcpi_notsent_bytes > 0,
        unheard: Duration::from_millis(u64::from(info.tcpi_last_ack_recv)),
    })
}

#[allow(unsafe_code)]
fn get(socket: BorrowedFd<'_>) -> io::Result<libc::tcp_info> {
    // SAFETY: `tcp_info` is a struct of plain numbers, for which all zeros is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed and so is open; the system writes at most `length` bytes
    // to `info`, which are as many as it has.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    if outcome == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
}
