//! A pair of sockets that carries other sockets, in flight between its two ends.
//!
//! systemd compares every new descriptor with all that it keeps, so thousands are slow. It keeps only
//! the two ends; the sockets stay in flight between them.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// The number of sockets in a message. The system accepts up to 253 (`SCM_MAX_FD`, unix(7)).
const IN_A_MESSAGE: usize = 250;

/// Buffer space for the messages of a hundred thousand sockets.
const BUFFER_BYTES: usize = 1024 * 1024;

/// The two ends.
pub struct SocketCarrier {
    pub outer: OwnedFd,
    pub inner: OwnedFd,
}

impl SocketCarrier {
    /// Packs sockets, which stay open in this process.
    ///
    /// # Errors
    /// The system does not accept so many.
    pub fn save(sockets: &[BorrowedFd<'_>]) -> io::Result<SocketCarrier> {
        let (outer, inner) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        // This may not be permitted; the default is enough for most installations.
        let _ = set_socket_send_buffer_size(&outer, BUFFER_BYTES);
        let carrier = SocketCarrier { outer, inner };
        for (number, chunk) in sockets.chunks(IN_A_MESSAGE).enumerate() {
            carrier.send(number * IN_A_MESSAGE, chunk)?;
        }
        Ok(carrier)
    }

    /// The carrier with these ends, in either order.
    pub fn of_ends(one: OwnedFd, other: OwnedFd) -> SocketCarrier {
        let is_waiting =
            |end: &OwnedFd| rustix::io::ioctl_fionread(end).is_ok_and(|bytes| bytes > 0);
        match is_waiting(&one) {
            true => SocketCarrier { outer: other, inner: one },
            false => SocketCarrier { outer: one, inner: other },
        }
    }

    /// The sockets, in the order in which they were packed. They are also put back, for the next
    /// process in case this one ends before it has resumed them.
    ///
    /// # Errors
    /// The system does not deliver them, for example because of the limit of open files.
    pub fn inspect(&self, count: usize) -> io::Result<Vec<Option<OwnedFd>>> {
        let mut sockets: Vec<_> = (0..count).map(|_| None).collect();
        for _ in 0..count.div_ceil(IN_A_MESSAGE) {
            let Some((first, received)) = self.receive()? else { break };
            let borrowed: Vec<_> = received.iter().map(std::os::fd::AsFd::as_fd).collect();
            self.send(first, &borrowed)?;
            for (place, socket) in sockets.iter_mut().skip(first).zip(received) {
                *place = Some(socket);
            }
        }
        Ok(sockets)
    }

    /// Sends sockets from one end to the other; the first of them has this number.
    fn send(&self, first: usize, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(IN_A_MESSAGE))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(sockets)) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let number = (first as u64).to_ne_bytes();
        sendmsg(&self.outer, &[IoSlice::new(&number)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Takes the sockets of one message, and the number of the first. `None` if there is no message.
    fn receive(&self) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(IN_A_MESSAGE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut number = [0; 8];
        let mut pieces = [IoSliceMut::new(&mut number)];
        match recvmsg(&self.inner, &mut pieces, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::AGAIN) => return Ok(None),
            received => received?,
        };
        let sockets = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        });
        let sockets = sockets.flatten().collect();
        Ok(Some((u64::from_ne_bytes(number) as usize, sockets)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_is_packed_can_be_looked_at_again_and_again() {
        // More than go into one message, and few enough for a process that may open 1,024 files.
        let (mut here, there): (Vec<_>, Vec<_>) =
            (0..260).map(|_| UnixStream::pair().unwrap()).unzip();
        let borrowed: Vec<_> = there.iter().map(AsFd::as_fd).collect();
        let carrier = SocketCarrier::save(&borrowed).unwrap();
        drop(there);
        for _ in 0..2 {
            let sockets = carrier.inspect(260).unwrap();
            for (number, (here, there)) in here.iter_mut().zip(sockets).enumerate() {
                let mut there = UnixStream::from(there.unwrap());
                let number = (number as u32).to_ne_bytes();
                here.write_all(&number).unwrap();
                let mut read = [0; 4];
                there.read_exact(&mut read).unwrap();
                assert_eq!(read, number);
            }
        }
        drop(carrier);
        assert_eq!(here[0].read(&mut [0; 1]).unwrap(), 0, "nobody has the other end any more");
    }
}
