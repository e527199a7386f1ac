//! What happened, as a line: a record, or what a watcher is told beside them.

use chatroom::admin::Watched;
use chatroom::clean;
use chatroom::room::RecordKind;
use chatroom::wire::json::Event;
use chatroom::wire::sentence;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// A line: the number of the record, if it is one, the time, and what happened.
pub struct Line {
    seq: String,
    /// In UTC, as it was sent.
    time: String,
    /// Before what happened, where that is no record.
    mark: &'static str,
    what: String,
}

impl Line {
    /// With the date.
    pub fn dated(&self) -> String {
        self.shown("%Y-%m-%d %H:%M:%S")
    }

    /// With the time of day only.
    pub fn timed(&self) -> String {
        self.shown("%H:%M:%S")
    }

    /// The date here.
    pub fn date(&self) -> String {
        self.local("%Y-%m-%d")
    }

    fn shown(&self, format: &str) -> String {
        let what = clean::shown(&self.what);
        format!("{:>6}  {}  {}{what}", self.seq, self.local(format), self.mark)
    }

    fn local(&self, format: &str) -> String {
        match self.time.parse::<Timestamp>() {
            Ok(time) => time.to_zoned(TimeZone::system()).strftime(format).to_string(),
            Err(_) => clean::line(&self.time).into_owned(),
        }
    }
}

/// One record as a line, with its date.
pub fn line(record: &Value) -> String {
    of_record(record).dated()
}

fn of_record(record: &Value) -> Line {
    let event = serde_json::from_value::<Event<'_>>(record.clone()).ok();
    match event.as_ref().and_then(Event::record) {
        Some((stamp, kind)) => Line {
            seq: stamp.seq.to_string(),
            time: stamp.time.clone().into_owned(),
            mark: "",
            what: in_words(&kind),
        },
        // A newer daemon may tell of more.
        None => {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let what = format!("-- something that this version does not know ({})", text("type"));
            Line { seq: record["seq"].to_string(), time: text("time"), mark: "", what }
        }
    }
}

/// What somebody said, as it is; else a sentence that cannot be taken for that.
fn in_words(kind: &RecordKind) -> String {
    let said = sentence(kind);
    match kind {
        RecordKind::Message { .. } | RecordKind::Action { .. } => said,
        RecordKind::Notice { .. } => format!("-- SERVER: {said}"),
        RecordKind::Redacted { targets } => {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            format!("-- {} ({})", said.trim_end_matches('.'), targets.join(", "))
        }
        _ => format!("-- {said}"),
    }
}

/// A line of what is watched. None where there is nothing to show.
pub fn watched(value: &Value) -> Option<Line> {
    let Ok(event) = serde_json::from_value::<Watched>(value.clone()) else {
        return Some(of_record(value));
    };
    let (time, what) = match event {
        Watched::Connected { time, address } => (time, format!("{address} connected")),
        Watched::Entered { time, address, name, dialect, resumed } => {
            let again = if resumed { " again" } else { "" };
            (time, format!("{address} is {name}{again} ({dialect})"))
        }
        Watched::Disconnected { time, address, name, reason, held } => {
            let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
            let held = if held { "; the place is held" } else { "" };
            (time, format!("{address}{name} disconnected: {reason}{held}"))
        }
        Watched::TurnedAway { time, address, reason } => {
            (time, format!("{address} turned away: {reason}"))
        }
        Watched::Missed { time, records: Some((first, last)), .. } => {
            (time, format!("MISSED: records {first} to {last}"))
        }
        Watched::Missed { time, connections, .. } => {
            (time, format!("MISSED: {} events of connections", connections.unwrap_or_default()))
        }
        Watched::Alive | Watched::Ending { .. } => return None,
        Watched::Unknown => return Some(of_record(value)),
    };
    Some(Line { seq: String::new(), time, mark: "~  ", what })
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
            (json!({ "type": "dance" }), "-- something that this version does not know (dance)"),
        ] {
            assert_eq!(shown(&record), expect);
        }
    }

    #[test]
    fn what_a_watcher_is_told_is_a_line_or_nothing() {
        let time = "2026-11-22T21:04:05.000Z";
        for (event, expect) in [
            (json!({ "type": "connected", "address": "[::1]:5" }), Some("~  [::1]:5 connected")),
            (
                json!({ "type": "disconnected", "address": "10.0.0.7:5", "name": "ann",
                        "reason": "broken", "held": true }),
                Some("~  10.0.0.7:5 (ann) disconnected: broken; the place is held"),
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
            (
                json!({ "type": "missed", "connections": 7 }),
                Some("~  MISSED: 7 events of connections"),
            ),
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
