//! chatroom-client: the terminal client.

mod args;
mod decode;
mod dial;
#[cfg(test)]
mod fuzz;
mod model;
mod palette;
mod plain;
mod preferences;
#[path = "../program.rs"]
#[allow(dead_code, reason = "the client prints in its own way")]
mod program;
mod report;
mod screen;
mod server_connection;
mod session_file;
mod session_store;
mod settings;
#[cfg(test)]
mod simulation;
mod terminal;
mod tls;
mod transport;
mod trust;
mod view;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use args::Args;
use clap::{CommandFactory, error::ErrorKind};
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use model::{Exit, Input, Model, Output, Persistence, Settings};
use palette::Colours;
use preferences::{Notify, Preferences};
use program::{EXIT_OUTPUT, cannot_print, variable};
use report::tell;
use screen::Appearance;
use server_connection::ServerConnection;
use session_file::{SessionFile, SessionLocation};
use session_store::SessionStore;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::time::sleep_until;
use transport::Security;
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
    let location = match args.session {
        Some(file) => Some(SessionLocation::File(file)),
        None => SessionLocation::of_user().filter(|_| !args.no_session),
    };
    let settings = Settings {
        password,
        is_private,
        address: args.address.unwrap_or_default(),
        name: args.name,
        default_name: variable("USER"),
        attempts: args.attempts.unwrap_or_default(),
        interactive,
        persistence: match &location {
            None => Persistence::Nothing,
            Some(_) if is_all_kept => Persistence::Everything,
            Some(_) => Persistence::Session,
        },
        tag: tag(),
    };
    // The full-screen view needs a terminal on both sides.
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
            runtime.block_on(run(settings, location, appearance, preferences.notify, security));
        // Looking up a host name cannot be interrupted, and is not waited for.
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

/// Begins the ids of this run. No other run of any client has the same tag.
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

/// Passes inputs to the model, and executes its outputs until the end.
async fn run(
    settings: Settings,
    location: Option<SessionLocation>,
    appearance: Option<Appearance>,
    notify: Notify,
    security: Security,
) -> anyhow::Result<Exit> {
    let start = Instant::now();
    let address = settings.address.clone();
    // A client that was started with `nohup` continues when the terminal is gone.
    let signals = [SIGCONT, SIGHUP, SIGINT, SIGTERM].into_iter();
    let signals = signals.filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP));
    let mut signals = Signals::new(signals).context("cannot take over the signals")?;
    let mut view = match appearance {
        Some(appearance) => View::full_screen(appearance, notify)?,
        None => View::plain(),
    };
    let mut connection: Option<ServerConnection> = None;
    // The reason why nothing can be shown any more, if that is so.
    let mut broken: Option<io::Error> = None;
    let mut leaves_broken = false;
    let is_told = settings.persistence == Persistence::Everything;
    let mut store = SessionStore::new(location, address.clone(), is_told);
    let (mut model, mut outputs) = Model::new(settings);
    loop {
        let mut loaded = None;
        // Before anything is shown: a user who reads that they have joined can see what they type.
        view.hide_typed(&model);
        for output in outputs {
            match output {
                Output::Load(name) => loaded = Some(store.load(&name, &mut view)),
                Output::Save(session) => store.attempt(&mut view, |file| file.save(&session)),
                Output::Delete => store.attempt(&mut view, SessionFile::delete),
                Output::Connect => {
                    connection = Some(ServerConnection::open(address.clone(), security));
                }
                Output::Disconnect => connection = None,
                Output::Send(request) => {
                    if let Some(connection) = &connection {
                        connection.send(request);
                    }
                }
                Output::Show(show) => broken = view.show(&show).err().or(broken),
                Output::Exit(exit) => {
                    let has_screen = matches!(view, View::FullScreen(_));
                    view.end(exit == Exit::Left);
                    return match broken {
                        Some(error) if has_screen => {
                            Err(error).context("the terminal cannot be used any more")
                        }
                        // The reader of a pipe may stop when it has enough.
                        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                            Err(NoOutput(error).into())
                        }
                        _ => Ok(exit),
                    };
                }
            }
        }
        if let Some(loaded) = loaded {
            outputs = model.handle(Input::Loaded(loaded), start.elapsed());
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
        // All of these can be cancelled without losing anything.
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
            // Before the network, or a flood of messages would keep the user from typing.
            input = view.next(model.wants_input()) => input,
            () = until(start, changes_in.map(|time| start.elapsed() + time)) => {
                view.time_passed();
                None
            }
            input = next_of(&mut connection) => Some(input),
        };
        outputs = match input {
            Some(input) => model.handle(input, start.elapsed()),
            None => Vec::new(),
        };
    }
}

/// The output could not be written.
#[derive(Debug)]
struct NoOutput(io::Error);

impl std::fmt::Display for NoOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&cannot_print(&self.0))
    }
}

impl std::error::Error for NoOutput {}

async fn next_of(connection: &mut Option<ServerConnection>) -> Input {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

async fn until(start: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until((start + deadline).into()).await,
        None => std::future::pending().await,
    }
}
