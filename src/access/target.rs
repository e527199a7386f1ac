//! Targets of sanctions: a name, an address or a network. `chatctl` and the room share one grammar. A
//! word that looks like an address but is not valid is not taken for a name.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::network::{advice, network, network_from_store, show_network};
use crate::characters::is_invisible;
use crate::clean;
use crate::confusables::skeleton_of;

/// The target of a sanction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A name, and the account with that name if there is one.
    Name(NameTarget),
    /// An address or a network.
    Network(IpNet),
}

/// A name with its skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTarget {
    pub name: String,
    /// The skeleton of the name in lower case.
    pub skeleton: String,
}

/// The reason why a word is not a target. `Display` is a sentence with advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetProblem {
    word: String,
    advice: String,
}

impl Target {
    /// Parses a word: an address (`10.0.0.7`), a network (`10.0.0.0/8`), otherwise a name.
    ///
    /// # Errors
    /// It looks like an address or a mask, but is not valid.
    pub fn parse(word: &str) -> Result<Target, TargetProblem> {
        let word = word.trim();
        // Invisible characters are ignored, so they do not turn an address into a name.
        let visible: String = word.chars().filter(|&c| !is_invisible(c)).collect();
        match (network(word), advice(&clean::line(&visible))) {
            (Some(network), _) => Ok(Target::Network(network)),
            (None, Some(advice)) => Err(TargetProblem::new(word, advice)),
            (None, None) => Ok(Target::name(word)),
        }
    }

    /// Parses a stored target, which may be from before the rules became stricter.
    pub fn from_store(word: &str) -> Target {
        network_from_store(word).map_or_else(|| Target::name(word), Target::Network)
    }

    /// A name, whatever it looks like.
    pub fn name(word: &str) -> Target {
        let name = clean::line(word).trim().to_owned();
        Target::Name(NameTarget { skeleton: skeleton_of(&name), name })
    }

    /// Whether this target includes a user with this name or address.
    pub fn matches(&self, skeleton_of_name: Option<&str>, address: Option<IpAddr>) -> bool {
        match self {
            Target::Name(name) => skeleton_of_name.is_some_and(|wanted| name.skeleton == wanted),
            Target::Network(network) => {
                address.is_some_and(|address| network.contains(&address.to_canonical()))
            }
        }
    }

    /// Whether this is a network as large as that of a provider.
    pub fn is_wide(&self) -> bool {
        match self {
            Target::Name(_) => false,
            Target::Network(IpNet::V4(network)) => network.prefix_len() < 16,
            Target::Network(IpNet::V6(network)) => network.prefix_len() < 32,
        }
    }
}

impl TargetProblem {
    /// A problem with its advice, a sentence.
    pub fn new(word: &str, advice: impl fmt::Display) -> TargetProblem {
        TargetProblem { word: clean::line(word).into_owned(), advice: advice.to_string() }
    }
}

/// Returns the reason why a word cannot mean a name. None if it can.
pub fn is_no_name(word: &str) -> Option<String> {
    match Target::parse(word) {
        Ok(Target::Name(_)) => None,
        Ok(network) => Some(format!("{network} is an address. Give a name here.")),
        Err(TargetProblem { word, .. }) => Some(format!(
            "{word} is not a name: it looks like an address or a mask. Give a name here."
        )),
    }
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TargetProblem { word, advice } = self;
        let word = if word.trim().is_empty() { "An empty word" } else { word };
        write!(f, "{word} is not a name, an address or a network. {advice}")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Name(name) => f.write_str(&name.name),
            Target::Network(network) => f.write_str(&show_network(network)),
        }
    }
}

#[cfg(test)]
mod tests;
