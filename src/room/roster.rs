//! Who is here.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::{Refusal, SessionId};
use crate::lookalike::look;
use crate::names::{self, Name};

/// A person in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub session: SessionId,
    pub name: Name,
    /// When they joined.
    pub since: Timestamp,
    /// Since when their connection is lost, while their place is held for them.
    pub away: Option<Timestamp>,
}

/// The people in the room, each under a name that nobody else has.
#[derive(Debug, Default)]
pub struct Roster {
    by_name: BTreeMap<Arc<str>, Member>,
    by_session: HashMap<SessionId, Arc<str>>,
    /// The hashes of what their names look like. A name of the same hash is looked at closely.
    looks: HashSet<u64>,
    hasher: RandomState,
    /// The names, until somebody comes or goes.
    names: OnceLock<Arc<[Name]>>,
}

impl Roster {
    /// Adds a person.
    ///
    /// # Errors
    /// The name is taken, or the session is in the room already.
    pub fn add(&mut self, member: Member) -> Result<(), Refusal> {
        if self.by_session.contains_key(&member.session) {
            return Err(Refusal::AlreadyJoined);
        }
        if self.by_name.contains_key(member.name.folded()) {
            return Err(Refusal::NameTaken(member.name));
        }
        let look = look(member.name.as_str());
        if let Some(other) = self.by_look(&look) {
            return Err(Refusal::LooksLike(other.name.clone()));
        }
        self.looks.insert(self.hasher.hash_one(look));
        let key = member.name.folded().clone();
        self.names.take();
        self.by_session.insert(member.session, key.clone());
        self.by_name.insert(key, member);
        Ok(())
    }

    /// Takes a person out, if they are here.
    pub fn remove(&mut self, session: SessionId) -> Option<Member> {
        let key = self.by_session.remove(&session)?;
        self.names.take();
        let member = self.by_name.remove(&key)?;
        self.looks.remove(&self.hasher.hash_one(look(member.name.as_str())));
        Some(member)
    }

    /// Gives a person another name, and gives that of before.
    ///
    /// # Errors
    /// The session is not here, or the name is taken.
    pub fn rename(&mut self, session: SessionId, name: Name) -> Result<Name, Refusal> {
        let member = self.remove(session).ok_or(Refusal::NotJoined)?;
        let before = member.name.clone();
        match self.add(Member { name, ..member.clone() }) {
            Ok(()) => Ok(before),
            Err(refusal) => {
                self.add(member)?;
                Err(refusal)
            }
        }
    }

    /// The person whose name has this look (see [`look`]), if they are here.
    pub fn by_look(&self, wanted: &str) -> Option<&Member> {
        self.looks.contains(&self.hasher.hash_one(wanted)).then_some(())?;
        self.iter().find(|member| look(member.name.as_str()) == wanted)
    }

    /// The person of a session, if they are here.
    pub fn by_session(&self, session: SessionId) -> Option<&Member> {
        self.by_name.get(self.by_session.get(&session)?)
    }

    /// The same, to change.
    pub fn by_session_mut(&mut self, session: SessionId) -> Option<&mut Member> {
        self.by_name.get_mut(self.by_session.get(&session)?)
    }

    /// The person of that name, however it is written, if they are here.
    pub fn by_name(&self, name: &str) -> Option<&Member> {
        self.by_name.get(names::fold(name).as_str())
    }

    /// Everybody, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_name.values()
    }

    /// The names of everybody, in their order. Who asks shares them.
    pub fn names(&self) -> Arc<[Name]> {
        self.names.get_or_init(|| self.iter().map(|member| member.name.clone()).collect()).clone()
    }

    /// How many are here.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
