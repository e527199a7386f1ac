//! What was said: looking at it, and keeping a copy.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chatroom::admin::{Reply, Request};
use serde_json::Value;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::program::Printed;
use crate::record;
use crate::run::print;

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
            before: None,
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
        let show = |value| if json { format!("{value}\n") } else { record::line(value) + "\n" };
        if print(&records.iter().map(show).collect::<String>())? == Printed::NoReader {
            return Ok(());
        }
    }
}

/// Asks for records until there are as many as are wanted, or no more. An answer holds a part of
/// them, the last one first.
pub fn ask_all(connection: &mut Connection, request: &Request) -> Result<Reply, Failure> {
    let mut request = request.clone();
    let mut parts = Vec::new();
    loop {
        let (records, more) = match connection.ask(&request)? {
            Reply::History(records, more) => (records, more),
            other => return Ok(other),
        };
        let Request::History { before, limit, .. } = &mut request else { break };
        *limit = limit.saturating_sub(records.len());
        *before = records.first().and_then(|record| record["seq"].as_u64());
        let is_done = !more || *limit == 0 || before.is_none();
        parts.push(records);
        if is_done {
            parts.reverse();
            return Ok(Reply::History(parts.concat(), more));
        }
    }
    Ok(Reply::History(Vec::new(), false))
}

/// Writes the bytes of a backup into a new file, all of them or none.
pub fn save(connection: &mut Connection, length: u64, file: &Path) -> Result<String, Failure> {
    let shown = file.display().to_string();
    let fail = |error: io::Error| Failure::File(shown.clone(), error);
    // What is in it is as private as the history, whatever the umask is.
    let mut copy =
        File::options().write(true).create_new(true).mode(0o600).open(file).map_err(fail)?;
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
