//! `chatctl status`.

use chatroom::admin::Status;
use chatroom::clean;
use jiff::Timestamp;

use super::{seconds, size};
use crate::table::pairs;

/// The status of the daemon as lines of name and value.
pub fn status(status: &Status, now: Timestamp, width: Option<usize>) -> String {
    let config = match &status.config {
        Some(file) => file.display().to_string(),
        None => "none (defaults)".to_owned(),
    };
    let listening = match status.listen.is_empty() {
        true => "nowhere".to_owned(),
        false => status.listen.join(", "),
    };
    let up = now.duration_since(status.since).as_secs().max(0).unsigned_abs();
    let limit = match status.connections_limit {
        0 => "no limit".to_owned(),
        limit => format!("at most {limit}"),
    };
    let ended: Vec<_> =
        status.ended.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let window = (size(status.window_bytes as u64), size(status.window_limit as u64));
    let mut rows = vec![
        ("room", status.room.clone()),
        ("topic", if status.topic.is_empty() { "none".to_owned() } else { status.topic.clone() }),
        ("slow mode", slow(status).trim_end().to_owned()),
        ("people", status.people.to_string()),
        ("connections", format!("{} ({limit})", status.connections)),
        ("listening", listening),
        ("running", format!("{}, process {}", seconds(up), status.pid)),
        ("version", status.version.clone()),
        ("configuration", config),
        ("log level", status.log_level.to_string()),
        ("messages", status.messages.to_string()),
        ("history", history(status)),
        ("write-ahead log", write_ahead_log(status)),
        ("newest record", format!("{} in epoch {}", status.seq, status.epoch)),
        (
            "window",
            format!("{} records, about {} of {}", status.window_records, window.0, window.1),
        ),
        ("accepted", status.accepted.to_string()),
        ("ended", if ended.is_empty() { "none".to_owned() } else { ended.join(", ") }),
    ];
    rows.extend(status.faults.iter().map(|fault| ("DEGRADED", fault.clone())));
    if status.slowed > 0 {
        rows.push(("slowed", format!("{} times", status.slowed)));
    }
    for limited in &status.limited {
        let what =
            format!("{} ({}, for {})", limited.address, limited.what, seconds(limited.seconds));
        rows.push(("has to wait", what));
    }
    if status.log_lines_dropped > 0 {
        rows.push(("log lines lost", status.log_lines_dropped.to_string()));
    }
    if let Some(left) = status.shutdown_in_seconds {
        rows.push(("shutdown", format!("in {}", seconds(left))));
    }
    pairs(&rows, width)
}

fn history(status: &Status) -> String {
    match (status.history, status.degraded) {
        (false, _) => "in memory only".to_owned(),
        (true, false) => {
            let size = size(status.history_bytes);
            format!("{size} on disk, from record {} on", status.history_oldest)
        }
        (true, true) => "DEGRADED: messages cannot be stored, and are refused".to_owned(),
    }
}

fn write_ahead_log(status: &Status) -> String {
    match (status.history, status.wal_held) {
        (false, _) => "none".to_owned(),
        (true, false) => size(status.wal_bytes),
        (true, true) => {
            format!("{}, kept from shrinking by another process", size(status.wal_bytes))
        }
    }
}

/// The topic of the room.
pub fn topic(status: &Status) -> String {
    match status.topic.as_str() {
        "" => "The room has no topic.\n".to_owned(),
        topic => format!("{}\n", clean::shown(topic)),
    }
}

/// The setting of slow mode.
pub fn slow(status: &Status) -> String {
    match status.slow_seconds {
        0 => "off\n".to_owned(),
        time => format!("one message in {} from each user\n", seconds(time)),
    }
}
