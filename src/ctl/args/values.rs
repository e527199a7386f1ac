//! Parsing the values of options.

use std::time::Duration;

use chatroom::access::{check_term, parse_time};
use chatroom::config::Level;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A point in time: a time ago, a local date with or without a time of day, or a full timestamp.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let ago = || parse_time(text).ok().and_then(|ago| Timestamp::now().checked_sub(ago).ok());
    let here = || {
        let here: DateTime = text.parse().ok()?;
        here.to_zoned(TimeZone::system()).ok().map(|time| time.timestamp())
    };
    let expected = "expected a time ago such as \"2 h\", or a time such as \"2026-11-22 21:04\"";
    text.parse().ok().or_else(ago).or_else(here).ok_or_else(|| expected.to_owned())
}

/// The time of slow mode. Zero turns it off.
pub(super) fn slow(text: &str) -> Result<Duration, String> {
    if text == "off" {
        return Ok(Duration::ZERO);
    }
    match duration(text)? {
        // Rounded to seconds, a shorter time would turn it off.
        time if !time.is_zero() && time < Duration::from_secs(1) => {
            Err("expected at least one second, or \"off\"".to_owned())
        }
        time => Ok(time),
    }
}

/// A duration, with the same grammar as in the room.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_time(text)
}

/// The duration of a ban or a mute.
pub(super) fn term(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    check_term(time.as_secs()).map(|()| time).map_err(str::to_owned)
}

/// The column by which the list of users is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SortKey {
    Name,
    /// Earliest first.
    Since,
    Address,
    /// Longest first.
    Idle,
}

/// A shell with a completion script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn level() -> impl TypedValueParser<Value = Level> {
    let names = Level::ALL.map(Level::as_str);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Level>())
}
