//! The members of the room.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::{Refusal, SessionId};
use crate::confusables::skeletons_of;
use crate::names::{self, Name};

/// A user in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub session: SessionId,
    pub name: Name,
    /// The time at which the user joined.
    pub since: Timestamp,
    /// The time at which the user's connection was lost, while they are detached.
    pub detached_since: Option<Timestamp>,
}

/// The members of the room. No two have the same name.
#[derive(Debug, Default)]
pub struct Roster {
    by_name: BTreeMap<Arc<str>, Member>,
    by_session: HashMap<SessionId, Arc<str>>,
    /// The hashes of the skeletons of their names, with the names. Names with the same hash are compared
    /// in full.
    skeletons: BTreeSet<(u64, Arc<str>)>,
    hasher: RandomState,
    /// The names, made when they are needed and kept until they change.
    names: OnceLock<Arc<[Name]>>,
}

impl Roster {
    /// Adds a member whose name is not confusable with that of another member.
    ///
    /// # Errors
    /// The name is taken or confusable, or the session is in the room already.
    pub fn add(&mut self, member: Member) -> Result<(), Refusal> {
        self.check_free(&member)?;
        let skeletons = skeletons_of(member.name.as_str());
        if let Some(other) = self.with_skeletons(&skeletons).next() {
            return Err(Refusal::LooksLike(other.name.clone()));
        }
        self.insert(member, skeletons);
        Ok(())
    }

    /// Adds a member who may have the name even if it is confusable: they were in the room before, or it
    /// is the name of their account.
    ///
    /// # Errors
    /// The name is taken, or the session is in the room already.
    pub fn add_again(&mut self, member: Member) -> Result<(), Refusal> {
        self.check_free(&member)?;
        let skeletons = skeletons_of(member.name.as_str());
        self.insert(member, skeletons);
        Ok(())
    }

    fn check_free(&self, member: &Member) -> Result<(), Refusal> {
        if self.by_session.contains_key(&member.session) {
            return Err(Refusal::AlreadyJoined);
        }
        match self.by_name.contains_key(member.name.folded()) {
            true => Err(Refusal::NameTaken(member.name.clone())),
            false => Ok(()),
        }
    }

    fn insert(&mut self, member: Member, skeletons: Vec<String>) {
        let key = member.name.folded().clone();
        let hashes = skeletons.into_iter().map(|skeleton| self.hasher.hash_one(skeleton));
        self.skeletons.extend(hashes.map(|hash| (hash, key.clone())));
        self.names.take();
        self.by_session.insert(member.session, key.clone());
        self.by_name.insert(key, member);
    }

    /// Removes a user, if they are in the room.
    pub fn remove(&mut self, session: SessionId) -> Option<Member> {
        let key = self.by_session.remove(&session)?;
        self.names.take();
        let member = self.by_name.remove(&key)?;
        let mut key = (0, key);
        for skeleton in skeletons_of(member.name.as_str()) {
            key.0 = self.hasher.hash_one(skeleton);
            self.skeletons.remove(&key);
        }
        Some(member)
    }

    /// Renames a member. Returns the former name.
    ///
    /// # Errors
    /// The session is not here, or the name is taken.
    pub fn rename(&mut self, session: SessionId, name: Name) -> Result<Name, Refusal> {
        let member = self.remove(session).ok_or(Refusal::NotJoined)?;
        let before = member.name.clone();
        match self.add(Member { name, ..member.clone() }) {
            Ok(()) => Ok(before),
            Err(refusal) => {
                self.add_again(member)?;
                Err(refusal)
            }
        }
    }

    /// The members whose names are confusable with this one, or the same. There can be several, because
    /// stricter rules do not apply to names that were in use before.
    pub fn by_skeleton(&self, name: &str) -> Vec<&Member> {
        self.with_skeletons(&skeletons_of(name)).collect()
    }

    fn with_skeletons(&self, wanted: &[String]) -> impl Iterator<Item = &Member> {
        let of_skeleton = |skeleton: &String| {
            let hash = self.hasher.hash_one(skeleton);
            let found = self.skeletons.range((hash, Arc::default())..);
            found.take_while(move |other| other.0 == hash).map(|(_, name)| name)
        };
        let names: BTreeSet<&Arc<str>> = wanted.iter().flat_map(of_skeleton).collect();
        let members = names.into_iter().filter_map(|name| self.by_name.get(name));
        let is_wanted = |skeleton: &String| wanted.contains(skeleton);
        members.filter(move |member| skeletons_of(member.name.as_str()).iter().any(is_wanted))
    }

    /// The member with a session.
    pub fn by_session(&self, session: SessionId) -> Option<&Member> {
        self.by_name.get(self.by_session.get(&session)?)
    }

    /// The member with a session, to change them.
    pub fn by_session_mut(&mut self, session: SessionId) -> Option<&mut Member> {
        self.by_name.get_mut(self.by_session.get(&session)?)
    }

    /// The member with a name, however it is written.
    pub fn by_name(&self, name: &str) -> Option<&Member> {
        self.by_name.get(names::fold(name).as_str())
    }

    /// The members, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_name.values()
    }

    /// The names of the members, in their order. All callers share one list.
    pub fn names(&self) -> Arc<[Name]> {
        self.names.get_or_init(|| self.iter().map(|member| member.name.clone()).collect()).clone()
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
