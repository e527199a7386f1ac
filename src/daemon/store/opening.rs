//! What is read, and noted, when the history is opened.

use chatroom::config::Durability;
use chatroom::names::Name;
use chatroom::room::{Epochs, Member, Position, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// So long a session can be taken up again after its person has gone, in milliseconds: 30 days.
const SESSION_TIME: i64 = 30 * 86_400_000;

/// Notes that a daemon runs, and finds out whether the end of the log may have been lost.
pub(super) fn begin_run(
    db: &mut Connection,
    durability: Durability,
) -> anyhow::Result<(Position, Epochs, u64)> {
    let transaction = db.transaction()?;
    let (running, was_power, run): (bool, bool, i64) =
        transaction.query_row("SELECT running, power, runs FROM meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let last: Option<i64> =
        transaction.query_row("SELECT max(seq) FROM records", [], |row| row.get(0))?;
    let mut select = transaction.prepare("SELECT epoch, first FROM epochs ORDER BY epoch")?;
    let starts: Vec<(u32, Seq)> = select
        .query_map([], |row| Ok((row.get(0)?, Seq(row.get::<_, i64>(1)? as u64))))?
        .collect::<Result<_, _>>()?;
    drop(select);
    let last = Seq(last.unwrap_or(0) as u64);
    let mut epochs = Epochs::new(starts);
    if running && !was_power {
        let epoch = epochs.begin(last.next());
        transaction.execute(
            "INSERT INTO epochs (epoch, first) VALUES (?, ?)",
            params![epoch, last.next().0 as i64],
        )?;
    }
    transaction.execute(
        "UPDATE meta SET running = 1, power = ?, runs = runs + 1",
        params![durability == Durability::Power],
    )?;
    transaction.commit()?;
    let position = Position { epoch: epochs.current(), seq: last };
    Ok((position, epochs, run.unsigned_abs() + 1))
}

/// Forgets a few of the sessions that nobody has come back to for long, and the ids of their
/// direct messages.
pub(super) fn forget_old_sessions(db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let old = "SELECT id FROM sessions WHERE seen < ?1 \
               AND id NOT IN (SELECT session FROM members) ORDER BY seen LIMIT 256";
    let until = now.as_millisecond() - SESSION_TIME;
    // All name the same sessions, for only the last of them changes anything of them.
    for table in ["directs", "aliases"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE session IN ({old})"))?
            .execute([until])?;
    }
    db.prepare_cached(&format!("DELETE FROM sessions WHERE id IN ({old})"))?.execute([until])?;
    Ok(())
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
        members.push((Member { session, name, since, away: None }, can_resume));
    }
    Ok(members)
}
