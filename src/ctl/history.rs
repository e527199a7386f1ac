//! Reads the history: all of it in parts, and the records that follow.

use chatroom::admin::{AdminRequest, Reply};
use serde_json::Value;

use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::program::{self, Printed};
use crate::record;

/// Prints the records that match, and those that follow, until the reader closes the output.
pub fn follow(
    connection: &mut AdminConnection,
    request: &AdminRequest,
    json: bool,
) -> Result<(), Failure> {
    let AdminRequest::History { since, until, from, grep, .. } = request else { return Ok(()) };
    // Asked first: if no record matches, the records after this one are waited for.
    let newest = match connection.ask(&AdminRequest::Status)? {
        Reply::Status(status) => status.seq,
        _ => 0,
    };
    let records = match ask_all(connection, request)? {
        Reply::History(records, _) => records,
        Reply::Refused { code, message } => return Err(Failure::Refused { code, message }),
        _ => return Ok(()),
    };
    let line = |record: &Value| match json {
        true => format!("{record}\n"),
        false => record::line(record) + "\n",
    };
    let print = |records: &[Value]| {
        program::print(&records.iter().map(line).collect::<String>()).map_err(Failure::Output)
    };
    if print(&records)? == Printed::NoReader {
        return Ok(());
    }
    let mut last = records.last().and_then(|record| record["seq"].as_u64()).unwrap_or(newest);
    loop {
        let request = AdminRequest::History {
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
        if print(&records)? == Printed::NoReader {
            return Ok(());
        }
    }
}

/// Requests records until the limit is reached or there are no more. Each reply holds a part of
/// them, the newest part first.
pub fn ask_all(connection: &mut AdminConnection, request: &AdminRequest) -> Result<Reply, Failure> {
    let mut request = request.clone();
    let mut parts = Vec::new();
    loop {
        let (records, more) = match connection.ask(&request)? {
            Reply::History(records, more) => (records, more),
            other => return Ok(other),
        };
        let AdminRequest::History { before, limit, .. } = &mut request else { break };
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn records_stored_between_two_replies_are_followed_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let daemon = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut asked = Vec::new();
            let status = chatroom::admin::Status { seq: 5, ..Default::default() };
            for reply in [Reply::Status(Box::new(status)), Reply::History(Vec::new(), false)] {
                asked.push(requests.next().unwrap().unwrap());
                writeln!(stream, "{}", serde_json::to_string(&reply).unwrap()).unwrap();
            }
            asked.push(requests.next().unwrap().unwrap());
            asked
        });
        let mut connection = AdminConnection::open(Some(&path), Duration::from_secs(10)).unwrap();
        let request = AdminRequest::newest(10);
        // The daemon ends without a third answer.
        follow(&mut connection, &request, false).unwrap_err();
        let asked = daemon.join().unwrap();
        let third: AdminRequest = serde_json::from_str(&asked[2]).unwrap();
        assert!(
            matches!(third, AdminRequest::History { after: Some(5), wait: true, .. }),
            "{third:?}"
        );
    }
}
