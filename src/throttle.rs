//! Rate limits, for a connection and for all traffic from an address.
//!
//! Times are durations since a moment that the caller chooses.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The average rate of events, and the size of a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The average time between two events.
    pub every: Duration,
    /// The number of events that can come at once, at least 1.
    pub burst: u32,
}

impl Rate {
    /// Returns a rate of `count` events per minute with a burst of the same size. None for 0, which
    /// is no limit.
    pub fn per_minute(count: usize) -> Option<Rate> {
        let burst = u32::try_from(count).ok().filter(|&count| count > 0)?;
        Some(Rate { every: Duration::from_secs(60) / burst, burst })
    }

    /// Returns a rate of `count` events per second with a burst of `burst` events. None for 0,
    /// which is no limit.
    pub fn per_second(count: usize, burst: usize) -> Option<Rate> {
        let count = u32::try_from(count).ok().filter(|&count| count > 0)?;
        let burst = u32::try_from(burst).unwrap_or(u32::MAX).max(1);
        Some(Rate { every: Duration::from_secs(1) / count, burst })
    }
}

/// A leaky bucket, represented by the moment at which it is empty (the "generic cell rate
/// algorithm" of ITU-T I.371).
///
/// It is a number of nanoseconds, because every connection has a bucket, which has to be small.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket(u64);

impl Bucket {
    /// Counts an event, if the rate allows it.
    ///
    /// # Errors
    /// The time to wait until the rate allows it.
    pub fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        self.check(rate, now)?;
        self.0 = self.0.max(nanoseconds(now)).saturating_add(nanoseconds(rate.every));
        Ok(())
    }

    /// Checks whether the rate allows an event.
    ///
    /// # Errors
    /// The time to wait until the rate allows it.
    pub fn check(&self, rate: Rate, now: Duration) -> Result<(), Duration> {
        let full = rate.every * (rate.burst - 1);
        match Duration::from_nanos(self.0).saturating_sub(now).saturating_sub(full) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }
}

/// Converts a time to nanoseconds, for which 64 bits last 500 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The addresses of one subscriber: an IPv4 address, or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressBlock {
    V4(u32),
    V6(u64),
}

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> AddressBlock {
        match address.to_canonical() {
            IpAddr::V4(address) => AddressBlock::V4(address.to_bits()),
            IpAddr::V6(address) => AddressBlock::V6((address.to_bits() >> 64) as u64),
        }
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AddressBlock::V4(bits) => write!(f, "{}", Ipv4Addr::from_bits(bits)),
            AddressBlock::V6(bits) => {
                write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(bits) << 64))
            }
        }
    }
}

/// The kinds of events that are counted for an address block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// New connections.
    Connection,
    /// A join.
    Join,
    /// A wrong password.
    WrongPassword,
}

#[derive(Debug, Default)]
struct Counted {
    connections: usize,
    buckets: [Bucket; 3],
}

impl Counted {
    /// Whether any count is left that can limit the block.
    fn counts(&self, now: Duration) -> bool {
        self.connections > 0 || self.buckets.iter().any(|bucket| bucket.0 > nanoseconds(now))
    }
}

/// The counts of all address blocks that have any.
#[derive(Debug, Default)]
pub struct AddressBlocks {
    all: HashMap<AddressBlock, Counted>,
    /// The number of blocks at which the next search for blocks to forget is due.
    look_at: usize,
}

/// The number of blocks below which none are forgotten.
const FEW: usize = 1024;

impl AddressBlocks {
    /// Counts a connection, unless there are already `most` of them. 0 is no limit. Returns whether
    /// the connection was counted.
    pub fn open(&mut self, block: AddressBlock, most: usize, now: Duration) -> bool {
        self.forget(now);
        let counted = self.all.entry(block).or_default();
        let is_one_more = most == 0 || counted.connections < most;
        counted.connections += usize::from(is_one_more);
        is_one_more
    }

    /// Removes a closed connection from the count.
    pub fn close(&mut self, block: AddressBlock, now: Duration) {
        if let Entry::Occupied(mut entry) = self.all.entry(block) {
            let counted = entry.get_mut();
            counted.connections = counted.connections.saturating_sub(1);
            if !counted.counts(now) {
                entry.remove();
            }
        }
    }

    /// Counts an event, if the rate allows it.
    ///
    /// # Errors
    /// The time to wait until the rate allows it.
    pub fn take(
        &mut self,
        block: AddressBlock,
        kind: Kind,
        rate: Rate,
        now: Duration,
    ) -> Result<(), Duration> {
        self.forget(now);
        self.all.entry(block).or_default().buckets[kind as usize].take(rate, now)
    }

    /// Removes one event from the count.
    pub fn give_back(&mut self, block: AddressBlock, kind: Kind, rate: Rate) {
        if let Some(counted) = self.all.get_mut(&block) {
            let bucket = &mut counted.buckets[kind as usize];
            bucket.0 = bucket.0.saturating_sub(nanoseconds(rate.every));
        }
    }

    /// Checks whether the rate allows an event.
    ///
    /// # Errors
    /// The time to wait until the rate allows it.
    pub fn check(
        &self,
        block: AddressBlock,
        kind: Kind,
        rate: Rate,
        now: Duration,
    ) -> Result<(), Duration> {
        match self.all.get(&block) {
            Some(counted) => counted.buckets[kind as usize].check(rate, now),
            None => Ok(()),
        }
    }

    /// The blocks that currently have to wait, with the kind of event and the time.
    pub fn limited(
        &self,
        rates: &[(Kind, Rate)],
        now: Duration,
    ) -> Vec<(AddressBlock, Kind, Duration)> {
        let of_block = |(block, counted): (&AddressBlock, &Counted)| {
            let waiting = rates.iter().filter_map(|&(kind, rate)| {
                let wait = counted.buckets[kind as usize].check(rate, now).err()?;
                Some((*block, kind, wait))
            });
            waiting.collect::<Vec<_>>()
        };
        self.all.iter().flat_map(of_block).collect()
    }

    /// Forgets the blocks that have no counts left, so that the rates bound the memory.
    fn forget(&mut self, now: Duration) {
        if self.all.len() < self.look_at.max(FEW) {
            return;
        }
        self.all.retain(|_, counted| counted.counts(now));
        self.look_at = self.all.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let rate = Rate::per_second(10, 3).unwrap();
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, at(1000)), Ok(()));
        }
        assert_eq!(bucket.take(rate, at(1000)), Err(at(100)));
        assert_eq!(bucket.take(rate, at(1060)), Err(at(40)));
        assert_eq!(bucket.take(rate, at(1100)), Ok(()));
        assert_eq!(bucket.take(rate, at(1100)), Err(at(100)));
        assert_eq!(bucket.check(rate, at(9000)), Ok(()));
        assert_eq!((Rate::per_minute(0), Rate::per_second(0, 5)), (None, None));
    }

    #[test]
    fn an_address_block_is_an_ipv4_address_or_an_ipv6_64() {
        let block = |text: &str| AddressBlock::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(block("10.0.0.1"), block("::ffff:10.0.0.1"));
        assert_ne!(block("10.0.0.1"), block("10.0.0.2"));
        assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:1"));
        assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
        assert_eq!(block("10.0.0.1").to_string(), "10.0.0.1");
        assert_eq!(block("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[test]
    fn a_limit_outlives_the_connection_and_can_be_given_back() {
        let rate = Rate::per_minute(1).unwrap();
        let (kind, block) = (Kind::WrongPassword, AddressBlock::V4(7));
        let mut blocks = AddressBlocks::default();
        assert!(blocks.open(block, 0, at(0)));
        assert_eq!(blocks.take(block, kind, rate, at(0)), Ok(()));
        blocks.close(block, at(1));
        assert_eq!(blocks.take(block, kind, rate, at(1)), Err(at(59_999)));
        assert_eq!(blocks.check(block, kind, rate, at(1)), Err(at(59_999)));
        assert_eq!(blocks.check(block, Kind::Join, rate, at(1)), Ok(()));
        assert_eq!(blocks.check(AddressBlock::V4(8), kind, rate, at(1)), Ok(()));
        let limited = blocks.limited(&[(Kind::Join, rate), (kind, rate)], at(1));
        assert_eq!(limited, [(block, kind, at(59_999))]);
        assert_eq!(blocks.limited(&[(kind, rate)], at(60_000)), []);
        blocks.give_back(block, kind, rate);
        assert_eq!(blocks.check(block, kind, rate, at(1)), Ok(()));
    }

    #[test]
    fn blocks_without_counts_are_forgotten() {
        let rate = Rate::per_minute(60).unwrap();
        let mut blocks = AddressBlocks::default();
        assert!(blocks.open(AddressBlock::V4(0), 1, at(0)));
        assert!(!blocks.open(AddressBlock::V4(0), 1, at(0)));
        for number in 1..100_000 {
            // One event per millisecond, each of which counts for a second.
            blocks.take(AddressBlock::V4(number), Kind::Join, rate, at(number.into())).unwrap();
        }
        assert!(blocks.all.len() < 4 * FEW, "{}", blocks.all.len());
        let end = at(200_000);
        assert!(!blocks.open(AddressBlock::V4(0), 1, end), "it is still open");
        blocks.close(AddressBlock::V4(0), end);
        assert!(blocks.open(AddressBlock::V4(0), 1, end));
        blocks.close(AddressBlock::V4(0), end);
        for number in 0..100_000 {
            assert!(blocks.open(AddressBlock::V4(number), 0, end));
            blocks.close(AddressBlock::V4(number), end);
        }
        assert!(blocks.all.len() < 4 * FEW, "{}", blocks.all.len());
    }
}
