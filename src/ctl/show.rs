//! What the operator sees: tables and sentences, or JSON.

use std::fmt::Write;

use bytesize::ByteSize;
use chatroom::admin::{self, AccountInfo, AuditEntry, Ban, Reply, Status, User};
use chatroom::clean;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

/// A reply as one JSON object, named after its content.
pub fn as_json(reply: &Reply) -> Value {
    match reply {
        Reply::Users(users) => json!({ "users": users }),
        Reply::Status(status) => json!({ "status": status }),
        Reply::Findings(findings) => json!({ "findings": findings }),
        Reply::Metrics(text) => json!({ "metrics": text }),
        Reply::History(records, more) => json!({ "history": records, "more": more }),
        Reply::Backup(bytes) => json!({ "backup": { "bytes": bytes } }),
        Reply::LogLevel(level) => json!({ "log_level": level }),
        Reply::Bans(bans) => json!({ "bans": bans }),
        Reply::Audit(entries) => json!({ "audit": entries }),
        Reply::Accounts(accounts) => json!({ "accounts": accounts }),
        Reply::MessagesBy(found) => json!({ "messages": found }),
        Reply::Redacted(done) => json!({ "redacted": done }),
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

/// Everybody, a line each.
pub fn users(users: &[User], now: Timestamp) -> String {
    if users.is_empty() {
        return "Nobody is here.\n".to_owned();
    }
    let mut rows =
        vec![["NAME", "ADDRESS", "DIALECT", "SINCE", "IDLE", "IN", "OUT"].map(str::to_owned)];
    rows.extend(users.iter().map(|user| {
        [
            user.name.clone(),
            user.address.clone(),
            user.dialect.clone(),
            local_time(user.since, now),
            match user.away_seconds {
                Some(away) => format!("away {}", seconds(away)),
                None => seconds(user.idle_seconds),
            },
            size(user.bytes_in),
            size(user.bytes_out),
        ]
    }));
    table(&rows)
}

/// The bans and mutes, a line each.
pub fn bans(bans: &[Ban], now: Timestamp) -> String {
    if bans.is_empty() {
        return "Nobody is banned or muted.\n".to_owned();
    }
    let mut rows = vec![["KIND", "AGAINST", "UNTIL", "SINCE", "BY", "REASON"].map(str::to_owned)];
    rows.extend(bans.iter().map(|ban| {
        [
            ban.kind.clone(),
            ban.target.clone(),
            ban.until.map_or_else(|| "lifted".to_owned(), |until| local_time(until, now)),
            local_time(ban.since, now),
            ban.by.clone(),
            ban.reason.clone().unwrap_or_default(),
        ]
    }));
    table(&rows)
}

/// What operators did, a line each.
pub fn audit(entries: &[AuditEntry], now: Timestamp) -> String {
    let mut rows = vec![["TIME", "BY", "WHAT", "ABOUT"].map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| {
        let AuditEntry { time, by, what, target } = entry;
        [local_time(*time, now), by.clone(), what.clone(), target.clone()]
    }));
    table(&rows)
}

/// The accounts, a line each.
pub fn accounts(accounts: &[AccountInfo], now: Timestamp) -> String {
    if accounts.is_empty() {
        return "There are no accounts. `chatctl account add NAME` makes one.\n".to_owned();
    }
    let mut rows = vec![["NAME", "OPERATOR", "LOCKED", "SINCE"].map(str::to_owned)];
    let yes = |is: bool| if is { "yes" } else { "" }.to_owned();
    rows.extend(accounts.iter().map(|account| {
        let AccountInfo { name, operator, locked, since } = account;
        [name.clone(), yes(*operator), yes(*locked), local_time(*since, now)]
    }));
    table(&rows)
}

/// How the daemon is.
pub fn status(status: &Status, now: Timestamp) -> String {
    let config = match &status.config {
        Some(file) => file.display().to_string(),
        None => "none (the defaults serve)".to_owned(),
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
        ["room".to_owned(), status.room.clone()],
        ["people".to_owned(), status.people.to_string()],
        ["connections".to_owned(), format!("{} ({limit})", status.connections)],
        ["listening".to_owned(), status.listen.join(", ")],
        ["running".to_owned(), format!("{}, process {}", seconds(up), status.pid)],
        ["version".to_owned(), status.version.clone()],
        ["configuration".to_owned(), config],
        ["log level".to_owned(), status.log_level.to_string()],
        ["messages".to_owned(), status.messages.to_string()],
        ["history".to_owned(), history(status)],
        ["newest record".to_owned(), format!("{} in epoch {}", status.seq, status.epoch)],
        [
            "window".to_owned(),
            format!("{} records, about {} of {}", status.window_records, window.0, window.1),
        ],
        ["accepted".to_owned(), status.accepted.to_string()],
        ["ended".to_owned(), if ended.is_empty() { "none".to_owned() } else { ended.join(", ") }],
    ];
    if status.slowed > 0 {
        rows.push(["slowed".to_owned(), format!("{} times", status.slowed)]);
    }
    for limited in &status.limited {
        let what =
            format!("{} ({}, for {})", limited.address, limited.what, seconds(limited.seconds));
        rows.push(["has to wait".to_owned(), what]);
    }
    if status.log_lines_dropped > 0 {
        rows.push(["log lines lost".to_owned(), status.log_lines_dropped.to_string()]);
    }
    if let Some(left) = status.shutdown_in_seconds {
        rows.push(["shutdown".to_owned(), format!("in {}", seconds(left))]);
    }
    table(&rows)
}

fn history(status: &Status) -> String {
    match (status.history, status.degraded) {
        (false, _) => "only in memory".to_owned(),
        (true, false) => {
            let size = size(status.history_bytes);
            format!("{size} on disk, from record {} on", status.history_oldest)
        }
        (true, true) => "DEGRADED: messages are refused, they cannot be stored".to_owned(),
    }
}

/// Rows in columns that line up. Nothing in them can act on the terminal.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(clean::line(cell).width());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let cell = clean::line(cell);
            let pad = width - cell.width() + 2;
            let _ = write!(line, "{cell}{:pad$}", "");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
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

    fn user(name: &str) -> User {
        User {
            name: name.to_owned(),
            address: "127.0.0.1:5".to_owned(),
            dialect: "text".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            away_seconds: None,
            idle_seconds: 75,
            bytes_in: 10,
            bytes_out: 2048,
            behind: 0,
        }
    }

    #[test]
    fn columns_line_up_whatever_the_names_are() {
        let shown = users(&[user("日本"), user("ann\x1b[2J")], Timestamp::UNIX_EPOCH);
        let lines: Vec<&str> = shown.lines().collect();
        let column = |line: &str| line[..line.find("127").unwrap()].width();
        assert_eq!(column(lines[1]), column(lines[2]), "{shown}");
        assert!(!shown.contains('\x1b'), "{shown:?}");
        assert!(lines[1].contains("1 min 15 s  10 B  2.0 KiB"), "{shown}");
    }

    #[test]
    fn durations_have_their_two_largest_units() {
        let shown: Vec<String> = [0, 59, 61, 3700, 90_000].map(seconds).to_vec();
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
