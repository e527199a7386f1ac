//! Reaching a server that has several addresses: "happy eyeballs" (RFC 8305).
//!
//! A connection to the next address begins a quarter of a second after the one before, or as soon as
//! that has failed, and the first one that is made is used. A server speaks first, so an address
//! counts as answering once something has come from it; until then the next ones stay in reserve.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::decode::decode;
use crate::link::{Connected, Security, Stream, explain};
use crate::model::Input;
use crate::secure::{self, Failure};

use chatroom::clean;
use chatroom::wire::Frame;
use chatroom::wire::json::Event;

/// How long after one attempt the next begins beside it (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long looking up a name, connecting to one address, and waiting for what its server says may
/// each take.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How long a server may take to say something where there is another address to try.
const SILENCE: Duration = Duration::from_secs(3);

/// After so long without a word, a server is asked for one: one that waits for TLS shows itself then.
const PROMPTING: Duration = Duration::from_secs(1);

/// So much is shown of what another server says.
const MAX_SHOWN: usize = 60;

/// What any chat server answers to anybody.
const PING: &[u8] = b"{\"type\":\"ping\"}\n";

/// Connects to `address`, a host and a port, at whichever of its addresses answers first.
///
/// # Errors
/// Why none of them does.
pub async fn connect(address: &str, security: Security) -> Result<Connected, Failure> {
    let found = timeout(LIMIT, tokio::net::lookup_host(address)).await;
    let found = found.map_err(|_| Failure::Passing("the name service does not answer".into()))?;
    let found = found.map_err(|error| Failure::Passing(explain(&error)))?;
    race(interleaved(found), TcpStream::connect, |stream| secured(stream, address, security)).await
}

/// Waits for the first words of a server, over what is to protect the connection.
async fn secured(
    stream: TcpStream,
    address: &str,
    security: Security,
) -> Result<Connected, Failure> {
    stream.set_nodelay(true).map_err(|error| Failure::Passing(explain(&error)))?;
    match security {
        Security::None => until_greeted(stream, address, true).await,
        Security::Tls { told } => {
            let (stream, news) = secure::connect(address, stream, told).await?;
            let connected = until_greeted(stream, address, false).await?;
            Ok(Connected { news, ..connected })
        }
    }
}

/// The addresses in the order in which they are tried: as they were found, but the families take
/// turns.
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

/// Gives the first of the addresses that `open` can connect to and whose server `greet` hears.
async fn race<S: Send + 'static, O, G>(
    mut waiting: VecDeque<SocketAddr>,
    open: impl Fn(SocketAddr) -> O,
    greet: impl Fn(S) -> G,
) -> Result<Connected, Failure>
where
    O: Future<Output = io::Result<S>> + Send + 'static,
    G: Future<Output = Result<Connected, Failure>>,
{
    let (mut failures, mut misdirected) = (Vec::new(), None);
    while let Some((address, stream)) = first_open(&mut waiting, &open, &mut failures).await {
        let limit = if waiting.is_empty() { LIMIT } else { SILENCE };
        let greeted = timeout(limit, greet(stream)).await;
        match greeted.unwrap_or_else(|_| Err(Failure::Passing(no_answer_within(limit)))) {
            Ok(connected) => return Ok(connected),
            Err(Failure::Passing(why)) => failures.push((address, why)),
            // Perhaps another server is at another address.
            Err(Failure::Misdirected(why)) => misdirected = Some(why),
            Err(Failure::Untrusted(why)) => return Err(Failure::Untrusted(why)),
        }
    }
    Err(match misdirected {
        Some(why) => Failure::Misdirected(why),
        None => Failure::Passing(summary(&failures)),
    })
}

/// The first connection that is made. Those addresses that were not at their end then wait again,
/// behind the others.
async fn first_open<S: Send + 'static, O>(
    waiting: &mut VecDeque<SocketAddr>,
    open: &impl Fn(SocketAddr) -> O,
    failures: &mut Vec<(SocketAddr, String)>,
) -> Option<(SocketAddr, S)>
where
    O: Future<Output = io::Result<S>> + Send + 'static,
{
    // Those that are under way end with this.
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

/// Waits until the server has said something. Where nothing may be read that is not `plain`, it is
/// asked to after a while.
async fn until_greeted(
    mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: &str,
    is_plain: bool,
) -> Result<Connected, Failure> {
    let mut first = vec![0; 1024];
    let read = match timeout(PROMPTING, stream.read(&mut first)).await {
        Ok(read) => read,
        Err(_) if is_plain => {
            // What went wrong shows when it is read.
            let _ = stream.write_all(PING).await;
            stream.read(&mut first).await
        }
        Err(_) => stream.read(&mut first).await,
    };
    match read {
        Ok(0) => Err(Failure::Passing("the server closed it without a word".to_owned())),
        Err(error) => Err(Failure::Passing(explain(&error))),
        Ok(count) => {
            first.truncate(count);
            if let Some(what) = foreign(&first, is_plain) {
                return Err(Failure::Misdirected(format!("{address} {what}")));
            }
            let stream: Box<dyn Stream> = Box::new(stream);
            Ok(Connected { stream, first, news: None })
        }
    }
}

/// Why the client cannot talk to a server that sends these first bytes; none if it can.
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

/// Why none of the addresses answered.
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
