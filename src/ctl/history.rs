//! What was said: looking at it, and keeping a copy.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chatroom::admin::{AdminRequest, Reply};
use serde_json::Value;

use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::program::Printed;
use crate::record;
use crate::run::print;

/// Prints what there is and what comes after that, until nobody reads it any more.
pub fn follow(
    connection: &mut AdminConnection,
    request: &AdminRequest,
    json: bool,
) -> Result<(), Failure> {
    let AdminRequest::History { since, until, from, grep, .. } = request else { return Ok(()) };
    // Asked first: if nothing is found, what comes from here on is what is waited for.
    let newest = match connection.ask(&AdminRequest::Status)? {
        Reply::Status(status) => status.seq,
        _ => 0,
    };
    let records = match ask_all(connection, request)? {
        Reply::History(records, _) => records,
        Reply::Refused { code, message } => return Err(Failure::Refused { code, message }),
        _ => return Ok(()),
    };
    let show = |value: &Value| match json {
        true => format!("{value}\n"),
        false => record::line(value) + "\n",
    };
    if print(&records.iter().map(show).collect::<String>())? == Printed::NoReader {
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
        if print(&records.iter().map(show).collect::<String>())? == Printed::NoReader {
            return Ok(());
        }
    }
}

/// Asks for records until there are as many as are wanted, or no more. An answer holds a part of
/// them, the last one first.
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

/// Writes the bytes of a backup into a new file, all of them or none.
pub fn save(connection: &mut AdminConnection, length: u64, file: &Path) -> Result<String, Failure> {
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// What is stored between the answers of the daemon is asked for, too.
    #[test]
    fn what_comes_while_the_first_answer_is_made_is_not_passed_over() {
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
