//! The users whom a ban or a mute affects, before and after it takes effect.

use serde::{Deserialize, Serialize};

/// The number of affected users that counts as many in any room.
const MANY: usize = 10;

/// The number of affected users that does not count as many, even if these are all members.
const FEW: usize = 2;

/// The members that a target matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// The target as it was parsed.
    pub target: String,
    /// Whether it is an address or a network rather than a name.
    pub is_network: bool,
    /// Whether the network is as large as that of a provider.
    pub is_wide: bool,
    /// The number of affected members, and the number of all members.
    pub people: usize,
    pub of: usize,
    /// The number of affected connections that have no name yet.
    pub nameless: usize,
    /// The affected operators. If the target is a name, this includes an operator who is not in the
    /// room.
    pub operators: Vec<String>,
}

impl Affected {
    /// Whether `chatctl` has to ask for confirmation.
    pub fn is_far_reaching(&self) -> bool {
        let is_many = self.people >= MANY || (self.people > FEW && self.people == self.of);
        !self.operators.is_empty() || (self.is_network && (self.is_wide || is_many))
    }

    /// Whether so many users are affected that only `chatctl` can do it.
    pub fn is_many(&self) -> bool {
        self.people >= MANY
    }

    /// Describes in sentences what a sanction would do.
    pub fn would_affect(&self) -> String {
        let Affected { target, people, of, operators, .. } = self;
        let whom = match (people, of) {
            (0, _) => "nobody who is here now".to_owned(),
            (1, 1) => "the only person here".to_owned(),
            (people, of) if people == of => format!("all {of} people here"),
            (people, of) => format!("{people} of {of} people here"),
        };
        let operators = match operators.as_slice() {
            [] => String::new(),
            [one] => format!(" {one} is an operator."),
            several => format!(" {} are operators.", several.join(", ")),
        };
        format!("{target} affects {whom}.{operators}")
    }

    /// Describes what a ban did, to follow a colon.
    pub fn banned(&self) -> String {
        let people = count(self.people, "person was", "people were");
        let nameless = count(self.nameless, "connection was", "connections were");
        match (self.people, self.nameless) {
            (0, 0) => self.nobody(),
            (0, _) => format!("{nameless} closed that had no name yet."),
            (_, 0) => format!("{people} removed."),
            _ => format!("{people} removed, and {nameless} closed that had no name yet."),
        }
    }

    /// Describes what a mute did, to follow a colon.
    pub fn muted(&self) -> String {
        match self.people {
            0 => self.nobody(),
            people => format!("{} muted.", count(people, "person is", "people are")),
        }
    }

    /// The number of users, in a form for parentheses.
    pub fn people(&self) -> String {
        count(self.people, "person", "people")
    }

    fn nobody(&self) -> String {
        match self.is_network {
            true => "nobody is connected from there.".to_owned(),
            false => "nobody of that name is here.".to_owned(),
        }
    }
}

fn count(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(people: usize, of: usize, nameless: usize) -> Affected {
        let target = "10.1.0.0/16".to_owned();
        Affected { target, is_network: true, people, of, nameless, ..Affected::default() }
    }

    #[test]
    fn it_is_asked_before_many_are_hit() {
        for (affected, is_far_reaching) in [
            (hits(0, 0, 0), false),
            (hits(2, 2, 0), false),
            (hits(3, 4, 0), false),
            (hits(3, 3, 0), true),
            (hits(10, 100, 0), true),
            (Affected { is_wide: true, ..hits(0, 0, 0) }, true),
            (Affected { operators: vec!["ann".to_owned()], ..hits(1, 9, 0) }, true),
            (Affected { is_network: false, ..hits(3, 3, 0) }, false),
            (
                Affected { is_network: false, operators: vec!["ann".to_owned()], ..hits(0, 9, 0) },
                true,
            ),
        ] {
            assert_eq!(affected.is_far_reaching(), is_far_reaching, "{affected:?}");
        }
    }

    #[test]
    fn what_was_hit_is_said() {
        assert_eq!(hits(3, 4, 0).banned(), "3 people were removed.");
        assert_eq!(
            hits(1, 4, 1).banned(),
            "1 person was removed, and 1 connection was closed that had no name yet."
        );
        assert_eq!(hits(0, 4, 2).banned(), "2 connections were closed that had no name yet.");
        assert_eq!(hits(0, 4, 0).banned(), "nobody is connected from there.");
        let name = Affected { is_network: false, ..hits(0, 4, 0) };
        assert_eq!((name.banned(), name.muted()), (name.nobody(), name.nobody()));
        assert_eq!(hits(1, 4, 0).muted(), "1 person is muted.");
        for (affected, says) in [
            (hits(0, 4, 0), "10.1.0.0/16 affects nobody who is here now."),
            (hits(1, 1, 0), "10.1.0.0/16 affects the only person here."),
            (hits(1, 4, 0), "10.1.0.0/16 affects 1 of 4 people here."),
            (hits(4, 4, 0), "10.1.0.0/16 affects all 4 people here."),
            (
                Affected { operators: vec!["ann".to_owned()], ..hits(2, 4, 0) },
                "10.1.0.0/16 affects 2 of 4 people here. ann is an operator.",
            ),
        ] {
            assert_eq!(affected.would_affect(), says);
        }
    }
}
