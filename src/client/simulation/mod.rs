//! The client in a simulated network: whatever is delayed, cut or crashed, each line is said once
//! and in its order, and what is shown has no gap and no double.
//!
//! A seed gives the same run each time. By hand, with how many and the first:
//! `SIMULATIONS="1000 1" cargo test --release --bin chatroom-client simulation`

mod server;

// What the tests have.
#[path = "../../../tests/it/chance.rs"]
#[allow(dead_code, reason = "bytes are not damaged here")]
mod chance;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chance::Chance;
use chatroom::room::RecordKind;
use chatroom::wire::json::Event;
use server::{Disk, PORT, lock, serve};
use tokio::time::{Instant, sleep_until, timeout};
use turmoil::net::TcpStream;

use crate::dial;
use crate::link::{Connected, Link, explain};
use crate::model::{Exit, Input, Keeps, Model, Output, Settings, Show};
use crate::secure::Failure;

/// How many people talk, and how many lines each says.
const PEOPLE: usize = 4;
const LINES: usize = 25;

/// How often something is done to the network or the server.
const FAULTS: usize = 12;

/// So long after the last one has left nobody is awaited any more.
const AWAITED: Duration = Duration::from_secs(60);

/// What one person has seen.
#[derive(Default)]
struct Ledger {
    /// The first record that was to be seen.
    from: Option<u64>,
    /// What others have said, as it was shown.
    shown: Vec<(String, String)>,
    connections: usize,
}

fn settings(name: &str) -> Settings {
    Settings {
        address: "server".to_owned(),
        name: Some(name.to_owned()),
        default_name: None,
        attempts: 0,
        password: None,
        is_private: true,
        interactive: false,
        keeps: Keeps::Nothing,
        tag: name.to_owned(),
    }
}

async fn connect() -> Result<Connected, Failure> {
    let failure = |error: io::Error| Failure::Passing(explain(&error));
    let connecting = TcpStream::connect(("server", PORT));
    let stream = timeout(dial::LIMIT, connecting).await;
    let stream = stream.map_err(|_| Failure::Passing("no answer".to_owned()))?.map_err(failure)?;
    Ok(Connected { stream: Box::new(stream), first: Vec::new(), news: None })
}

fn line(name: &str, number: usize) -> String {
    format!("{name} says {number}")
}

/// Says all lines, with pauses, and leaves when they are stored.
async fn talk(name: String, ledger: Arc<Mutex<Ledger>>, mut chance: Chance) -> turmoil::Result {
    let start = Instant::now();
    let (mut model, mut outputs) = Model::new(settings(&name));
    let mut link: Option<Link> = None;
    let (mut said, mut due) = (0, start);
    loop {
        for output in outputs {
            match output {
                Output::Connect => {
                    lock(&ledger).connections += 1;
                    link = Some(Link::over(connect()));
                }
                Output::Disconnect => link = None,
                Output::Send(request) => link.iter().for_each(|link| link.send(request.clone())),
                Output::Show(Show::Message { name, text, .. }) => {
                    lock(&ledger).shown.push((name, text));
                }
                Output::Show(_) | Output::Keep(_) | Output::Forget => {}
                Output::Exit(exit) => {
                    assert_eq!(exit, Exit::Left, "{name}");
                    return Ok(());
                }
                Output::Recall(_) => panic!("nothing is kept"),
            }
        }
        let input = tokio::select! {
            biased;
            () = until(start, model.deadline()) => Input::Tick,
            () = sleep_until(due), if model.wants_input() && said <= LINES => {
                due = Instant::now() + Duration::from_millis(chance.below(4000));
                said += 1;
                match said <= LINES {
                    true => Input::Line(line(&name, said - 1)),
                    false => Input::NoMoreLines,
                }
            }
            input = next(&mut link) => input,
        };
        if let Input::Event(Event::Welcome(welcome)) = &input {
            lock(&ledger).from.get_or_insert(welcome.next);
        }
        outputs = model.handle(input, start.elapsed());
    }
}

async fn until(start: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until(start + deadline).await,
        None => std::future::pending().await,
    }
}

async fn next(link: &mut Option<Link>) -> Input {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

/// Something that lasts for a while.
enum Fault {
    Partition(String),
    Held(String),
    Crash,
}

impl Fault {
    fn begin(sim: &mut turmoil::Sim<'_>, chance: &mut Chance) -> Fault {
        let name = format!("person{}", chance.below(PEOPLE as u64));
        match chance.below(4) {
            0 => {
                sim.partition("server", name.as_str());
                Fault::Partition(name)
            }
            1 => {
                sim.hold("server", name.as_str());
                Fault::Held(name)
            }
            _ => {
                sim.crash("server");
                Fault::Crash
            }
        }
    }

    fn end(self, sim: &mut turmoil::Sim<'_>) {
        match self {
            Fault::Partition(name) => sim.repair("server", name.as_str()),
            Fault::Held(name) => sim.release("server", name.as_str()),
            Fault::Crash => sim.bounce("server"),
        }
    }
}

/// Lets people talk while things are done to them. Gives what is on the disk then, and what
/// everybody has seen.
fn simulate(seed: u64) -> (Disk, Vec<Arc<Mutex<Ledger>>>) {
    let disk = Arc::new(Mutex::new(Disk::default()));
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(3600))
        .tick_duration(Duration::from_millis(10))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(200))
        .rng_seed(seed)
        .build();
    let on_disk = disk.clone();
    sim.host("server", move || serve(on_disk.clone()));
    let ledgers: Vec<Arc<Mutex<Ledger>>> = (0..PEOPLE).map(|_| Arc::default()).collect();
    for (number, ledger) in ledgers.iter().enumerate() {
        let name = format!("person{number}");
        let chance = Chance(seed.wrapping_mul(1000) + number as u64);
        sim.client(name.clone(), talk(name, ledger.clone(), chance));
    }
    let mut chance = Chance(seed);
    let (mut faults, mut under) = (0, None);
    let mut due = Duration::from_secs(1);
    let step = |sim: &mut turmoil::Sim<'_>| {
        sim.step().unwrap_or_else(|error| panic!("seed {seed}: {error}"))
    };
    while !step(&mut sim) {
        if sim.elapsed() < due {
            continue;
        }
        due = match under.take() {
            Some(fault) => {
                Fault::end(fault, &mut sim);
                sim.elapsed() + Duration::from_millis(chance.below(10_000))
            }
            None if faults < FAULTS => {
                faults += 1;
                under = Some(Fault::begin(&mut sim, &mut chance));
                // Some of them are longer than anybody is awaited.
                sim.elapsed() + Duration::from_millis(1 + chance.below(30_000))
            }
            None => Duration::MAX,
        };
    }
    // Whose farewell was lost is awaited for a while.
    under.into_iter().for_each(|fault| Fault::end(fault, &mut sim));
    let end = sim.elapsed() + AWAITED;
    while sim.elapsed() < end {
        step(&mut sim);
    }
    drop(sim);
    let disk = std::mem::take(&mut *lock(&disk));
    (disk, ledgers)
}

/// What was said, by whom, with its number.
fn said(disk: &Disk) -> Vec<(u64, String, String)> {
    let messages = disk.records.iter().filter_map(|record| match &record.kind {
        RecordKind::Message { name, text } => Some((record.seq.0, name.to_string(), text.clone())),
        _ => None,
    });
    messages.collect()
}

fn check(seed: u64) -> usize {
    let (disk, ledgers) = simulate(seed);
    let said = said(&disk);
    for (number, ledger) in ledgers.iter().enumerate() {
        let (name, ledger) = (format!("person{number}"), lock(ledger));
        let own: Vec<&String> =
            said.iter().filter(|it| it.1 == name).map(|(_, _, text)| text).collect();
        let expected: Vec<String> = (0..LINES).map(|number| line(&name, number)).collect();
        assert!(own.iter().copied().eq(&expected), "seed {seed}, {name}: each once, in its order");
        let last_own = said.iter().rfind(|it| it.1 == name).unwrap().0;
        let from = ledger.from.unwrap();
        let others = said.iter().filter(|it| it.0 >= from && it.1 != name);
        let others: Vec<_> = others.map(|(_, name, text)| (name.clone(), text.clone())).collect();
        assert!(others.starts_with(&ledger.shown), "seed {seed}, {name}: a gap or a double");
        let due = said.iter().filter(|it| it.0 >= from && it.1 != name && it.0 < last_own).count();
        assert!(ledger.shown.len() >= due, "seed {seed}, {name}: something was not shown");
    }
    assert!(disk.members.is_empty(), "seed {seed}: {:?} are still here", disk.members);
    ledgers.iter().map(|ledger| lock(ledger).connections).sum()
}

#[test]
#[expect(clippy::disallowed_macros, reason = "a test says how far it came")]
fn nothing_is_lost_or_doubled_in_a_simulated_network() {
    let given = crate::program::variable("SIMULATIONS").unwrap_or_default();
    let mut given = given.split(' ').filter_map(|number| number.parse().ok());
    let (count, first) = (given.next().unwrap_or(8), given.next().unwrap_or(1));
    let connections: usize = (first..first + count).map(check).sum();
    let per_run = connections / count as usize;
    assert!(per_run > 2 * PEOPLE, "hardly anything was cut: {per_run} connections in a run");
    println!("{count} runs, {per_run} connections in each");
}

#[test]
fn a_seed_gives_the_same_run() {
    let records = |seed| simulate(seed).0.records;
    assert_eq!(records(7), records(7));
    assert_ne!(records(7), records(8));
}
