//! chatroomd: the daemon.

mod access;
mod admin;
mod args;
mod backoff;
mod banner;
mod by_hand;
mod check;
mod client_connection;
mod connection_limits;
mod connections;
mod control;
mod doctor;
mod faults;
mod file_locations;
mod files;
mod folders;
mod handover;
mod health;
mod lifecycle;
mod limits;
mod listen;
mod listeners;
mod logging;
mod main_loop;
mod memory;
mod mending;
mod metrics;
mod moderation;
mod overview;
mod private;
#[path = "../program.rs"]
mod program;
mod raw;
mod recovery;
mod reload;
mod restart_state;
mod restarts;
mod room_thread;
mod service;
mod session;
mod shared;
mod signals;
mod silence;
mod sockets;
mod source;
mod start;
mod status_line;
mod store;
mod systemd;
mod tcp_info;
mod tls;
mod transient;
mod transport;
mod unit_files;
mod users;
mod watchers;
mod window;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use args::Args;
use chatroom::config::Config;
use clap::CommandFactory;
use handover::Inherited;
use lifecycle::StartConfig;

/// The configuration is invalid, so a restart does not help (`EX_CONFIG` in sysexits.h).
const EXIT_CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    program::keep_files_private();
    let args: Args = match program::parse(Args::command()) {
        Ok(args) => args,
        Err(answer) => return program::show(&answer),
    };
    let file = files::config_file(args.config.as_deref());
    let read = files::read_config_text(file.as_deref());
    if args.is_by_hand() {
        return match read {
            Ok((config, _)) => by_hand(args, &config, file.as_deref()),
            Err(problems) => wrong_configuration(&problems),
        };
    }
    let mut inherited = Inherited::take();
    let restart_state = Arc::new(inherited.restart_state());
    let (config, text, problems) = match read {
        Ok((config, text)) => (config, text, Vec::new()),
        // A restart cannot be undone, so the configuration of the previous process stays in force.
        Err(problems) => match files::previous_config(&restart_state) {
            Some((config, text)) => (config, text, problems),
            None if file.as_deref().is_some_and(files::cannot_be_read_now) => {
                return failure(&problems.join("; "));
            }
            None => return wrong_configuration(&problems),
        },
    };
    let logging = logging::start(config.log.level);
    let outcome = serve(StartConfig { config, text, file, problems, restart_state }, inherited);
    drop(logging);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&format!("{error:#}")),
    }
}

fn failure(problem: &str) -> ExitCode {
    program::complain(problem);
    ExitCode::FAILURE
}

fn wrong_configuration(problems: &[String]) -> ExitCode {
    problems.iter().for_each(program::complain);
    ExitCode::from(EXIT_CONFIGURATION)
}

/// Carries out a command that does something and exits.
fn by_hand(mut args: Args, config: &Config, file: Option<&Path>) -> ExitCode {
    let done = match (args.make_certificate.take(), &args.restore, args.salvage.as_deref()) {
        (Some(names), _, _) => by_hand::make_certificate(&args, config, names),
        (None, Some(backup), _) => mending::restore(&args, config, backup),
        (None, None, Some([damaged, new])) => mending::salvage(damaged, new),
        _ => match by_hand::check(&args, config, file) {
            Ok(text) => Ok(text),
            Err(problems) => return wrong_configuration(&problems),
        },
    };
    match done {
        Ok(text) => program::print_and_exit(&text, ExitCode::SUCCESS),
        Err(error) => failure(&format!("{error:#}")),
    }
}

fn serve(start: StartConfig, inherited: Inherited) -> anyhow::Result<()> {
    // One thread serves all connections, and the room has its own. More threads were slower.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(lifecycle::run(start, inherited));
    // Does not wait for notifications that systemd does not read.
    runtime.shutdown_background();
    outcome
}
