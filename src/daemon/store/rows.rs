//! Records as rows.

use chatroom::names::Name;
use chatroom::room::{Author, Departure, Record, RecordKind, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{CachedStatement, Row, params};

pub const INSERT: &str = "INSERT INTO records (seq, epoch, time, kind, session, client_id, name, \
                          text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
pub const REDACT: &str = "UPDATE records SET text = ? WHERE seq = ? AND kind IN (1, 2, 5, 7)";
pub const SELECT_ONE: &str = "SELECT seq, epoch, time, kind, session, client_id, name, text FROM \
                              records WHERE seq = ?";
pub const SELECT_FROM: &str = "SELECT seq, epoch, time, kind, session, client_id, name, text FROM \
                               records WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?";
pub const SELECT_BACK: &str = "SELECT seq, epoch, time, kind, session, client_id, name, text FROM \
                               records WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?";
/// The same with only those whose text may have something in it; what `LIKE` takes for equal is a
/// little less than what a person does, so that it is only for a part in ASCII.
pub const SELECT_FROM_LIKE: &str = "SELECT seq, epoch, time, kind, session, client_id, name, text FROM records WHERE seq >= ? AND \
     seq < ? AND text LIKE ?4 ESCAPE '\\' ORDER BY seq LIMIT ?3";
pub const SELECT_BACK_LIKE: &str = "SELECT seq, epoch, time, kind, session, client_id, name, text FROM records WHERE seq >= ? AND \
     seq < ? AND text LIKE ?4 ESCAPE '\\' ORDER BY seq DESC LIMIT ?3";

/// The first and the last number. Asked for together without this, all of them would be looked at.
pub const ENDS: &str = "SELECT (SELECT min(seq) FROM records), (SELECT max(seq) FROM records)";

/// What stands before the reason in the text of somebody's removal.
const REMOVED_WITH: &str = "removed: ";

/// Inserts a record.
pub fn insert(insert: &mut CachedStatement<'_>, record: &Record) -> rusqlite::Result<()> {
    let (kind, name, text) = columns(&record.kind);
    let session = record.author.as_ref().map(|author| author.session.0 as i64);
    let client_id = record.author.as_ref().and_then(|author| author.id.as_deref());
    insert.execute(params![
        record.seq.0 as i64,
        record.epoch,
        record.time.as_millisecond(),
        kind,
        session,
        client_id,
        name,
        text
    ])?;
    Ok(())
}

fn columns(kind: &RecordKind) -> (u8, Option<&str>, Option<String>) {
    match kind {
        RecordKind::Message { name, text } => (1, Some(name.as_str()), Some(text.clone())),
        RecordKind::Action { name, text } => (2, Some(name.as_str()), Some(text.clone())),
        RecordKind::Joined { name } => (3, Some(name.as_str()), None),
        RecordKind::Left { name, how } => {
            let how = match how {
                Departure::Quit => "quit".to_owned(),
                Departure::Lost => "lost".to_owned(),
                Departure::Removed { reason: None } => "removed".to_owned(),
                Departure::Removed { reason: Some(reason) } => format!("{REMOVED_WITH}{reason}"),
            };
            (4, Some(name.as_str()), Some(how))
        }
        RecordKind::Notice { text } => (5, None, Some(text.clone())),
        RecordKind::Redacted { targets } => {
            let targets: Vec<String> = targets.iter().map(Seq::to_string).collect();
            (6, None, Some(targets.join(" ")))
        }
        RecordKind::Topic { text } => (7, None, Some(text.clone())),
        RecordKind::Renamed { name, to } => (8, Some(name.as_str()), Some(to.to_string())),
    }
}

/// Reads a record from a row of one of the selections above.
pub fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    let session: Option<i64> = row.get(4)?;
    let client_id: Option<String> = row.get(5)?;
    let name = || -> rusqlite::Result<Name> {
        let name: String = row.get(6)?;
        Ok(Name::from_store(&name))
    };
    let text = row.get::<_, Option<String>>(7)?.unwrap_or_default();
    let kind = match row.get(3)? {
        1u8 => RecordKind::Message { name: name()?, text },
        2 => RecordKind::Action { name: name()?, text },
        3 => RecordKind::Joined { name: name()? },
        4 => RecordKind::Left { name: name()?, how: departure(&text) },
        5 => RecordKind::Notice { text },
        6 => RecordKind::Redacted {
            targets: text.split(' ').filter_map(|seq| seq.parse().ok()).map(Seq).collect(),
        },
        7 => RecordKind::Topic { text },
        8 => RecordKind::Renamed { name: name()?, to: Box::new(Name::from_store(&text)) },
        _ => return Err(damaged(3, "a kind of record")),
    };
    Ok(Record {
        seq: Seq(row.get::<_, i64>(0)? as u64),
        epoch: row.get(1)?,
        time: Timestamp::from_millisecond(row.get(2)?).map_err(|_| damaged(2, "a time"))?,
        kind,
        author: session.map(|session| Author { session: SessionId(session as u64), id: client_id }),
    })
}

fn departure(text: &str) -> Departure {
    match text {
        "quit" => Departure::Quit,
        "removed" => Departure::Removed { reason: None },
        _ => match text.strip_prefix(REMOVED_WITH) {
            Some(reason) => Departure::Removed { reason: Some(reason.to_owned()) },
            None => Departure::Lost,
        },
    }
}

fn damaged(column: usize, expected: &str) -> rusqlite::Error {
    let message = format!("there is something in the place of {expected}");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, message.into())
}
