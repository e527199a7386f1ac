//! All accounts, found by their names and by what these look like.

use std::collections::{BTreeMap, BTreeSet};

use super::Account;
use crate::confusables::{fold, skeletons_of};

/// Every account.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    /// By their names, folded.
    by_name: BTreeMap<String, Account>,
    /// The folded names of each look. It is one name, unless rules of before let in several.
    by_skeleton: BTreeMap<String, BTreeSet<String>>,
}

impl Accounts {
    /// The account of a name, however it is written.
    pub(super) fn get(&self, name: &str) -> Option<&Account> {
        self.by_name.get(&fold(name))
    }

    /// The accounts whose names look like this one and are others.
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

    /// All of them, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_name.values()
    }

    /// Puts one in the place of the one of that name.
    pub(super) fn put(&mut self, account: Account) {
        let folded = fold(&account.name);
        self.remove(&folded);
        for skeleton in skeletons_of(&account.name) {
            self.by_skeleton.entry(skeleton).or_default().insert(folded.clone());
        }
        self.by_name.insert(folded, account);
    }

    /// Takes the account of a name away, if there is one.
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
