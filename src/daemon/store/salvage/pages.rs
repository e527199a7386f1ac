//! Reads the rows of tables, page by page.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// The size of the header of a database. The rest of the first page follows.
const HEADER_BYTES: usize = 100;

/// The sizes of the headers of a write-ahead log and of each page in it.
const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The page size if the header is damaged.
const USUAL_PAGE_BYTES: usize = 4096;

/// The first byte of a page with rows of a table.
const LEAF_OF_TABLE: u8 = 0x0d;

/// A value in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Integer(i64),
    Text(String),
    /// A value of a type that records do not contain.
    Other,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null | Value::Other => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The pages of a file, with which the overflow pages of long rows are found.
pub struct Pages<'b> {
    pages: Vec<&'b [u8]>,
    /// The newest version of each page, by number.
    by_number: Vec<Option<&'b [u8]>>,
}

impl<'b> Pages<'b> {
    /// The pages of a database.
    pub fn of_database(bytes: &'b [u8]) -> Pages<'b> {
        let pages: Vec<&[u8]> = bytes.chunks_exact(page_bytes(bytes)).collect();
        let by_number = pages.iter().copied().map(Some).collect();
        Pages { pages, by_number }
    }

    /// The pages of the log beside a database.
    pub fn of_log(log: &'b [u8], database: &'b [u8]) -> Pages<'b> {
        let page_bytes = page_bytes(database);
        let mut all = Pages::of_database(database);
        all.pages.clear();
        let Some((header, frames)) = log.split_at_checked(LOG_HEADER_BYTES) else { return all };
        // Old pages after the end of a restarted log have another salt.
        let salt = &header[16..24];
        for frame in frames.chunks_exact(FRAME_HEADER_BYTES + page_bytes) {
            let (header, page) = frame.split_at(FRAME_HEADER_BYTES);
            if &header[8..16] != salt {
                break;
            }
            let index = (u32_at(header, 0) as usize).saturating_sub(1);
            // A page number far beyond the end of the database is damaged.
            if index < all.by_number.len() + log.len() / page_bytes + 1 {
                if index >= all.by_number.len() {
                    all.by_number.resize(index + 1, None);
                }
                all.by_number[index] = Some(page);
            }
            all.pages.push(page);
        }
        all
    }

    /// Calls `visit` with all rows of all tables and their numbers. Skips anything that is not a
    /// row.
    pub fn visit_rows(&self, mut visit: impl FnMut(i64, &[Value])) {
        for (index, page) in self.pages.iter().enumerate() {
            let start =
                if index == 0 && page.starts_with(b"SQLite format 3") { HEADER_BYTES } else { 0 };
            if page[start] != LEAF_OF_TABLE {
                continue;
            }
            let count = u16_at(page, start + 3) as usize;
            for cell in 0..count {
                let at = start + 8 + 2 * cell;
                if at + 2 > page.len() {
                    break;
                }
                if let Some((number, row)) = self.row(page, u16_at(page, at) as usize) {
                    visit(number, &row);
                }
            }
        }
    }

    /// The row in the cell at a position of a page.
    fn row(&self, page: &[u8], at: usize) -> Option<(i64, Vec<Value>)> {
        let mut cell = page.get(at..)?;
        let length = usize::try_from(take_varint(&mut cell)?).ok()?;
        let number = take_varint(&mut cell)?;
        Some((number, columns(&self.payload(cell, length, page.len())?)?))
    }

    /// The bytes of a row, including those on overflow pages.
    fn payload(&self, cell: &[u8], length: usize, page_bytes: usize) -> Option<Vec<u8>> {
        let most = page_bytes - 35;
        if length > self.by_number.len() * page_bytes {
            return None;
        }
        if length <= most {
            return cell.get(..length).map(<[u8]>::to_vec);
        }
        let least = (page_bytes - 12) * 32 / 255 - 23;
        let here = least + (length - least) % (page_bytes - 4);
        let here = if here <= most { here } else { least };
        let mut payload = cell.get(..here)?.to_vec();
        let mut next = u32_at(cell.get(here..here + 4)?, 0) as usize;
        while payload.len() < length {
            let page = (*self.by_number.get(next.checked_sub(1)?)?)?;
            let left = (length - payload.len()).min(page_bytes - 4);
            payload.extend_from_slice(&page[4..4 + left]);
            next = u32_at(page, 0) as usize;
        }
        Some(payload)
    }
}

/// The columns of a row, decoded from its header and body.
fn columns(payload: &[u8]) -> Option<Vec<Value>> {
    let mut rest = payload;
    let header_bytes = usize::try_from(take_varint(&mut rest)?).ok()?;
    let mut types = payload.get(payload.len() - rest.len()..header_bytes)?;
    let mut body = payload.get(header_bytes..)?;
    let mut columns = Vec::new();
    while !types.is_empty() {
        columns.push(take_value(take_varint(&mut types)?, &mut body)?);
    }
    Some(columns)
}

fn take_value(kind: i64, body: &mut &[u8]) -> Option<Value> {
    let bytes = match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind as usize,
        5 => 6,
        6 | 7 => 8,
        12.. => usize::try_from((kind - 12) / 2).ok()?,
        _ => return None,
    };
    let (value, rest) = body.split_at_checked(bytes)?;
    *body = rest;
    Some(match kind {
        0 => Value::Null,
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        1..=6 => {
            let negative = value.first().is_some_and(|byte| byte & 0x80 != 0);
            let begin = if negative { -1 } else { 0 };
            Value::Integer(value.iter().fold(begin, |sum: i64, byte| sum << 8 | i64::from(*byte)))
        }
        13.. if kind % 2 == 1 => Value::Text(String::from_utf8_lossy(value).into_owned()),
        _ => Value::Other,
    })
}

/// A varint: seven bits per byte, and eight in the ninth.
fn take_varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0i64;
    for index in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if index == 8 {
            return Some(number << 8 | i64::from(byte));
        }
        number = number << 7 | i64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The page size in the header of a database, if that is intact.
fn page_bytes(database: &[u8]) -> usize {
    match database.get(16..18).map(|bytes| u16_at(bytes, 0) as usize) {
        Some(1) => 65_536,
        Some(bytes) if database.starts_with(b"SQLite format 3") && bytes.is_power_of_two() => {
            bytes.max(512)
        }
        _ => USUAL_PAGE_BYTES,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |it| u16::from_be_bytes([it[0], it[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |it| u32::from_be_bytes([it[0], it[1], it[2], it[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_sqlite_writes_them() {
        for (bytes, number) in [
            (&[0x7f][..], 0x7f),
            (&[0x81, 0x00], 0x80),
            (&[0xff; 9], -1),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x05], 5),
        ] {
            assert_eq!(take_varint(&mut &*bytes), Some(number), "{bytes:?}");
        }
        assert_eq!(take_varint(&mut &[0x81][..]), None);
        assert_eq!(take_value(1, &mut &[0xff][..]), Some(Value::Integer(-1)));
        assert_eq!(take_value(2, &mut &[0x01, 0x00][..]), Some(Value::Integer(256)));
        assert_eq!(take_value(19, &mut &b"tea"[..]), Some(Value::Text("tea".to_owned())));
        assert_eq!(take_value(19, &mut &b"te"[..]), None);
    }

    #[test]
    fn any_bytes_can_be_looked_through() {
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for _ in 0..200 {
            let mut page: Vec<u8> = (0..8192).map(|_| random()).collect();
            (page[0], page[4096]) = (LEAF_OF_TABLE, LEAF_OF_TABLE);
            Pages::of_database(&page).visit_rows(|_, _| {});
            Pages::of_log(&page, &page).visit_rows(|_, _| {});
        }
    }
}
