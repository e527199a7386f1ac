//! Who may come in and who may speak: accounts, bans and mutes, the topic and slow mode.
//!
//! It is state beside the log of the room. [`AccessState`] is what is in force; a [`Change`] makes it
//! another one, and is what is stored.

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

/// Somebody who has a password here. The name is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    /// What the password is compared with, as a PHC string.
    pub hash: String,
    /// Whether they may moderate in the room.
    pub is_operator: bool,
    /// Whether they are kept out for the time being.
    pub is_locked: bool,
    pub made: Timestamp,
    /// When it was made or its password was set or it was locked: who came before that under its
    /// name has proved nothing that counts now.
    pub renewed: Timestamp,
}

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Anyone; a name that has an account only with its password.
    #[default]
    Open,
    /// Who knows the password of the room, or has an account.
    Password,
    /// Who has an account.
    Accounts,
}

/// What proves that somebody may have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    Nothing,
    /// The password of the room.
    RoomPassword,
    /// The password of the account; where there is none, no password will do.
    AccountPassword,
}

/// What somebody has proved who wants a name: with what the password was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    None,
    /// That of the room, with this hash.
    Room(String),
    /// That of the account, with this hash.
    Account(String),
}

/// Everything that is in force. A copy shares what is large.
#[derive(Debug, Clone, Default)]
pub struct AccessState {
    accounts: Arc<Accounts>,
    /// The bans and mutes.
    pub sanctions: Arc<Sanctions>,
    /// What the password of the room is compared with, where there is one.
    pub room_hash: Option<String>,
    /// What operators have set; else the configured one is shown.
    pub topic: Option<String>,
    /// The least time between two messages of one person; zero is off.
    pub slow: Duration,
}

impl AccessState {
    /// The account whose name is this one, else one whose name looks like it.
    pub fn account_with_skeleton_of(&self, name: &str) -> Option<&Account> {
        self.account(name).or_else(|| self.accounts.like(name).next())
    }

    /// The account of a name, however it is written.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.get(name)
    }

    /// The account whose name looks like this one, which has none itself. Of two accounts that look
    /// alike since before that was noticed, neither keeps the other one out.
    pub fn confusable_account(&self, name: &str) -> Option<&Account> {
        self.account(name).is_none().then(|| self.accounts.like(name).next())?
    }

    /// All accounts, in an order that stays.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }

    /// What somebody has to prove who wants this name.
    pub fn requirement(&self, name: &str, mode: Mode) -> Requirement {
        match (self.account(name), mode) {
            (Some(_), _) | (None, Mode::Accounts) => Requirement::AccountPassword,
            (None, Mode::Open) => Requirement::Nothing,
            (None, Mode::Password) => Requirement::RoomPassword,
        }
    }

    /// Whether this is what somebody has to prove who wants this name.
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

    /// Whether who is here since then under this name may be here as far as accounts go.
    pub fn may_stay(&self, name: &str, since: Timestamp) -> bool {
        match self.account(name) {
            Some(account) => !account.is_locked && account.renewed <= since,
            None => self.accounts.like(name).next().is_none(),
        }
    }

    /// Whether a person who is here under this name is an operator.
    pub fn is_operator(&self, name: &str) -> bool {
        self.account(name).is_some_and(|account| account.is_operator && !account.is_locked)
    }

    /// The operator whose name is this one, or looks like it.
    pub fn confusable_operator(&self, name: &str) -> Option<&Account> {
        let mut all = self.account(name).into_iter().chain(self.accounts.like(name));
        all.find(|account| account.is_operator && !account.is_locked)
    }

    /// Takes those away of which the time is over.
    pub fn expire(&mut self, now: Timestamp) {
        if self.sanctions.iter().any(|sanction| !sanction.term.is_in_force(now)) {
            Arc::make_mut(&mut self.sanctions).expire(now);
        }
    }

    /// Makes a change.
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
