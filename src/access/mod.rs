//! Who may come in and who may speak: accounts, bans and mutes, the topic and slow mode.
//!
//! It is state beside the log of the room. [`Registry`] is what is in force; a [`Change`] makes it
//! another one, and is what is stored.

mod act;
mod sanction;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::lookalike::{fold, look};

pub use act::{Act, Change};
pub use sanction::{Looking, Sanction, SanctionKind, Target, Term};

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

/// Everything that is in force.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// By what the names look like, so that nobody has one that looks like another's.
    accounts: BTreeMap<String, Account>,
    sanctions: Vec<Sanction>,
    /// How many changes led to this.
    pub version: u64,
    /// What operators have set; else the configured one is shown.
    pub topic: Option<String>,
    /// The least time between two messages of one person; zero is off.
    pub slow: Duration,
}

impl Registry {
    /// The account of a name, however it is written.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.get(&look(name)).filter(|account| fold(&account.name) == fold(name))
    }

    /// The account whose name looks like this one, but is another.
    pub fn account_that_looks_like(&self, name: &str) -> Option<&Account> {
        self.accounts.get(&look(name)).filter(|account| fold(&account.name) != fold(name))
    }

    /// All accounts, in an order that stays.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// What somebody has to prove who wants this name.
    pub fn requirement(&self, name: &str, mode: Mode) -> Requirement {
        match (self.account(name), mode) {
            (Some(_), _) | (None, Mode::Accounts) => Requirement::AccountPassword,
            (None, Mode::Open) => Requirement::Nothing,
            (None, Mode::Password) => Requirement::RoomPassword,
        }
    }

    /// Whether a person who is here under this name is an operator.
    pub fn is_operator(&self, name: &str) -> bool {
        self.account(name).is_some_and(|account| account.is_operator && !account.is_locked)
    }

    /// The operator whose name is this one, or looks like it.
    pub fn operator_that_looks_like(&self, name: &str) -> Option<&Account> {
        let account = self.accounts.get(&look(name))?;
        (account.is_operator && !account.is_locked).then_some(account)
    }

    /// The sanction of a kind that is in force against a name or an address.
    pub fn sanction(
        &self,
        kind: SanctionKind,
        name: Option<&str>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<&Sanction> {
        // Asked for each message; what a name looks like takes a while to find out.
        if !self.sanctions.iter().any(|sanction| sanction.kind == kind) {
            return None;
        }
        let look = name.map(look);
        self.sanctions.iter().find(|sanction| {
            sanction.kind == kind
                && sanction.term.is_in_force(now)
                && sanction.target.matches(look.as_deref(), address)
        })
    }

    /// All that are in force, the newest first.
    pub fn sanctions(&self, now: Timestamp) -> impl Iterator<Item = &Sanction> {
        self.sanctions.iter().rev().filter(move |sanction| sanction.term.is_in_force(now))
    }

    /// Makes a change. What has expired goes with it.
    pub fn apply(&mut self, change: &Change, now: Timestamp) {
        self.sanctions.retain(|sanction| sanction.term.is_in_force(now));
        self.version += 1;
        match change {
            Change::PutAccount(account) => {
                self.accounts.insert(look(&account.name), account.clone());
            }
            Change::RemoveAccount(name) => drop(self.accounts.remove(&look(name))),
            Change::PutSanction(sanction) => {
                self.remove_sanction(sanction.kind, &sanction.target);
                self.sanctions.push(sanction.clone());
            }
            Change::RemoveSanction(kind, target) => self.remove_sanction(*kind, target),
            Change::SetTopic(topic) => self.topic = topic.clone(),
            Change::SetSlow(slow) => self.slow = *slow,
            Change::Nothing => {}
        }
    }

    fn remove_sanction(&mut self, kind: SanctionKind, target: &Target) {
        self.sanctions.retain(|other| other.kind != kind || !other.target.is_same(target));
    }

    /// Whether there is a sanction of that kind against exactly this.
    pub fn has_sanction(&self, kind: SanctionKind, target: &Target, now: Timestamp) -> bool {
        self.sanctions(now).any(|other| other.kind == kind && other.target.is_same(target))
    }
}

#[cfg(test)]
mod tests;
