//! All accounts, by their names and by the skeletons of these.

use std::collections::{BTreeMap, BTreeSet};

use super::Account;
use crate::confusables::{fold, skeletons_of};

/// All accounts.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    /// By their folded names.
    by_name: BTreeMap<String, Account>,
    /// The folded names with each skeleton: usually one, or several from before the rules became
    /// stricter.
    by_skeleton: BTreeMap<String, BTreeSet<String>>,
}

impl Accounts {
    /// The account with a name, however it is written.
    pub(super) fn get(&self, name: &str) -> Option<&Account> {
        self.by_name.get(&fold(name))
    }

    /// The accounts with other names that are confusable with this one.
    pub(super) fn like(&self, name: &str) -> impl Iterator<Item = &Account> {
        let (folded, skeletons) = (fold(name), skeletons_of(name));
        let names: BTreeSet<&String> = skeletons
            .iter()
            .filter_map(|skeleton| self.by_skeleton.get(skeleton))
            .flatten()
            .collect();
        let others = names.into_iter().filter(move |name| **name != folded);
        others.filter_map(|name| self.by_name.get(name))
    }

    /// All accounts, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_name.values()
    }

    /// Adds an account, or replaces the one with the same name.
    pub(super) fn put(&mut self, account: Account) {
        let folded = fold(&account.name);
        self.remove(&folded);
        for skeleton in skeletons_of(&account.name) {
            self.by_skeleton.entry(skeleton).or_default().insert(folded.clone());
        }
        self.by_name.insert(folded, account);
    }

    /// Removes the account with a name, if there is one.
    pub(super) fn remove(&mut self, name: &str) {
        let folded = fold(name);
        let Some(account) = self.by_name.remove(&folded) else { return };
        for skeleton in skeletons_of(&account.name) {
            if let Some(names) = self.by_skeleton.get_mut(&skeleton) {
                names.remove(&folded);
                if names.is_empty() {
                    self.by_skeleton.remove(&skeleton);
                }
            }
        }
    }
}
