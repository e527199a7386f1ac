//! Parsers for the kinds of values. For an invalid value, each function returns a description of
//! the valid ones.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use toml::de::DeValue;

use super::{Durability, Level};
use crate::access::{Mode, parse_time};
use crate::clean;

const ADDRESS: &str =
    "it must be an IP address and a port, such as \"127.0.0.1:53000\" or \"[::1]:53000\"";

/// An address or a list of addresses.
pub(super) fn addresses(value: &DeValue<'_>) -> Result<Vec<SocketAddr>, String> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => text.parse().map_err(|_| ADDRESS.to_owned()),
        _ => Err(ADDRESS.to_owned()),
    };
    let DeValue::Array(list) = value else { return Ok(vec![one(value)?]) };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for value in list.iter() {
        let address = one(value.get_ref())?;
        // Port 0 stands for any free port, so it can appear several times.
        if addresses.contains(&address) && address.port() != 0 {
            return Err(format!("it contains {address} twice"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// A loopback address, or none.
pub(super) fn loopback(value: &DeValue<'_>) -> Result<Option<SocketAddr>, String> {
    let expected =
        "it must be a port of this machine, such as \"127.0.0.1:9153\", or \"\" for none";
    let DeValue::String(text) = value else { return Err(expected.to_owned()) };
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
        Ok(_) => Err(format!("{expected}, because no password is required there")),
        Err(_) => Err(expected.to_owned()),
    }
}

/// A line of text, which may be empty.
pub(super) fn line(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) if text.len() > 1024 => {
            Err("it can have at most 1024 bytes".to_owned())
        }
        DeValue::String(text) if text.contains(clean::is_unsafe) => {
            Err("it must be one line without control characters".to_owned())
        }
        DeValue::String(text) => Ok(text.trim().to_owned()),
        _ => Err("it must be a text in quotation marks".to_owned()),
    }
}

/// A word.
pub(super) fn word(value: &DeValue<'_>) -> Result<String, String> {
    let word = line(value)?;
    if word.is_empty() || word.len() > 64 || word.contains(char::is_whitespace) {
        return Err("it must be one word of at most 64 bytes".to_owned());
    }
    Ok(word)
}

/// The access mode of the room.
pub(super) fn mode(value: &DeValue<'_>) -> Result<Mode, String> {
    match value {
        DeValue::String(word) if word == "open" => Ok(Mode::Open),
        DeValue::String(word) if word == "password" => Ok(Mode::Password),
        DeValue::String(word) if word == "accounts" => Ok(Mode::Accounts),
        _ => Err("it must be one of \"open\", \"password\", \"accounts\"".to_owned()),
    }
}

/// A number between two limits, both included.
pub(super) fn count(value: &DeValue<'_>, least: usize, most: usize) -> Result<usize, String> {
    let expected = || format!("it must be a number from {least} to {most}");
    let DeValue::Integer(number) = value else { return Err(expected()) };
    let number = usize::from_str_radix(number.as_str(), number.radix()).map_err(|_| expected())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(expected()) }
}

/// A size between two limits in bytes, both included: a number of bytes, or a string with a unit.
pub(super) fn size(value: &DeValue<'_>, least: usize, most: usize) -> Result<usize, String> {
    let shown = |bytes: usize| ByteSize::b(bytes as u64).display().iec().to_string();
    let expected = || {
        format!("it must be a size such as \"64 KiB\", from {} to {}", shown(least), shown(most))
    };
    let bytes = match value {
        DeValue::String(text) => text.parse::<ByteSize>().map_err(|_| expected())?.as_u64(),
        _ => count(value, 0, usize::MAX).map_err(|_| expected())? as u64,
    };
    match usize::try_from(bytes) {
        Ok(bytes) if (least..=most).contains(&bytes) => Ok(bytes),
        _ => Err(expected()),
    }
}

/// A duration between two limits in seconds, both included. The unit is required: "30 s".
pub(super) fn duration(value: &DeValue<'_>, least: u64, most: u64) -> Result<Duration, String> {
    let expected = || {
        format!(
            "it must be a time with a unit, such as \"30 s\" or \"2 min\", from {least} s to {most} s"
        )
    };
    let DeValue::String(text) = value else { return Err(expected()) };
    let duration = parse_time(text).map_err(|_| expected())?;
    let limits = Duration::from_secs(least)..=Duration::from_secs(most);
    if limits.contains(&duration) { Ok(duration) } else { Err(expected()) }
}

/// An absolute path. An empty string means none.
pub(super) fn path(value: &DeValue<'_>) -> Result<Option<PathBuf>, String> {
    match value {
        DeValue::String(text) if text.is_empty() => Ok(None),
        DeValue::String(text) if text.starts_with('/') => Ok(Some(PathBuf::from(text.as_ref()))),
        _ => Err("it must be a path that begins with /, or \"\" for the default place".to_owned()),
    }
}

/// A Boolean.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    match value {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err("it must be true or false".to_owned()),
    }
}

/// The failures that a record survives.
pub(super) fn durability(value: &DeValue<'_>) -> Result<Durability, String> {
    match value {
        DeValue::String(word) if word == "power" => Ok(Durability::Power),
        DeValue::String(word) if word == "process" => Ok(Durability::Process),
        _ => Err("it must be \"power\" or \"process\"".to_owned()),
    }
}

/// A log level.
pub(super) fn level(value: &DeValue<'_>) -> Result<Level, String> {
    match value {
        DeValue::String(word) => word.parse(),
        _ => "".parse(),
    }
}
