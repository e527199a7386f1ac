//! The only module with `unsafe`: functions for which no library that the project uses has a safe
//! interface.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Returns the kernel's information about a TCP connection (tcp(7), `TCP_INFO`).
///
/// # Errors
/// The system's reason.
pub fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<libc::tcp_info> {
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

/// The descriptors that systemd has passed, with their names (sd_listen_fds(3)). The caller owns them,
/// so only the first call returns any.
pub fn passed_descriptors() -> Vec<(String, OwnedFd)> {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let mut passed = Vec::new();
    ONCE.call_once(|| {
        // Without these variables nothing was passed.
        let Ok(descriptors) = sd_notify::listen_fds_with_names() else { return };
        // SAFETY: systemd has opened them for this process, as LISTEN_PID says, nothing else here
        // knows them, and they are taken once.
        let own = |(raw, name)| (name, unsafe { OwnedFd::from_raw_fd(raw) });
        passed.extend(descriptors.map(own));
    });
    passed
}

/// Has the allocator give free pages back to the system (malloc_trim(3)). Allocators other than
/// glibc's do this by themselves.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes a number, may be called at any time from any thread, and touches nothing that
    // is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
