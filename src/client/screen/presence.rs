//! The room and its members, as the screen shows them.

use std::collections::BTreeMap;

use chatroom::names;

use super::wrap::harmless_name;

/// The maximum number of members that are listed. No daemon lets in more, but a hostile server
/// could name more.
const MAX_PEOPLE: usize = 100_000;

/// The room, its members, and the user's relation to them.
#[derive(Debug, Default)]
pub struct Presence {
    /// The members by their folded name, including the user.
    pub people: BTreeMap<String, String>,
    /// The user's own name.
    pub me: String,
    /// Empty until the user has joined.
    pub room: String,
    /// The folded names of those whose messages are hidden.
    ignored: Vec<String>,
}

impl Presence {
    /// The user has joined a room.
    pub fn entered(&mut self, room: &str, me: &str, users: &[String]) {
        (self.room, self.me) = (harmless_name(room), harmless_name(me));
        let person = |name: &String| (names::fold(name), harmless_name(name));
        self.people = users.iter().take(MAX_PEOPLE).map(person).collect();
    }

    pub fn joined(&mut self, name: &str) {
        if self.people.len() < MAX_PEOPLE {
            self.people.insert(names::fold(name), harmless_name(name));
        }
    }

    pub fn left(&mut self, name: &str) {
        self.people.remove(&names::fold(name));
    }

    pub fn renamed(&mut self, name: &str, to: &str) {
        if self.people.remove(&names::fold(name)).is_some() {
            self.people.insert(names::fold(to), harmless_name(to));
        }
        if names::fold(&self.me) == names::fold(name) {
            self.me = harmless_name(to);
        }
    }

    pub fn is_ignored(&self, name: &str) -> bool {
        self.ignored.contains(&names::fold(name))
    }

    /// Ignores a name, or does so no longer. Returns whether it is ignored now.
    pub fn toggle_ignored(&mut self, name: &str) -> bool {
        let folded = names::fold(name);
        let before = self.ignored.iter().position(|ignored| *ignored == folded);
        match before {
            Some(at) => {
                self.ignored.remove(at);
            }
            None => self.ignored.push(folded),
        }
        before.is_none()
    }

    /// Whether a text contains the user's name as a word, however it is written.
    pub fn is_mentioned_in(&self, text: &str) -> bool {
        if self.me.is_empty() {
            return false;
        }
        let (text, name) = (names::fold(text), names::fold(&self.me));
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        text.match_indices(&name).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(is_part)
                && !text[at + name.len()..].chars().next().is_some_and(is_part)
        })
    }
}
