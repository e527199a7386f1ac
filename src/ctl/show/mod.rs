//! Replies as tables and sentences, or as JSON.

mod lists;
mod metrics;
mod status;

use bytesize::ByteSize;
use chatroom::admin::{self, Reply};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub use lists::{accounts, audit, bans, sort, users};
pub use status::{slow, status, topic};

/// A reply as one JSON object. Its key names the content.
pub fn as_json(reply: &Reply) -> Value {
    match reply {
        Reply::Users(users) => json!({ "users": users }),
        Reply::Status(status) => json!({ "status": status }),
        Reply::Findings(findings) => json!({ "findings": findings }),
        Reply::Metrics(text) => json!({ "metrics": metrics::samples(text) }),
        Reply::History(records, more) => json!({ "history": records, "more": more }),
        Reply::Backup(bytes) => json!({ "backup": { "bytes": bytes } }),
        Reply::LogLevel(level) => json!({ "log_level": level }),
        Reply::Bans(bans) => json!({ "bans": bans }),
        Reply::Audit(entries) => json!({ "audit": entries }),
        Reply::Accounts(accounts) => json!({ "accounts": accounts }),
        Reply::Watching { room, epoch, seq } => {
            json!({ "watching": { "room": room, "epoch": epoch, "seq": seq } })
        }
        Reply::MessagesBy(found) => json!({ "messages": found }),
        Reply::Redacted(done) => json!({ "redacted": done }),
        Reply::Affected(affected) => json!({ "affected": affected }),
        Reply::Moderated { said, affected } => {
            json!({ "done": true, "notes": [said], "affected": affected })
        }
        Reply::Said(said) => json!({ "done": true, "notes": [said] }),
        Reply::Reloaded(reloaded) => {
            let notes: Vec<String> = reloaded.needs_restart.iter().map(admin::waits).collect();
            let notes = [notes, reloaded.notes.clone()].concat();
            json!({ "done": true, "notes": notes, "reload": reloaded })
        }
        Reply::DoneWith(notes) => json!({ "done": true, "notes": notes }),
        Reply::Done | Reply::Refused { .. } => json!({ "done": true, "notes": [] }),
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// A duration in its two largest units.
fn seconds(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// The time of day, with the date if it is not today.
fn local_time(time: Timestamp, now: Timestamp) -> String {
    let zone = TimeZone::system();
    let (time, now) = (time.to_zoned(zone.clone()), now.to_zoned(zone));
    let format = if time.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_largest_units() {
        let shown: Vec<String> = [0, 59, 61, 3700, 90_000].map(seconds).to_vec();
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
