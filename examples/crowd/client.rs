//! Somebody who talks, and checks the number of every record.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

use crate::account::Shared;
use crate::network::{Stream, Way};

/// A client that is silent for long is taken for gone.
const PING_EVERY: Duration = Duration::from_secs(10);

/// One client, over all its connections.
pub struct Client {
    number: usize,
    way: Way,
    account: Shared,
    token: Value,
    epoch: Value,
    /// The last record that it has seen.
    seq: u64,
    pending: Vec<String>,
    heard: Option<Instant>,
}

impl Client {
    /// Somebody who has not come yet.
    pub fn new(number: usize, way: Way, account: Shared) -> Client {
        let (token, epoch, pending) = (Value::Null, Value::Null, Vec::new());
        Client { number, way, account, token, epoch, seq: 0, pending, heard: None }
    }

    /// Comes, and comes back, until it is over.
    pub async fn run(mut self, mut to_say: mpsc::UnboundedReceiver<String>) {
        while !self.account.borrow().is_over {
            if let Ok(stream) = self.way.connect().await {
                let _ = self.talk(stream, &mut to_say).await;
                if !self.account.borrow().is_over {
                    self.account.borrow_mut().lost += 1;
                }
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn talk(
        &mut self,
        stream: Stream,
        to_say: &mut mpsc::UnboundedReceiver<String>,
    ) -> std::io::Result<()> {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = BufReader::new(reader).split(b'\n');
        let mut hello = json!({"type": "hello", "protocol": 1, "name": format!("crowd{}-{}", std::process::id(), self.number)});
        if !self.token.is_null() {
            hello["resume"] = json!({"token": self.token, "epoch": self.epoch, "seq": self.seq});
        }
        writer.write_all(format!("{hello}\n").as_bytes()).await?;
        for id in self.pending.clone() {
            say(&mut writer, &id).await?;
        }
        let mut pings = interval(PING_EVERY);
        loop {
            tokio::select! {
                line = lines.next_segment() => match line? {
                    Some(line) => self.hear(&line),
                    None => return Ok(()),
                },
                _ = pings.tick() => writer.write_all(b"{\"type\":\"ping\"}\n").await?,
                Some(id) = to_say.recv() => {
                    self.pending.push(id.clone());
                    say(&mut writer, &id).await?;
                }
            }
        }
    }

    fn hear(&mut self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return };
        let mut account = self.account.borrow_mut();
        let now = Instant::now();
        if let (Some(heard), Some(start)) = (self.heard.replace(now), account.talking_since) {
            account.pause = account.pause.max(now - heard.max(start));
        }
        let seq = event["seq"].as_u64();
        match (event["type"].as_str(), seq) {
            (Some("welcome"), Some(seq)) => {
                if self.token.is_null() {
                    self.seq = seq;
                    account.joined += 1;
                }
                (self.token, self.epoch) = (event["token"].clone(), event["epoch"].clone());
            }
            (Some(_), Some(seq)) if event["replayed"] == true && seq <= self.seq => {}
            (Some(_), Some(seq)) => {
                match seq.checked_sub(self.seq + 1) {
                    Some(skipped) => account.skipped += skipped,
                    None => account.doubled += 1,
                }
                self.seq = self.seq.max(seq);
                // There may be another crowd.
                let run = format!("{}-", std::process::id());
                let is_ours = |text: &&str| self.number == 0 && text.starts_with(&run);
                if let Some(text) = event["text"].as_str().filter(is_ours) {
                    *account.seen.entry(text.to_owned()).or_default() += 1;
                }
                if let Some(id) = event["id"].as_str() {
                    account.unacknowledged.remove(id);
                    self.pending.retain(|pending| pending != id);
                }
            }
            _ => {}
        }
    }
}

async fn say(writer: &mut (impl AsyncWrite + Unpin), id: &str) -> std::io::Result<()> {
    let request = json!({"type": "say", "id": id, "text": id});
    writer.write_all(format!("{request}\n").as_bytes()).await
}
