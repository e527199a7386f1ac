//! The ledger of the real terminal client: whatever is killed, each line that it took in is said
//! once, in its order.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::client::client;
use crate::daemon::{Daemon, until_ended};
use crate::harness::Person;

/// Starts a client that keeps its session in `file`.
fn start(daemon: &Daemon, file: &Path) -> Child {
    let address = daemon.address.to_string();
    client(&["--name", "typist", "--session", file.to_str().unwrap(), &address])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The lines that are stored.
fn stored(daemon: &Daemon) -> Vec<String> {
    let db = daemon.database();
    let mut select = db.prepare("SELECT text FROM records WHERE kind = 1 ORDER BY seq").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The lines that the client has taken in and does not know to be stored.
fn pending(file: &Path) -> Vec<String> {
    let Ok(bytes) = std::fs::read(file) else { return Vec::new() };
    let kept: Value = serde_json::from_slice(&bytes).unwrap();
    let pending = kept["pending"].as_array().unwrap().iter();
    pending.map(|request| request["text"].as_str().unwrap().to_owned()).collect()
}

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("line {number}")).collect()
}

#[test]
fn a_client_that_is_killed_says_each_line_once() {
    let mut daemon =
        Daemon::with("[history]\nreplay = 0\n[timeouts]\nhold = \"1 min\"\nsilence = \"5 s\"\n");
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("session.json");
    let mut taken_in = 0;
    for round in 0..8 {
        let mut watcher = Person::text(&daemon, &format!("watcher{round}"));
        let mut client = start(&daemon, &file);
        let mut input = client.stdin.take().unwrap();
        for line in lines(taken_in, taken_in + 40 + 5 * round) {
            writeln!(input, "{line}").unwrap();
        }
        // At another moment in each round, in the middle of the talk.
        let until = format!("typist: line {}", taken_in + 3 * round);
        watcher.lines_until(&until);
        client.kill().unwrap();
        until_ended(&mut client);
        if round % 3 == 2 {
            daemon.kill_and_start_again();
        }
        let (stored, pending) = (stored(&daemon), pending(&file));
        taken_in = stored.iter().chain(&pending).map(|line| number(line) + 1).max().unwrap();
        assert_eq!(stored, lines(0, stored.len()), "round {round}: each once, in order");
        if let Some(first) = pending.first() {
            let first = number(first);
            assert_eq!(pending, lines(first, first + pending.len()), "round {round}");
            assert!(first <= stored.len(), "round {round}: nothing between is lost");
        }
    }
    let mut client = start(&daemon, &file);
    drop(client.stdin.take());
    assert_eq!(until_ended(&mut client).code(), Some(0));
    assert_eq!(stored(&daemon), lines(0, taken_in), "what was taken in is said");
    assert!(!file.exists(), "who has left begins anew");
}

fn number(line: &str) -> usize {
    line.trim_start_matches("line ").parse().unwrap()
}
