//! A long run: people join, talk, stall, leave, are cut off, come back and are moderated, while the
//! history rolls over what is kept of it. Every ten seconds it prints memory, descriptors and counts.
//!
//! `cargo run --release --example soak -- --minutes 30`. It starts a daemon of its own, and fails if
//! memory or descriptors grow, if a client sees a gap or a double, if `chatctl ping` takes a second
//! longer than the disk, or if there is an error in the log.

mod daemon;
mod disk;
mod person;
#[path = "../../src/program.rs"]
#[allow(dead_code, reason = "it does not need all of that")]
mod program;
// Shared with the tests.
#[path = "../../tests/it/chance.rs"]
#[allow(dead_code, reason = "bytes are not damaged here")]
mod chance;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use chance::Chance;
use clap::{CommandFactory, Parser};
use daemon::Daemon;
use disk::Disk;
use person::{Noticed, Person};
use tokio::task::LocalSet;
use tokio::time::sleep;

/// A long run.
#[derive(Parser)]
struct Args {
    /// For how long
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// How many people
    #[arg(long, default_value_t = 2000)]
    people: usize,
    /// The seed of the random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How much more memory than at the start an empty room may have, in KiB: the history has its caches.
const SPARE_MEMORY: u64 = 24 << 10;

/// One look at the daemon: memory in KiB, and descriptors beyond those of connections.
struct Look {
    memory: u64,
    connections: u64,
    people: u64,
    spare_descriptors: i64,
    threads: usize,
}

fn look(daemon: &Daemon, disk: &Disk, noticed: &Noticed, start: Instant) -> anyhow::Result<Look> {
    let asked = Instant::now();
    daemon.ctl(&["ping"])?;
    let ping = asked.elapsed();
    // It answers behind all that was said before, which waits for the disk.
    let slowest = disk.slowest();
    ensure!(
        ping < Duration::from_secs(1) + slowest,
        "chatctl ping took {ping:?}, and the disk at most {slowest:?}"
    );
    let metrics = daemon.ctl(&["metrics"])?;
    let metric = |name| Daemon::metric(&metrics, name);
    let memory = metric("process_resident_memory_bytes") >> 10;
    let connections = metric("chatroom_connections");
    let descriptors = metric("process_open_fds");
    let people = metric("chatroom_people");
    let threads = daemon.threads()?;
    say(&format!(
        "{:5} s  people {people:5}  connections {connections:5}  descriptors {descriptors:5}  \
         threads {threads:3}  memory {memory:6} KiB  history {:5} KiB  messages {:7}  seen {:9}  resumed {:6}  ping {:.1} ms  disk {:.1} ms\n",
        start.elapsed().as_secs(),
        metric("chatroom_history_bytes") >> 10,
        metric("chatroom_messages_total"),
        noticed.seen.load(Relaxed),
        noticed.resumed.load(Relaxed),
        ping.as_secs_f64() * 1000.0,
        slowest.as_secs_f64() * 1000.0
    ))?;
    let spare_descriptors = descriptors as i64 - connections as i64;
    Ok(Look { memory, connections, people, spare_descriptors, threads })
}

fn say(text: &str) -> anyhow::Result<()> {
    program::print(text).context("cannot write the output").map(drop)
}

/// Moderates a user.
fn moderate(daemon: &Daemon, chance: &mut Chance, people: usize) {
    let name = format!("soak{}", chance.below(people as u64));
    // Whom it is about may just be gone.
    let _ = match chance.below(4) {
        0 => daemon.ctl(&["kick", &name, "soaking"]),
        1 => daemon.ctl(&["mute", &name, "--for", "5 s"]),
        2 => daemon.ctl(&["ban", &name, "--for", "5 s"]),
        _ => daemon.ctl(&["say", "still soaking"]),
    };
}

async fn run(args: &Args, folder: &Path) -> anyhow::Result<()> {
    let daemon = Daemon::start(folder)?;
    let start = Instant::now();
    while daemon.ctl(&["ping"]).is_err() {
        ensure!(start.elapsed() < Duration::from_secs(10), "the daemon does not start");
        sleep(Duration::from_millis(50)).await;
    }
    let address = daemon.address()?;
    let disk = Disk::watch(folder)?;
    let noticed = Arc::new(Noticed::default());
    let before = look(&daemon, &disk, &noticed, start)?;
    for number in 0..args.people {
        let chance = Chance(args.seed.wrapping_mul(1_000_003) + number as u64);
        let person = Person::new(format!("soak{number}"), address, chance, noticed.clone());
        tokio::task::spawn_local(person.live());
    }
    let mut chance = Chance(args.seed);
    let mut looks = Vec::new();
    while start.elapsed() < Duration::from_secs(args.minutes * 60) {
        for _ in 0..10 {
            sleep(Duration::from_secs(1)).await;
            moderate(&daemon, &mut chance, args.people);
        }
        looks.push(look(&daemon, &disk, &noticed, start)?);
    }
    noticed.is_over.store(true, Relaxed);
    // Cut-off users stay detached for a while, and free memory is given back once a minute.
    let end = Instant::now();
    let after = loop {
        sleep(Duration::from_secs(5)).await;
        let after = look(&daemon, &disk, &noticed, start)?;
        let is_empty = (after.connections, after.people) == (0, 0);
        if is_empty && after.memory <= before.memory + SPARE_MEMORY {
            break after;
        }
        ensure!(
            end.elapsed() < Duration::from_secs(180),
            "not everybody goes, or not all that they needed"
        );
    };
    compare(&before, &after)?;
    check_stored(&daemon, &noticed)?;
    judge(&looks, &noticed, &fs::read_to_string(folder.join("log"))?)
}

/// Fails if resources are still in use after all clients have left.
fn compare(before: &Look, after: &Look) -> anyhow::Result<()> {
    say(&format!(
        "empty again: descriptors {} (before {}), threads {} (before {}), memory {} KiB (before {})\n",
        after.spare_descriptors,
        before.spare_descriptors,
        after.threads,
        before.threads,
        after.memory,
        before.memory
    ))?;
    // Those who read the history open it when it is first read.
    ensure!(after.spare_descriptors <= before.spare_descriptors + 8, "descriptors are left");
    ensure!(after.threads <= before.threads + 2, "threads are left");
    Ok(())
}

/// Fails if something that was acknowledged is not in the history, where that still reaches back so
/// far.
fn check_stored(daemon: &Daemon, noticed: &Noticed) -> anyhow::Result<()> {
    let acknowledged = noticed.acknowledged.lock().map_err(|_| anyhow!("a person has failed"))?;
    let (found, missing) = daemon.not_stored(acknowledged.iter())?;
    say(&format!(
        "acknowledged, and looked for where the history still reaches: {found} messages found\n"
    ))?;
    ensure!(missing.is_empty(), "acknowledged and not stored: {missing:?}");
    ensure!(found > 0, "nothing was acknowledged");
    Ok(())
}

/// Fails if something has grown, was seen out of order, or is an error in the log.
fn judge(looks: &[Look], noticed: &Noticed, log: &str) -> anyhow::Result<()> {
    let problems = noticed.problems.lock().map_or_else(|_| Vec::new(), |all| all.clone());
    ensure!(problems.is_empty(), "{} problems, first: {}", problems.len(), problems[0]);
    let errors: Vec<&str> =
        log.lines().filter(|line| line.contains(" ERROR ") || line.contains(" WARN ")).collect();
    ensure!(errors.is_empty(), "{} errors in the log, first: {}", errors.len(), errors[0]);
    // The first half fills the window and the allocator; the second is to be no larger.
    let (first, second) = looks.split_at(looks.len() / 2);
    let most = |looks: &[Look]| looks.iter().map(|look| look.memory).max().unwrap_or(0);
    say(&format!(
        "memory: at most {} KiB in the first half, {} in the second\n",
        most(first),
        most(second)
    ))?;
    // A short run has hardly filled the window in its first half.
    ensure!(most(second) <= most(first) * 11 / 10 + (16 << 10), "memory grows");
    let spare = |looks: &[Look]| looks.iter().map(|look| look.spare_descriptors).max().unwrap_or(0);
    say(&format!(
        "descriptors: at most {} and {} beside connections\n",
        spare(first),
        spare(second)
    ))?;
    ensure!(spare(second) <= spare(first) + 20, "descriptors grow");
    Ok(())
}

fn main() -> ExitCode {
    let args: Args = match program::parse(Args::command()) {
        Ok(args) => args,
        Err(answer) => return program::show(&answer),
    };
    let folder = std::env::temp_dir().join(format!("chatroom-soak-{}", std::process::id()));
    let outcome = fs::create_dir(&folder).map_err(anyhow::Error::from).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, run(&args, &folder))
    });
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            program::complain(format_args!("{error:#} (the log is in {})", folder.display()));
            return ExitCode::FAILURE;
        }
    };
    let _ = fs::remove_dir_all(folder);
    code
}
