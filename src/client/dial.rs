//! Reaching a server that has several addresses: "happy eyeballs" (RFC 8305).
//!
//! The next address is tried a quarter of a second after the one before, or as soon as that has failed,
//! and the first connection that is made is used. A server speaks first, so an address counts as
//! answering once something has come from it; until then the other addresses stay in reserve.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::decode::decode;
use crate::model::Input;
use crate::tls;
use crate::transport::{ConnectError, Connected, Security, Stream, explain};

use chatroom::clean;
use chatroom::wire::Frame;
use chatroom::wire::json::Event;

/// The delay after one attempt before the next one begins in parallel (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The time limit for each of: looking up a name, connecting to an address, waiting for its server to
/// speak.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The time limit for a server to speak if there is another address to try.
const SILENCE: Duration = Duration::from_secs(3);

/// A server that is silent for this long is sent a ping: one that waits for TLS then reveals itself.
const PROMPTING: Duration = Duration::from_secs(1);

/// The number of characters of the first line of a foreign server that are shown.
const MAX_SHOWN: usize = 60;

/// A request that every chatroomd server answers, even before joining.
const PING: &[u8] = b"{\"type\":\"ping\"}\n";

/// Connects to `address`, a host and a port: to the first of its addresses that answers.
///
/// # Errors
/// Why none of them answers.
pub async fn connect(address: &str, security: Security) -> Result<Connected, ConnectError> {
    let found = timeout(LIMIT, tokio::net::lookup_host(address)).await;
    let found =
        found.map_err(|_| ConnectError::Transient("the name service does not answer".into()))?;
    let found = found.map_err(|error| ConnectError::Transient(explain(&error)))?;
    race(interleaved(found), TcpStream::connect, |stream| secured(stream, address, security)).await
}

/// Protects a new connection, and waits until the server has spoken.
async fn secured(
    stream: TcpStream,
    address: &str,
    security: Security,
) -> Result<Connected, ConnectError> {
    stream.set_nodelay(true).map_err(|error| ConnectError::Transient(explain(&error)))?;
    match security {
        Security::None => until_greeted(stream, address, true).await,
        Security::Tls { expected } => {
            let (stream, news) = tls::connect(address, stream, expected).await?;
            let connected = until_greeted(stream, address, false).await?;
            Ok(Connected { news, ..connected })
        }
    }
}

/// The addresses in the order in which they are tried: as they were found, but alternating between the
/// families.
fn interleaved(found: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    let is_first_family = all.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| address.is_ipv6() == is_first_family);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = VecDeque::new();
    loop {
        let before = turns.len();
        turns.extend(first.next().into_iter().chain(second.next()));
        if turns.len() == before {
            return turns;
        }
    }
}

/// Returns the first connection that `open` makes to one of the addresses and that `greet` accepts.
async fn race<S: Send + 'static, O, G>(
    mut waiting: VecDeque<SocketAddr>,
    open: impl Fn(SocketAddr) -> O,
    greet: impl Fn(S) -> G,
) -> Result<Connected, ConnectError>
where
    O: Future<Output = io::Result<S>> + Send + 'static,
    G: Future<Output = Result<Connected, ConnectError>>,
{
    let (mut failures, mut misdirected) = (Vec::new(), None);
    while let Some((address, stream)) = first_open(&mut waiting, &open, &mut failures).await {
        let limit = if waiting.is_empty() { LIMIT } else { SILENCE };
        let greeted = timeout(limit, greet(stream)).await;
        match greeted.unwrap_or_else(|_| Err(ConnectError::Transient(no_answer_within(limit)))) {
            Ok(connected) => return Ok(connected),
            Err(ConnectError::Transient(why)) => failures.push((address, why)),
            // Another address may be that of another server.
            Err(ConnectError::WrongProtocol(why)) => misdirected = Some(why),
            Err(ConnectError::Untrusted(why)) => return Err(ConnectError::Untrusted(why)),
        }
    }
    Err(match misdirected {
        Some(why) => ConnectError::WrongProtocol(why),
        None => ConnectError::Transient(summary(&failures)),
    })
}

/// The first connection that is made. Addresses that were still being tried are tried again later,
/// after the others.
async fn first_open<S: Send + 'static, O>(
    waiting: &mut VecDeque<SocketAddr>,
    open: &impl Fn(SocketAddr) -> O,
    failures: &mut Vec<(SocketAddr, String)>,
) -> Option<(SocketAddr, S)>
where
    O: Future<Output = io::Result<S>> + Send + 'static,
{
    // Dropping this cancels the attempts that are still running.
    let mut running = JoinSet::new();
    let mut tried = Vec::new();
    let mut next = Instant::now();
    while !running.is_empty() || !waiting.is_empty() {
        tokio::select! {
            biased;
            Some(Ok((address, opened))) = running.join_next() => {
                tried.retain(|other| *other != address);
                match opened {
                    Ok(stream) => {
                        waiting.extend(tried);
                        return Some((address, stream));
                    }
                    Err(why) => failures.push((address, why)),
                }
                next = Instant::now();
            }
            () = sleep_until(next), if !waiting.is_empty() => {
                if let Some(address) = waiting.pop_front() {
                    tried.push(address);
                    let opening = open(address);
                    running.spawn(async move { (address, in_time(opening).await) });
                }
                next = Instant::now() + ATTEMPT_DELAY;
            }
        }
    }
    None
}

async fn in_time<S>(opening: impl Future<Output = io::Result<S>>) -> Result<S, String> {
    match timeout(LIMIT, opening).await {
        Ok(opened) => opened.map_err(|error| explain(&error)),
        Err(_) => Err(no_answer_within(LIMIT)),
    }
}

/// Waits until the server has spoken. A silent server is sent a ping, if that may go unencrypted.
async fn until_greeted(
    mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: &str,
    is_plain: bool,
) -> Result<Connected, ConnectError> {
    let mut first = vec![0; 1024];
    let read = match timeout(PROMPTING, stream.read(&mut first)).await {
        Ok(read) => read,
        Err(_) if is_plain => {
            // If this fails, reading fails, too.
            let _ = stream.write_all(PING).await;
            stream.read(&mut first).await
        }
        Err(_) => stream.read(&mut first).await,
    };
    match read {
        Ok(0) => Err(ConnectError::Transient(
            "the server closed the connection without a word".to_owned(),
        )),
        Err(error) => Err(ConnectError::Transient(explain(&error))),
        Ok(count) => {
            first.truncate(count);
            if let Some(what) = foreign(&first, is_plain) {
                return Err(ConnectError::WrongProtocol(format!("{address} {what}")));
            }
            let stream: Box<dyn Stream> = Box::new(stream);
            Ok(Connected { stream, first, news: None })
        }
    }
}

/// The reason why the client cannot talk to a server that sends these first bytes; none if it can.
fn foreign(first: &[u8], is_plain: bool) -> Option<String> {
    // An alert or a handshake record (RFC 8446, section 5.1).
    let is_tls = matches!(first, [0x15 | 0x16, 0x03, ..]) || requires_tls(first);
    if is_tls && is_plain {
        return Some("speaks TLS. Connect with --tls".to_owned());
    }
    let begins = |with: &[u8]| first.iter().zip(with).all(|(one, other)| one == other);
    if begins(b"[SERVER]: ") || begins(b"{") {
        return None;
    }
    let said = String::from_utf8_lossy(first);
    let said = said.lines().next().unwrap_or_default();
    let said: String = clean::line(said).chars().take(MAX_SHOWN).collect();
    Some(format!("is not a chatroomd server. It says: {said}"))
}

/// Whether the first line of a chatroomd server says that its port speaks TLS only.
fn requires_tls(first: &[u8]) -> bool {
    let line = first.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let input = decode(&Frame::Line(line.to_vec()));
    matches!(input, Some(Input::Event(Event::Closing { code, .. })) if code == "tls-required")
}

fn no_answer_within(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

/// The reason why none of the addresses answered.
fn summary(failures: &[(SocketAddr, String)]) -> String {
    let Some((_, first)) = failures.first() else { return "the name has no address".to_owned() };
    if failures.iter().all(|(_, why)| why == first) {
        return first.clone();
    }
    let each: Vec<String> =
        failures.iter().map(|(address, why)| format!("{}: {why}", address.ip())).collect();
    each.join("; ")
}

#[cfg(test)]
mod tests;
