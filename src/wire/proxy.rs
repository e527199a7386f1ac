//! Headers of the PROXY protocol, versions 1 and 2, in which a proxy names the client behind it.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::greeting::PROXY_V2;

/// The longest line of version 1, with its end.
const MAX_V1: usize = 107;

const V1: &[u8] = b"PROXY ";

/// The bytes before the addresses of version 2: the signature, the version and command, the family, and
/// the length of the rest.
const FIXED: usize = PROXY_V2.len() + 4;

/// The longest header of version 2 that is accepted, including its extensions (TLVs). The format allows
/// 64 KiB; proxies send some hundred bytes.
pub const MAX_HEADER: usize = 4096;

/// The progress of reading a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More has to come.
    Incomplete,
    Complete(Header),
}

/// A complete header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The length of the header in bytes. The bytes after it come from the client.
    pub length: usize,
    /// The address of the client. None if the proxy speaks for itself (`LOCAL`, for example for health
    /// checks) or does not know it (`UNKNOWN`).
    pub client: Option<SocketAddr>,
}

/// The problem with the header of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderProblem {
    /// The connection begins with something else.
    Missing,
    /// The header is not valid; the text says why.
    Malformed(&'static str),
    /// The connection ended in the middle of the header.
    Truncated,
    /// The header was not complete in time.
    Late,
}

impl HeaderProblem {
    /// The problem, as part of a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            HeaderProblem::Missing => "the connection began with something else",
            HeaderProblem::Malformed(why) => why,
            HeaderProblem::Truncated => "the connection ended in the middle of the header",
            HeaderProblem::Late => "the header was not complete in time",
        }
    }
}

/// Reads the header at the beginning of `bytes`.
///
/// # Errors
/// `bytes` do not begin with a header, whatever follows.
pub fn read(bytes: &[u8]) -> Result<Progress, HeaderProblem> {
    if starts_alike(bytes, PROXY_V2) {
        return read_v2(bytes);
    }
    if starts_alike(bytes, V1) {
        return read_v1(bytes);
    }
    Err(HeaderProblem::Missing)
}

/// Whether `bytes` begin with `signature`, as far as they go.
fn starts_alike(bytes: &[u8], signature: &[u8]) -> bool {
    let known = bytes.len().min(signature.len());
    bytes[..known] == signature[..known]
}

fn read_v1(bytes: &[u8]) -> Result<Progress, HeaderProblem> {
    let within = &bytes[..bytes.len().min(MAX_V1)];
    let Some(end) = within.iter().position(|&byte| byte == b'\n') else {
        return match bytes.len() < MAX_V1 {
            true => Ok(Progress::Incomplete),
            false => {
                Err(HeaderProblem::Malformed("the line of the header is longer than 107 bytes"))
            }
        };
    };
    let Some(line) = within[..end].strip_suffix(b"\r") else {
        return Err(HeaderProblem::Malformed("the line of the header does not end with CR LF"));
    };
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(HeaderProblem::Malformed("the line of the header is not ASCII"));
    };
    let mut words = line.split(' ').skip(1);
    let client = match words.next() {
        // The rest of the line is ignored.
        Some("UNKNOWN") => None,
        Some("TCP4") => Some(addresses::<Ipv4Addr>(words)?),
        Some("TCP6") => Some(addresses::<Ipv6Addr>(words)?),
        _ => {
            return Err(HeaderProblem::Malformed(
                "the header names neither TCP4, TCP6 nor UNKNOWN",
            ));
        }
    };
    Ok(Progress::Complete(Header { length: end + 1, client }))
}

/// The source of `SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT`.
fn addresses<'l, A: FromStr + Into<IpAddr>>(
    words: impl Iterator<Item = &'l str>,
) -> Result<SocketAddr, HeaderProblem> {
    let words: Vec<&str> = words.collect();
    let [source, destination, source_port, destination_port] = words[..] else {
        return Err(HeaderProblem::Malformed(
            "the header does not have two addresses and two ports",
        ));
    };
    let address = |text: &str| {
        let address = text.parse::<A>();
        address.map_err(|_| {
            HeaderProblem::Malformed("one of the addresses in the header is not valid")
        })
    };
    let port = |text: &str| {
        // Without a sign and leading zeros.
        let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        let port = text.parse::<u16>().ok().filter(|_| is_canonical);
        port.ok_or(HeaderProblem::Malformed("one of the ports in the header is not valid"))
    };
    let (source, _) = (address(source)?, address(destination)?);
    let (source_port, _) = (port(source_port)?, port(destination_port)?);
    Ok(SocketAddr::new(source.into(), source_port))
}

fn read_v2(bytes: &[u8]) -> Result<Progress, HeaderProblem> {
    let Some(&[version_and_command, ..]) = bytes.get(PROXY_V2.len()..) else {
        return Ok(Progress::Incomplete);
    };
    let is_local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => {
            return Err(HeaderProblem::Malformed(
                "the version or command in the header is unknown",
            ));
        }
    };
    let Some(fixed) = bytes.first_chunk::<FIXED>() else { return Ok(Progress::Incomplete) };
    let [.., family, high, low] = *fixed;
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_HEADER {
        return Err(HeaderProblem::Malformed("the header is longer than 4096 bytes"));
    }
    let Some(rest) = bytes.get(FIXED..length) else { return Ok(Progress::Incomplete) };
    // If a proxy speaks for itself, the rest can be anything.
    let client = if is_local { None } else { client_of(family, rest)? };
    Ok(Progress::Complete(Header { length, client }))
}

/// The source in the addresses of version 2. The extensions after them do not matter here.
fn client_of(family: u8, addresses: &[u8]) -> Result<Option<SocketAddr>, HeaderProblem> {
    const SHORT: HeaderProblem =
        HeaderProblem::Malformed("the header is too short for its addresses");
    match family {
        // TCP over IPv4: two addresses, two ports.
        0x11 => match *addresses.first_chunk::<12>().ok_or(SHORT)? {
            [a, b, c, d, _, _, _, _, high, low, ..] => {
                let port = u16::from_be_bytes([high, low]);
                Ok(Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port)))
            }
        },
        // TCP over IPv6.
        0x21 => {
            let addresses = addresses.first_chunk::<36>().ok_or(SHORT)?;
            let source = addresses.first_chunk::<16>().ok_or(SHORT)?;
            let port = u16::from_be_bytes([addresses[32], addresses[33]]);
            Ok(Some(SocketAddr::new(Ipv6Addr::from(*source).into(), port)))
        }
        // Unspecified, or a Unix socket, whose address means nothing here.
        0x00 | 0x31 => Ok(None),
        _ => Err(HeaderProblem::Malformed("the protocol in the header is not TCP")),
    }
}

#[cfg(test)]
mod tests;
