//! Durations: one grammar for the room, `chatctl` and the configuration.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use crate::confusables::fold;

/// The advice for a duration that is wrong.
pub const EXPECTED: &str = "a time is a number with its unit, such as \"30 s\", \"10 min\", \"2 h\" or \
                            \"7 days\"";

/// The longest ban or mute, in seconds: a hundred years.
const MAX_TERM: u64 = 100 * 366 * 86_400;

/// Parses a duration: "30 s", "2 min", "1h 30m", "5m30s", "1.5 h", "90 days". Case does
/// not matter.
///
/// # Errors
/// It is not a duration; with advice.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let text = &fold(text);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{text} has no unit: write \"{text} s\", \"{text} min\" or \"{text} h\""
        ));
    }
    let Some(span) = span(text) else {
        return Err(match span(&with_small_numbers(text)) {
            Some(_) => format!("{text} is too long a time"),
            None => EXPECTED.to_owned(),
        });
    };
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("months and years differ in length: give a number of days".to_owned());
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    duration.and_then(|it| it.try_into().ok()).ok_or_else(|| EXPECTED.to_owned())
}

/// Checks whether a ban or a mute may last for this number of seconds.
///
/// # Errors
/// The reason why not, in sentences.
pub fn check_term(seconds: u64) -> Result<(), &'static str> {
    match seconds {
        0 => Err("A ban or mute lasts at least 1 s. Leave the time out to make it permanent."),
        1..=MAX_TERM => Ok(()),
        _ => Err("A ban or mute lasts at most 100 years. Leave the time out to make it permanent."),
    }
}

fn span(text: &str) -> Option<Span> {
    // ISO 8601 and signs are refused.
    let begins = text.starts_with(|c: char| c.is_ascii_digit());
    text.parse().ok().filter(|_| begins)
}

/// Replaces each number with 1.
fn with_small_numbers(text: &str) -> String {
    let mut small = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if small.ends_with('1') => {}
            true => small.push('1'),
            false => small.push(c),
        }
    }
    small
}

/// Shows a duration in its largest whole unit, as in "1 h".
pub fn show_time(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    let whole = units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        for (text, seconds) in [
            ("30 s", 30),
            ("10min", 600),
            ("10 minutes", 600),
            ("10m", 600),
            ("10 M", 600),
            ("10\u{a0}min", 600),
            ("\u{ff11}\u{ff10} Min", 600),
            ("2 h", 7200),
            ("1.5h", 5400),
            ("1h 30m", 5400),
            ("5m30s", 330),
            ("7 days", 604_800),
            ("2 weeks", 1_209_600),
            ("0s", 0),
        ] {
            assert_eq!(parse_time(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(parse_time(&show_time(seconds)), Ok(Duration::from_secs(seconds)));
        }
        for text in ["10", "0", " 10 ", "99999999999999999999"] {
            let problem = parse_time(text).unwrap_err();
            assert!(problem.contains("has no unit") && problem.contains(" min\""), "{problem}");
        }
        for text in [
            "",
            "soon",
            "-5 min",
            "+5 min",
            "10 apples",
            "1.5",
            "10:30",
            "p1d",
            "10 min ago",
            "min",
            "5 min 10",
        ] {
            assert_eq!(parse_time(text), Err(EXPECTED.to_owned()), "{text}");
        }
        for text in ["1 month", "2 years", "1y 3 days"] {
            assert!(parse_time(text).unwrap_err().contains("number of days"), "{text}");
        }
        for text in ["99999999999999999999 s", "9999999999 days"] {
            assert!(parse_time(text).unwrap_err().contains("too long"), "{text}");
        }
        assert_eq!(show_time(0), "0 s");
        assert_eq!(show_time(5400), "90 min");
    }

    #[test]
    fn a_ban_lasts_a_second_at_least_and_a_century_at_most() {
        assert!(check_term(0).unwrap_err().contains("at least 1 s"));
        assert_eq!((check_term(1), check_term(MAX_TERM)), (Ok(()), Ok(())));
        for seconds in [MAX_TERM + 1, u64::MAX] {
            assert!(check_term(seconds).unwrap_err().contains("at most 100 years"));
        }
    }
}
