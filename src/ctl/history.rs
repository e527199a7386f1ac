//! What was said: looking at it, taking it away, keeping a copy.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use chatroom::admin::{Reply, Request};
use chatroom::clean;
use chatroom::wire::json::{Event, Stamp};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::print;
use crate::program::Printed;

/// One record as a line: its number, its time here, and what happened.
pub fn line(record: &Value) -> String {
    let Ok(event) = serde_json::from_value::<Event<'static>>(record.clone()) else {
        return clean::line(&record.to_string()).into_owned();
    };
    let (stamp, text) = match &event {
        Event::Message(speech) => (&speech.stamp, format!("{}: {}", speech.name, speech.text)),
        Event::Action(speech) => (&speech.stamp, format!("* {} {}", speech.name, speech.text)),
        Event::Joined { stamp, name } => (stamp, format!("-- {name} joined")),
        Event::Left { stamp, name, how, .. } => (stamp, format!("-- {name} left ({how})")),
        Event::Notice { stamp, text } => (stamp, format!("-- SERVER: {text}")),
        Event::Redacted { stamp, targets } => {
            let targets: Vec<String> = targets.iter().map(u64::to_string).collect();
            (stamp, format!("-- removed by the operator: {}", targets.join(", ")))
        }
        _ => return clean::line(&record.to_string()).into_owned(),
    };
    format!("{:>6}  {}  {}", stamp.seq, local_time(stamp), clean::line(&text))
}

fn local_time(stamp: &Stamp<'_>) -> String {
    match stamp.time.parse::<Timestamp>() {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => clean::line(&stamp.time).into_owned(),
    }
}

/// Prints what comes after `records`, until nobody reads it any more.
pub fn follow(
    connection: &mut Connection,
    request: &Request,
    records: &[Value],
    json: bool,
) -> Result<(), Failure> {
    let Request::History { since, until, from, grep, .. } = request else { return Ok(()) };
    let mut last = match records.last().and_then(|record| record["seq"].as_u64()) {
        Some(last) => last,
        // Nothing was found yet; what there is now is not waited for.
        None => match connection.ask(&Request::Status)? {
            Reply::Status(status) => status.seq,
            _ => 0,
        },
    };
    loop {
        let request = Request::History {
            after: Some(last),
            since: *since,
            until: *until,
            from: from.clone(),
            grep: grep.clone(),
            limit: 1000,
            wait: true,
        };
        let Reply::History(records, _) = connection.ask(&request)? else { return Ok(()) };
        for record in &records {
            last = record["seq"].as_u64().unwrap_or(last);
        }
        let show = |record| if json { format!("{record}\n") } else { line(record) + "\n" };
        if print(&records.iter().map(show).collect::<String>())? == Printed::NoReader {
            return Ok(());
        }
    }
}

/// The numbers of what a person has said since a time.
pub fn said_by(
    connection: &mut Connection,
    user: &str,
    since: Option<Timestamp>,
) -> Result<Vec<u64>, Failure> {
    let request = Request::History {
        after: None,
        since,
        until: None,
        from: Some(user.to_owned()),
        grep: None,
        limit: usize::MAX,
        wait: false,
    };
    let Reply::History(records, _) = connection.ask(&request)? else { return Ok(Vec::new()) };
    let is_said = |record: &&Value| matches!(record["type"].as_str(), Some("message" | "action"));
    Ok(records.iter().filter(is_said).filter_map(|record| record["seq"].as_u64()).collect())
}

/// Writes the bytes of a backup into a new file, all of them or none.
pub fn save(connection: &mut Connection, length: u64, file: &Path) -> Result<String, Failure> {
    let shown = file.display().to_string();
    let fail = |error: io::Error| Failure::File(shown.clone(), error);
    let mut copy = File::create_new(file).map_err(fail)?;
    let outcome = connection
        .receive(length, |piece| copy.write_all(piece).map_err(fail))
        .and_then(|()| copy.sync_all().map_err(fail));
    if outcome.is_err() {
        // A part of a copy is worse than none.
        let _ = std::fs::remove_file(file);
    }
    outcome?;
    Ok(format!("Wrote {length} bytes to {shown}.\n"))
}
