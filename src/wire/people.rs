//! Long lists of users, encoded a piece at a time. In a large room a list takes megabytes, and the client
//! that asked for it may not read it.

use std::sync::Arc;

use super::{Answer, Dialect, Welcome};
use crate::names::Name;

/// A list with fewer bytes of names is encoded at once.
const LONG: usize = 8 * 1024;

/// The maximum bytes around a name: quotation marks and a comma.
const BETWEEN: usize = 3;

/// An answer with a long list of users, as far as it is encoded. Answers with the same list share it.
#[derive(Debug, Clone)]
pub struct PeopleList {
    dialect: Dialect,
    before: Box<[u8]>,
    people: Arc<[Name]>,
    behind: Box<[u8]>,
    /// The index of the next user. None before the beginning is encoded.
    next: Option<usize>,
}

impl PeopleList {
    /// An answer to be encoded a piece at a time, if it has a long list.
    pub fn of(dialect: Dialect, answer: &Answer) -> Option<PeopleList> {
        let (people, without) = match answer {
            Answer::Who { room, people } => {
                (people, Answer::Who { room: room.clone(), people: [].into() })
            }
            Answer::Welcome(welcome) if dialect.lists_users_at_join() => {
                let people = [].into();
                (&welcome.people, Answer::Welcome(Welcome { people, ..welcome.clone() }))
            }
            _ => return None,
        };
        if people.iter().map(bytes_of).sum::<usize>() < LONG {
            return None;
        }
        let (before, behind) = dialect.around_users(&without, people.len())?;
        let (before, behind) = (before.into(), behind.into());
        Some(PeopleList { dialect, before, people: people.clone(), behind, next: None })
    }

    /// The approximate number of bytes that are still to be encoded.
    pub fn bytes_left(&self) -> usize {
        let names = &self.people[self.next.unwrap_or(0)..];
        self.before.len() + names.iter().map(bytes_of).sum::<usize>() + self.behind.len()
    }

    /// Appends about this number of bytes. Returns the index of the next user, if there is one.
    pub fn append(&self, bytes: usize, out: &mut Vec<u8>) -> Option<usize> {
        let start = out.len();
        if self.next.is_none() {
            out.extend_from_slice(&self.before);
        }
        let from = self.next.unwrap_or(0);
        for (index, name) in self.people.iter().enumerate().skip(from) {
            if out.len() - start >= bytes {
                return Some(index);
            }
            self.dialect.push_user(index, name, out);
        }
        out.extend_from_slice(&self.behind);
        None
    }

    /// Continues at the index that [`PeopleList::append`] has returned.
    pub fn continue_at(&mut self, next: usize) {
        self.next = Some(next);
    }
}

fn bytes_of(name: &Name) -> usize {
    name.as_str().len() + BETWEEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::{Position, Seq};

    fn people(count: usize) -> Arc<[Name]> {
        (0..count).map(|n| Name::new(&format!("person-{n}-\u{e9}")).unwrap()).collect()
    }

    fn answers(people: &Arc<[Name]>) -> [Answer; 2] {
        let who = Answer::Who { room: "lobby".to_owned(), people: people.clone() };
        let welcome = Welcome {
            room: "lobby".to_owned(),
            topic: "not the \"users\":[] of it".to_owned(),
            name: people[0].clone(),
            people: people.clone(),
            position: Position { epoch: 1, seq: Seq(7) },
            next: Seq(8),
            message_bytes: 4096,
            token: None,
            resumed: false,
            lost: None,
            silence_seconds: 60,
        };
        [who, Answer::Welcome(welcome)]
    }

    #[test]
    fn the_pieces_are_the_bytes_of_the_answer() {
        for answer in answers(&people(2000)) {
            for dialect in Dialect::ALL {
                let Some(mut list) = PeopleList::of(dialect, &answer) else {
                    assert!(matches!(answer, Answer::Welcome(_)) && dialect == Dialect::Text);
                    continue;
                };
                let whole = dialect.encode_answer(&answer);
                for piece in [1, 100, 1000, usize::MAX] {
                    let mut out = Vec::new();
                    list.next = None;
                    while let Some(next) = list.append(piece, &mut out) {
                        assert!(list.bytes_left() + 1000 > whole.len() - out.len());
                        list.continue_at(next);
                    }
                    assert!(out == whole, "{dialect:?} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    fn a_short_list_is_encoded_at_once() {
        for answer in answers(&people(20)) {
            assert!(PeopleList::of(Dialect::Json, &answer).is_none());
        }
        assert!(PeopleList::of(Dialect::Json, &Answer::Help).is_none());
    }
}
