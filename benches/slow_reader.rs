//! The cost of a reader that stops, for the others: `cargo bench --bench slow_reader`.
//!
//! 50,000 messages pass within a minute, on the default configuration; in every second run one of
//! the clients does not read for that minute. Printed are, in turns: the time from sending to delivery
//! for a client that reads, the memory of the daemon, and how long the slow one then takes to catch
//! up, with every record checked to be there. `ROUNDS` (default 1) and `SECONDS` (60) change it.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use common::{Daemon, median, percentile, say_steadily};
use tempfile::TempDir;

const MESSAGES: u32 = 50_000;

fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (rounds, seconds) = (number("ROUNDS").unwrap_or(1), number("SECONDS").unwrap_or(60));
    println!("{MESSAGES} messages in {seconds} s, medians of {rounds} rounds, in turns");
    println!("{:<16} {:>8} {:>8} {:>16}", "", "p50 ms", "p99 ms", "grew by KiB");
    let mut results = [const { Vec::new() }; 2];
    let mut catching_up = Vec::new();
    for _ in 0..rounds {
        for (with_slow, results) in results.iter_mut().enumerate() {
            let (p50, p99, grown, caught_up) = run(with_slow == 1, Duration::from_secs(seconds));
            results.push((p50, p99, grown));
            catching_up.extend(caught_up);
        }
    }
    for (name, results) in ["all read", "one has stopped"].iter().zip(results) {
        let of = |part: fn(&(f64, f64, f64)) -> f64| median(results.iter().map(part).collect());
        println!(
            "{name:<16} {:>8.3} {:>8.3} {:>16.0}",
            of(|result| result.0),
            of(|result| result.1),
            of(|result| result.2)
        );
    }
    println!("the slow one got all {MESSAGES}, in order, in {:.2} s", median(catching_up));
}

fn run(with_slow: bool, time: Duration) -> (f64, f64, f64, Option<f64>) {
    let daemon = Daemon::start(TempDir::new().unwrap(), "");
    let mut receiver = daemon.join("receiver");
    let mut slow = daemon.join("slow");
    if !with_slow {
        let mut slow = BufReader::new(slow.get_ref().try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut slow, &mut std::io::sink()));
    }
    let sender = daemon.join("sender").into_inner();
    let start = Instant::now();
    let sending = say_steadily(sender, start, time / MESSAGES, MESSAGES, |number, sent| {
        format!("{number:0>60} {sent:>20}\n")
    });
    // The memory of the beginning is that after the first messages, when all is in use.
    let (mut times, mut first, mut most) = (Vec::new(), 0.0, 0.0f64);
    for n in 0..MESSAGES {
        let (number, sent) = next(&mut receiver);
        assert_eq!(number, n);
        times.push((start.elapsed().as_nanos() as f64 - sent as f64) / 1e6);
        if n % 500 == 499 {
            let memory = resident(&daemon);
            first = if n == 499 { memory } else { first };
            most = most.max(memory);
        }
    }
    let _sender = sending.join().unwrap();
    let caught_up = with_slow.then(|| {
        let start = Instant::now();
        (0..MESSAGES).for_each(|n| assert_eq!(next(&mut slow).0, n));
        most = most.max(resident(&daemon));
        start.elapsed().as_secs_f64()
    });
    times.sort_by(f64::total_cmp);
    (percentile(&times, 0.5), percentile(&times, 0.99), most - first, caught_up)
}

/// The next message: its number, and when it was sent.
fn next(reader: &mut BufReader<TcpStream>) -> (u32, u64) {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the end came");
        if let Some(text) = line.strip_prefix("sender: ") {
            let (number, sent) = text.trim().split_once(' ').unwrap();
            return (number.parse().unwrap(), sent.trim().parse().unwrap());
        }
    }
}

/// The resident memory of the daemon in KiB.
fn resident(daemon: &Daemon) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
