//! The transport of a connection: TCP, or TLS over it.
//!
//! Both are read and written without ever waiting, so one kind of session serves both. This works
//! because rustls never touches the socket by itself.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use chatroom::wire::Dialect;
use rustls::{ServerConfig, ServerConnection};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// The number of encrypted bytes that can wait in memory for the socket, in addition to those in
/// the kernel.
const MAX_BUFFERED: usize = 64 * 1024;

/// The first byte of a connection that speaks TLS (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// The number of handshake steps that are taken at a time, before all other connections have their
/// turn.
static HANDSHAKES: Semaphore = Semaphore::const_new(2);

/// The transport of one connection.
pub struct Transport {
    pub tcp: Arc<TcpStream>,
    tls: Option<Box<Mutex<ServerConnection>>>,
}

impl Transport {
    pub fn plain(tcp: Arc<TcpStream>) -> Transport {
        Transport { tcp, tls: None }
    }

    /// TLS over a socket. [`Transport::handshake`] comes first.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn tls(tcp: Arc<TcpStream>, config: Arc<ServerConfig>) -> io::Result<Transport> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        tls.set_buffer_limit(Some(MAX_BUFFERED));
        Ok(Transport { tcp, tls: Some(Box::new(Mutex::new(tls))) })
    }

    /// Whether the connection is not encrypted.
    pub fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// The dialect of a client whose first byte shows that it does not speak TLS; none if it does.
    ///
    /// # Errors
    /// The connection is broken, or has ended.
    pub async fn plain_dialect(&self) -> io::Result<Option<Dialect>> {
        let mut first = [0];
        match (self.tcp.peek(&mut first).await?, first) {
            (0, _) => Err(ErrorKind::UnexpectedEof.into()),
            (_, [HANDSHAKE_RECORD]) => Ok(None),
            (_, [b'{']) => Ok(Some(Dialect::Json)),
            _ => Ok(Some(Dialect::Text)),
        }
    }

    /// Completes the TLS handshake, if there is one.
    ///
    /// # Errors
    /// Why it failed. The other side was told, if it can understand that.
    pub async fn handshake(&self) -> io::Result<()> {
        let Some(tls) = self.session() else { return Ok(()) };
        drop(tls);
        loop {
            match self.flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.tcp.writable().await?;
                    continue;
                }
                flushed => flushed?,
            }
            match self.step_in_turn().await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.tcp.readable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a step of the handshake when it is this connection's turn. Signing takes up to
    /// milliseconds, and many handshakes can come at once.
    async fn step_in_turn(&self) -> io::Result<bool> {
        let _turn = HANDSHAKES.acquire().await;
        let step = self.step();
        tokio::task::yield_now().await;
        step
    }

    /// Takes a step of the handshake. Returns whether the handshake is over; if not, continues with
    /// the available input.
    fn step(&self) -> io::Result<bool> {
        let Some(mut tls) = self.session() else { return Ok(true) };
        if !tls.is_handshaking() {
            return Ok(true);
        }
        match self.receive(&mut tls)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(false),
        }
    }

    /// Reads the available input. Zero bytes are the end.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if there is none; otherwise the connection is broken.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut tls) = self.session() else { return self.tcp.try_read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Many programs close without an alert. An incomplete line is dropped in any case.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                outcome => return outcome,
            }
            self.receive(&mut tls)?;
        }
    }

    /// Writes as much as can be taken at once.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if that is nothing; otherwise the connection is broken.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Some(mut tls) = self.session() else { return self.tcp.try_write(bytes) };
        self.send(&mut tls)?;
        let taken = tls.writer().write(bytes)?;
        match self.send(&mut tls) {
            // The bytes are taken. `flush` writes the rest.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(taken),
            outcome => outcome.map(|()| taken),
        }
    }

    /// Writes the encrypted bytes that wait in memory.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if the socket does not take all of them; otherwise the connection is
    /// broken.
    pub fn flush(&self) -> io::Result<()> {
        self.session().map_or(Ok(()), |mut tls| self.send(&mut tls))
    }

    /// Waits for bytes, or the end of them. Unlike `TcpStream::readable`, this does not allocate a
    /// waiter of its own.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(mut tls) = self.session() {
            // Bytes that are decrypted already do not make the socket readable.
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            if state.plaintext_bytes_to_read() > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        self.tcp.poll_read_ready(context)
    }

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn shut_down(&self) -> io::Result<()> {
        if let Some(mut tls) = self.session() {
            tls.send_close_notify();
            // If there is no room for the alert, the other side does not read.
            let _ = self.send(&mut tls);
        }
        SockRef::from(&self.tcp).shutdown(Shutdown::Write)
    }

    fn session(&self) -> Option<MutexGuard<'_, ServerConnection>> {
        let tls = self.tls.as_ref()?;
        Some(tls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn receive(&self, tls: &mut ServerConnection) -> io::Result<usize> {
        let count = tls.read_tls(&mut Socket(&self.tcp))?;
        if let Err(error) = tls.process_new_packets() {
            // An alert tells the other side. Then the connection is over.
            let _ = self.send(tls);
            return Err(io::Error::other(error));
        }
        Ok(count)
    }

    fn send(&self, tls: &mut ServerConnection) -> io::Result<()> {
        while tls.wants_write() {
            tls.write_tls(&mut Socket(&self.tcp))?;
        }
        Ok(())
    }
}

/// The socket with the traits of the standard library.
struct Socket<'s>(&'s TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
