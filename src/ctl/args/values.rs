//! What the values of options mean.

use std::time::Duration;

use chatroom::access::{check_term, parse_time};
use chatroom::config::Level;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A moment: a time ago, or a date and perhaps a time of day here, or a full timestamp.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let ago = || parse_time(text).ok().and_then(|ago| Timestamp::now().checked_sub(ago).ok());
    let here = || {
        let here: DateTime = text.parse().ok()?;
        here.to_zoned(TimeZone::system()).ok().map(|time| time.timestamp())
    };
    let expected = "it is a time ago as in \"2 h\", or a moment as in \"2026-11-22 21:04\"";
    text.parse().ok().or_else(ago).or_else(here).ok_or_else(|| expected.to_owned())
}

/// The time of slow mode; zero is off.
pub(super) fn slow(text: &str) -> Result<Duration, String> {
    if text == "off" {
        return Ok(Duration::ZERO);
    }
    match duration(text)? {
        // Seconds are what counts; less than one must not turn it off.
        time if !time.is_zero() && time < Duration::from_secs(1) => {
            Err("it is a second at least, or \"off\"".to_owned())
        }
        time => Ok(time),
    }
}

/// A length of time, in the grammar of the room.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_time(text)
}

/// The time of a ban or a mute.
pub(super) fn term(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    check_term(time.as_secs()).map(|()| time).map_err(str::to_owned)
}

/// What the list of users is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    Name,
    /// The earliest first.
    Since,
    Address,
    /// The longest idle first.
    Idle,
}

/// A shell in which Tab can complete.
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
