//! The table of members, beside the records, in the same transactions.

use chatroom::names::Name;
use chatroom::room::{Member, Record, RecordKind, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// The members, and whether each can resume its session.
pub(super) fn read(db: &Connection) -> anyhow::Result<Vec<(Member, bool)>> {
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

/// Applies a record to the table.
pub(super) fn update(db: &Connection, record: &Record, now: Timestamp) -> rusqlite::Result<()> {
    let Some(author) = &record.author else { return Ok(()) };
    let session = author.session.0 as i64;
    match &record.kind {
        RecordKind::Joined { name } => {
            db.prepare_cached(
                "INSERT OR REPLACE INTO members (session, name, since) VALUES (?, ?, ?)",
            )?
            .execute(params![session, name.as_str(), record.time.as_millisecond()])?;
        }
        RecordKind::Left { .. } => {
            db.prepare_cached("DELETE FROM members WHERE session = ?")?.execute([session])?;
            let known = db
                .prepare_cached("UPDATE sessions SET seen = ? WHERE id = ?")?
                .execute(params![now.as_millisecond(), session])?;
            if known == 0 {
                // The session cannot be resumed.
                db.prepare_cached("DELETE FROM aliases WHERE session = ?")?.execute([session])?;
            }
        }
        _ => {}
    }
    Ok(())
}
