//! Limits for everything that comes from one address. They turn a client away for a minute at most; only
//! operators ban.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatroom::admin::Limited;
use chatroom::config::Limits;
use chatroom::room::{EndReason, Refusal};
use chatroom::throttle::{AddressBlock, AddressBlocks, Kind, Rate};

use crate::source::Source;

/// The counts for each address.
pub struct ConnectionLimits {
    start: Instant,
    blocks: Mutex<AddressBlocks>,
    /// The number of times that a connection was slowed down because it sent too fast.
    slowed: AtomicU64,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        let (blocks, slowed) = (Mutex::default(), AtomicU64::default());
        ConnectionLimits { start: Instant::now(), blocks, slowed }
    }
}

impl ConnectionLimits {
    /// Counts a new connection, unless there are too many.
    ///
    /// # Errors
    /// Why the connection is turned away.
    pub fn open(&self, source: &Source, limits: &Limits) -> Result<(), EndReason> {
        let is_exempt = source.is_exempt(limits);
        let block = AddressBlock::from(source.ip());
        let mut blocks = self.blocks();
        if let Some(rate) = rate(Kind::Connection, limits).filter(|_| !is_exempt) {
            let too_often = |wait| EndReason::TooOften { seconds: whole_seconds(wait) };
            blocks.take(block, Kind::Connection, rate, self.now()).map_err(too_often)?;
        }
        // Counted in any case, because the configuration can change before it is closed.
        let most = if is_exempt { 0 } else { limits.connections_per_address };
        let is_open = blocks.open(block, most, self.now());
        is_open.then_some(()).ok_or(EndReason::Crowded)
    }

    /// Counts a connection that another process has served, whatever the limits are.
    pub fn resume(&self, source: &Source) {
        let _ = self.blocks().open(AddressBlock::from(source.ip()), 0, self.now());
    }

    /// Counts one connection less.
    pub fn close(&self, source: &Source) {
        self.blocks().close(AddressBlock::from(source.ip()), self.now());
    }

    /// Counts an attempt to join.
    ///
    /// # Errors
    /// The user has to wait.
    pub fn join(&self, source: &Source, limits: &Limits) -> Result<(), Refusal> {
        match rate(Kind::Join, limits).filter(|_| !source.is_exempt(limits)) {
            None => Ok(()),
            Some(rate) => self
                .blocks()
                .take(AddressBlock::from(source.ip()), Kind::Join, rate, self.now())
                .map_err(|wait| Refusal::JoinsTooOften { seconds: whole_seconds(wait) }),
        }
    }

    /// Takes an attempt to join out of the count.
    pub fn forgive_join(&self, source: &Source, limits: &Limits) {
        if let Some(rate) = rate(Kind::Join, limits).filter(|_| !source.is_exempt(limits)) {
            self.blocks().give_back(AddressBlock::from(source.ip()), Kind::Join, rate);
        }
    }

    /// Counts a password as wrong, before it is verified.
    ///
    /// # Errors
    /// The user has to wait.
    pub fn try_password(&self, source: &Source, limits: &Limits) -> Result<(), Refusal> {
        let Some(rate) = rate(Kind::WrongPassword, limits) else { return Ok(()) };
        self.blocks()
            .take(AddressBlock::from(source.ip()), Kind::WrongPassword, rate, self.now())
            .map_err(|wait| Refusal::PasswordsTooOften { seconds: whole_seconds(wait) })
    }

    /// Takes a password out of the count, because it was right.
    pub fn forgive_password(&self, source: &Source, limits: &Limits) {
        if let Some(rate) = rate(Kind::WrongPassword, limits) {
            self.blocks().give_back(AddressBlock::from(source.ip()), Kind::WrongPassword, rate);
        }
    }

    /// Counts that a connection was slowed.
    pub fn note_slowed(&self) {
        self.slowed.fetch_add(1, Relaxed);
    }

    /// The number of times that a connection was slowed down.
    pub fn slowed(&self) -> u64 {
        self.slowed.load(Relaxed)
    }

    /// The addresses that currently have to wait, with the limit and the time.
    pub fn limited(&self, limits: &Limits) -> Vec<Limited> {
        let rates = [Kind::Connection, Kind::Join, Kind::WrongPassword]
            .into_iter()
            .filter_map(|kind| Some((kind, rate(kind, limits)?)))
            .collect::<Vec<_>>();
        let limited = self.blocks().limited(&rates, self.now());
        let show = |(block, kind, wait): (AddressBlock, Kind, Duration)| Limited {
            address: block.to_string(),
            what: match kind {
                Kind::Connection => "connects too often",
                Kind::Join => "joins too often",
                Kind::WrongPassword => "wrong passwords",
            }
            .to_owned(),
            seconds: whole_seconds(wait),
        };
        limited.into_iter().map(show).collect()
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn blocks(&self) -> MutexGuard<'_, AddressBlocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rate of an event, if it is limited.
fn rate(kind: Kind, limits: &Limits) -> Option<Rate> {
    Rate::per_minute(match kind {
        Kind::Connection => limits.new_connections_per_minute,
        Kind::Join => limits.joins_per_minute,
        Kind::WrongPassword => limits.wrong_passwords_per_minute,
    })
}

/// Rounds up, so that the time is long enough to wait.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil() as u64
}
