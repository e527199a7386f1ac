//! A batch of records with its encoded forms: the unit of publishing.

use std::ops::Range;
use std::sync::OnceLock;

use jiff::tz::TimeZone;

use super::Dialect;
use crate::room::{Record, Seq, SessionId};

/// The memory that a batch takes in addition to its records: its own fields, and the overhead of
/// the allocator.
const BATCH_BYTES: usize = 384;

/// Consecutive records that were accepted together. They are encoded once per dialect, when that is
/// first needed, into contiguous bytes that all connections share.
#[derive(Debug)]
pub struct Batch {
    room: String,
    records: Box<[Record]>,
    /// The sessions that made the records, each with the index of a record, in order.
    authors: Box<[(SessionId, usize)]>,
    /// The encoded form in each dialect.
    encoded: [OnceLock<Encoded>; Dialect::ALL.len()],
}

/// Records in one dialect, back to back.
#[derive(Debug)]
pub struct Encoded {
    bytes: Box<[u8]>,
    /// The end of each record in `bytes`.
    ends: Box<[usize]>,
}

impl Batch {
    /// A batch of records of this room.
    ///
    /// # Panics
    /// There is no record.
    pub fn new(room: String, records: Vec<Record>) -> Batch {
        assert!(!records.is_empty(), "a batch has records");
        let mut authors: Vec<_> = records
            .iter()
            .enumerate()
            .filter_map(|(index, record)| Some((record.author.as_ref()?.session, index)))
            .collect();
        authors.sort_unstable();
        // A window holds many small batches. The spare capacity of vectors would double them.
        let (records, authors) = (records.into(), authors.into());
        Batch { room, records, authors, encoded: Default::default() }
    }

    /// The number of the first record.
    pub fn first(&self) -> Seq {
        self.records[0].seq
    }

    /// The number after the last record.
    pub fn end(&self) -> Seq {
        Seq(self.first().0 + self.records.len() as u64)
    }

    /// The records, in their order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The maximum bytes of memory that this takes, including all encoded forms.
    pub fn weight(&self) -> usize {
        BATCH_BYTES + self.records.iter().map(Record::weight).sum::<usize>()
    }

    /// Whether a session is shown this batch like all others, because it made none of the records.
    pub fn is_foreign_to(&self, session: SessionId) -> bool {
        let at = self.authors.partition_point(|&(author, _)| author < session);
        self.authors.get(at).is_none_or(|&(author, _)| author != session)
    }

    /// All records in a dialect.
    pub fn encoded(&self, dialect: Dialect) -> &Encoded {
        self.encoded[dialect as usize].get_or_init(|| {
            let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(self.records.len()));
            for record in &self.records {
                dialect.encode_record(&self.room, record, None, None, &mut bytes);
                ends.push(bytes.len());
            }
            Encoded { bytes: bytes.into(), ends: ends.into() }
        })
    }

    /// Appends one record as `session` is shown it: its own ones with their id, or not at all if the
    /// dialect does not echo them. A record is replayed if `zone` is given, see
    /// [`Dialect::encode_record`].
    pub fn append_for(
        &self,
        session: SessionId,
        dialect: Dialect,
        zone: Option<&TimeZone>,
        seq: Seq,
        out: &mut Vec<u8>,
    ) {
        let index = (seq.0 - self.first().0) as usize;
        let record = &self.records[index];
        let own = record.author.as_ref().filter(|author| author.session == session);
        match (own, zone) {
            (Some(_), _) if !dialect.echoes_own_records() => {}
            (None, None) => {
                let encoded = self.encoded(dialect);
                out.extend_from_slice(&encoded.bytes[encoded.range(index)]);
            }
            (own, zone) => {
                let id = own.and_then(|author| author.id.as_deref());
                dialect.encode_record(&self.room, record, id, zone, out);
            }
        }
    }

    /// The same batch with the text of the `targets` redacted. None if no target is in the batch. The
    /// targets are in order.
    pub fn redacted(&self, targets: &[Seq]) -> Option<Batch> {
        // Most batches of a window contain no target, and must not be copied.
        let from = targets.partition_point(|target| *target < self.first());
        targets.get(from).filter(|target| **target < self.end())?;
        let mut records = self.records.to_vec();
        let concerned = records.iter_mut().filter(|it| targets.binary_search(&it.seq).is_ok());
        let count = concerned.map(Record::redact).count();
        (count > 0).then(|| Batch::new(self.room.clone(), records))
    }
}

impl Encoded {
    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The range of a record in the bytes.
    fn range(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }

    /// The position at which a write of `written` bytes stopped: the number of records begun, and
    /// the unwritten rest of the last of them.
    pub fn split_at(&self, written: usize) -> (u64, &[u8]) {
        let whole = self.ends.partition_point(|&end| end <= written);
        let start = whole.checked_sub(1).map_or(0, |before| self.ends[before]);
        if written == start {
            (whole as u64, &[])
        } else {
            (whole as u64 + 1, &self.bytes[written..self.ends[whole]])
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::names::Name;
    use crate::room::{Author, RecordKind};

    fn batch() -> Batch {
        let records = [("ann", 1, "one"), ("bo", 2, "two"), ("ann", 1, "three")].iter().zip(5..);
        let records = records.map(|(&(name, session, text), seq)| Record {
            epoch: 1,
            seq: Seq(seq),
            time: Timestamp::UNIX_EPOCH,
            kind: RecordKind::Message { name: Name::new(name).unwrap(), text: text.to_owned() },
            author: Some(Author { session: SessionId(session), id: Some("x".to_owned()) }),
        });
        Batch::new("lobby".to_owned(), records.collect())
    }

    fn seen_by(session: u64, dialect: Dialect) -> String {
        let batch = batch();
        let mut out = Vec::new();
        for seq in batch.first().0..batch.end().0 {
            batch.append_for(SessionId(session), dialect, None, Seq(seq), &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_session_sees_its_own_records_in_its_own_way() {
        assert_eq!(seen_by(1, Dialect::Text), "bo: two\n");
        assert_eq!(seen_by(2, Dialect::Text), "ann: one\nann: three\n");
        assert_eq!(seen_by(3, Dialect::Text), "ann: one\nbo: two\nann: three\n");
        assert_eq!(seen_by(1, Dialect::Json).matches("\"id\":\"x\"").count(), 2);
        assert_eq!(seen_by(3, Dialect::Json).matches("\"id\"").count(), 0);
        assert!(batch().is_foreign_to(SessionId(3)));
        assert!(!batch().is_foreign_to(SessionId(2)));
    }

    #[test]
    fn other_sessions_see_the_shared_bytes() {
        let batch = batch();
        for dialect in [Dialect::Text, Dialect::Json] {
            assert_eq!(batch.encoded(dialect).bytes(), seen_by(3, dialect).as_bytes());
        }
        assert_eq!((batch.first(), batch.end()), (Seq(5), Seq(8)));
        let encoded =
            batch.encoded(Dialect::Text).bytes().len() + batch.encoded(Dialect::Json).bytes().len();
        assert!(batch.weight() > encoded);
        let records = batch.records().iter().map(Record::weight).sum::<usize>();
        assert_eq!(batch.weight(), BATCH_BYTES + records);
    }

    #[test]
    fn redacting_makes_another_batch() {
        let redacted = batch().redacted(&[Seq(7), Seq(99)]).unwrap();
        let texts = redacted.records().iter().map(|record| match &record.kind {
            RecordKind::Message { text, .. } => text.as_str(),
            other => panic!("{other:?}"),
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["one", "two", crate::room::REDACTED]);
        assert!(batch().redacted(&[Seq(4), Seq(8)]).is_none());
    }

    #[test]
    fn a_partial_write_stops_in_a_record_or_between_two() {
        let batch = batch();
        let encoded = batch.encoded(Dialect::Text);
        assert_eq!(encoded.split_at(0), (0, &b""[..]));
        assert_eq!(encoded.split_at(3), (1, &b": one\n"[..]));
        assert_eq!(encoded.split_at(9), (1, &b""[..]));
        assert_eq!(encoded.split_at(10), (2, &b"o: two\n"[..]));
        assert_eq!(encoded.split_at(encoded.bytes().len()), (3, &b""[..]));
    }
}
