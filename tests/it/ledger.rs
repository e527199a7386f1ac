//! Everybody keeps a ledger: what was said, what was acknowledged, what was seen. Whatever happens
//! to the daemon or to the connections, the ledgers agree with what is stored.
//!
//! `cargo test ledger` runs it small. By hand, larger, with the numbers of kills, people and lines:
//! `LEDGER="100 20 2000" cargo test --release ledger`

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Daemon, PATIENCE};

/// One person's ledger.
#[derive(Default)]
pub struct Ledger {
    name: String,
    /// By their ids.
    said: Vec<String>,
    acknowledged: BTreeMap<String, u64>,
    seen: Vec<u64>,
    /// From where on everything has to be seen.
    from: Option<u64>,
}

/// The state that a client needs to resume.
struct Person {
    address: SocketAddr,
    ledger: Ledger,
    lines: usize,
    token: Option<String>,
    epoch: u32,
    pending: VecDeque<(String, String)>,
    /// Counts all acknowledgements, to time the faults by.
    progress: Arc<AtomicUsize>,
    /// How often the connection is cut in the middle of something; none for never.
    cut_every: Option<usize>,
}

impl Person {
    /// Talks until everything is said and acknowledged.
    fn talk(mut self) -> Ledger {
        while self.ledger.said.len() < self.lines || !self.pending.is_empty() {
            // A broken connection is what this is about: it is taken up again.
            if self.talk_once().is_none() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        self.ledger
    }

    /// Talks over one connection. None when it is broken.
    fn talk_once(&mut self) -> Option<()> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let last = self.ledger.seen.last().copied().or(self.ledger.from.map(|from| from - 1));
        let mut hello = json!({ "type": "hello", "protocol": 1, "name": self.ledger.name });
        if let (Some(token), Some(last)) = (&self.token, last) {
            hello["resume"] = json!({ "token": token, "epoch": self.epoch, "seq": last });
        }
        send(&stream, &hello)?;
        let welcome = loop {
            let event = receive(&mut reader)?;
            match event["type"].as_str()? {
                "welcome" => break event,
                "refused" => return None,
                _ => {}
            }
        };
        self.welcomed(&welcome);
        let until = welcome["seq"].as_u64()?;
        while self.ledger.seen.last().copied().unwrap_or(until) < until {
            self.take(&receive(&mut reader)?);
        }
        for (id, text) in &self.pending {
            send(&stream, &json!({ "type": "say", "id": id, "text": text }))?;
        }
        let mut on_this_connection = 0;
        while self.ledger.said.len() < self.lines || !self.pending.is_empty() {
            if self.ledger.said.len() < self.lines && self.pending.len() < 8 {
                self.say_next(&stream)?;
            } else {
                self.take(&receive(&mut reader)?);
            }
            on_this_connection += 1;
            if self.cut_every.is_some_and(|every| on_this_connection > every) {
                // In the middle of a line, and of whatever is on its way.
                let _ = (&stream).write_all(b"{\"type\":\"say\",\"text\":\"half");
                let _ = stream.shutdown(Shutdown::Both);
                return None;
            }
        }
        Some(())
    }

    fn welcomed(&mut self, welcome: &Value) {
        self.token = welcome["token"].as_str().map(str::to_owned);
        self.epoch = welcome["epoch"].as_u64().unwrap() as u32;
        assert!(welcome.get("lost").is_none(), "{welcome}");
        let next = welcome["next"].as_u64().unwrap();
        match self.ledger.from {
            None => self.ledger.from = Some(next),
            Some(from) => {
                let expect = self.ledger.seen.last().map_or(from, |last| last + 1);
                assert_eq!(next, expect, "{}: it goes on where it was", self.ledger.name);
            }
        }
    }

    fn say_next(&mut self, stream: &TcpStream) -> Option<()> {
        let number = self.ledger.said.len();
        let id = format!("{}-{number}", self.ledger.name);
        let text = format!("{} says {number}", self.ledger.name);
        self.ledger.said.push(text.clone());
        self.pending.push_back((id.clone(), text.clone()));
        send(stream, &json!({ "type": "say", "id": id, "text": text }))
    }

    /// Enters an event into the ledger.
    fn take(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap();
        assert!(!matches!(kind, "gap" | "refused"), "{}: {event}", self.ledger.name);
        let Some(seq) = event["seq"].as_u64() else { return };
        if let Some(id) = event["id"].as_str() {
            self.pending.retain(|(pending, _)| pending != id);
            self.ledger.acknowledged.insert(id.to_owned(), seq);
            self.progress.fetch_add(1, Relaxed);
            if event["replayed"] == true && self.ledger.seen.last() >= Some(&seq) {
                // Said again and answered again: it was seen before.
                return;
            }
        }
        self.ledger.seen.push(seq);
    }
}

fn send(mut stream: &TcpStream, value: &Value) -> Option<()> {
    stream.write_all(format!("{value}\n").as_bytes()).ok()
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 || !line.ends_with('\n') {
            return None;
        }
        if line.starts_with('{') {
            return Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}")));
        }
    }
}

/// The sizes: kills, people, lines of each.
pub fn sizes() -> (usize, usize, usize) {
    let given = std::env::var("LEDGER").unwrap_or_default();
    let numbers: Vec<usize> = given.split(' ').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [kills, people, lines] => (kills, people, lines),
        _ => (8, 6, 250),
    }
}

/// Lets people talk while `fault` is done to the daemon again and again, evenly over the talk.
pub fn talk_under(
    daemon: &mut Daemon,
    (times, people, lines): (usize, usize, usize),
    cut_every: impl Fn(usize) -> Option<usize>,
    fault: impl Fn(&mut Daemon),
) -> Vec<Ledger> {
    let progress = Arc::new(AtomicUsize::new(0));
    let talkers: Vec<_> = (0..people)
        .map(|number| {
            let person = Person {
                address: daemon.address,
                ledger: Ledger { name: format!("person{number}"), ..Ledger::default() },
                lines,
                token: None,
                epoch: 0,
                pending: VecDeque::new(),
                progress: progress.clone(),
                cut_every: cut_every(number),
            };
            thread::spawn(move || person.talk())
        })
        .collect();
    for time in 1..=times {
        let due = people * lines * time / (times + 1);
        while progress.load(Relaxed) < due && !talkers.iter().all(|talker| talker.is_finished()) {
            thread::yield_now();
        }
        fault(daemon);
    }
    talkers.into_iter().map(|talker| talker.join().unwrap()).collect()
}

/// Compares the ledgers with what is stored.
pub fn check(daemon: &Daemon, ledgers: &[Ledger]) {
    let db = daemon.database();
    let intact: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(intact, "ok");
    let mut select =
        db.prepare("SELECT seq, client_id, text, kind FROM records ORDER BY seq").unwrap();
    let stored: Vec<(u64, Option<String>, Option<String>, u8)> = select
        .query_map([], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let seqs: Vec<u64> = stored.iter().map(|row| row.0).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "the numbering has no hole");
    let said: Vec<&str> =
        stored.iter().filter(|row| row.3 == 1).filter_map(|row| row.2.as_deref()).collect();
    for ledger in ledgers {
        let name = &ledger.name;
        let of_this_one = |text: &&&str| text.starts_with(&format!("{name} says"));
        let stored_of: Vec<&&str> = said.iter().filter(of_this_one).collect();
        let expect: Vec<&String> = ledger.said.iter().collect();
        assert!(
            stored_of.iter().map(|text| **text).eq(expect.iter().map(|text| text.as_str())),
            "{name}: everything said is stored once, in its order"
        );
        for (id, seq) in &ledger.acknowledged {
            assert_eq!(stored[*seq as usize - 1].1.as_ref(), Some(id), "{name}: {seq} is {id}");
        }
        let from = ledger.from.unwrap();
        let views: Vec<u64> = (from..from + ledger.seen.len() as u64).collect();
        assert_eq!(ledger.seen, views, "{name}: without a gap or a double");
        assert!(ledger.seen.last() <= seqs.last(), "{name}: what was seen is stored");
    }
}

pub const CONFIG: &str = "[history]\nreplay = 0\n[timeouts]\nhold = \"1 min\"\n";

#[test]
fn the_ledger_agrees_when_the_daemon_is_killed() {
    let mut daemon = Daemon::with(CONFIG);
    let ledgers = talk_under(&mut daemon, sizes(), |_| None, Daemon::kill_and_start_again);
    check(&daemon, &ledgers);
}

#[test]
fn the_ledger_agrees_when_connections_are_cut() {
    let mut daemon = Daemon::with(CONFIG);
    let (_, people, lines) = sizes();
    let ledgers = talk_under(&mut daemon, (0, people, lines), |number| Some(37 + number), |_| {});
    check(&daemon, &ledgers);
}

#[test]
fn the_ledger_agrees_when_both_happens_without_power_in_mind() {
    let mut daemon = Daemon::with(&CONFIG.replace("replay", "durability = \"process\"\nreplay"));
    let (kills, people, lines) = sizes();
    let sizes = (kills.div_ceil(2), people, lines);
    let ledgers =
        talk_under(&mut daemon, sizes, |number| Some(61 + number), Daemon::kill_and_start_again);
    check(&daemon, &ledgers);
}
