//! The presentation of the room's records.

use chatroom::room::RecordKind;
use chatroom::wire::json::Stamp;
use chatroom::wire::record_text;

use super::io::Show;

/// The form in which a record is shown.
pub(super) fn shown(stamp: &Stamp<'_>, kind: RecordKind) -> Show {
    let (time, earlier) = (stamp.time.to_string(), stamp.replayed);
    match kind {
        RecordKind::Message { name, text } => {
            Show::Message { time, earlier, name: name.to_string(), text }
        }
        RecordKind::Action { name, text } => {
            Show::Action { time, earlier, name: name.to_string(), text }
        }
        RecordKind::Joined { name } => Show::Joined { time, earlier, name: name.to_string() },
        RecordKind::Left { name, how } => Show::Left { time, earlier, name: name.to_string(), how },
        RecordKind::Renamed { name, to } => {
            Show::Renamed { time, earlier, name: name.to_string(), to: to.to_string() }
        }
        kind @ (RecordKind::Notice { .. }
        | RecordKind::Topic { .. }
        | RecordKind::Redacted { .. }) => {
            Show::Room { time, earlier, text: record_text(&kind).to_string() }
        }
    }
}
