//! Addresses and networks.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::de::DeValue;

const EXPECTED: &str = "it is an IP address or a network, such as \"10.0.0.7\" or \"10.0.0.0/8\"";

/// One address or network, or a list of them. Each is to be trusted, so nothing is guessed.
pub(super) fn trusted(value: &DeValue<'_>) -> Result<Vec<IpNet>, String> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => parse(text),
        _ => Err(EXPECTED.to_owned()),
    };
    let DeValue::Array(list) = value else { return Ok(vec![one(value)?]) };
    let mut networks: Vec<IpNet> = Vec::new();
    for value in list.iter() {
        let network = one(value.get_ref())?;
        if networks.contains(&network) {
            return Err(format!("{} stands in it twice", show(&network)));
        }
        networks.push(network);
    }
    Ok(networks)
}

fn parse(text: &str) -> Result<IpNet, String> {
    let network = match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
        (Ok(address), _) => IpNet::from(address),
        (_, Ok(network)) => network,
        _ => return Err(format!("{EXPECTED}, and \"{}\" is neither", text.escape_debug())),
    };
    if network.prefix_len() == 0 {
        return Err(format!("{text} is everyone; name the addresses of your proxies"));
    }
    let truncated = network.trunc();
    if truncated != network {
        let address = network.addr();
        return Err(format!(
            "{text} has bits set behind its prefix; write \"{truncated}\" for the network, or \
             \"{address}\" for the address"
        ));
    }
    canonical(network).ok_or_else(|| format!("{text} is everyone with IPv4; name your proxies"))
}

/// An IPv4 address in IPv6's form (`::ffff:10.0.0.7`) is that address, since connections from there are
/// compared as IPv4. None if it is all of IPv4.
fn canonical(network: IpNet) -> Option<IpNet> {
    let IpAddr::V4(address) = network.addr().to_canonical() else { return Some(network) };
    match network {
        IpNet::V4(_) => Some(network),
        IpNet::V6(_) => {
            let prefix = network.prefix_len().checked_sub(96).filter(|&prefix| prefix > 0)?;
            IpNet::new(address.into(), prefix).ok()
        }
    }
}

/// An address without its prefix, a network with it.
pub(super) fn show(network: &IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}
