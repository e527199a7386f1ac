//! What is read, and noted, when the history is opened.

use chatroom::config::Durability;
use chatroom::names::Name;
use chatroom::room::{Epochs, Member, Position, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// So long a session can be taken up again after its person has gone, in milliseconds: 30 days.
const SESSION_TIME: i64 = 30 * 86_400_000;

/// What a run of the daemon begins with, and what is to be noted of it.
pub(super) struct Run {
    pub last: Position,
    pub epochs: Epochs,
    pub number: u64,
    /// The first record of a new epoch, if one begins.
    begins: Option<(u32, Seq)>,
    durability: Durability,
}

impl Run {
    /// Finds out where the last run ended, and whether the end of its log may have been lost: also
    /// where the database `is_exchanged`, and numbers after its last may have been seen.
    pub(super) fn read(
        db: &Connection,
        durability: Durability,
        is_exchanged: bool,
    ) -> anyhow::Result<Run> {
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
        Ok(Run { last, epochs, number: runs.unsigned_abs() + 1, begins, durability })
    }

    /// Notes that this run has begun. Nothing else of it may be stored before.
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
}

/// Forgets a few of the sessions that nobody has come back to for long, and the ids of their
/// direct messages. Gives how many of each.
pub(super) fn forget_old_sessions(
    db: &Connection,
    now: Timestamp,
) -> rusqlite::Result<(usize, usize)> {
    let old = "SELECT id FROM sessions WHERE seen < ?1 \
               AND id NOT IN (SELECT session FROM members) ORDER BY seen LIMIT 256";
    let until = now.as_millisecond() - SESSION_TIME;
    // All name the same sessions, for only the last of them changes anything of them.
    let delete_from = |table: &str, column: &str| {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE {column} IN ({old})"))?
            .execute([until])
    };
    let directs = delete_from("directs", "session")?;
    delete_from("aliases", "session")?;
    let sessions = delete_from("sessions", "id")?;
    Ok((sessions, directs))
}

pub(super) fn read_oldest(db: &Connection) -> anyhow::Result<Option<Seq>> {
    let oldest: Option<i64> = db.query_row("SELECT min(seq) FROM records", [], |row| row.get(0))?;
    Ok(oldest.map(|seq| Seq(seq as u64)))
}

pub(super) fn read_members(db: &Connection) -> anyhow::Result<Vec<(Member, bool)>> {
    let mut select = db.prepare(
        "SELECT members.session, name, since, sessions.id IS NOT NULL
         FROM members LEFT JOIN sessions ON sessions.id = members.session",
    )?;
    let rows = select.query_map([], |row| {
        let session = SessionId(row.get::<_, i64>(0)? as u64);
        Ok((session, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, bool>(3)?))
    })?;
    let mut members = Vec::new();
    for row in rows {
        let (session, name, since, can_resume) = row?;
        let name = Name::from_store(&name);
        let since = Timestamp::from_millisecond(since).unwrap_or(Timestamp::UNIX_EPOCH);
        members.push((Member { session, name, since, detached_since: None }, can_resume));
    }
    Ok(members)
}
