//! Addresses and networks as users write them, and advice where they are wrong.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::confusables::fold;

/// The advice for a mask.
const NO_MASKS: &str =
    "Masks are not supported: give a whole name, or a network such as 10.0.0.0/24.";

/// Parses an address or a network. A network must have no bits set after its prefix, so that it is
/// unambiguous.
pub fn network(word: &str) -> Option<IpNet> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(address.to_canonical().into());
    }
    let network: IpNet = word.parse().ok()?;
    let (_, length) = word.rsplit_once('/')?;
    let is_exact = network == network.trunc() && length == network.prefix_len().to_string();
    is_exact.then(|| canonical(network))
}

/// Parses a stored network, which may be from before the rules became stricter.
pub fn network_from_store(word: &str) -> Option<IpNet> {
    let network = || word.parse::<IpNet>().ok().map(canonical);
    self::network(word).or_else(network)
}

/// Shows an address without a prefix length, a network with it.
pub fn show_network(network: &IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

/// Whether a word looks like an address or a mask, so it cannot be a name.
pub fn looks_like_address(word: &str) -> bool {
    network_from_store(word).is_some()
        || is_dotted(word)
        || (word.contains("::") && is_hexadecimal(word))
}

/// Turns an IPv4 network in the form of IPv6 (`::ffff:10.0.0.0/104`) into the IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    // Only an IPv6 network has a prefix of 96 bits or more.
    let of_v4 = match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) => IpNet::new(address.into(), length).ok(),
        _ => None,
    };
    of_v4.unwrap_or(network).trunc()
}

/// Advice for a word that looks like an address, a network or a mask but is not valid. None if it looks
/// like none of them.
pub fn advice(word: &str) -> Option<String> {
    let word = &fold(word);
    if let Some(network) = network(word) {
        return Some(format!("Write {}.", show_network(&network)));
    }
    for advise in [of_brackets, of_zone, of_mask, of_length, of_list, of_port] {
        if let Some(advice) = advise(word) {
            return Some(advice);
        }
    }
    if is_dotted(word) {
        return Some(of_dotted(word));
    }
    if word.contains([':', '%']) && is_hexadecimal(word) {
        let example =
            "Write an IPv6 address such as 2001:db8::7, or a network such as 2001:db8::/64.";
        return Some(example.to_owned());
    }
    word.contains('*').then(|| NO_MASKS.to_owned())
}

/// `[::1]:53000`
fn of_brackets(word: &str) -> Option<String> {
    let (inside, _) = word.strip_prefix('[')?.split_once(']')?;
    Some(format!("Write the address alone: {}.", show_network(&network(inside)?)))
}

/// `fe80::1%eth0`
fn of_zone(word: &str) -> Option<String> {
    let address: IpAddr = word.split_once('%')?.0.parse().ok()?;
    Some(format!("Leave the zone out: {address}."))
}

/// `nick!user@host`
fn of_mask(word: &str) -> Option<String> {
    let (_, host) = word.rsplit_once('@')?;
    let is_mask = word.contains('!') || looks_like_address(host);
    is_mask.then(|| "Masks are not supported: give the name alone, or the address.".to_owned())
}

/// `10.0.0.0/33`, `10.0.0.9/255.255.255.0`, `10.0.0.5/8`
fn of_length(word: &str) -> Option<String> {
    let (address, length) = word.rsplit_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    if length.is_empty() {
        return Some(format!("Write {address} for the address, or add a prefix length."));
    }
    let most = if address.is_ipv4() { 32 } else { 128 };
    if let (IpAddr::V4(address), Ok(mask)) = (address, length.parse::<Ipv4Addr>())
        && let Ok(network) = Ipv4Net::with_netmask(address, mask)
    {
        return Some(format!("Write {}.", network.trunc()));
    }
    // A prefix length has no sign.
    let length = Some(length).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    let network = length.and_then(|it| IpNet::new(address, it.parse().ok()?).ok());
    Some(match network {
        Some(network) if network != network.trunc() => {
            let shown = show_network(&canonical(network));
            format!(
                "It has bits set after its prefix: write {shown} for the network, or {address} for the address."
            )
        }
        Some(network) => format!("Write {}.", show_network(&canonical(network))),
        None => format!("A prefix length is between 0 and {most}."),
    })
}

/// `10.0.0.1,10.0.0.2`
fn of_list(word: &str) -> Option<String> {
    let (first, _) = word.split_once([',', ';'])?;
    Some(format!("Give one address or network at a time: {}.", show_network(&network(first)?)))
}

/// `10.0.0.1:53000`
fn of_port(word: &str) -> Option<String> {
    let address: Ipv4Addr = word.rsplit_once(':')?.0.parse().ok()?;
    Some(format!("Leave the port out: {address}."))
}

/// Advice for something like an IPv4 address: with too few numbers, with stars, a range.
fn of_dotted(word: &str) -> String {
    if let Some((first, last)) = word.split_once('-')
        && let Ok(first) = first.parse::<Ipv4Addr>()
    {
        return format!(
            "Ranges are not supported: write a network such as {}.",
            range(first, last)
        );
    }
    let (address, length) = word.split_once('/').unwrap_or((word, ""));
    let parts: Vec<&str> = address.split('.').take_while(|part| !part.is_empty()).collect();
    if let Some(wrong) = parts.iter().find(|part| part.parse::<u64>().is_ok_and(|it| it > 255)) {
        return format!("The numbers of an IPv4 address are between 0 and 255; {wrong} is not.");
    }
    let is_padded = |part: &&str| part.len() > 1 && part.starts_with('0') && is_decimal(part);
    if parts.iter().any(is_padded) {
        return unpadded(&parts);
    }
    let known: Vec<u8> = parts.iter().map_while(|part| part.parse().ok()).collect();
    if known.is_empty() || known.len() >= 4 {
        return "Write an address such as 10.0.0.7, or a network such as 10.0.0.0/24.".to_owned();
    }
    let octet = |place: usize| known.get(place).copied().unwrap_or(0);
    let whole = Ipv4Addr::new(octet(0), octet(1), octet(2), octet(3));
    let bits = length.parse().ok().filter(|&bits| bits <= 32);
    let bits = bits.unwrap_or(8 * u8::try_from(known.len()).unwrap_or(4));
    let network = Ipv4Net::new(whole, bits).map_or(whole.into(), |network| network.trunc());
    format!("Write all four numbers of an address, or a network such as {network}.")
}

/// `010.0.0.1`: some programs read that as octal.
fn unpadded(parts: &[&str]) -> String {
    let decimal: Option<Vec<String>> =
        parts.iter().map(|part| part.parse::<u8>().ok().map(|it| it.to_string())).collect();
    match decimal.filter(|parts| parts.len() == 4) {
        Some(parts) => format!("Write the numbers without leading zeros: {}.", parts.join(".")),
        None => "Write the numbers without leading zeros.".to_owned(),
    }
}

/// The network that contains a range. The range can give only the last number of its last address.
fn range(first: Ipv4Addr, last: &str) -> Ipv4Net {
    let [a, b, c, _] = first.octets();
    let short = || last.parse().ok().map(|last| Ipv4Addr::new(a, b, c, last));
    match last.parse().ok().or_else(short) {
        Some(last) => covering(first, last),
        None => Ipv4Net::new_assert(first, 24).trunc(),
    }
}

/// The smallest network that contains both addresses.
fn covering(first: Ipv4Addr, last: Ipv4Addr) -> Ipv4Net {
    let same = (first.to_bits() ^ last.to_bits()).leading_zeros();
    Ipv4Net::new_assert(first, u8::try_from(same).unwrap_or(32)).trunc()
}

/// Whether a word means one or several IPv4 addresses.
fn is_dotted(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_digit() || c == '*' || c == '?');
    let is_part = |c: char| c.is_ascii_hexdigit() || "xX.*?-,;/:+_[]%".contains(c);
    // A number and a length: 10/8.
    let is_short = || {
        word.split_once('/')
            .is_some_and(|(number, length)| is_decimal(number) && is_decimal(length))
    };
    let is_dotted = || {
        let parts = word.split(['.', '-', ',', ';', '/', ':']);
        word.contains('.')
            && word.chars().all(is_part)
            && parts.filter(|it| is_decimal(it)).count() > 1
    };
    // A number and a dot: the beginning of an address.
    let is_lone = || word.strip_suffix('.').is_some_and(is_decimal);
    begins && (is_dotted() || is_short() || is_lone())
}

/// Whether this is a number of an address, or a mask in its place.
fn is_decimal(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || b"*?".contains(&byte))
}

fn is_hexadecimal(word: &str) -> bool {
    let address = word.split('%').next().unwrap_or(word);
    address.chars().all(|c| c.is_ascii_hexdigit() || ":./[]*-".contains(c))
}
