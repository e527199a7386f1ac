//! `chatctl watch`: shows records and connections as they come, across restarts of the daemon.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use chatroom::admin::{AdminRequest, Reply, Watched};
use serde_json::{Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::args::Args;
use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::program::{self, Printed, complain};
use crate::record::{self, EventLine};

/// The daemon sends a line every five seconds. After this time without one it has failed.
const MAX_SILENCE: Duration = Duration::from_secs(20);

/// The time within which the next process has to start after a hand-over.
const HAND_OVER_TIME: Duration = Duration::from_secs(30);

/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints events until the reader closes the output or the daemon stops.
///
/// # Errors
/// The daemon cannot be reached, or has stopped.
pub fn run(args: &Args) -> Result<String, Failure> {
    end_on_signals()?;
    let mut watch = Watch { json: args.json, last: None, date: None, is_over: None };
    let mut connection = watch.begin(args)?;
    loop {
        match watch.show_all(&mut connection) {
            Err(Failure::Ended) if watch.is_over != Some(false) => {}
            outcome => return outcome.map(|()| String::new()),
        }
        let patience = if watch.is_over.is_some() { HAND_OVER_TIME } else { args.timeout };
        watch.report("reconnecting", "connection to chatroomd lost; reconnecting")?;
        connection = watch.begin_again(args, patience)?;
        watch.report("reconnected", "reconnected")?;
    }
}

/// Ctrl-C is the ordinary way to end the command, not a failure.
fn end_on_signals() -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            process::exit(0);
        }
    });
    Ok(())
}

fn print(text: &str) -> Result<Printed, Failure> {
    program::print(text).map_err(Failure::Output)
}

struct Watch {
    json: bool,
    /// The epoch and the number of the last record that was shown.
    last: Option<(u32, u64)>,
    /// The date of the last line.
    date: Option<String>,
    /// Set when the daemon has announced its end: whether another process takes over.
    is_over: Option<bool>,
}

impl Watch {
    fn begin(&mut self, args: &Args) -> Result<AdminConnection, Failure> {
        let mut connection = AdminConnection::open(args.socket.as_deref(), args.timeout)?;
        let (epoch, after) = self.last.unzip();
        match connection.ask(&AdminRequest::Watch { after, epoch })? {
            Reply::Watching { epoch, seq, .. } => {
                self.last = Some((epoch, seq));
                self.is_over = None;
                Ok(connection)
            }
            Reply::Refused { code, message } => Err(Failure::Refused { code, message }),
            _ => Err(Failure::Misunderstood("unexpected reply to `watch`".to_owned())),
        }
    }

    /// Tries to connect until the patience is exhausted.
    fn begin_again(&mut self, args: &Args, patience: Duration) -> Result<AdminConnection, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            match self.begin(args) {
                // A process that is starting or stopping may refuse a request that the next one
                // accepts.
                Err(_) if Instant::now() < deadline => thread::sleep(PAUSE),
                Err(_) => return Err(Failure::Ended),
                connected => return connected,
            }
        }
    }

    /// Prints lines until the reader closes the output.
    fn show_all(&mut self, connection: &mut AdminConnection) -> Result<(), Failure> {
        loop {
            let line = connection.receive_line(MAX_SILENCE)?;
            let value: Value = serde_json::from_slice(&line)
                .map_err(|error| Failure::Misunderstood(error.to_string()))?;
            match serde_json::from_value(value.clone()) {
                Ok(Watched::Alive) => continue,
                Ok(Watched::Ending { handed_over }) => self.is_over = Some(handed_over),
                _ => {}
            }
            if let (Some(epoch), Some(seq)) = (value["epoch"].as_u64(), value["seq"].as_u64()) {
                self.last = Some((u32::try_from(epoch).unwrap_or(u32::MAX), seq));
            }
            let shown = match self.json {
                true => Some(String::from_utf8_lossy(&line).into_owned()),
                false => record::watched(&value).map(|line| self.as_text(&line)),
            };
            if let Some(shown) = shown
                && print(&shown)? == Printed::NoReader
            {
                return Ok(());
            }
        }
    }

    /// The line as text. The date is on a line of its own, before the first line of a day.
    fn as_text(&mut self, line: &EventLine) -> String {
        let date = line.date();
        let is_new = self.date.as_ref() != Some(&date);
        let heading = if is_new { format!("{date}\n") } else { String::new() };
        self.date = Some(date);
        format!("{heading}{}\n", line.timed())
    }

    /// Reports the state of the connection: as text on standard error, as JSON in the output.
    fn report(&self, word: &str, sentence: &str) -> Result<(), Failure> {
        match self.json {
            true => print(&format!("{}\n", json!({ "type": word }))).map(drop),
            false => {
                complain(sentence);
                Ok(())
            }
        }
    }
}
