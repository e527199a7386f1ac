//! chatroom-client: the terminal client.

mod args;
mod link;
mod memory;
mod model;
mod plain;

use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use args::Args;
use clap::{CommandFactory, Parser, error::ErrorKind};
use futures_util::StreamExt;
use link::Link;
use memory::{Memory, Place};
use model::{Exit, Input, Kept, Model, Output, Settings, Show};
use plain::Plain;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

fn main() -> ExitCode {
    let args = Args::parse();
    let interactive = io::stdin().is_terminal();
    if !interactive && args.name.is_none() {
        let message = "--name is needed where the input is not a terminal";
        Args::command().error(ErrorKind::MissingRequiredArgument, message).exit();
    }
    let place = match args.session {
        Some(file) => Some(Place::File(file)),
        None => Place::of_user().filter(|_| interactive && !args.no_session),
    };
    let settings = Settings {
        address: args.address,
        name: args.name,
        default_name: std::env::var("USER").ok().filter(|name| !name.is_empty()),
        attempts: args.attempts,
        interactive,
        keeps_session: place.is_some(),
        tag: tag(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.context("cannot start").and_then(|runtime| {
        let outcome = runtime.block_on(run(settings, place));
        // Looking up a host's address cannot be interrupted, and is not waited for.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(Exit::Left) => ExitCode::SUCCESS,
        Ok(Exit::Refused) => ExitCode::FAILURE,
        Ok(Exit::Unreachable) => ExitCode::from(69),
        Err(error) => {
            eprintln!("chatroom-client: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Begins the ids of this run: no other run of any client has the same.
fn tag() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

/// Lets the model decide, and does what it says, until it is over.
async fn run(settings: Settings, place: Option<Place>) -> anyhow::Result<Exit> {
    let start = Instant::now();
    let address = settings.address.clone();
    let plain = Plain::new();
    let mut lines = read_lines();
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot take over the signals")?;
    let mut link: Option<Link> = None;
    let mut memory = Remembering { place, address: address.clone(), memory: None };
    let (mut model, mut outputs) = Model::new(settings);
    loop {
        let mut is_output_gone = false;
        let mut recalled = None;
        for output in outputs {
            match output {
                Output::Recall(name) => recalled = Some(memory.recall(&name, &plain)),
                Output::Keep(kept) => memory.attempt(&plain, |memory| memory.keep(&kept)),
                Output::Forget => memory.attempt(&plain, Memory::forget),
                Output::Connect => link = Some(Link::open(address.clone())),
                Output::Disconnect => link = None,
                Output::Send(request) => {
                    if let Some(link) = &link {
                        link.send(request);
                    }
                }
                Output::Show(show) => is_output_gone |= plain.show(&show).is_err(),
                Output::Exit(exit) => return Ok(exit),
            }
        }
        if let Some(kept) = recalled {
            outputs = model.handle(Input::Recalled(kept), start.elapsed());
            continue;
        }
        // All of these can be given up and waited for again without losing anything.
        let input = tokio::select! {
            biased;
            _ = signals.next() => Input::Interrupt,
            () = std::future::ready(()), if is_output_gone => Input::Interrupt,
            () = until(start, model.deadline()) => Input::Tick,
            // Before what comes in, or a flood of that would keep a person from having a say.
            line = lines.recv(), if model.wants_input() => line.map_or(Input::NoMoreLines, Input::Line),
            input = next_of(&mut link) => input,
        };
        outputs = model.handle(input, start.elapsed());
    }
}

/// Where the session is kept. A person is told when it cannot be, and talks on without.
struct Remembering {
    place: Option<Place>,
    address: String,
    memory: Option<Memory>,
}

impl Remembering {
    fn recall(&mut self, name: &str, plain: &Plain) -> Option<Kept> {
        self.memory = None;
        match Memory::open(self.place.as_ref()?, &self.address, name) {
            Ok((memory, kept)) => {
                self.memory = Some(memory);
                kept
            }
            Err(error) => {
                self.complain(plain, &format!("{error:#}"));
                None
            }
        }
    }

    fn attempt(&mut self, plain: &Plain, act: impl FnOnce(&Memory) -> io::Result<()>) {
        if let Some(memory) = &self.memory
            && let Err(error) = act(memory)
        {
            let file = memory.path().display();
            self.complain(plain, &format!("{file}: {error}"));
            // Once is enough.
            self.memory = None;
        }
    }

    fn complain(&self, plain: &Plain, why: &str) {
        let line = format!("The session is not kept over the end of this program: {why}.");
        // An output that is gone is noticed where the talk is shown.
        let _ = plain.show(&Show::Status(line));
    }
}

async fn next_of(link: &mut Option<Link>) -> Input {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

async fn until(start: Instant, deadline: Option<std::time::Duration>) {
    match deadline {
        Some(deadline) => sleep_until((start + deadline).into()).await,
        None => std::future::pending().await,
    }
}

/// Reads the input on a thread of its own, for that cannot be interrupted. The channel closes at
/// its end.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = Vec::new();
        while matches!(input.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if sender.blocking_send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}
