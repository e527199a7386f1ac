//! chatroom-client: the terminal client.

mod args;
mod decode;
mod dial;
mod ending;
#[cfg(test)]
mod fuzz;
mod link;
mod memory;
mod model;
mod palette;
mod plain;
mod preferences;
#[path = "../program.rs"]
#[allow(dead_code, reason = "it prints in its own ways")]
mod program;
mod screen;
mod secure;
mod settings;
#[cfg(test)]
mod simulation;
mod terminal;
mod trust;
mod view;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use args::Args;
use clap::{CommandFactory, error::ErrorKind};
use ending::tell;
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use link::{Link, Security};
use memory::{Memory, Place};
use model::{Exit, Input, Keeps, Model, Output, Recalled, Settings, Show};
use palette::Colours;
use preferences::{Notify, Preferences};
use program::{EXIT_OUTPUT, cannot_print, variable};
use screen::Appearance;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::time::sleep_until;
use view::View;

fn main() -> ExitCode {
    program::keep_files_private();
    let mut args: Args = match program::parse(Args::command()) {
        Ok(args) => args,
        Err(answer) => return program::show(&answer),
    };
    let preferred = Preferences::of_user().and_then(|preferences| {
        args.complete(&preferences)?;
        let password = args.password()?;
        Ok((preferences, password))
    });
    let (preferences, password) = match preferred {
        Ok(preferred) => preferred,
        Err(error) => {
            tell(format_args!("chatroom-client: {error}"));
            return ExitCode::from(78);
        }
    };
    let interactive = io::stdin().is_terminal();
    if !interactive && args.name.is_none() {
        let message = "--name is needed where the input is not a terminal";
        return program::show(&Args::command().error(ErrorKind::MissingRequiredArgument, message));
    }
    let (security, is_private) = (args.security(), args.is_private());
    let is_all_kept = interactive || args.session.is_some();
    let place = match args.session {
        Some(file) => Some(Place::File(file)),
        None => Place::of_user().filter(|_| !args.no_session),
    };
    let settings = Settings {
        password,
        is_private,
        address: args.address.unwrap_or_default(),
        name: args.name,
        default_name: variable("USER"),
        attempts: args.attempts.unwrap_or_default(),
        interactive,
        keeps: match &place {
            None => Keeps::Nothing,
            Some(_) if is_all_kept => Keeps::All,
            Some(_) => Keeps::Session,
        },
        tag: tag(),
    };
    // A screen is for people, on a terminal that has one.
    let has_screen = interactive
        && io::stdout().is_terminal()
        && variable("TERM").is_some_and(|term| term != "dumb");
    let appearance = (has_screen && !args.plain).then(|| Appearance {
        colours: Colours::of_environment(variable),
        links: preferences.links != Some(false),
        bell: !args.no_bell,
        zone: TimeZone::system(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.context("cannot start").and_then(|runtime| {
        let outcome =
            runtime.block_on(run(settings, place, appearance, preferences.notify, security));
        // Looking up a host's address cannot be interrupted, and is not waited for.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(Exit::Left) => ExitCode::SUCCESS,
        Ok(Exit::Refused) => ExitCode::FAILURE,
        Ok(Exit::Unreachable) => ExitCode::from(69),
        Err(error) => {
            tell(format_args!("chatroom-client: {error:#}"));
            error.downcast_ref::<NoOutput>().map_or(ExitCode::FAILURE, |_| EXIT_OUTPUT.into())
        }
    }
}

/// Begins the ids of this run: no other run of any client has the same.
fn tag() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

/// Whether this process was started with a signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Lets the model decide, and does what it says, until it is over.
async fn run(
    settings: Settings,
    place: Option<Place>,
    appearance: Option<Appearance>,
    notify: Notify,
    security: Security,
) -> anyhow::Result<Exit> {
    let start = Instant::now();
    let address = settings.address.clone();
    // What `nohup` has had ignored goes on when the terminal is gone.
    let signals = [SIGCONT, SIGHUP, SIGINT, SIGTERM].into_iter();
    let signals = signals.filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP));
    let mut signals = Signals::new(signals).context("cannot take over the signals")?;
    let mut view = match appearance {
        Some(appearance) => View::full(appearance, notify)?,
        None => View::plain(),
    };
    let mut link: Option<Link> = None;
    // Why nothing can be shown any more.
    let mut broken: Option<io::Error> = None;
    let mut leaves_broken = false;
    let is_told = settings.keeps == Keeps::All;
    let mut memory = Remembering { place, address: address.clone(), memory: None, is_told };
    let (mut model, mut outputs) = Model::new(settings);
    loop {
        let mut recalled = None;
        // Before anything is shown: who reads that they are in can see what they type.
        view.hide_typed(&model);
        for output in outputs {
            match output {
                Output::Recall(name) => recalled = Some(memory.recall(&name, &mut view)),
                Output::Keep(kept) => memory.attempt(&mut view, |memory| memory.keep(&kept)),
                Output::Forget => memory.attempt(&mut view, Memory::forget),
                Output::Connect => link = Some(Link::open(address.clone(), security)),
                Output::Disconnect => link = None,
                Output::Send(request) => {
                    if let Some(link) = &link {
                        link.send(request);
                    }
                }
                Output::Show(show) => broken = view.show(&show).err().or(broken),
                Output::Exit(exit) => {
                    let has_screen = matches!(view, View::Full(_));
                    view.end(exit == Exit::Left);
                    return match broken {
                        Some(error) if has_screen => {
                            Err(error).context("the terminal cannot be used any more")
                        }
                        // Whoever reads a pipe may stop when they have enough.
                        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                            Err(NoOutput(error).into())
                        }
                        _ => Ok(exit),
                    };
                }
            }
        }
        if let Some(recalled) = recalled {
            outputs = model.handle(Input::Recalled(recalled), start.elapsed());
            continue;
        }
        if broken.is_none() {
            broken = view.draw(&model, start.elapsed()).err();
        }
        if broken.is_some() && !leaves_broken {
            leaves_broken = true;
            outputs = model.handle(Input::Hangup, start.elapsed());
            continue;
        }
        let changes_in = view.changes_in(&model, start.elapsed()).filter(|_| broken.is_none());
        // All of these can be given up and waited for again without losing anything.
        let input = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Some(SIGCONT) => {
                    broken = view.resumed().err().or(broken);
                    None
                }
                Some(SIGINT) => Some(Input::Interrupt),
                _ => Some(Input::Hangup),
            },
            () = until(start, model.deadline()) => Some(Input::Tick),
            // Before what comes in, or a flood of that would keep a person from having a say.
            input = view.next(model.wants_input()) => input,
            () = until(start, changes_in.map(|time| start.elapsed() + time)) => {
                view.time_passed();
                None
            }
            input = next_of(&mut link) => Some(input),
        };
        outputs = match input {
            Some(input) => model.handle(input, start.elapsed()),
            None => Vec::new(),
        };
    }
}

/// What was to be shown could not be written.
#[derive(Debug)]
struct NoOutput(io::Error);

impl std::fmt::Display for NoOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&cannot_print(&self.0))
    }
}

impl std::error::Error for NoOutput {}

/// Where the session is kept. A person is told when it cannot be, and talks on without.
struct Remembering {
    place: Option<Place>,
    address: String,
    memory: Option<Memory>,
    /// Whether it matters to the person that nothing can be kept.
    is_told: bool,
}

impl Remembering {
    fn recall(&mut self, name: &str, view: &mut View) -> Recalled {
        self.memory = None;
        let Some(place) = &self.place else { return Recalled::NoPlace };
        match Memory::open(place, &self.address, name) {
            Ok((memory, kept)) => {
                self.memory = Some(memory);
                kept.map_or(Recalled::Nothing, Recalled::Kept)
            }
            Err(error) => {
                self.complain(view, &format!("{error:#}"));
                Recalled::NoPlace
            }
        }
    }

    fn attempt(&mut self, view: &mut View, act: impl FnOnce(&Memory) -> io::Result<()>) {
        if let Some(memory) = &self.memory
            && let Err(error) = act(memory)
        {
            let file = memory.path().display();
            self.complain(view, &format!("{file}: {error}"));
            // Once is enough.
            self.memory = None;
        }
    }

    fn complain(&self, view: &mut View, why: &str) {
        if !self.is_told {
            return;
        }
        let line = format!("The session is not kept over the end of this program: {why}.");
        // An output that is gone is noticed where the talk is shown.
        let _ = view.show(&Show::Status(line));
    }
}

async fn next_of(link: &mut Option<Link>) -> Input {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

async fn until(start: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until((start + deadline).into()).await,
        None => std::future::pending().await,
    }
}
