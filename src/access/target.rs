//! Against whom a sanction is: a name, an address or a network. One grammar for `chatctl`, the room and
//! the names of people: what looks like an address and is none is neither.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::clean;
use crate::lookalike::{fold, look};

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

/// Why a word is no target. `Display` is a sentence with what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetProblem {
    word: String,
    advice: String,
}

impl Target {
    /// What is meant by a word: an address (`10.0.0.7`), a network (`10.0.0.0/8`), else a name.
    ///
    /// # Errors
    /// It looks like an address or a mask, and is none that is understood.
    pub fn parse(word: &str) -> Result<Target, TargetProblem> {
        let word = word.trim();
        if let Some(network) = network(word) {
            return Ok(Target::Network(network));
        }
        let problem = |advice| TargetProblem { word: clean::line(word).into_owned(), advice };
        advice(&fold(word)).map_or_else(|| Ok(Target::name(word)), |advice| Err(problem(advice)))
    }

    /// What was stored, by the rules of then.
    pub fn from_store(word: &str) -> Target {
        network(word).map_or_else(|| Target::name(word), Target::Network)
    }

    /// A name, whatever it looks like.
    pub fn name(word: &str) -> Target {
        let name = clean::line(word.trim()).into_owned();
        Target::Name(Looking { look: look(&name), name })
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

    /// Whether it is a network of the size that providers have, and not one site.
    pub fn is_wide(&self) -> bool {
        match self {
            Target::Name(_) => false,
            Target::Network(IpNet::V4(network)) => network.prefix_len() < 16,
            Target::Network(IpNet::V6(network)) => network.prefix_len() < 32,
        }
    }
}

/// Whether a word would be taken for an address or a mask, so that nobody can be called that.
pub fn looks_like_address(word: &str) -> bool {
    network(word).is_some() || is_dotted(word) || (word.contains("::") && is_hexadecimal(word))
}

/// An address or a network that is written as it should be.
pub fn network(word: &str) -> Option<IpNet> {
    match (word.parse::<IpAddr>(), word.parse::<IpNet>()) {
        (Ok(address), _) => Some(address.to_canonical().into()),
        (_, Ok(network)) => Some(canonical(network)),
        _ => None,
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

/// What would be right in the place of a word that is neither an address nor a name.
fn advice(word: &str) -> Option<String> {
    let write = |example: &dyn fmt::Display| format!("Write {example}.");
    let bare = word.trim_start_matches('[');
    if bare != word
        && let Some((inside, _)) = bare.split_once(']')
        && let Some(network) = network(inside)
    {
        return Some(format!("Write the address alone, {}.", network.addr()));
    }
    if let Some((address, _)) = word.split_once('%')
        && let Ok(address) = address.parse::<IpAddr>()
    {
        return Some(format!("Leave the zone away: {address}."));
    }
    if let Some((_, host)) = word.rsplit_once('@')
        && (word.contains('!') || looks_like_address(host))
    {
        return Some("Masks are not understood: give the name, or the address, alone.".to_owned());
    }
    if let Some((address, length)) = word.rsplit_once('/')
        && let Ok(address) = address.parse::<IpAddr>()
    {
        return Some(advice_for_length(address, length));
    }
    if let Some(first) = word.split([',', ';']).next()
        && first != word
        && let Some(first) = network(first)
    {
        let first = Target::Network(first);
        return Some(format!("Write one address or network at a time, as {first}."));
    }
    if let Some((address, _)) = word.rsplit_once(':')
        && let Ok(address) = address.parse::<Ipv4Addr>()
    {
        return Some(format!("Leave the port away: {address}."));
    }
    if is_dotted(word) {
        return Some(advice_for_dotted(word));
    }
    if word.contains([':', '%']) && is_hexadecimal(word) {
        let example = "2001:db8::7, or a network as 2001:db8::/64";
        return Some(write(&format_args!("an IPv6 address as {example}")));
    }
    word.contains('*')
        .then(|| "Masks are not understood: give a name, or a network as 10.0.0.0/24.".to_owned())
}

fn advice_for_length(address: IpAddr, length: &str) -> String {
    let most = if address.is_ipv4() { 32 } else { 128 };
    if let (IpAddr::V4(address), Ok(mask)) = (address, length.parse::<Ipv4Addr>())
        && let Ok(network) = Ipv4Net::with_netmask(address, mask)
    {
        return format!("Write {}.", network.trunc());
    }
    format!("The number behind the slash is from 0 to {most}.")
}

/// For something like an IPv4 address: with too few numbers, with stars, a range.
fn advice_for_dotted(word: &str) -> String {
    if let Some((first, last)) = word.split_once('-')
        && let Ok(first) = first.parse::<Ipv4Addr>()
    {
        let whole = last.parse::<Ipv4Addr>().ok();
        let [a, b, c, _] = first.octets();
        let last = whole.or_else(|| Some(Ipv4Addr::new(a, b, c, last.parse().ok()?)));
        let example = match last {
            Some(last) => covering(first, last),
            None => Ipv4Net::new_assert(first, 24).trunc(),
        };
        return format!("Ranges are not understood: ban a network such as {example}.");
    }
    let (address, length) = word.split_once('/').unwrap_or((word, ""));
    let parts: Vec<&str> = address.split('.').take_while(|part| !part.is_empty()).collect();
    if let Some(wrong) = parts.iter().find(|part| part.parse::<u64>().is_ok_and(|it| it > 255)) {
        return format!("The numbers of an IPv4 address are from 0 to 255, and {wrong} is not.");
    }
    if parts.iter().any(|part| part.len() > 1 && part.starts_with('0')) {
        return "The numbers of an IPv4 address are decimal, without a 0 before them.".to_owned();
    }
    let known: Vec<u8> = parts.iter().map_while(|part| part.parse().ok()).collect();
    if known.is_empty() || known.len() > 4 || (known.len() == 4 && parts.len() > 4) {
        return "Write an address as 10.0.0.7, or a network as 10.0.0.0/24.".to_owned();
    }
    let octet = |place: usize| known.get(place).copied().unwrap_or(0);
    let whole = Ipv4Addr::new(octet(0), octet(1), octet(2), octet(3));
    let bits = length.parse().ok().filter(|&bits| bits <= 32);
    let bits = bits.unwrap_or(8 * u8::try_from(known.len()).unwrap_or(4));
    let network = Ipv4Net::new(whole, bits).map_or(whole.into(), |network| network.trunc());
    match bits {
        32 => format!("Write one address or network at a time, as {whole}."),
        _ => format!("Write a whole address, or a network as {network}."),
    }
}

/// The smallest network with both of them in it.
fn covering(first: Ipv4Addr, last: Ipv4Addr) -> Ipv4Net {
    let same = (first.to_bits() ^ last.to_bits()).leading_zeros();
    Ipv4Net::new_assert(first, u8::try_from(same).unwrap_or(32)).trunc()
}

/// Whether somebody who writes this means an IPv4 address, or several.
fn is_dotted(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_digit() || c == '*' || c == '?');
    let is_part = |c: char| c.is_ascii_hexdigit() || "xX.*?-,;/:+_[]%".contains(c);
    let is_decimal = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || b"*?".contains(&byte))
    };
    // A number and a length: 10/8.
    let is_short = word
        .split_once('/')
        .is_some_and(|(number, length)| is_decimal(number) && is_decimal(length));
    let dotted = word.contains('.')
        && word.chars().all(is_part)
        && word.split(['.', '-', ',', ';', '/', ':']).filter(|part| is_decimal(part)).count() > 1;
    begins && (dotted || is_short || is_lone(word))
}

/// One number and a dot behind it, as of an address that was not finished.
fn is_lone(word: &str) -> bool {
    word.strip_suffix('.').is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_hexadecimal(word: &str) -> bool {
    let address = word.split('%').next().unwrap_or(word);
    address.chars().all(|c| c.is_ascii_hexdigit() || ":./[]*-".contains(c))
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TargetProblem { word, advice } = self;
        write!(f, "{word} is no name, address or network. {advice}")
    }
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

#[cfg(test)]
mod tests;
