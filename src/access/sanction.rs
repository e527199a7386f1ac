//! Bans and mutes: against whom, and until when.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::lookalike::look;

/// What somebody may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SanctionKind {
    /// Be here.
    Ban,
    /// Say anything, to everybody or to one.
    Mute,
}

impl SanctionKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SanctionKind::Ban => "ban",
            SanctionKind::Mute => "mute",
        }
    }
}

/// Against whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A name, which is also that of the account if there is one.
    Name(Looking),
    /// An address or a network.
    Network(IpNet),
}

/// A name, and what it looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    pub name: String,
    /// See [`look`].
    pub look: String,
}

impl Target {
    /// What is meant by a word: an address (`10.0.0.7`), a network (`10.0.0.0/8`), else a name.
    pub fn parse(word: &str) -> Target {
        let word = word.trim();
        match (word.parse::<IpAddr>(), word.parse::<IpNet>()) {
            (Ok(address), _) => Target::Network(address.to_canonical().into()),
            (_, Ok(network)) => Target::Network(canonical(network)),
            _ => {
                let name = crate::clean::line(word).into_owned();
                Target::Name(Looking { look: look(&name), name })
            }
        }
    }

    /// Whether it means somebody with a name of this look, or at this address.
    pub fn matches(&self, look_of_name: Option<&str>, address: Option<IpAddr>) -> bool {
        match self {
            Target::Name(name) => look_of_name.is_some_and(|wanted| name.look == wanted),
            Target::Network(network) => {
                address.is_some_and(|address| network.contains(&address.to_canonical()))
            }
        }
    }
}

/// An IPv4 network in IPv6's clothes (`::ffff:10.0.0.0/104`) is that network, as with addresses.
fn canonical(network: IpNet) -> IpNet {
    // Only an IPv6 network has a prefix of 96 bits or more.
    let of_v4 = match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) => IpNet::new(address.into(), length).ok(),
        _ => None,
    };
    of_v4.unwrap_or(network).trunc()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Name(name) => f.write_str(&name.name),
            Target::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                write!(f, "{}", network.addr())
            }
            Target::Network(network) => write!(f, "{network}"),
        }
    }
}

/// Until when, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Term {
    /// None is until somebody takes it back.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
}

impl Term {
    /// Whether it is still so.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl fmt::Display for Term {
    /// As in ` until 2026-11-23 15:04 UTC: too loud`, behind "You are banned".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(until) = self.until {
            write!(f, " until {}", until.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => f.write_str("."),
        }
    }
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    pub kind: SanctionKind,
    pub target: Target,
    pub term: Term,
    pub made: Timestamp,
    /// Who has done it.
    pub by: String,
}
