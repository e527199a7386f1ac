//! Rate limits, for one connection and for everything that comes from one address.
//!
//! A time is the time since a moment that the caller chooses.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// How often something can happen, and how often in a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time between two events, on average.
    pub every: Duration,
    /// How many events can come at once. At least 1.
    pub burst: u32,
}

impl Rate {
    /// So many events per minute, and as many at once. None for 0, which is no limit.
    pub fn per_minute(count: usize) -> Option<Rate> {
        let burst = u32::try_from(count).ok().filter(|&count| count > 0)?;
        Some(Rate { every: Duration::from_secs(60) / burst, burst })
    }

    /// So many events per second, and so many at once. None for 0, which is no limit.
    pub fn per_second(count: usize, burst: usize) -> Option<Rate> {
        let count = u32::try_from(count).ok().filter(|&count| count > 0)?;
        let burst = u32::try_from(burst).unwrap_or(u32::MAX).max(1);
        Some(Rate { every: Duration::from_secs(1) / count, burst })
    }
}

/// A leaky bucket: the moment at which the bucket is empty (the "generic cell rate algorithm" of ITU-T
/// I.371).
///
/// It is a number of nanoseconds, because every connection has one and it has to be small.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket(u64);

impl Bucket {
    /// Counts an event, if the rate allows it.
    ///
    /// # Errors
    /// How long to wait until it does.
    pub fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        self.check(rate, now)?;
        self.0 = self.0.max(nanoseconds(now)).saturating_add(nanoseconds(rate.every));
        Ok(())
    }

    /// Whether the rate allows an event.
    ///
    /// # Errors
    /// How long to wait until it does.
    pub fn check(&self, rate: Rate, now: Duration) -> Result<(), Duration> {
        let full = rate.every * (rate.burst - 1);
        match Duration::from_nanos(self.0).saturating_sub(now).saturating_sub(full) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }
}

/// 64 bits are enough for 500 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The addresses that one subscriber has: an IPv4 address, or an IPv6 /64.
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
    /// Whether anything is left that can limit something.
    fn counts(&self, now: Duration) -> bool {
        self.connections > 0 || self.buckets.iter().any(|bucket| bucket.0 > nanoseconds(now))
    }
}

/// The counts of all address blocks that have some.
#[derive(Debug, Default)]
pub struct AddressBlocks {
    all: HashMap<AddressBlock, Counted>,
    /// With so many blocks, the next look for blocks that can be forgotten is due.
    look_at: usize,
}

/// With fewer blocks than this, none are forgotten.
const FEW: usize = 1024;

impl AddressBlocks {
    /// Counts a connection, unless there are `most` already. 0 is no limit. Returns whether it was
    /// counted.
    pub fn open(&mut self, block: AddressBlock, most: usize, now: Duration) -> bool {
        self.forget(now);
        let counted = self.all.entry(block).or_default();
        let is_one_more = most == 0 || counted.connections < most;
        counted.connections += usize::from(is_one_more);
        is_one_more
    }

    /// Counts one connection less.
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
    /// How long to wait until it does.
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

    /// Takes one event out of the count.
    pub fn give_back(&mut self, block: AddressBlock, kind: Kind, rate: Rate) {
        if let Some(counted) = self.all.get_mut(&block) {
            let bucket = &mut counted.buckets[kind as usize];
            bucket.0 = bucket.0.saturating_sub(nanoseconds(rate.every));
        }
    }

    /// Whether the rate allows an event.
    ///
    /// # Errors
    /// How long to wait until it does.
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

    /// The blocks that have to wait at present, for what and for how long.
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

    /// Forgets the blocks that have no counts left, so that memory is bounded by the rates.
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
