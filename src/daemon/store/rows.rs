//! Records as rows.

use chatroom::names::Name;
use chatroom::room::{Author, Departure, REDACTED, Record, RecordKind, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{CachedStatement, Connection, Row, params};

/// The numbers that stand for record kinds in the column `kind`. Stored histories contain them: a number
/// never changes its meaning, and a new kind gets the next number.
pub mod kind {
    pub const MESSAGE: u8 = 1;
    pub const ACTION: u8 = 2;
    pub const JOINED: u8 = 3;
    pub const LEFT: u8 = 4;
    pub const NOTICE: u8 = 5;
    pub const REDACTED: u8 = 6;
    pub const TOPIC: u8 = 7;
    pub const RENAMED: u8 = 8;

    /// All of them.
    pub const ALL: std::ops::RangeInclusive<i64> = MESSAGE as i64..=RENAMED as i64;
    /// The kinds whose text a user wrote, and that can be redacted.
    pub const REDACTABLE: [u8; 4] = [MESSAGE, ACTION, NOTICE, TOPIC];
}

/// A statement that selects records, for [`read`].
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT seq, epoch, time, kind, session, client_id, name, text FROM records WHERE ",
            $which
        )
    };
}

pub const INSERT: &str = "INSERT INTO records (seq, epoch, time, kind, session, client_id, name, \
                          text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
pub const SELECT_ONE: &str = select!("seq = ?");
pub const SELECT_FROM: &str = select!("seq >= ? AND seq < ? ORDER BY seq LIMIT ?");
pub const SELECT_BACK: &str = select!("seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?");
/// As [`SELECT_FROM`], with only the records whose text matches a pattern. SQLite ignores case in ASCII
/// only, so patterns have to be ASCII.
pub const SELECT_FROM_LIKE: &str =
    select!("seq >= ? AND seq < ? AND text LIKE ?4 ESCAPE '\\' ORDER BY seq LIMIT ?3");
pub const SELECT_BACK_LIKE: &str =
    select!("seq >= ? AND seq < ? AND text LIKE ?4 ESCAPE '\\' ORDER BY seq DESC LIMIT ?3");

/// The first and the last number. `SELECT min(seq), max(seq)` would read the whole table.
pub const ENDS: &str = "SELECT (SELECT min(seq) FROM records), (SELECT max(seq) FROM records)";

/// Precedes the reason in the text of a record about a removed user.
const REMOVED_WITH: &str = "removed: ";

/// Inserts a record, with [`INSERT`].
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

/// Replaces the text of a record, if its kind has a text that can be redacted.
pub fn redact(db: &Connection, seq: Seq) -> rusqlite::Result<()> {
    let [a, b, c, d] = kind::REDACTABLE;
    db.prepare_cached("UPDATE records SET text = ? WHERE seq = ? AND kind IN (?, ?, ?, ?)")?
        .execute(params![REDACTED, seq.0 as i64, a, b, c, d])?;
    Ok(())
}

/// The columns kind, name and text.
fn columns(kind: &RecordKind) -> (u8, Option<&str>, Option<String>) {
    match kind {
        RecordKind::Message { name, text } => {
            (kind::MESSAGE, Some(name.as_str()), Some(text.clone()))
        }
        RecordKind::Action { name, text } => {
            (kind::ACTION, Some(name.as_str()), Some(text.clone()))
        }
        RecordKind::Joined { name } => (kind::JOINED, Some(name.as_str()), None),
        RecordKind::Left { name, how } => {
            let how = match how {
                Departure::Quit => "quit".to_owned(),
                Departure::Lost => "lost".to_owned(),
                Departure::Removed { reason: None } => "removed".to_owned(),
                Departure::Removed { reason: Some(reason) } => format!("{REMOVED_WITH}{reason}"),
            };
            (kind::LEFT, Some(name.as_str()), Some(how))
        }
        RecordKind::Notice { text } => (kind::NOTICE, None, Some(text.clone())),
        RecordKind::Redacted { targets } => {
            let targets: Vec<String> = targets.iter().map(Seq::to_string).collect();
            (kind::REDACTED, None, Some(targets.join(" ")))
        }
        RecordKind::Topic { text } => (kind::TOPIC, None, Some(text.clone())),
        RecordKind::Renamed { name, to } => {
            (kind::RENAMED, Some(name.as_str()), Some(to.to_string()))
        }
    }
}

/// Reads a record from a row of one of the `SELECT_` statements.
pub fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    let session: Option<i64> = row.get(4)?;
    let client_id: Option<String> = row.get(5)?;
    let name = || -> rusqlite::Result<Name> {
        let name: String = row.get(6)?;
        Ok(Name::from_store(&name))
    };
    let text = row.get::<_, Option<String>>(7)?.unwrap_or_default();
    let kind = match row.get::<_, u8>(3)? {
        kind::MESSAGE => RecordKind::Message { name: name()?, text },
        kind::ACTION => RecordKind::Action { name: name()?, text },
        kind::JOINED => RecordKind::Joined { name: name()? },
        kind::LEFT => RecordKind::Left { name: name()?, how: departure(&text) },
        kind::NOTICE => RecordKind::Notice { text },
        kind::REDACTED => RecordKind::Redacted {
            targets: text.split(' ').filter_map(|seq| seq.parse().ok()).map(Seq).collect(),
        },
        kind::TOPIC => RecordKind::Topic { text },
        kind::RENAMED => {
            RecordKind::Renamed { name: name()?, to: Box::new(Name::from_store(&text)) }
        }
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
    let message = format!("expected {expected}");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, message.into())
}
