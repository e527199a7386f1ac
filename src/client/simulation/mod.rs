//! The client in a simulated network: whatever is delayed, cut or crashed, each line is stored once and
//! in order, and the messages that are shown have no gaps and no duplicates.
//!
//! A seed gives the same run each time. To run more, name their number and the first seed:
//! `SIMULATIONS="1000 1" cargo test --release --bin chatroom-client simulation`

mod server;

// The random numbers of the integration tests.
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
use crate::model::{Exit, Input, Model, Output, Persistence, Settings, Show};
use crate::server_connection::ServerConnection;
use crate::transport::{ConnectError, Connected, explain};

/// The number of users who talk, and the number of lines that each says.
const PEOPLE: usize = 4;
const LINES: usize = 25;

/// The number of faults in a run.
const FAULTS: usize = 12;

/// After this long, the server has given up every lost client.
const AWAITED: Duration = Duration::from_secs(60);

/// The messages that one client has shown.
#[derive(Default)]
struct Ledger {
    /// The first record that was to be seen.
    from: Option<u64>,
    /// Messages of others, as they were shown.
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
        persistence: Persistence::Nothing,
        tag: name.to_owned(),
    }
}

async fn connect() -> Result<Connected, ConnectError> {
    let failure = |error: io::Error| ConnectError::Transient(explain(&error));
    let connecting = TcpStream::connect(("server", PORT));
    let stream = timeout(dial::LIMIT, connecting).await;
    let stream =
        stream.map_err(|_| ConnectError::Transient("no answer".to_owned()))?.map_err(failure)?;
    Ok(Connected { stream: Box::new(stream), first: Vec::new(), news: None })
}

fn line(name: &str, number: usize) -> String {
    format!("{name} says {number}")
}

/// Sends all lines, with pauses, and leaves when they are stored.
async fn talk(name: String, ledger: Arc<Mutex<Ledger>>, mut chance: Chance) -> turmoil::Result {
    let start = Instant::now();
    let (mut model, mut outputs) = Model::new(settings(&name));
    let mut connection: Option<ServerConnection> = None;
    let (mut said, mut due) = (0, start);
    loop {
        for output in outputs {
            match output {
                Output::Connect => {
                    lock(&ledger).connections += 1;
                    connection = Some(ServerConnection::over(connect()));
                }
                Output::Disconnect => connection = None,
                Output::Send(request) => {
                    connection.iter().for_each(|connection| connection.send(request.clone()));
                }
                Output::Show(Show::Message { name, text, .. }) => {
                    lock(&ledger).shown.push((name, text));
                }
                Output::Show(_) | Output::Save(_) | Output::Delete => {}
                Output::Exit(exit) => {
                    assert_eq!(exit, Exit::Left, "{name}");
                    return Ok(());
                }
                Output::Load(_) => panic!("nothing is kept"),
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
            input = next(&mut connection) => input,
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

async fn next(connection: &mut Option<ServerConnection>) -> Input {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

/// A fault that lasts for a while.
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

/// Lets clients talk while there are faults. Returns the disk of the server, and what each client has
/// shown.
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
                // Some last longer than the server holds a place.
                sim.elapsed() + Duration::from_millis(1 + chance.below(30_000))
            }
            None => Duration::MAX,
        };
    }
    // A client whose farewell was lost stays in the room for a while.
    under.into_iter().for_each(|fault| Fault::end(fault, &mut sim));
    let end = sim.elapsed() + AWAITED;
    while sim.elapsed() < end {
        step(&mut sim);
    }
    drop(sim);
    let disk = std::mem::take(&mut *lock(&disk));
    (disk, ledgers)
}

/// The stored messages: number, name and text.
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
        assert!(
            own.iter().copied().eq(&expected),
            "seed {seed}, {name}: each line once and in order"
        );
        let last_own = said.iter().rfind(|it| it.1 == name).unwrap().0;
        let from = ledger.from.unwrap();
        let others = said.iter().filter(|it| it.0 >= from && it.1 != name);
        let others: Vec<_> = others.map(|(_, name, text)| (name.clone(), text.clone())).collect();
        assert!(others.starts_with(&ledger.shown), "seed {seed}, {name}: a gap or a duplicate");
        let due = said.iter().filter(|it| it.0 >= from && it.1 != name && it.0 < last_own).count();
        assert!(ledger.shown.len() >= due, "seed {seed}, {name}: something was not shown");
    }
    assert!(disk.members.is_empty(), "seed {seed}: {:?} are still here", disk.members);
    ledgers.iter().map(|ledger| lock(ledger).connections).sum()
}

#[test]
#[expect(clippy::disallowed_macros, reason = "a test reports its progress")]
fn nothing_is_lost_or_duplicated_in_a_simulated_network() {
    let given = crate::program::variable("SIMULATIONS").unwrap_or_default();
    let mut given = given.split(' ').filter_map(|number| number.parse().ok());
    let (count, first) = (given.next().unwrap_or(8), given.next().unwrap_or(1));
    let connections: usize = (first..first + count).map(check).sum();
    let per_run = connections / count as usize;
    assert!(per_run > 2 * PEOPLE, "too few connections were cut: {per_run} connections in a run");
    println!("{count} runs, {per_run} connections in each");
}

#[test]
fn a_seed_gives_the_same_run() {
    let records = |seed| simulate(seed).0.records;
    assert_eq!(records(7), records(7));
    assert_ne!(records(7), records(8));
}
