//! Watching what happens, over restarts of the daemon.

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
use crate::program::{Printed, complain};
use crate::record::{self, Line};
use crate::run::print;

/// The daemon says something every five seconds. After so long it hangs.
const SILENCE: Duration = Duration::from_secs(20);

/// How long a process may take that goes on where another one has handed over.
const HAND_OVER: Duration = Duration::from_secs(30);

/// How long to wait between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// Shows what happens until nobody reads it any more, or the daemon has ended.
///
/// # Errors
/// The daemon cannot be reached, or has ended.
pub fn run(args: &Args) -> Result<String, Failure> {
    end_on_signals()?;
    let mut watch = Watch { json: args.json, last: None, date: None, is_over: None };
    let mut connection = watch.begin(args)?;
    loop {
        match watch.show_all(&mut connection) {
            Err(Failure::Ended) if watch.is_over != Some(false) => {}
            outcome => return outcome.map(|()| String::new()),
        }
        let patience = if watch.is_over.is_some() { HAND_OVER } else { args.timeout };
        watch.say("reconnecting", "the connection to chatroomd is lost; trying again")?;
        connection = watch.begin_again(args, patience)?;
        watch.say("reconnected", "connected again")?;
    }
}

/// Ctrl-C is how a person ends this, and no failure.
fn end_on_signals() -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            process::exit(0);
        }
    });
    Ok(())
}

struct Watch {
    json: bool,
    /// The epoch and the number of the last record that was seen.
    last: Option<(u32, u64)>,
    /// The date that was shown last.
    date: Option<String>,
    /// Whether the daemon has said that it ends, and if so whether another process goes on.
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
            _ => Err(Failure::Misunderstood("it is no beginning of a watch".to_owned())),
        }
    }

    /// Tries to connect, for so long.
    fn begin_again(&mut self, args: &Args, patience: Duration) -> Result<AdminConnection, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            match self.begin(args) {
                // What a process that has just begun answers, or one that ends, is not the last word.
                Err(_) if Instant::now() < deadline => thread::sleep(PAUSE),
                Err(_) => return Err(Failure::Ended),
                connected => return connected,
            }
        }
    }

    /// Shows what comes, until nobody reads it any more.
    fn show_all(&mut self, connection: &mut AdminConnection) -> Result<(), Failure> {
        loop {
            let line = connection.receive_line(SILENCE)?;
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
                false => record::watched(&value).map(|line| self.in_text(&line)),
            };
            if let Some(shown) = shown
                && print(&shown)? == Printed::NoReader
            {
                return Ok(());
            }
        }
    }

    /// A line for people; the date comes once, before the first line of a day.
    fn in_text(&mut self, line: &Line) -> String {
        let date = line.date();
        let is_new = self.date.as_ref() != Some(&date);
        let heading = if is_new { format!("{date}\n") } else { String::new() };
        self.date = Some(date);
        format!("{heading}{}\n", line.timed())
    }

    /// Says how it goes: beside the output for people, in it for programs.
    fn say(&self, word: &str, sentence: &str) -> Result<(), Failure> {
        match self.json {
            true => print(&format!("{}\n", json!({ "type": word }))).map(drop),
            false => {
                complain(sentence);
                Ok(())
            }
        }
    }
}
