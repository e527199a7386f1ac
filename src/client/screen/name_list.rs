//! A list of names that is shown in a few words.

use std::collections::BTreeSet;

use chatroom::names;

use super::wrap::harmless_name;

/// The number of names that are shown; others are counted.
const NAMED: usize = 3;

/// The first few names, and how many there are. A name that is added twice counts once.
#[derive(Debug, Default)]
pub struct NameList {
    named: Vec<String>,
    /// All of them, folded.
    seen: BTreeSet<String>,
    /// The bytes of text in them.
    pub bytes: usize,
}

impl NameList {
    pub fn add(&mut self, name: &str) {
        let name = harmless_name(name);
        let folded = names::fold(&name);
        let bytes = folded.len();
        if self.seen.insert(folded) {
            self.bytes += bytes;
            if self.named.len() < NAMED {
                self.named.push(name);
            }
        }
    }

    /// As in "ann, bo and 3 others"; none if the list is empty.
    pub fn sentence(&self) -> Option<String> {
        let names: Vec<&str> = self.named.iter().map(String::as_str).collect();
        Some(match (&names[..], self.count()) {
            ([], _) => return None,
            ([one], _) => (*one).to_owned(),
            ([first @ .., last], count) if count == names.len() => {
                format!("{} and {last}", first.join(", "))
            }
            (_, count) => {
                let named = names[..NAMED - 1].join(", ");
                format!("{named} and {} others", count - (NAMED - 1))
            }
        })
    }

    pub fn count(&self) -> usize {
        self.seen.len()
    }
}
