//! All bans and mutes, with indexes that keep looking them up fast.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::{Sanction, SanctionKind, Target};
use crate::confusables::skeletons_of;

/// All sanctions of one kind.
#[derive(Debug, Clone, Default)]
struct SanctionIndex {
    /// By the skeleton of the name in lower case.
    by_skeleton: HashMap<String, Sanction>,
    /// The other skeletons of names, each with the one in lower case.
    other_skeletons: HashMap<String, BTreeSet<String>>,
    by_network: HashMap<IpNet, Sanction>,
    /// The number of networks with each prefix length: only these lengths are looked up.
    lengths: BTreeMap<u8, usize>,
}

/// All bans and mutes.
#[derive(Debug, Clone, Default)]
pub struct Sanctions {
    bans: SanctionIndex,
    mutes: SanctionIndex,
}

impl Sanctions {
    /// The sanction of a kind that is in force against a name or an address.
    pub fn against(
        &self,
        kind: SanctionKind,
        name: Option<&str>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<&Sanction> {
        let all = self.of_kind(kind);
        // This is on the path of every message, and skeletons take a while to compute.
        let name = name.filter(|_| !all.by_skeleton.is_empty());
        let by_name = name.and_then(|name| all.against_name(name, now));
        let is_in_force = |sanction: &&Sanction| sanction.term.is_in_force(now);
        by_name.filter(is_in_force).or_else(|| all.against_address(address?.to_canonical(), now))
    }

    /// The sanction of a kind against exactly this target, if it is in force.
    pub fn get(&self, kind: SanctionKind, target: &Target, now: Timestamp) -> Option<&Sanction> {
        let all = self.of_kind(kind);
        let found = match target {
            Target::Name(name) => all.against_name(&name.name, now),
            Target::Network(network) => all.by_network.get(network),
        };
        found.filter(|sanction| sanction.term.is_in_force(now))
    }

    /// All sanctions, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Sanction> {
        let all = [&self.bans, &self.mutes].into_iter();
        all.flat_map(|all| all.by_skeleton.values().chain(all.by_network.values()))
    }

    /// The sanctions in force, the newest first.
    pub fn in_force(&self, now: Timestamp) -> Vec<&Sanction> {
        let mut in_force: Vec<_> =
            self.iter().filter(|sanction| sanction.term.is_in_force(now)).collect();
        in_force
            .sort_by_cached_key(|sanction| (Reverse(sanction.made), sanction.target.to_string()));
        in_force
    }

    /// Adds a sanction, or replaces one of the same kind against the same target.
    pub fn put(&mut self, sanction: Sanction) {
        let all = self.of_kind_mut(sanction.kind);
        match &sanction.target {
            Target::Name(name) => {
                let skeleton = name.skeleton.clone();
                all.remove_name(&skeleton);
                for other in skeletons_of(&name.name).into_iter().skip(1) {
                    all.other_skeletons.entry(other).or_default().insert(skeleton.clone());
                }
                all.by_skeleton.insert(skeleton, sanction);
            }
            Target::Network(network) => {
                let network = *network;
                if all.by_network.insert(network, sanction).is_none() {
                    *all.lengths.entry(network.prefix_len()).or_default() += 1;
                }
            }
        }
    }

    /// Removes a sanction, if it is there.
    pub fn remove(&mut self, kind: SanctionKind, target: &Target) {
        let all = self.of_kind_mut(kind);
        match target {
            Target::Name(name) => all.remove_name(&name.skeleton),
            Target::Network(network) => all.remove_network(network),
        }
    }

    /// Removes the sanctions whose time is over.
    pub fn expire(&mut self, now: Timestamp) {
        let is_over = |sanction: &&Sanction| !sanction.term.is_in_force(now);
        let over: Vec<_> = self.iter().filter(is_over).cloned().collect();
        over.iter().for_each(|sanction| self.remove(sanction.kind, &sanction.target));
    }

    fn of_kind(&self, kind: SanctionKind) -> &SanctionIndex {
        match kind {
            SanctionKind::Ban => &self.bans,
            SanctionKind::Mute => &self.mutes,
        }
    }

    fn of_kind_mut(&mut self, kind: SanctionKind) -> &mut SanctionIndex {
        match kind {
            SanctionKind::Ban => &mut self.bans,
            SanctionKind::Mute => &mut self.mutes,
        }
    }
}

impl SanctionIndex {
    /// The sanction against a confusable name; of several, one that is in force.
    fn against_name(&self, name: &str, now: Timestamp) -> Option<&Sanction> {
        let skeletons = skeletons_of(name);
        let others =
            skeletons.iter().filter_map(|skeleton| self.other_skeletons.get(skeleton)).flatten();
        let mut found =
            skeletons.iter().chain(others).filter_map(|skeleton| self.by_skeleton.get(skeleton));
        found.find(|sanction| sanction.term.is_in_force(now))
    }

    fn remove_name(&mut self, skeleton: &str) {
        let removed = self.by_skeleton.remove(skeleton);
        if let Some(Target::Name(name)) = removed.map(|sanction| sanction.target) {
            for other in skeletons_of(&name.name).into_iter().skip(1) {
                if let Some(of) = self.other_skeletons.get_mut(&other) {
                    of.remove(skeleton);
                    if of.is_empty() {
                        self.other_skeletons.remove(&other);
                    }
                }
            }
        }
    }

    fn against_address(&self, address: IpAddr, now: Timestamp) -> Option<&Sanction> {
        self.lengths.keys().find_map(|&length| {
            // Only IPv6 has some of the lengths.
            let network = IpNet::new(address, length).ok()?.trunc();
            let sanction = self.by_network.get(&network)?;
            sanction.term.is_in_force(now).then_some(sanction)
        })
    }

    fn remove_network(&mut self, network: &IpNet) {
        let length = network.prefix_len();
        if self.by_network.remove(network).is_some()
            && let Some(count) = self.lengths.get_mut(&length)
        {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length);
            }
        }
    }
}
