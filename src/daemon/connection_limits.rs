//! Limits for all that comes from one address. What they keep out, they keep out for a minute at the
//! most: nobody is banned but by an operator.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatroom::admin::Limited;
use chatroom::config::Limits;
use chatroom::room::{EndReason, Refusal};
use chatroom::throttle::{AddressBlock, AddressBlocks, Kind, Rate};

use crate::source::Source;

/// What was counted of every address.
pub struct ConnectionLimits {
    start: Instant,
    blocks: Mutex<AddressBlocks>,
    /// How often a connection was slowed that sent too fast.
    slowed: AtomicU64,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        let (blocks, slowed) = (Mutex::default(), AtomicU64::default());
        ConnectionLimits { start: Instant::now(), blocks, slowed }
    }
}

impl ConnectionLimits {
    /// Counts a new connection, if there may be one more.
    ///
    /// # Errors
    /// Why it is turned away.
    pub fn open(&self, source: &Source, limits: &Limits) -> Result<(), EndReason> {
        let is_exempt = source.is_exempt(limits);
        let block = AddressBlock::from(source.ip());
        let mut blocks = self.blocks();
        if let Some(rate) = rate(Kind::Connection, limits).filter(|_| !is_exempt) {
            let too_often = |wait| EndReason::TooOften { seconds: whole_seconds(wait) };
            blocks.take(block, Kind::Connection, rate, self.now()).map_err(too_often)?;
        }
        // Counted in any case: the configuration can be another one when it is closed.
        let most = if is_exempt { 0 } else { limits.connections_per_address };
        let is_open = blocks.open(block, most, self.now());
        is_open.then_some(()).ok_or(EndReason::Crowded)
    }

    /// Counts a connection that another process has had, whatever the limits are.
    pub fn resume(&self, source: &Source) {
        let _ = self.blocks().open(AddressBlock::from(source.ip()), 0, self.now());
    }

    /// A connection that was counted is closed.
    pub fn close(&self, source: &Source) {
        self.blocks().close(AddressBlock::from(source.ip()), self.now());
    }

    /// Notes that somebody wants to join.
    ///
    /// # Errors
    /// They have to wait.
    pub fn join(&self, source: &Source, limits: &Limits) -> Result<(), Refusal> {
        match rate(Kind::Join, limits).filter(|_| !source.is_exempt(limits)) {
            None => Ok(()),
            Some(rate) => self
                .blocks()
                .take(AddressBlock::from(source.ip()), Kind::Join, rate, self.now())
                .map_err(|wait| Refusal::JoinsTooOften { seconds: whole_seconds(wait) }),
        }
    }

    /// They have only come back.
    pub fn forgive_join(&self, source: &Source, limits: &Limits) {
        if let Some(rate) = rate(Kind::Join, limits).filter(|_| !source.is_exempt(limits)) {
            self.blocks().give_back(AddressBlock::from(source.ip()), Kind::Join, rate);
        }
    }

    /// Notes that somebody gives a password that may be wrong.
    ///
    /// # Errors
    /// They have to wait.
    pub fn try_password(&self, source: &Source, limits: &Limits) -> Result<(), Refusal> {
        let Some(rate) = rate(Kind::WrongPassword, limits) else { return Ok(()) };
        self.blocks()
            .take(AddressBlock::from(source.ip()), Kind::WrongPassword, rate, self.now())
            .map_err(|wait| Refusal::PasswordsTooOften { seconds: whole_seconds(wait) })
    }

    /// It was not wrong.
    pub fn forgive_password(&self, source: &Source, limits: &Limits) {
        if let Some(rate) = rate(Kind::WrongPassword, limits) {
            self.blocks().give_back(AddressBlock::from(source.ip()), Kind::WrongPassword, rate);
        }
    }

    /// Notes that a connection was slowed.
    pub fn note_slowed(&self) {
        self.slowed.fetch_add(1, Relaxed);
    }

    /// How often that was.
    pub fn slowed(&self) -> u64 {
        self.slowed.load(Relaxed)
    }

    /// Which addresses have to wait at present, for what and how long.
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

/// How often something may happen, if that is limited.
fn rate(kind: Kind, limits: &Limits) -> Option<Rate> {
    Rate::per_minute(match kind {
        Kind::Connection => limits.new_connections_per_minute,
        Kind::Join => limits.joins_per_minute,
        Kind::WrongPassword => limits.wrong_passwords_per_minute,
    })
}

/// Rounded up, so that who waits for so long has waited for long enough.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil() as u64
}
