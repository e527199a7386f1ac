//! A crowd that talks, to see what a restart does to it.
//!
//! `cargo run --release --example crowd -- --clients 1000 --seconds 30`, and meanwhile
//! `systemctl restart chatroomd`. Each client keeps account of every record that it sees and of every
//! message that it has sent. It prints what was lost, doubled, refused, and the longest pause, and
//! fails if a message was lost or doubled.

mod account;
mod client;
mod idler;
mod network;
#[path = "../../src/program.rs"]
#[allow(dead_code, reason = "it does not need all of that")]
mod program;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{CommandFactory, Parser};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use account::Shared;
use client::Client;
use network::Way;

/// A crowd that talks, and keeps account of it.
#[derive(Parser)]
struct Args {
    /// Where the room is
    #[arg(default_value = "127.0.0.1:53000")]
    address: SocketAddr,
    /// How many talk
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// How many listen only, besides; with them, name one client
    #[arg(long, default_value_t = 0)]
    idle: usize,
    /// Speak TLS
    #[arg(long)]
    tls: bool,
    /// For how long they talk
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How many messages there are in a second, of all together
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

/// The time limit for everything to arrive, and before it for all clients to join.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody comes again and again, and waits for the greeting.
async fn arrive(way: Way, account: Shared) {
    while !account.borrow().is_over {
        let start = Instant::now();
        let greeted = async {
            let mut stream = way.connect().await?;
            stream.read(&mut [0; 256]).await
        };
        let greeted = timeout(Duration::from_secs(10), greeted).await;
        account.borrow_mut().note_arrival(matches!(greeted, Ok(Ok(1..))), start.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > PATIENCE {
            program::complain(format_args!("{what} has not happened"));
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}

/// # Errors
/// The output cannot be written.
async fn run(args: Args) -> io::Result<bool> {
    let account = Shared::default();
    let way = match Way::new(args.address, args.tls) {
        Ok(way) => way,
        Err(error) => {
            program::complain(error);
            return Ok(false);
        }
    };
    let mut mouths = Vec::new();
    for number in 0..args.clients {
        let (mouth, to_say) = mpsc::unbounded_channel();
        let client = Client::new(number, way.clone(), account.clone());
        tokio::task::spawn_local(client.run(to_say));
        mouths.push(mouth);
    }
    for number in 0..args.idle {
        tokio::task::spawn_local(idler::listen(number, way.clone(), account.clone()));
        // As many as may wait to be accepted at a time.
        let come = args.clients + number;
        if number % 1000 == 999 && !until("joining", || account.borrow().joined > come).await {
            return Ok(false);
        }
    }
    let all = args.clients + args.idle;
    if !until("joining", || account.borrow().joined >= all).await {
        return Ok(false);
    }
    // From now on pauses count.
    account.borrow_mut().talking_since = Some(Instant::now());
    program::print("joined\n")?;
    tokio::task::spawn_local(arrive(way, account.clone()));
    let (start, run) = (Instant::now(), std::process::id());
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(args.seconds) {
        let id = format!("{run}-{number}");
        account.borrow_mut().unacknowledged.insert(id.clone());
        account.borrow_mut().sent += 1;
        let _ = mouths[number % mouths.len()].send(id);
        number += 1;
        sleep((Duration::from_secs(1) / args.rate * number as u32).saturating_sub(start.elapsed()))
            .await;
    }
    let is_whole = until("the last acknowledgement", || {
        let account = account.borrow();
        account.unacknowledged.is_empty()
            && account.seen.len() == account.sent
            && account.heard_by_idlers >= account.sent * args.idle
    });
    let is_whole = is_whole.await;
    let mut account = account.borrow_mut();
    account.is_over = true;
    let unseen = account.sent - account.seen.len();
    let twice = account.seen.values().filter(|&&count| count > 1).count();
    let (lost, pause) = (account.lost, account.pause.as_secs_f64());
    let (arrived, refused) = (account.arrived, account.refused);
    let greeting = account.greeting.as_secs_f64();
    program::print(&format!(
        "clients {}, listeners {}, messages {}\n\
         connections lost {lost}, longest pause {pause:.3} s\n\
         records skipped {}, doubled {}\n\
         messages lost {unseen}, doubled {twice}\n\
         newcomers {arrived}, refused {refused}, longest wait {greeting:.3} s\n",
        args.clients, args.idle, account.sent, account.skipped, account.doubled
    ))?;
    Ok(is_whole && (account.skipped, account.doubled, unseen, twice) == (0, 0, 0, 0))
}

fn main() -> ExitCode {
    let args: Args = match program::parse(Args::command()) {
        Ok(args) => args,
        Err(answer) => return program::show(&answer),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            program::complain(error);
            return ExitCode::FAILURE;
        }
    };
    match LocalSet::new().block_on(&runtime, run(args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            program::complain(program::cannot_print(&error));
            ExitCode::from(program::EXIT_OUTPUT)
        }
    }
}
