//! The cost of a delivery, beside the least possible cost and beside other daemons:
//! `cargo bench --bench fanout`.
//!
//! docs/benchmarks.md says what is measured and how. `ROUNDS` (default 3) is how often each thing is
//! measured, in turns; `SCENARIOS`, as in "quiet busy", chooses from them; `SERVERS` likewise.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod floor;
mod scenarios;
mod servers;
mod storm;
mod usage;
mod wire;

use std::env;

fn main() {
    if env::args().nth(1).as_deref() == Some("--floor") {
        return floor::serve();
    }
    // As many connections as the system lets a process have.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let all = rustix::process::Rlimit { current: most.maximum, ..most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all).unwrap();
    let rounds = env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let wanted = |variable: &str, name: &str| {
        let chosen = env::var(variable).unwrap_or_default();
        chosen.is_empty() || chosen.split(' ').any(|chosen| chosen == name)
    };
    let servers: Vec<_> =
        servers::all().into_iter().filter(|server| wanted("SERVERS", server.name)).collect();
    for scenario in scenarios::ALL.iter().filter(|scenario| wanted("SCENARIOS", scenario.name)) {
        scenarios::run(scenario, &servers, rounds);
    }
}
