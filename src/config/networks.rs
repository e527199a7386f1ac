//! Values that are addresses and networks.

use ipnet::IpNet;
use toml::de::DeValue;

use crate::access::{advice, network, show_network};

const EXPECTED: &str =
    "it must be an IP address or a network, such as \"10.0.0.7\" or \"10.0.0.0/8\"";

/// An address or a network, or a list of them. They are trusted, so nothing is guessed.
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
            return Err(format!("it contains {} twice", show_network(&network)));
        }
        networks.push(network);
    }
    Ok(networks)
}

fn parse(text: &str) -> Result<IpNet, String> {
    match network(text) {
        Some(network) if network.prefix_len() == 0 => {
            Err(format!("{text} contains all addresses; name those of your proxies"))
        }
        Some(network) => Ok(network),
        None => {
            let advice = advice(text).map(|advice| format!(". {}", advice.trim_end_matches('.')));
            let advice = advice.unwrap_or_default();
            Err(format!("{EXPECTED}, and \"{}\" is neither{advice}", text.escape_debug()))
        }
    }
}
