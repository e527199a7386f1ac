//! The actions of the crowd, and the table of their cost.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::median;
use crate::crowd::Crowd;
use crate::servers::{Dialect, Server};
use crate::{storm, usage};

pub struct Scenario {
    pub name: &'static str,
    what: &'static str,
    clients: usize,
    load: Load,
}

enum Load {
    /// So many senders take turns, so many messages a second in all.
    Rate {
        senders: usize,
        per_second: u32,
    },
    /// Each sender has so many messages on the way.
    Closed {
        senders: usize,
        in_flight: u64,
    },
    /// Nobody says anything.
    Idle,
    /// One says something when the last was received.
    Echo,
    Storm,
}

const TIME: Duration = Duration::from_secs(5);

/// After so long nothing happens any more because of the joining: an eighth of the allowed silence
/// after the last byte was written it is looked whether it was taken, and perhaps once more.
const CALM: Duration = Duration::from_secs(9);

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "quiet",
        what: "1,000 clients, 50 messages/s from 20 of them",
        clients: 1000,
        load: Load::Rate { senders: 20, per_second: 50 },
    },
    Scenario {
        name: "busy",
        what: "1,000 clients, 20 senders, each with 32 messages in flight",
        clients: 1000,
        load: Load::Closed { senders: 20, in_flight: 32 },
    },
    Scenario {
        name: "crowd",
        what: "200 clients, each sending 5 messages/s",
        clients: 200,
        load: Load::Rate { senders: 200, per_second: 1000 },
    },
    Scenario {
        name: "growth",
        what: "10,000 clients, 10 messages/s from 20 of them",
        clients: 10_000,
        load: Load::Rate { senders: 20, per_second: 10 },
    },
    Scenario {
        name: "echo",
        what: "2 clients, each message sent when the last was received",
        clients: 2,
        load: Load::Echo,
    },
    Scenario { name: "idle", what: "10,000 silent clients", clients: 10_000, load: Load::Idle },
    Scenario {
        name: "idle-most",
        what: "19,000 silent clients",
        clients: 19_000,
        load: Load::Idle,
    },
    Scenario {
        name: "storm",
        what: "1,000 clients join at once, are cut off, and reconnect at once",
        clients: 1000,
        load: Load::Storm,
    },
];

/// The measurements of one round: a figure for each column.
type Figures = Vec<f64>;

/// Measures a scenario on each server, in turns, and prints the medians.
pub fn run(scenario: &Scenario, servers: &[Server], rounds: usize) {
    let servers: Vec<&Server> = servers.iter().filter(|server| scenario.suits(server)).collect();
    let mut results: Vec<Vec<Figures>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (server, results) in servers.iter().zip(&mut results) {
            eprintln!("{}: {}", scenario.name, server.name);
            results.extend(scenario.measure(server));
        }
    }
    println!("\n## {}: {}\n", scenario.name, scenario.what);
    let columns = scenario.columns();
    println!("| | {} |", columns.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
    for (server, results) in servers.iter().zip(results) {
        if results.is_empty() {
            println!("| {} | not installed |", server.name);
            continue;
        }
        let medians = (0..columns.len())
            .map(|column| median(results.iter().map(|figures| figures[column]).collect()))
            .map(
                |figure| {
                    if figure < 100.0 { format!("{figure:.3}") } else { format!("{figure:.0}") }
                },
            );
        println!("| {} | {} |", server.name, medians.collect::<Vec<_>>().join(" | "));
    }
}

impl Scenario {
    fn suits(&self, server: &Server) -> bool {
        match self.load {
            Load::Storm => server.dialect == Dialect::Json,
            Load::Echo => server.dialect != Dialect::Irc,
            Load::Idle => ["text-off", "text-power", "tls-off"].contains(&server.name),
            // The others take minutes to let so many join.
            _ if self.clients > 1000 => server.name == "floor" || server.is_ours(),
            _ => true,
        }
    }

    fn columns(&self) -> &'static [&'static str] {
        match self.load {
            Load::Storm => &["joined s", "reconnected s", "server CPU s"],
            Load::Idle => &["KiB/connection", "CPU ms in 5 s", "joined s"],
            _ => &[
                "deliveries/s",
                "CPU µs/delivery",
                "user share %",
                "p50 ms",
                "p99 ms",
                "max ms",
                "KiB/connection",
                "joined s",
            ],
        }
    }

    fn measure(&self, server: &Server) -> Option<Figures> {
        let running = server.start()?;
        if let Load::Storm = self.load {
            return Some(storm::measure(&running, self.clients));
        }
        let empty = usage::resident(running.pid());
        let begun = Instant::now();
        let mut crowd = Crowd::join(&running, server.dialect, self.clients);
        crowd.settle();
        let joined = begun.elapsed().as_secs_f64();
        let memory = usage::resident(running.pid()).saturating_sub(empty) as f64;
        let memory = memory / self.clients as f64;
        if let Load::Idle = self.load {
            thread::sleep(CALM);
        }
        let (cpu, ticks) = (usage::cpu(running.pid()), usage::ticks(running.pid()));
        let begun = Instant::now();
        match self.load {
            Load::Rate { senders, per_second } => at_a_rate(&mut crowd, senders, per_second),
            Load::Closed { senders, in_flight } => in_a_closed_loop(&mut crowd, senders, in_flight),
            Load::Echo => in_a_closed_loop(&mut crowd, 1, 1),
            Load::Idle | Load::Storm => thread::sleep(TIME),
        }
        let time = begun.elapsed().as_secs_f64();
        let cpu = usage::cpu_since(&cpu, running.pid()) as f64;
        if let Load::Idle = self.load {
            return Some(vec![memory, cpu / 1e6, joined]);
        }
        let (user, system) = usage::ticks(running.pid());
        let (user, system) = ((user - ticks.0) as f64, (system - ticks.1) as f64);
        let deliveries = crowd.deliveries as f64;
        crowd.times.sort_unstable();
        let at = |part: f64| crowd.times[((crowd.times.len() - 1) as f64 * part) as usize] as f64;
        Some(vec![
            deliveries / time,
            cpu / 1e3 / deliveries,
            100.0 * user / (user + system),
            at(0.5) / 1e6,
            at(0.99) / 1e6,
            at(1.0) / 1e6,
            memory,
            joined,
        ])
    }
}

fn at_a_rate(crowd: &mut Crowd, senders: usize, per_second: u32) {
    let begun = Instant::now();
    let step = crowd.len() / senders;
    let mut said = 0;
    while begun.elapsed() < TIME {
        let due = Duration::from_secs(1) / per_second * said;
        let rest = due.saturating_sub(begun.elapsed());
        if rest.is_zero() {
            crowd.say(said as usize % senders * step);
            said += 1;
        } else {
            crowd.turn(rest);
        }
    }
    crowd.until_delivered(u64::from(said) * crowd.audience());
}

fn in_a_closed_loop(crowd: &mut Crowd, senders: usize, in_flight: u64) {
    let begun = Instant::now();
    let mut said = vec![0; senders];
    while begun.elapsed() < TIME {
        for (sender, said) in said.iter_mut().enumerate() {
            while *said - crowd.arrived[sender] < in_flight {
                crowd.say(sender);
                *said += 1;
            }
        }
        crowd.turn(Duration::from_millis(100));
    }
    crowd.until_delivered(said.iter().sum::<u64>() * crowd.audience());
}
