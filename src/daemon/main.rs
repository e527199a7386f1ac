//! chatroomd: the daemon.

mod access;
mod admin;
mod args;
mod connections;
mod doctor;
mod files;
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
mod welcome;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use args::Args;
use clap::Parser;

/// A configuration that cannot work: restarting cannot help (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    let args = Args::parse();
    let file = files::config_file(args.config.as_deref());
    let config = match files::read_config(file.as_deref()) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("chatroomd: {problem}"));
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if args.check_config {
        match &file {
            Some(file) => println!("{} is right.", file.display()),
            None => println!("There is no {}; the defaults serve.", files::DEFAULT_CONFIG),
        }
        return ExitCode::SUCCESS;
    }
    if let Some(names) = args.make_certificate {
        return match files::certificate(&config).and_then(|pair| make_certificate(&pair, names)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("chatroomd: {error:#}");
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
            eprintln!("chatroomd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make_certificate(pair: &tls::Pair, mut names: Vec<String>) -> anyhow::Result<()> {
    if names.is_empty() {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        names = [&host, "localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.dedup();
    }
    let shown = names.join(", ");
    let fingerprint = pair.make(names)?;
    println!(
        "Made {} and its key {}\nfor {shown}.\nThose who connect can compare its fingerprint:\n\
         {fingerprint}",
        pair.certificate.display(),
        pair.key.display()
    );
    Ok(())
}

fn serve(config: chatroom::config::Config, file: Option<PathBuf>) -> anyhow::Result<()> {
    // One thread serves all connections; the room has its own. More were slower in measurements.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(lifecycle::run(config, file));
    // A word to systemd that it does not take in is not waited for.
    runtime.shutdown_background();
    outcome
}
