//! Records from what was written of them.

use super::{Event, Stamp};
use crate::names::Name;
use crate::room::{Departure, RecordKind, Seq};

impl<'a> Event<'a> {
    /// The record that this event tells of, with its place and time. None where it tells of none.
    pub fn record(&self) -> Option<(&Stamp<'a>, RecordKind)> {
        let name = |name: &str| Name::from_store(name);
        Some(match self {
            Event::Message(speech) => {
                let text = speech.text.clone().into_owned();
                (&speech.stamp, RecordKind::Message { name: name(&speech.name), text })
            }
            Event::Action(speech) => {
                let text = speech.text.clone().into_owned();
                (&speech.stamp, RecordKind::Action { name: name(&speech.name), text })
            }
            Event::Joined { stamp, name: joined } => {
                (stamp, RecordKind::Joined { name: name(joined) })
            }
            Event::Left { stamp, name: left, how, reason } => {
                let how = match how.as_ref() {
                    "quit" => Departure::Quit,
                    "removed" => {
                        let reason = reason.as_ref().map(|reason| reason.clone().into_owned());
                        Departure::Removed { reason }
                    }
                    _ => Departure::Lost,
                };
                (stamp, RecordKind::Left { name: name(left), how })
            }
            Event::Notice { stamp, text } => {
                (stamp, RecordKind::Notice { text: text.clone().into_owned() })
            }
            Event::Topic { stamp, text } => {
                (stamp, RecordKind::Topic { text: text.clone().into_owned() })
            }
            Event::Renamed { stamp, name: before, to } => {
                (stamp, RecordKind::Renamed { name: name(before), to: Box::new(name(to)) })
            }
            Event::Redacted { stamp, targets } => {
                let targets = targets.iter().copied().map(Seq).collect();
                (stamp, RecordKind::Redacted { targets })
            }
            _ => return None,
        })
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
