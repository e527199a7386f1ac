//! A start of the daemon on its history.

use chatroom::config::Durability;
use chatroom::room::{Epochs, Position, Seq};
use rusqlite::{Connection, params};

use super::StoreFailure;

/// The position at which a run of the daemon begins, and the data that the store has to note about
/// it.
pub(super) struct RunStart {
    pub last: Position,
    pub epochs: Epochs,
    /// The number of starts of a daemon on this history, including this one.
    pub number: u64,
    /// The first record of a new epoch, if one begins.
    begins: Option<(u32, Seq)>,
    durability: Durability,
}

impl RunStart {
    /// Finds out where the previous run ended, and whether its last records may be lost: after an
    /// unclean end without durability against power cuts, or if another database `is_exchanged` for the
    /// one of that run.
    pub(super) fn read(
        db: &Connection,
        durability: Durability,
        is_exchanged: bool,
    ) -> anyhow::Result<RunStart> {
        let (running, was_power, runs): (bool, bool, i64) =
            db.query_row("SELECT running, power, runs FROM meta", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let last: Option<i64> =
            db.query_row("SELECT max(seq) FROM records", [], |row| row.get(0))?;
        let mut select = db.prepare("SELECT epoch, first FROM epochs ORDER BY epoch")?;
        let starts: Vec<(u32, Seq)> = select
            .query_map([], |row| Ok((row.get(0)?, Seq(row.get::<_, i64>(1)? as u64))))?
            .collect::<Result<_, _>>()?;
        let last = Seq(last.unwrap_or(0) as u64);
        let mut epochs = Epochs::new(starts);
        let is_lost = is_exchanged || (running && !was_power);
        let begins = is_lost.then(|| (epochs.begin(last.next()), last.next()));
        let last = Position { epoch: epochs.current(), seq: last };
        Ok(RunStart { last, epochs, number: runs.unsigned_abs() + 1, begins, durability })
    }

    /// Notes in the store that this run has begun. This comes before everything else that it stores.
    pub(super) fn note(&self, db: &Connection) -> rusqlite::Result<()> {
        if let Some((epoch, first)) = self.begins {
            let insert = "INSERT INTO epochs (epoch, first) VALUES (?, ?)";
            db.execute(insert, params![epoch, first.0 as i64])?;
        }
        db.execute(
            "UPDATE meta SET running = 1, power = ?, runs = ?",
            params![self.durability == Durability::Power, self.number as i64],
        )?;
        Ok(())
    }

    /// The same, in a transaction of its own.
    pub(super) fn commit(&self, db: &mut Connection) -> Result<(), StoreFailure> {
        let transaction = db.transaction()?;
        self.note(&transaction)?;
        Ok(transaction.commit()?)
    }
}
