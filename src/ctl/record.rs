//! Records and connection events as lines, for `chatctl history` and `chatctl watch`.

use chatroom::admin::Watched;
use chatroom::clean;
use chatroom::room::RecordKind;
use chatroom::wire::json::Event;
use chatroom::wire::{RecordText, record_text};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The parts of a line.
pub struct EventLine {
    /// The number of the record. Empty if the event is not a record.
    seq: String,
    /// In UTC, as the daemon sent it.
    time: String,
    /// Marks events that are not records.
    mark: &'static str,
    text: String,
}

impl EventLine {
    /// The line with date and time.
    pub fn dated(&self) -> String {
        self.shown("%Y-%m-%d %H:%M:%S")
    }

    /// The line with the time of day only.
    pub fn timed(&self) -> String {
        self.shown("%H:%M:%S")
    }

    /// The local date.
    pub fn date(&self) -> String {
        self.local("%Y-%m-%d")
    }

    fn shown(&self, format: &str) -> String {
        let text = clean::shown(&self.text);
        format!("{:>6}  {}  {}{text}", self.seq, self.local(format), self.mark)
    }

    fn local(&self, format: &str) -> String {
        match self.time.parse::<Timestamp>() {
            Ok(time) => time.to_zoned(TimeZone::system()).strftime(format).to_string(),
            Err(_) => clean::line(&self.time).into_owned(),
        }
    }
}

/// A record as a line with its date.
pub fn line(record: &Value) -> String {
    of_record(record).dated()
}

fn of_record(record: &Value) -> EventLine {
    let event = serde_json::from_value::<Event<'_>>(record.clone()).ok();
    match event.as_ref().and_then(Event::record) {
        Some((stamp, kind)) => EventLine {
            seq: stamp.seq.to_string(),
            time: stamp.time.clone().into_owned(),
            mark: "",
            text: marked_text(&kind),
        },
        // From a newer daemon.
        None => {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let unknown = format!("-- unknown to this version of chatctl ({})", text("type"));
            EventLine {
                seq: record["seq"].to_string(),
                time: text("time"),
                mark: "",
                text: unknown,
            }
        }
    }
}

/// The text of a record. `-- ` marks text that was not written by a user.
fn marked_text(kind: &RecordKind) -> String {
    match (record_text(kind), kind) {
        (RecordText::Speech { before, text }, _) => before.concat() + text,
        (RecordText::Event(sentence), RecordKind::Redacted { targets }) => {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            format!("-- {} ({})", sentence.trim_end_matches('.'), targets.join(", "))
        }
        (RecordText::Event(sentence), _) => format!("-- {sentence}"),
    }
}

/// An event of `watch` as a line. None if there is nothing to show.
pub fn watched(value: &Value) -> Option<EventLine> {
    let Ok(event) = serde_json::from_value::<Watched>(value.clone()) else {
        return Some(of_record(value));
    };
    let (time, text) = match event {
        Watched::Connected { time, address } => (time, format!("{address} connected")),
        Watched::Entered { time, address, name, dialect, resumed } => {
            let again = if resumed { " again" } else { "" };
            (time, format!("{address} is {name}{again} ({dialect})"))
        }
        Watched::Disconnected { time, address, name, reason, held } => {
            let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
            let held = if held { "; session detached" } else { "" };
            (time, format!("{address}{name} disconnected: {reason}{held}"))
        }
        Watched::TurnedAway { time, address, reason } => {
            (time, format!("{address} turned away: {reason}"))
        }
        Watched::Missed { time, records: Some((first, last)), .. } => {
            (time, format!("MISSED: records {first} to {last}"))
        }
        Watched::Missed { time, connections, .. } => {
            (time, format!("MISSED: {} connection events", connections.unwrap_or_default()))
        }
        Watched::Alive | Watched::Ending { .. } => return None,
        Watched::Unknown => return Some(of_record(value)),
    };
    Some(EventLine { seq: String::new(), time, mark: "~  ", text })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(of_kind: &Value) -> String {
        let mut record =
            json!({ "room": "den", "epoch": 1, "seq": 7, "time": "2026-11-22T21:04:05.000Z" });
        record.as_object_mut().unwrap().extend(of_kind.as_object().unwrap().clone());
        let line = line(&record);
        let (head, what) = line.split_at(29);
        assert!(head.starts_with("     7  2026-11-2") && head.ends_with("05  "), "{line}");
        what.to_owned()
    }

    #[test]
    fn every_record_is_a_sentence() {
        for (record, expect) in [
            (json!({ "type": "message", "name": "ann", "text": "hi\u{1b}[2J" }), "ann: hi[2J"),
            (json!({ "type": "action", "name": "ann", "text": "waves" }), "* ann waves"),
            (json!({ "type": "joined", "name": "ann" }), "-- ann joined the chat!"),
            (json!({ "type": "left", "name": "ann", "how": "quit" }), "-- ann has quit."),
            (
                json!({ "type": "left", "name": "ann", "how": "removed", "reason": "loud" }),
                "-- ann was removed by the operator: loud",
            ),
            (json!({ "type": "notice", "text": "tea" }), "-- SERVER: tea"),
            (json!({ "type": "topic", "text": "tea" }), "-- Topic: tea"),
            (json!({ "type": "topic", "text": "" }), "-- The room has no topic now."),
            (
                json!({ "type": "renamed", "name": "ann", "to": "anna" }),
                "-- ann is now called anna.",
            ),
            (
                json!({ "type": "redacted", "targets": [3, 4] }),
                "-- 2 messages were removed by the operator (3, 4)",
            ),
            (json!({ "type": "dance" }), "-- unknown to this version of chatctl (dance)"),
        ] {
            assert_eq!(shown(&record), expect);
        }
    }

    #[test]
    fn an_event_is_a_line_or_nothing() {
        let time = "2026-11-22T21:04:05.000Z";
        for (event, expect) in [
            (json!({ "type": "connected", "address": "[::1]:5" }), Some("~  [::1]:5 connected")),
            (
                json!({ "type": "disconnected", "address": "10.0.0.7:5", "name": "ann",
                        "reason": "broken", "held": true }),
                Some("~  10.0.0.7:5 (ann) disconnected: broken; session detached"),
            ),
            (
                json!({ "type": "entered", "address": "10.0.0.7:5", "name": "ann",
                        "dialect": "json", "resumed": true }),
                Some("~  10.0.0.7:5 is ann again (json)"),
            ),
            (
                json!({ "type": "turned-away", "address": "10.0.0.7:5", "reason": "banned" }),
                Some("~  10.0.0.7:5 turned away: banned"),
            ),
            (json!({ "type": "missed", "records": [3, 9] }), Some("~  MISSED: records 3 to 9")),
            (json!({ "type": "missed", "connections": 7 }), Some("~  MISSED: 7 connection events")),
            (json!({ "type": "alive" }), None),
            (json!({ "type": "ending", "handed_over": false }), None),
        ] {
            let mut event = event;
            event["time"] = time.into();
            let line = watched(&event).map(|line| line.timed());
            assert_eq!(line.as_ref().map(|line| &line[18..]), expect);
        }
    }
}
