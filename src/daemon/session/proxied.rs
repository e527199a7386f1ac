//! Connections from a trusted proxy. The header of the PROXY protocol comes before everything else, also
//! before TLS.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::handover::SavedInput;
use chatroom::room::EndReason;
use chatroom::wire::proxy::{self, HeaderProblem, Progress};
use chatroom::wire::{Answer, Dialect};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::reader::Reader;
use super::turning_away::{SHORT_HANDSHAKE, farewell, tell};
use super::{ConnectionTask, broken, told};
use crate::connections::banned;
use crate::transport::Transport;

/// The number of bytes that are inspected together. Most headers are shorter.
const PIECE: usize = 256;

/// The outcome of waiting for a header.
pub(super) enum Header {
    /// The client is known and admitted.
    Taken,
    /// The connection is to be handed over, with this part of its header.
    Frozen(Vec<u8>),
    /// The connection is over. The client, the log and the room were told.
    Over,
}

impl ConnectionTask {
    /// Waits for the rest of a header that has `begun`, and admits the client as if it had connected from
    /// its own address.
    pub(super) async fn take_header(&self, mut begun: Vec<u8>) -> Header {
        let deadline = self.client.traffic.start + self.shared.config().timeouts.name;
        let reading = read(&self.transport.tcp, &mut begun);
        let outcome = tokio::select! {
            outcome = timeout_at(deadline, reading) => {
                outcome.unwrap_or(Err(no_header(HeaderProblem::Late)))
            }
            () = self.client.until_stopping() => match self.client.is_ending() {
                false => return Header::Frozen(begun),
                true => Err(EndReason::ShuttingDown),
            },
        };
        self.client.traffic.bytes_in.fetch_add(begun.len() as u64, Relaxed);
        let client = match outcome {
            Ok(client) => client,
            Err(reason) => {
                self.end(&reason);
                self.tell_proxy(&reason).await;
                return Header::Over;
            }
        };
        match self.identify(client) {
            Ok(()) => Header::Taken,
            Err(reason) => {
                self.shared.connections.count_end(&reason);
                tell(&self.transport, &reason).await;
                Header::Over
            }
        }
    }

    /// Admits the client by its own address, or says why not.
    fn identify(&self, client: Option<SocketAddr>) -> Result<(), EndReason> {
        let (shared, source) = (&self.shared, &self.client.source);
        source.name(client);
        let banned = banned(&shared.access.access_state(), source.ip(), Timestamp::now());
        let outcome = shared.connections.count_client(source, &shared.config().limits, banned);
        told::came(source.address(), outcome.as_ref().err(), &shared.watchers);
        outcome?;
        let greeting = shared.config().room.greeting.clone();
        self.client.answer(&Answer::Prompt { greeting });
        Ok(())
    }

    /// Tells the other side why it is not served, if it can understand that.
    async fn tell_proxy(&self, reason: &EndReason) {
        let is_missing = *reason == no_header(HeaderProblem::Missing);
        if self.transport.is_plain() {
            farewell(&self.transport, Dialect::INITIAL, reason).await;
        } else if is_missing {
            // The bytes received instead of a header are still unread, so they can be inspected.
            match self.transport.plain_dialect().await {
                Ok(Some(dialect)) => {
                    let plain = Transport::plain(self.transport.tcp.clone());
                    farewell(&plain, dialect, reason).await;
                }
                Ok(None) => tell(&self.transport, reason).await,
                Err(_) => {}
            }
        }
    }

    /// Saves the input state for the next process: this part of the header has arrived.
    pub(super) fn save_header(&self, begun: Vec<u8>) -> SavedInput {
        let (_, saved) = Reader::new(self).save(Vec::new());
        SavedInput { first_line: Some(begun), ..saved }
    }
}

/// Skips the header of a connection that is turned away.
pub(super) async fn skip(transport: &Transport) {
    let _ = timeout(SHORT_HANDSHAKE, read(&transport.tcp, &mut Vec::new())).await;
}

/// Reads the rest of a header that has `begun`, and nothing after it. Returns the client, if the
/// header names one. Cancelling is safe: the bytes read so far are in `begun`.
async fn read(tcp: &TcpStream, begun: &mut Vec<u8>) -> Result<Option<SocketAddr>, EndReason> {
    let mut buffer = [0; PIECE];
    loop {
        let seen = tcp.peek(&mut buffer).await.map_err(|error| broken(&error))?;
        if seen == 0 && begun.is_empty() {
            return Err(EndReason::Closed);
        } else if seen == 0 {
            return Err(no_header(HeaderProblem::Truncated));
        }
        let before = begun.len();
        begun.extend_from_slice(&buffer[..seen]);
        let progress = proxy::read(begun);
        // Only the bytes that were read count. Those after the header are for TLS, or for the
        // reader.
        begun.truncate(before);
        let wanted = match progress.map_err(no_header)? {
            Progress::Incomplete => seen,
            Progress::Complete(header) => header.length - before,
        };
        let read = try_read(tcp, &mut buffer[..wanted]).map_err(|error| broken(&error))?;
        begun.extend_from_slice(&buffer[..read]);
        if let Ok(Progress::Complete(header)) = progress
            && begun.len() == header.length
        {
            return Ok(header.client);
        }
    }
}

/// Reads the available bytes, which can be fewer than were seen.
fn try_read(tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match tcp.try_read(buffer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(0)
        }
        outcome => outcome,
    }
}

fn no_header(problem: HeaderProblem) -> EndReason {
    EndReason::NoProxyHeader(problem.as_str())
}
