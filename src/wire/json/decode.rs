//! Records from events.

use super::{Event, Stamp};
use crate::names::Name;
use crate::room::{Departure, RecordKind, Seq};

impl<'a> Event<'a> {
    /// The place and time of the record that this event is. None if it is not a record.
    pub fn stamp(&self) -> Option<&Stamp<'a>> {
        match self {
            Event::Message(speech) | Event::Action(speech) => Some(&speech.stamp),
            Event::Joined { stamp, .. }
            | Event::Left { stamp, .. }
            | Event::Notice { stamp, .. }
            | Event::Topic { stamp, .. }
            | Event::Renamed { stamp, .. }
            | Event::Redacted { stamp, .. } => Some(stamp),
            _ => None,
        }
    }

    /// The record that this event is, with its place and time. None if it is not a record.
    pub fn record(&self) -> Option<(&Stamp<'a>, RecordKind)> {
        let name = |name: &str| Name::from_store(name);
        let kind = match self {
            Event::Message(speech) => {
                RecordKind::Message { name: name(&speech.name), text: speech.text.to_string() }
            }
            Event::Action(speech) => {
                RecordKind::Action { name: name(&speech.name), text: speech.text.to_string() }
            }
            Event::Joined { name: joined, .. } => RecordKind::Joined { name: name(joined) },
            Event::Left { name: left, how, reason, .. } => {
                let how = match how.as_ref() {
                    "quit" => Departure::Quit,
                    "removed" => {
                        Departure::Removed { reason: reason.as_deref().map(str::to_owned) }
                    }
                    _ => Departure::Lost,
                };
                RecordKind::Left { name: name(left), how }
            }
            Event::Notice { text, .. } => RecordKind::Notice { text: text.to_string() },
            Event::Topic { text, .. } => RecordKind::Topic { text: text.to_string() },
            Event::Renamed { name: before, to, .. } => {
                RecordKind::Renamed { name: name(before), to: Box::new(name(to)) }
            }
            Event::Redacted { targets, .. } => {
                RecordKind::Redacted { targets: targets.iter().copied().map(Seq).collect() }
            }
            _ => return None,
        };
        Some((self.stamp()?, kind))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::room::Record;
    use crate::wire::json::record_event;

    #[test]
    fn every_record_is_read_as_it_was_written() {
        let (name, to) = (Name::from_store("ann"), Box::new(Name::from_store("anna")));
        let text = || "tea?".to_owned();
        let left = |how| RecordKind::Left { name: Name::from_store("ann"), how };
        for kind in [
            RecordKind::Message { name: name.clone(), text: text() },
            RecordKind::Action { name: name.clone(), text: text() },
            RecordKind::Joined { name: name.clone() },
            left(Departure::Quit),
            left(Departure::Lost),
            left(Departure::Removed { reason: None }),
            left(Departure::Removed { reason: Some(text()) }),
            RecordKind::Notice { text: text() },
            RecordKind::Topic { text: String::new() },
            RecordKind::Renamed { name, to },
            RecordKind::Redacted { targets: vec![Seq(3), Seq(4)] },
        ] {
            let time = Timestamp::UNIX_EPOCH;
            let record = Record { epoch: 1, seq: Seq(7), time, kind, author: None };
            let event = record_event("den", &record, None, false);
            let (stamp, kind) = event.record().unwrap();
            assert_eq!((stamp.seq, &kind), (7, &record.kind));
        }
        assert!(Event::Unknown.record().is_none());
    }
}
