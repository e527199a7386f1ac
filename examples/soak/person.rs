//! Somebody who comes and goes, and looks at what they see.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::chance::Chance;

/// So many acknowledgements are kept, to look for them in the history at the end.
const MAX_ACKNOWLEDGED: usize = 50_000;

/// The observations of all users together.
#[derive(Default)]
pub struct Noticed {
    pub is_over: AtomicBool,
    pub seen: AtomicU64,
    pub resumed: AtomicU64,
    pub problems: Mutex<Vec<String>>,
    /// The last messages that were acknowledged: their numbers and ids.
    pub acknowledged: Mutex<VecDeque<(u64, String)>>,
}

impl Noticed {
    fn acknowledge(&self, seq: u64, id: &str) {
        if let Ok(mut acknowledged) = self.acknowledged.lock() {
            acknowledged.push_back((seq, id.to_owned()));
            if acknowledged.len() > MAX_ACKNOWLEDGED {
                acknowledged.pop_front();
            }
        }
    }

    fn complain(&self, problem: String) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.push(problem);
        }
    }
}

pub struct Person {
    name: String,
    address: SocketAddr,
    chance: Chance,
    noticed: Arc<Noticed>,
    token: Value,
    epoch: Value,
    next: u64,
    said: u64,
}

impl Person {
    pub fn new(name: String, address: SocketAddr, chance: Chance, noticed: Arc<Noticed>) -> Person {
        let (token, epoch) = (Value::Null, Value::Null);
        Person { name, address, chance, noticed, token, epoch, next: 0, said: 0 }
    }

    /// Comes and goes until it is over.
    pub async fn live(mut self) {
        sleep(Duration::from_millis(self.chance.below(5000))).await;
        while !self.noticed.is_over.load(Relaxed) {
            // However it ends, they come back, at once or later, or begin anew.
            let _ = self.stay().await;
            if self.chance.below(3) == 0 {
                self.token = Value::Null;
            }
            sleep(Duration::from_millis(200 + self.chance.below(3000))).await;
        }
    }

    /// One connection: talks now and then, until it leaves, is cut off or stalls.
    async fn stay(&mut self) -> anyhow::Result<()> {
        let stream = TcpStream::connect(self.address).await?;
        let end = self.chance.below(3);
        if end == 2 {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).split(b'\n');
        let mut hello = json!({"type": "hello", "protocol": 1, "name": self.name});
        let was_here = !self.token.is_null();
        if was_here {
            hello["resume"] =
                json!({"token": self.token, "epoch": self.epoch, "seq": self.next - 1});
        }
        writer.write_all(format!("{hello}\n").as_bytes()).await?;
        let turns = 3 + self.chance.below(20);
        for _ in 0..turns {
            if self.noticed.is_over.load(Relaxed) {
                break;
            }
            let until = Instant::now() + Duration::from_millis(500 + self.chance.below(4000));
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                match timeout(left, lines.next_segment()).await {
                    Ok(Ok(Some(line))) => self.hear(&line)?,
                    Ok(_) => bail!("the connection is gone"),
                    Err(_) => break,
                }
            }
            match self.chance.below(10) {
                0..=5 => {
                    self.said += 1;
                    let id = format!("{}-{}", self.name, self.said);
                    let text = "x".repeat(20 + self.chance.below(200) as usize);
                    let said = json!({"type": "say", "id": id, "text": text});
                    writer.write_all(format!("{said}\n").as_bytes()).await?;
                }
                6 => writer.write_all(b"{\"type\":\"who\"}\n{\"type\":\"ping\"}\n").await?,
                7 => writer.write_all(b"{\"type\":\"history\",\"limit\":20}\n").await?,
                // Reads nothing for a while.
                8 => sleep(Duration::from_secs(self.chance.below(8))).await,
                _ => writer.write_all(b"{\"type\":\"ping\"}\n").await?,
            }
        }
        match end {
            0 => {
                writer.write_all(b"{\"type\":\"quit\"}\n").await?;
                self.token = Value::Null;
            }
            1 => writer.write_all(b"{\"type\":\"say\",\"text\":\"half a li").await?,
            // With a reset.
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return Ok(()) };
        let seq = event["seq"].as_u64();
        match (event["type"].as_str(), seq) {
            (Some("welcome"), Some(_)) => {
                let next = event["next"].as_u64().context("a welcome without a next")?;
                if event["resumed"] == true {
                    self.noticed.resumed.fetch_add(1, Relaxed);
                    self.expect(next);
                }
                self.next = next;
                (self.token, self.epoch) = (event["token"].clone(), event["epoch"].clone());
            }
            (Some("refused"), _) if event["code"] == "name-taken" => {
                // Somebody of before is still taken for here.
                self.token = Value::Null;
                bail!("the name is taken");
            }
            // Requested history is not part of the conversation; a gap is one that was reported.
            (Some("gap"), _) => self.next = event["to"].as_u64().context("a gap without end")? + 1,
            (Some("history"), _) => {}
            (Some(_), Some(seq)) => {
                self.expect(seq);
                self.next = seq + 1;
                if let Some(id) = event["id"].as_str() {
                    self.noticed.acknowledge(seq, id);
                }
                self.noticed.seen.fetch_add(1, Relaxed);
            }
            _ => {}
        }
        Ok(())
    }

    fn expect(&self, seq: u64) {
        if seq != self.next {
            let Person { name, next, .. } = self;
            self.noticed.complain(format!("{name} was to see record {next} and saw {seq}"));
        }
    }
}
