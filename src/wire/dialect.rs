//! Everything in which the dialects differ for the rest of the daemon.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Answer, Framing, json, text};
use crate::names::{MAX_BYTES, Name};
use crate::room::Record;

/// The protocol that a connection speaks.
///
/// Code outside of `wire` does not match on the dialect, but asks these methods. A further dialect
/// answers each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Lines for human readers.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

impl Dialect {
    /// All dialects, each at the index that `dialect as usize` gives.
    pub const ALL: [Dialect; 2] = [Dialect::Text, Dialect::Json];

    /// The dialect of a connection until its first line indicates another one. The server speaks
    /// first, so the prompt is in this dialect, and so is the farewell to a connection that is
    /// turned away.
    pub const INITIAL: Dialect = Dialect::Text;

    /// The dialect that a connection chooses with its first line.
    pub fn of_first_line(line: &str, framing: Framing) -> Dialect {
        match line.starts_with('{') && framing == Framing::Lines {
            true => Dialect::Json,
            false => Dialect::Text,
        }
    }

    /// The word for it in lists and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Text => "text",
            Dialect::Json => "json",
        }
    }

    /// Whether login is a dialogue: the server asks for a name, asks again if it is refused, and then
    /// asks for a password if the name needs one; each line is the answer to the last question. If
    /// not, login is a request like others.
    pub fn has_login_dialogue(self) -> bool {
        match self {
            Dialect::Text => true,
            Dialect::Json => false,
        }
    }

    /// Whether a welcome lists the users who are in the room.
    pub fn lists_users_at_join(self) -> bool {
        match self {
            Dialect::Text => false,
            Dialect::Json => true,
        }
    }

    /// Whether a client gets a token with which it can resume its session. Otherwise its place is not
    /// kept when the connection is lost.
    pub fn can_resume(self) -> bool {
        match self {
            Dialect::Text => false,
            Dialect::Json => true,
        }
    }

    /// Whether a client has to send something within `[timeouts] silence` to stay. Users need not
    /// type to stay: for text connections, only the system notices that the other side is gone.
    pub fn requires_keep_alive(self) -> bool {
        match self {
            Dialect::Text => false,
            Dialect::Json => true,
        }
    }

    /// Whether a session is shown the records that it made itself.
    pub fn echoes_own_records(self) -> bool {
        match self {
            // The user's terminal has already shown the line.
            Dialect::Text => false,
            Dialect::Json => true,
        }
    }

    /// The longest line that a client may send, where a message has at most `message_bytes`.
    pub fn max_line_bytes(self, message_bytes: usize) -> usize {
        match self {
            // A message, its command and a name.
            Dialect::Text => message_bytes + MAX_BYTES + 64,
            // A message of which every byte is escaped, and its surroundings.
            Dialect::Json => 6 * message_bytes + 4096,
        }
    }

    /// The longest line while the dialect is not known.
    pub fn max_first_line_bytes(message_bytes: usize) -> usize {
        let of_each = Dialect::ALL.map(|dialect| dialect.max_line_bytes(message_bytes));
        of_each.into_iter().max().unwrap_or_default()
    }

    /// Appends a record. `id` is the one that its author gave it, if the record is shown to its
    /// author. `zone` is given if the record is replayed; it is the time zone of the times in lines
    /// for human readers.
    pub fn encode_record(
        self,
        room: &str,
        record: &Record,
        id: Option<&str>,
        zone: Option<&TimeZone>,
        out: &mut Vec<u8>,
    ) {
        match (self, zone) {
            (Dialect::Text, None) => text::encode_record(record, out),
            (Dialect::Text, Some(zone)) => text::encode_replayed(record, zone, out),
            (Dialect::Json, zone) => json::encode_record(room, record, id, zone.is_some(), out),
        }
    }

    /// The bytes of an answer. Some answers have none in one of the dialects.
    pub fn encode_answer(self, answer: &Answer) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Dialect::Text => text::encode_answer(answer, &mut out),
            Dialect::Json => json::encode_answer(answer, &mut out),
        }
        out
    }

    /// The bytes of an answer before and after its list of users, for a list of `users` users.
    /// `empty` is the same answer with an empty list.
    pub(super) fn around_users(self, empty: &Answer, users: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        match self {
            Dialect::Text => Some((text::before_users(users), b"\n".to_vec())),
            Dialect::Json => json::around_users(self.encode_answer(empty)),
        }
    }

    /// Appends the name with this index to a list of users.
    pub(super) fn push_user(self, index: usize, name: &Name, out: &mut Vec<u8>) {
        match self {
            Dialect::Text => {
                out.extend_from_slice(if index > 0 { b", " } else { b"" });
                out.extend_from_slice(name.as_str().as_bytes());
            }
            Dialect::Json => {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                json::push_string(name.as_str(), out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_dialect_is_its_number() {
        for (index, dialect) in Dialect::ALL.into_iter().enumerate() {
            assert_eq!(dialect as usize, index);
        }
    }

    #[test]
    fn only_json_clients_can_resume() {
        assert!(Dialect::Json.can_resume());
        assert!(!Dialect::Text.can_resume());
    }

    #[test]
    fn a_brace_that_begins_a_line_chooses_json() {
        assert_eq!(Dialect::of_first_line("{\"type\":\"who\"}", Framing::Lines), Dialect::Json);
        assert_eq!(Dialect::of_first_line("{}", Framing::Pieces), Dialect::Text);
        assert_eq!(Dialect::of_first_line("ann", Framing::Lines), Dialect::INITIAL);
    }
}
