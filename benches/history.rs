//! The cost of storing: `cargo bench --bench history`.
//!
//! It starts the daemon as its own process on three configurations side by side (no history,
//! `process`, `power`) and prints, in turns with medians: the time from sending to delivery at two
//! rates, and how many messages a second are accepted at saturation with ten receivers. Then, with
//! `RECORDS=10000000` (default 1,000,000), how long opening and searching a large history takes.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod common;

use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::{Daemon, median, percentile, say_steadily};
use tempfile::TempDir;

const KINDS: [(&str, &str); 3] = [
    ("off", "enabled = false\n"),
    ("process", "durability = \"process\"\n"),
    ("power", "durability = \"power\"\n"),
];
const ROUNDS: usize = 5;

/// The times from sending to delivery at a rate, in milliseconds: p50 and p99.
fn latency(daemon: &Daemon, rate: u32, count: u32) -> (f64, f64) {
    let mut receiver = daemon.join("receiver");
    let sender = daemon.join("sender").into_inner();
    let mut line = String::new();
    receiver.read_line(&mut line).unwrap();
    let start = Instant::now();
    let pause = Duration::from_secs(1) / rate;
    let sending = say_steadily(sender, start, pause, count, |_, sent| format!("{sent}\n"));
    let mut times: Vec<f64> = (0..count)
        .map(|_| {
            line.clear();
            receiver.read_line(&mut line).unwrap();
            let sent: u64 = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
            (start.elapsed().as_nanos() as f64 - sent as f64) / 1e6
        })
        .collect();
    drop(sending.join().unwrap());
    times.sort_by(f64::total_cmp);
    (percentile(&times, 0.5), percentile(&times, 0.99))
}

/// Accepted messages a second with ten senders at full speed and ten receivers.
fn saturation(daemon: &Daemon) -> f64 {
    const EACH: usize = 20_000;
    let mut receivers: Vec<_> = (0..10).map(|n| daemon.join(&format!("r{n}"))).collect();
    let senders: Vec<_> = (0..10).map(|n| daemon.join(&format!("s{n}")).into_inner()).collect();
    let lines: String = (0..EACH).map(|n| format!("{n:0>92}\n")).collect();
    let start = Instant::now();
    let sending: Vec<_> = senders
        .into_iter()
        .map(|mut sender| {
            let lines = lines.clone();
            thread::spawn(move || {
                sender.write_all(lines.as_bytes()).unwrap();
                // Incoming data is read, so that this client does not hold others up.
                let mut sink = [0; 65536];
                sender.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
                while matches!(sender.read(&mut sink), Ok(1..)) {}
            })
        })
        .collect();
    let receiving: Vec<_> = receivers
        .drain(..)
        .map(|mut receiver| {
            thread::spawn(move || {
                let mut seen = 0;
                let mut line = Vec::new();
                while seen < 10 * EACH {
                    line.clear();
                    receiver.read_until(b'\n', &mut line).unwrap();
                    seen += usize::from(line.starts_with(b"s"));
                }
                Instant::now()
            })
        })
        .collect();
    let end = receiving.into_iter().map(|thread| thread.join().unwrap()).max().unwrap();
    sending.into_iter().for_each(|thread| thread.join().unwrap());
    (10 * EACH) as f64 / (end - start).as_secs_f64()
}

/// Fills a history with records, as the daemon itself would have.
fn fill(folder: &Path, records: u64) {
    let db = rusqlite::Connection::open(folder.join("history.sqlite")).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    db.execute(
        "WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?)
         INSERT INTO records SELECT seq, 1, 1700000000000 + seq, 1, 7, NULL, 'ann',
         'an ordinary line of talk about nothing in particular, number ' || seq FROM n",
        [records as i64],
    )
    .unwrap();
}

fn main() {
    println!("send to delivery, ms (medians of {ROUNDS} rounds, in turns)");
    println!("{:<10} {:>8} {:>8} {:>8}", "history", "per s", "p50", "p99");
    for (rate, count) in [(10, 20), (1000, 2000)] {
        let mut results = vec![(Vec::new(), Vec::new()); KINDS.len()];
        for _ in 0..ROUNDS {
            for ((_, history), (p50s, p99s)) in KINDS.iter().zip(&mut results) {
                let daemon = Daemon::start(TempDir::new().unwrap(), history);
                let (p50, p99) = latency(&daemon, rate, count);
                p50s.push(p50);
                p99s.push(p99);
            }
        }
        for ((name, _), (p50s, p99s)) in KINDS.iter().zip(results) {
            println!("{name:<10} {rate:>8} {:>8.3} {:>8.3}", median(p50s), median(p99s));
        }
    }
    println!("\naccepted messages a second at saturation, 10 senders, 10 receivers, 100 bytes");
    let mut results = vec![Vec::new(); KINDS.len()];
    for _ in 0..ROUNDS {
        for ((_, history), rates) in KINDS.iter().zip(&mut results) {
            rates.push(saturation(&Daemon::start(TempDir::new().unwrap(), history)));
        }
    }
    for ((name, _), rates) in KINDS.iter().zip(results) {
        println!("{name:<10} {:>10.0}", median(rates));
    }
    let records = std::env::var("RECORDS").ok().and_then(|number| number.parse().ok());
    let records = records.unwrap_or(1_000_000);
    let mut daemon = Daemon::start(TempDir::new().unwrap(), "keep_bytes = 0\n");
    fill(daemon.folder.path(), records);
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, TempDir::new().unwrap());
    let start = Instant::now();
    let daemon = Daemon::start(folder, "keep_bytes = 0\n");
    println!("\nopening a history of {records} records: {:.3} s", start.elapsed().as_secs_f64());
    for (what, grep) in [("found late", "number 17"), ("found never", "zzyzx")] {
        let start = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_chatctl"))
            .args(["--timeout", "60 s", "--socket"])
            .arg(daemon.folder.path().join("admin.sock"))
            .args(["history", "--grep", grep, "-n", "50"])
            .output()
            .unwrap();
        assert!(output.status.success());
        println!("history --grep, {what}: {:.3} s", start.elapsed().as_secs_f64());
    }
}
