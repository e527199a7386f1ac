//! The reasons why connections end.

use std::fmt;

use super::Departure;
use crate::access::Term;

/// The protocol of a client that does not use TLS where it is required.
pub const NO_TLS: &str = "plain text";

/// A header of the PROXY protocol from an address that is not a trusted proxy.
pub const NO_PROXY: &str = "the PROXY protocol";

/// Text with two bytes a character.
pub const NO_UTF16: &str = "UTF-16";

/// A line that is too long for a name or any other first line.
pub const FIRST_LINE_TOO_LONG: &str = "a first line of that length";

/// Lines that were sent after a name before the client could know that the name was refused.
pub const LINES_BEHIND: &str = "lines behind a name that was refused";

/// The sentence for [`NO_TLS`].
const TLS_ONLY: &str = "This port speaks TLS only. Connect with TLS: chatroom-client --tls.";

/// The reason why a connection ended. It is named in the log and in the counters, and told to the
/// user if they can still be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The user quit.
    Quit,
    /// The other side closed the connection.
    Closed,
    /// The connection broke, with the error of the operating system.
    Broken(String),
    /// A JSON client sent nothing for too long.
    Silent,
    /// No name was given in time.
    NoName,
    /// The client did not read for too long.
    TooSlow,
    /// The operator removed the user.
    Removed { reason: Option<String> },
    /// The name or the address is banned.
    Banned(Box<Term>),
    /// The session was resumed on another connection.
    TakenOver,
    /// Another client took the name over with its password.
    Replaced,
    /// The daemon cannot go on.
    Failed,
    /// The daemon has reached its limit of connections.
    Full,
    /// The address has reached its limit of connections.
    Crowded,
    /// The address connects too often; it can connect again after this number of seconds.
    TooOften { seconds: u64 },
    /// The client speaks a protocol that this port does not serve.
    Foreign(&'static str),
    /// A trusted proxy did not send a valid header of the PROXY protocol; the text is the reason.
    NoProxyHeader(&'static str),
    /// The daemon ends.
    ShuttingDown,
}

impl EndReason {
    /// The stable word for it in the JSON protocol, the log and the counters.
    pub fn code(&self) -> &'static str {
        match self {
            EndReason::Quit => "quit",
            EndReason::Closed => "closed",
            EndReason::Broken(_) => "broken",
            EndReason::Silent => "silent",
            EndReason::NoName => "no-name",
            EndReason::TooSlow => "too-slow",
            EndReason::Removed { .. } => "removed",
            EndReason::Banned(_) => "banned",
            EndReason::TakenOver => "taken-over",
            EndReason::Replaced => "replaced",
            EndReason::Failed => "failed",
            EndReason::Full => "full",
            EndReason::Crowded => "crowded",
            EndReason::TooOften { .. } => "too-often",
            EndReason::Foreign(_) => "foreign",
            EndReason::NoProxyHeader(_) => "no-proxy-header",
            EndReason::ShuttingDown => "shutting-down",
        }
    }

    /// The code of `closing` in the JSON protocol. It tells a client more than [`EndReason::code`]
    /// where the client can act on that.
    pub fn closing_code(&self) -> &'static str {
        match self {
            EndReason::Foreign(NO_TLS) => "tls-required",
            reason => reason.code(),
        }
    }

    /// The seconds after which it makes sense to connect again, if they are known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            EndReason::TooOften { seconds } => Some(*seconds),
            _ => None,
        }
    }

    /// Recognises the line of text with which a server closes a connection before the client has
    /// chosen a dialect. Returns the code that `closing` has in the JSON protocol, and after how many
    /// seconds the client can come back, if the line says so.
    pub fn of_text(line: &str) -> Option<(&'static str, Option<u64>)> {
        let fixed = [
            EndReason::Full,
            EndReason::Crowded,
            EndReason::ShuttingDown,
            EndReason::Failed,
            EndReason::NoName,
            EndReason::Foreign(NO_TLS),
        ];
        if let Some(reason) = fixed.iter().find(|reason| reason.to_string() == line) {
            return Some((reason.closing_code(), None));
        }
        let seconds = line.strip_prefix("Your address connects too often. Try again in ");
        if let Some(seconds) = seconds.and_then(|rest| rest.strip_suffix(" s.")?.parse().ok()) {
            return Some((EndReason::TooOften { seconds }.code(), Some(seconds)));
        }
        line.starts_with("You are banned").then_some(("banned", None))
    }

    /// The kind of departure that the other members are told.
    pub fn departure(&self) -> Departure {
        match self {
            EndReason::Quit => Departure::Quit,
            EndReason::Removed { reason } => Departure::Removed { reason: reason.clone() },
            EndReason::Banned(term) => Departure::Removed { reason: term.reason.clone() },
            _ => Departure::Lost,
        }
    }
}

impl fmt::Display for EndReason {
    /// A sentence for the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndReason::Quit => f.write_str("Goodbye."),
            EndReason::Closed => f.write_str("The connection was closed."),
            EndReason::Broken(problem) => write!(f, "The connection broke: {problem}."),
            EndReason::Silent => f.write_str("Your client sent nothing for too long."),
            EndReason::NoName => f.write_str("No name was given in time. Connect again to join."),
            EndReason::TooSlow => f.write_str("Your connection did not keep up with the room."),
            EndReason::Removed { reason: None } => {
                f.write_str("You were removed from the room by the operator.")
            }
            EndReason::Removed { reason: Some(reason) } => {
                write!(f, "You were removed from the room by the operator: {reason}")
            }
            EndReason::Banned(term) => write!(f, "You are banned{term}"),
            EndReason::TakenOver => f.write_str("Your session continues on another connection."),
            EndReason::Replaced => f.write_str(
                "Your name was taken over by a new connection, which has given its password.",
            ),
            EndReason::Failed => f.write_str("The server cannot go on. Try again in a while."),
            EndReason::Full => f.write_str("The room is full. Try again later."),
            EndReason::Crowded => {
                f.write_str("There are too many connections from your address. Close one first.")
            }
            EndReason::TooOften { seconds } => {
                write!(f, "Your address connects too often. Try again in {seconds} s.")
            }
            EndReason::Foreign(NO_TLS) => f.write_str(TLS_ONLY),
            EndReason::Foreign("TLS") => f.write_str(
                "This port is for the chat, and does not speak TLS. Connect without TLS, or to the \
                 server's port for TLS.",
            ),
            EndReason::Foreign("IRC") => f.write_str(
                "This port is for the chat, and does not speak IRC yet. Connect with \
                 chatroom-client or nc.",
            ),
            EndReason::Foreign(NO_PROXY) => f.write_str(
                "This port does not take headers of the PROXY protocol from your address. The option \
                 proxy_protocol in [listen] of chatroomd names the proxies that may send them.",
            ),
            EndReason::Foreign(NO_UTF16) => f.write_str(
                "That is UTF-16, and this port takes UTF-8. Set your terminal or program to UTF-8.",
            ),
            EndReason::Foreign(FIRST_LINE_TOO_LONG) => f.write_str(
                "The first line is longer than any name. Connect again, and send a name.",
            ),
            EndReason::Foreign(LINES_BEHIND) => f.write_str(
                "The name was refused, and the lines behind it were not taken for another one. \
                 Connect again, and wait for the answer to the name.",
            ),
            EndReason::Foreign(protocol) => {
                write!(f, "This port is for the chat, and does not speak {protocol}.")
            }
            EndReason::NoProxyHeader(problem) => write!(
                f,
                "Your address is that of a proxy, which has to send a header of the PROXY protocol: \
                 {problem}. Set the proxy to send one (send-proxy-v2, proxy_protocol on), or take its \
                 address out of proxy_protocol in [listen] of chatroomd."
            ),
            EndReason::ShuttingDown => f.write_str("server is shutting down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_a_word_a_sentence_and_what_the_others_hear() {
        let term = Term { until: None, reason: Some("spam".to_owned()) };
        let removed =
            |reason: Option<&str>| EndReason::Removed { reason: reason.map(str::to_owned) };
        let lost = || Departure::Lost;
        let said = |reason: &str| Departure::Removed { reason: Some(reason.to_owned()) };
        let all = [
            (EndReason::Quit, "quit", "Goodbye", Departure::Quit),
            (EndReason::Closed, "closed", "was closed", lost()),
            (EndReason::Broken("it was reset".to_owned()), "broken", "broke: it was reset", lost()),
            (EndReason::Silent, "silent", "for too long", lost()),
            (EndReason::NoName, "no-name", "No name was given", lost()),
            (EndReason::TooSlow, "too-slow", "did not keep up", lost()),
            (removed(None), "removed", "by the operator.", Departure::Removed { reason: None }),
            (removed(Some("loud")), "removed", "by the operator: loud", said("loud")),
            (EndReason::Banned(Box::new(term)), "banned", "You are banned: spam", said("spam")),
            (EndReason::TakenOver, "taken-over", "on another connection", lost()),
            (EndReason::Failed, "failed", "cannot go on", lost()),
            (EndReason::Replaced, "replaced", "taken over by a new connection", lost()),
            (EndReason::Full, "full", "The room is full", lost()),
            (EndReason::Crowded, "crowded", "too many connections", lost()),
            (EndReason::TooOften { seconds: 7 }, "too-often", "again in 7 s", lost()),
            (EndReason::Foreign("HTTP"), "foreign", "does not speak HTTP", lost()),
            (EndReason::Foreign("TLS"), "foreign", "without TLS, or to the server's port", lost()),
            (EndReason::Foreign(NO_TLS), "foreign", "speaks TLS only", lost()),
            (EndReason::Foreign("IRC"), "foreign", "does not speak IRC yet", lost()),
            (EndReason::Foreign(NO_PROXY), "foreign", "proxy_protocol in [listen]", lost()),
            (
                EndReason::NoProxyHeader("x is wrong"),
                "no-proxy-header",
                ": x is wrong. Set",
                lost(),
            ),
            (EndReason::Foreign(NO_UTF16), "foreign", "takes UTF-8", lost()),
            (EndReason::Foreign(FIRST_LINE_TOO_LONG), "foreign", "than any name", lost()),
            (EndReason::Foreign(LINES_BEHIND), "foreign", "wait for the answer", lost()),
            (EndReason::ShuttingDown, "shutting-down", "server is shutting down", lost()),
        ];
        for (end, code, part, departure) in all {
            assert_eq!((end.code(), end.departure()), (code, departure));
            assert!(end.to_string().contains(part), "{end}");
            assert_eq!(end.retry_after(), (code == "too-often").then_some(7));
            let needs_tls = end == EndReason::Foreign(NO_TLS);
            assert_eq!(end.closing_code(), if needs_tls { "tls-required" } else { code });
        }
    }

    #[test]
    fn what_a_connection_is_told_that_is_turned_away_is_recognised() {
        let term = |reason: Option<&str>| Term { until: None, reason: reason.map(str::to_owned) };
        for reason in [
            EndReason::Full,
            EndReason::Crowded,
            EndReason::TooOften { seconds: 17 },
            EndReason::Banned(term(None).into()),
            EndReason::Banned(term(Some("spam")).into()),
            EndReason::Failed,
            EndReason::ShuttingDown,
            EndReason::Foreign(NO_TLS),
        ] {
            let told = EndReason::of_text(&reason.to_string());
            assert_eq!(told, Some((reason.closing_code(), reason.retry_after())), "{reason}");
        }
        for line in ["", "Welcome ann!", "Your address connects too often.", "The room is full"] {
            assert_eq!(EndReason::of_text(line), None, "{line}");
        }
    }
}
