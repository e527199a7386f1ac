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

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
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

/// How long there is for everything to arrive, and before it for everybody to join.
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
            eprintln!("crowd: {what} has not happened");
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}

async fn run(args: Args) -> bool {
    let account = Shared::default();
    let way = match Way::new(args.address, args.tls) {
        Ok(way) => way,
        Err(error) => {
            eprintln!("crowd: {error}");
            return false;
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
            return false;
        }
    }
    let all = args.clients + args.idle;
    if !until("joining", || account.borrow().joined >= all).await {
        return false;
    }
    // From now on pauses count.
    account.borrow_mut().talking_since = Some(Instant::now());
    println!("joined");
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
    println!("clients {}, listeners {}, messages {}", args.clients, args.idle, account.sent);
    println!("connections lost {lost}, longest pause {pause:.3} s");
    println!("records skipped {}, doubled {}", account.skipped, account.doubled);
    println!("messages lost {unseen}, doubled {twice}");
    let (arrived, refused) = (account.arrived, account.refused);
    let greeting = account.greeting.as_secs_f64();
    println!("newcomers {arrived}, refused {refused}, longest wait {greeting:.3} s");
    is_whole && (account.skipped, account.doubled, unseen, twice) == (0, 0, 0, 0)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let is_whole = match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, run(args)),
        Err(error) => {
            eprintln!("crowd: {error}");
            false
        }
    };
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
