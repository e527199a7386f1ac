//! `chatctl redact`: removes the text of any number of messages, in bounded steps, so that the room is
//! not blocked.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use chatroom::access::is_no_name;
use chatroom::admin::{AdminRequest, MAX_REDACTED, Redaction, RefusalCode, Reply};
use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::show;

/// Redacts the given records, or the messages of a user since a time. Returns the text to print.
pub fn run(
    connection: &mut AdminConnection,
    targets: &[u64],
    user: Option<&str>,
    since: Option<Timestamp>,
    json: bool,
) -> Result<String, Failure> {
    let mut redactor = Redactor::begin()?;
    let targets = match user {
        Some(user) => {
            let found = redactor.find(connection, user, since)?;
            // A name that is invalid today may have messages from before the rules became stricter.
            let problem = is_no_name(user).filter(|_| found.is_empty() && redactor.already == 0);
            if let Some(message) = problem {
                return Err(Failure::Refused { code: RefusalCode::BadRequest, message });
            }
            found
        }
        None => targets.to_vec(),
    };
    redactor.redact(connection, &targets)?;
    let done = std::mem::take(&mut redactor.done);
    let already = redactor.already + done.already.len() as u64;
    drop(redactor);
    if let Some(failure) = left_undone(&done) {
        return Err(failure);
    }
    if json {
        return Ok(format!("{}\n", show::as_json(&Reply::Redacted(done))));
    }
    let mut text = match (user, done.redacted.len(), already) {
        (Some(user), 0, 0) => format!("No stored message of {user} since then.\n"),
        (_, 0, _) => String::new(),
        (None, 1, _) => format!("Redacted message {}.\n", done.redacted[0]),
        (_, 1, _) => "Redacted 1 message.\n".to_owned(),
        (_, count, _) => format!("Redacted {count} messages.\n"),
    };
    text += &match (done.already.as_slice(), already) {
        (_, 0) => String::new(),
        ([one], 1) => format!("Message {one} was redacted before.\n"),
        (_, 1) => "1 message was redacted before.\n".to_owned(),
        (_, more) => format!("{more} messages were redacted before.\n"),
    };
    Ok(text + note_on_log(connection))
}

/// The redacted text stays in the write-ahead log while another process reads the history.
fn note_on_log(connection: &mut AdminConnection) -> &'static str {
    match connection.ask(&AdminRequest::Status) {
        Ok(Reply::Status(status)) if status.wal_held => {
            "Note: another process is reading the history. Until it ends, the old text stays in the \
             write-ahead log; `chatctl status` shows when it is gone.\n"
        }
        _ => "",
    }
}

/// The failure, if not everything could be redacted.
fn left_undone(done: &Redaction) -> Option<Failure> {
    if done.missing.is_empty() && done.without_text.is_empty() {
        return None;
    }
    let mut sentences = Vec::new();
    match done.missing.as_slice() {
        [] => {}
        [one] => sentences.push(format!("There is no record {one}: {}.", extent(done))),
        more => sentences.push(format!("There are no records {}: {}.", list(more), extent(done))),
    }
    match done.without_text.as_slice() {
        [] => {}
        [one] => sentences
            .push(format!("Record {one} has no text to redact: it is a join, a leave or similar.")),
        more => sentences.push(format!(
            "Records {} have no text to redact: they are joins, leaves or similar.",
            list(more)
        )),
    }
    match done.redacted.len() {
        0 => sentences.push("Nothing was redacted.".to_owned()),
        1 => sentences.push(format!("Message {} was redacted.", done.redacted[0])),
        count => sentences.push(format!("The other {count} messages were redacted.")),
    }
    let code = match done.missing.is_empty() {
        true => RefusalCode::BadRequest,
        false => RefusalCode::NoSuchUser,
    };
    Some(Failure::Refused { code, message: sentences.join(" ") })
}

fn extent(done: &Redaction) -> String {
    match done.newest {
        0 => "the history is empty".to_owned(),
        _ => format!("the history goes from {} to {}", done.oldest, done.newest),
    }
}

fn list(numbers: &[u64]) -> String {
    let shown: Vec<String> = numbers.iter().take(20).map(u64::to_string).collect();
    match numbers.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Redacts step by step, and counts.
struct Redactor {
    done: Redaction,
    /// The number of messages of the user that were already redacted.
    already: u64,
    is_interrupted: Arc<AtomicBool>,
    /// Whether progress is shown.
    is_watched: bool,
}

impl Redactor {
    fn begin() -> io::Result<Redactor> {
        let is_interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, is_interrupted.clone())?;
        }
        let is_watched = io::stderr().is_terminal();
        Ok(Redactor { done: Redaction::default(), already: 0, is_interrupted, is_watched })
    }

    /// The numbers of the messages of a user since a time.
    fn find(
        &mut self,
        connection: &mut AdminConnection,
        user: &str,
        since: Option<Timestamp>,
    ) -> Result<Vec<u64>, Failure> {
        let (mut targets, mut after) = (Vec::new(), 0);
        loop {
            self.check_interrupted()?;
            let request = AdminRequest::MessagesBy { name: user.to_owned(), since, after };
            let found = match connection.ask(&request)? {
                Reply::MessagesBy(found) => found,
                other => return Err(unexpected(other)),
            };
            targets.extend(found.targets);
            self.already += found.already;
            self.show(format_args!("Found {} messages", targets.len()));
            match found.more_after {
                Some(more_after) => after = more_after,
                None => return Ok(targets),
            }
        }
    }

    /// Redacts these records in steps.
    fn redact(&mut self, connection: &mut AdminConnection, targets: &[u64]) -> Result<(), Failure> {
        for (index, piece) in targets.chunks(MAX_REDACTED).enumerate() {
            let stepped = self.check_interrupted().and_then(|()| self.step(connection, piece));
            if let Err(cause) = stepped {
                let gone = index * MAX_REDACTED;
                return Err(match gone {
                    0 => cause,
                    _ => Failure::Partly { cause: Box::new(cause), done: so_far(gone, targets) },
                });
            }
            let gone = (index * MAX_REDACTED) + piece.len();
            self.show(format_args!("Redacted {gone} of {}", targets.len()));
        }
        Ok(())
    }

    fn step(&mut self, connection: &mut AdminConnection, piece: &[u64]) -> Result<(), Failure> {
        match connection.ask(&AdminRequest::Redact { targets: piece.to_vec() })? {
            Reply::Redacted(step) => {
                self.done.redacted.extend(step.redacted);
                self.done.already.extend(step.already);
                self.done.without_text.extend(step.without_text);
                self.done.missing.extend(step.missing);
                (self.done.oldest, self.done.newest) = (step.oldest, step.newest);
                Ok(())
            }
            other => Err(unexpected(other)),
        }
    }

    fn check_interrupted(&self) -> Result<(), Failure> {
        if self.is_interrupted.load(Relaxed) { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// Shows the progress in place of the previous one.
    fn show(&self, progress: std::fmt::Arguments<'_>) {
        if self.is_watched {
            // Without the progress, the command still works.
            let _ = write!(io::stderr(), "\r{progress}\x1b[K");
        }
    }
}

impl Drop for Redactor {
    /// Clears the progress, so that the next output begins on an empty line.
    fn drop(&mut self) {
        self.show(format_args!(""));
    }
}

fn so_far(gone: usize, targets: &[u64]) -> String {
    format!(
        "{gone} of {} messages are redacted, {} are left. Run the command again to continue.",
        targets.len(),
        targets.len() - gone
    )
}

fn unexpected(reply: Reply) -> Failure {
    match reply {
        Reply::Refused { code, message } => Failure::Refused { code, message },
        other => Failure::Misunderstood(format!("unexpected: {}", show::as_json(&other))),
    }
}
