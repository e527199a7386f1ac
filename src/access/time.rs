//! For how long: one grammar in the room, in `chatctl` and in the configuration.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// What would be right.
pub const EXPECTED: &str = "a time is a number with its unit, such as \"30 s\", \"10 min\", \"2 h\" or \
                            \"7 days\"";

/// A duration as people write it: "30 s", "2 min", "1h 30m", "90 days".
///
/// # Errors
/// It is none; with what would be right.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{text} has no unit: write \"{text} min\", \"{text} s\" or \"{text} h\""
        ));
    }
    let parsed = || {
        // ISO 8601 and a sign before it are for programs.
        let begins = text.starts_with(|c: char| c.is_ascii_digit());
        let span: Span = text.parse().ok().filter(|_| begins)?;
        span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
    };
    parsed().ok_or_else(|| EXPECTED.to_owned())
}

/// A length of time in its largest whole unit, as in "1 h".
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
        for (text, seconds) in
            [("30 s", 30), ("10min", 600), ("2 h", 7200), ("1h 30m", 5400), ("7 days", 604_800)]
        {
            assert_eq!(parse_time(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(parse_time(&show_time(seconds)), Ok(Duration::from_secs(seconds)));
        }
        for text in ["10", "0", " 10 "] {
            let problem = parse_time(text).unwrap_err();
            assert!(problem.contains("has no unit") && problem.contains(" min\""), "{problem}");
        }
        for text in ["", "soon", "-5 min", "10 apples", "P1D", "1 month", "10 min ago", "min"] {
            assert_eq!(parse_time(text), Err(EXPECTED.to_owned()), "{text}");
        }
        assert_eq!(show_time(0), "0 s");
        assert_eq!(show_time(5400), "90 min");
    }
}
