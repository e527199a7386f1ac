//! chatroomd: the daemon.

mod access;
mod admin;
mod args;
mod connections;
mod doctor;
mod files;
mod folders;
mod guard;
mod handover;
mod health;
mod lifecycle;
mod limits;
mod listen;
mod logging;
mod memory;
mod metrics;
mod outlet;
mod overview;
#[path = "../program.rs"]
mod program;
mod raw;
mod reload;
mod room_thread;
mod session;
mod shared;
mod signals;
mod silence;
mod sockets;
mod start;
mod store;
mod systemd;
mod tcp_info;
mod tls;
mod transport;
mod users;
mod watchers;
mod welcome;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use args::Args;
use clap::CommandFactory;

/// A configuration that cannot work: restarting cannot help (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    let args: Args = match program::parse(Args::command()) {
        Ok(args) => args,
        Err(answer) => return program::show(&answer),
    };
    let file = files::config_file(args.config.as_deref());
    let config = match files::read_config(file.as_deref()) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(program::complain);
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if args.check_config {
        let said = match &file {
            Some(file) => format!("{} is right.\n", file.display()),
            None => format!("There is no {}; the defaults serve.\n", files::DEFAULT_CONFIG),
        };
        return program::print_and_exit(&said, ExitCode::SUCCESS);
    }
    if let Some(names) = args.make_certificate {
        return match files::certificate(&config).and_then(|pair| make_certificate(&pair, names)) {
            Ok(said) => program::print_and_exit(&said, ExitCode::SUCCESS),
            Err(error) => {
                program::complain(format_args!("{error:#}"));
                ExitCode::FAILURE
            }
        };
    }
    let logging = logging::start(config.log.level);
    let outcome = serve(config, file);
    drop(logging);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            program::complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Makes a certificate, and gives what to print.
fn make_certificate(pair: &tls::Pair, mut names: Vec<String>) -> anyhow::Result<String> {
    if names.is_empty() {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        names = [&host, "localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.dedup();
    }
    let shown = names.join(", ");
    let fingerprint = pair.make(names)?;
    Ok(format!(
        "Made {} and its key {}\nfor {shown}.\nThose who connect can compare its fingerprint:\n\
         {fingerprint}\n",
        pair.certificate.display(),
        pair.key.display()
    ))
}

fn serve(config: chatroom::config::Config, file: Option<PathBuf>) -> anyhow::Result<()> {
    // One thread serves all connections; the room has its own. More were slower in measurements.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(lifecycle::run(config, file));
    // A word to systemd that it does not take in is not waited for.
    runtime.shutdown_background();
    outcome
}
