//! chatctl: the command line tool with which administrators manage the daemon.

mod args;
mod backup;
mod complete;
mod confirm;
mod connection;
mod doctor;
mod failure;
mod hand_over;
mod history;
mod main_process;
mod password;
#[path = "../program.rs"]
mod program;
mod record;
mod redact;
mod request;
mod run;
mod show;
mod ssh;
mod table;
mod watch;

use std::env::args_os;
use std::process::ExitCode;

use args::{Args, Command};
use failure::Failure;

fn main() -> ExitCode {
    program::keep_files_private();
    if complete::answer() {
        return ExitCode::SUCCESS;
    }
    let args: Args = match program::parse(args::command()) {
        Ok(args) => args,
        Err(error) => return misused(&error),
    };
    if let Command::Doctor = args.command {
        return doctor::run(&args);
    }
    match run::run(&args) {
        Ok(output) => program::print_and_exit(&output, ExitCode::SUCCESS),
        Err(failure) => report(&failure, args.json),
    }
}

/// Reports a failure: as text on standard error, or as JSON on standard output.
fn report(failure: &Failure, json: bool) -> ExitCode {
    let is_printable = !matches!(failure, Failure::Output(_));
    if !json || !is_printable || program::print(&format!("{}\n", failure.as_json())).is_err() {
        program::complain(failure);
    }
    ExitCode::from(failure.exit_status())
}

/// Prints the help or the version if that was asked for, otherwise the problem with the command
/// line.
fn misused(error: &clap::Error) -> ExitCode {
    let wants_json = args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if !error.use_stderr() || !wants_json {
        return program::show(error);
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    report(&Failure::Usage(text.trim_end().to_owned()), true)
}
