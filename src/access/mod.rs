//! Permissions to join and speak: accounts, bans and mutes; also the topic and slow mode.
//!
//! This is state beside the log of the room. [`AccessState`] is the state in force. A [`Change`]
//! modifies it, and is the form in which it is stored.

mod accounts;
mod action;
mod network;
mod sanction;
mod sanctions;
mod target;
mod time;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use accounts::Accounts;
pub use action::{Change, ModerationAction};
pub use network::{advice, looks_like_address, network, show_network};
pub use sanction::{Sanction, SanctionKind, Term};
pub use sanctions::Sanctions;
pub use target::{NameTarget, Target, TargetProblem, is_no_name};
pub use time::{check_term, parse_time, show_time};

/// An account: a name that can only be used with its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    /// The hash of the password, as a PHC string.
    pub hash: String,
    /// Whether its owner may moderate in the room.
    pub is_operator: bool,
    /// Whether its owner may not join for the time being.
    pub is_locked: bool,
    pub made: Timestamp,
    /// The time at which the account was created or locked, or its password was set. Members who
    /// joined under its name before that have not given the current password.
    pub renewed: Timestamp,
}

/// The users who can join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// All users; but a name that has an account requires its password.
    #[default]
    Open,
    /// Users who know the password of the room or have an account.
    Password,
    /// Users who have an account.
    Accounts,
}

/// The credential that a user needs for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    Nothing,
    /// The password of the room.
    RoomPassword,
    /// The password of the account. If there is no account, no password is right.
    AccountPassword,
}

/// A password that was verified, as the hash that it was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    None,
    /// The password of the room.
    Room(String),
    /// The password of the account.
    Account(String),
}

/// The access state in force. Copies share the large parts.
#[derive(Debug, Clone, Default)]
pub struct AccessState {
    accounts: Arc<Accounts>,
    /// The bans and mutes.
    pub sanctions: Arc<Sanctions>,
    /// The hash of the password of the room, if it has one.
    pub room_hash: Option<String>,
    /// The topic that operators have set; otherwise the configured one is shown.
    pub topic: Option<String>,
    /// The shortest time between two messages of one user; zero if slow mode is off.
    pub slow: Duration,
}

impl AccessState {
    /// The account with this name, otherwise one with a confusable name.
    pub fn account_with_skeleton_of(&self, name: &str) -> Option<&Account> {
        self.account(name).or_else(|| self.accounts.like(name).next())
    }

    /// The account of a name, however it is written.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.get(name)
    }

    /// An account with a name that is confusable with this one, if this one has no account. Two accounts
    /// with confusable names, from before the rules became stricter, do not exclude each other.
    pub fn confusable_account(&self, name: &str) -> Option<&Account> {
        self.account(name).is_none().then(|| self.accounts.like(name).next())?
    }

    /// All accounts, in a stable order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }

    /// The credential that a user needs for this name.
    pub fn requirement(&self, name: &str, mode: Mode) -> Requirement {
        match (self.account(name), mode) {
            (Some(_), _) | (None, Mode::Accounts) => Requirement::AccountPassword,
            (None, Mode::Open) => Requirement::Nothing,
            (None, Mode::Password) => Requirement::RoomPassword,
        }
    }

    /// Whether this is what a user needs for this name.
    pub fn is_enough(&self, credential: &Credential, name: &str, mode: Mode) -> bool {
        match (self.requirement(name, mode), credential) {
            (Requirement::Nothing, _) => true,
            (Requirement::RoomPassword, Credential::Room(hash)) => {
                self.room_hash.as_ref() == Some(hash)
            }
            (Requirement::AccountPassword, Credential::Account(hash)) => {
                self.account(name).is_some_and(|account| account.hash == *hash)
            }
            _ => false,
        }
    }

    /// Whether accounts permit that a member who joined at `since` keeps this name.
    pub fn may_stay(&self, name: &str, since: Timestamp) -> bool {
        match self.account(name) {
            Some(account) => !account.is_locked && account.renewed <= since,
            None => self.accounts.like(name).next().is_none(),
        }
    }

    /// Whether a member with this name is an operator.
    pub fn is_operator(&self, name: &str) -> bool {
        self.account(name).is_some_and(|account| account.is_operator && !account.is_locked)
    }

    /// The operator with this name or a confusable one.
    pub fn confusable_operator(&self, name: &str) -> Option<&Account> {
        let mut all = self.account(name).into_iter().chain(self.accounts.like(name));
        all.find(|account| account.is_operator && !account.is_locked)
    }

    /// Removes the sanctions whose time is over.
    pub fn expire(&mut self, now: Timestamp) {
        if self.sanctions.iter().any(|sanction| !sanction.term.is_in_force(now)) {
            Arc::make_mut(&mut self.sanctions).expire(now);
        }
    }

    /// Applies a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutAccount { account, .. } => {
                Arc::make_mut(&mut self.accounts).put(account);
            }
            Change::RemoveAccount(name) => {
                Arc::make_mut(&mut self.accounts).remove(&name);
            }
            Change::PutSanction(sanction) => Arc::make_mut(&mut self.sanctions).put(sanction),
            Change::RemoveSanction(kind, target) => {
                Arc::make_mut(&mut self.sanctions).remove(kind, &target);
            }
            Change::SetTopic(topic) => self.topic = topic,
            Change::SetSlow(slow) => self.slow = slow,
            Change::SetRoomHash(hash) => self.room_hash = hash,
        }
    }
}

#[cfg(test)]
mod tests;
