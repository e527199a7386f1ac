//! How often something may happen: for a connection, and for all that comes from one address.
//!
//! Times are those since one moment, which the caller chooses.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// So often, with so many at once now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time that each takes.
    pub every: Duration,
    /// How many may come together. At least 1.
    pub burst: u32,
}

impl Rate {
    /// So many in a minute, and as many at once. None for 0, which is no limit.
    pub fn per_minute(count: usize) -> Option<Rate> {
        let burst = u32::try_from(count).ok().filter(|&count| count > 0)?;
        Some(Rate { every: Duration::from_secs(60) / burst, burst })
    }

    /// So many in a second, and so many at once. None for 0, which is no limit.
    pub fn per_second(count: usize, burst: usize) -> Option<Rate> {
        let count = u32::try_from(count).ok().filter(|&count| count > 0)?;
        let burst = u32::try_from(burst).unwrap_or(u32::MAX).max(1);
        Some(Rate { every: Duration::from_secs(1) / count, burst })
    }
}

/// When what has happened so far is used up: a leaky bucket as one moment (the "generic cell rate
/// algorithm" of ITU-T I.371).
/// In nanoseconds, for every connection has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket(u64);

impl Bucket {
    /// Notes that it happens, if it may.
    ///
    /// # Errors
    /// After what time it may.
    pub fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        self.check(rate, now)?;
        self.0 = self.0.max(nanoseconds(now)).saturating_add(nanoseconds(rate.every));
        Ok(())
    }

    /// Whether it may happen.
    ///
    /// # Errors
    /// After what time it may.
    pub fn check(&self, rate: Rate, now: Duration) -> Result<(), Duration> {
        let full = rate.every * (rate.burst - 1);
        match Duration::from_nanos(self.0).saturating_sub(now).saturating_sub(full) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }
}

/// Enough for 500 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// All that one subscriber may have: an IPv4 address, or an IPv6 network of 64 bits.
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

/// What is counted for an address block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// New connections.
    Connection,
    /// Joining.
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
    /// Whether anything of it still matters.
    fn counts(&self, now: Duration) -> bool {
        self.connections > 0 || self.buckets.iter().any(|bucket| bucket.0 > nanoseconds(now))
    }
}

/// Every address block of which something is to be remembered.
#[derive(Debug, Default)]
pub struct AddressBlocks {
    all: HashMap<AddressBlock, Counted>,
    /// With so many of them it is looked which can be forgotten.
    look_at: usize,
}

/// It is not looked for what can be forgotten with fewer than this.
const FEW: usize = 1024;

impl AddressBlocks {
    /// Counts a connection, if there may be one more; `most` 0 is no limit.
    pub fn open(&mut self, block: AddressBlock, most: usize, now: Duration) -> bool {
        self.forget(now);
        let counted = self.all.entry(block).or_default();
        let is_one_more = most == 0 || counted.connections < most;
        counted.connections += usize::from(is_one_more);
        is_one_more
    }

    /// A connection that was counted is closed.
    pub fn close(&mut self, block: AddressBlock, now: Duration) {
        if let Entry::Occupied(mut entry) = self.all.entry(block) {
            let counted = entry.get_mut();
            counted.connections = counted.connections.saturating_sub(1);
            if !counted.counts(now) {
                entry.remove();
            }
        }
    }

    /// Notes that something happens, if it may.
    ///
    /// # Errors
    /// After what time it may.
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

    /// What was noted does not count.
    pub fn give_back(&mut self, block: AddressBlock, kind: Kind, rate: Rate) {
        if let Some(counted) = self.all.get_mut(&block) {
            let bucket = &mut counted.buckets[kind as usize];
            bucket.0 = bucket.0.saturating_sub(nanoseconds(rate.every));
        }
    }

    /// Whether it may happen.
    ///
    /// # Errors
    /// After what time it may.
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

    /// Who has to wait at present, for what and how long.
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

    /// Forgets those of which nothing counts any more, so that memory is bounded by what the rates
    /// let happen.
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
    fn an_origin_is_an_address_or_a_network_of_64_bits() {
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
    fn what_counts_no_more_is_forgotten() {
        let rate = Rate::per_minute(60).unwrap();
        let mut blocks = AddressBlocks::default();
        assert!(blocks.open(AddressBlock::V4(0), 1, at(0)));
        assert!(!blocks.open(AddressBlock::V4(0), 1, at(0)));
        for number in 1..100_000 {
            // One each millisecond, each remembered for a second.
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
