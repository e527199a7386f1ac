//! A crowd that talks, to see what a restart does to it.
//!
//! `cargo run --release --example crowd -- --clients 1000 --seconds 30`, and meanwhile
//! `systemctl restart chatroomd`. Each client keeps account of every record that it sees and of every
//! message that it has sent. It prints what was lost, doubled, refused, and the longest pause, and
//! fails if a message was lost or doubled.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

/// A crowd that talks, and keeps account of it.
#[derive(Parser)]
struct Args {
    /// Where the room is
    #[arg(default_value = "127.0.0.1:53000")]
    address: SocketAddr,
    /// How many are there
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// For how long they talk
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How many messages there are in a second, of all together
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

/// How long there is for everything to arrive, and before it for everybody to join.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Account {
    joined: usize,
    /// Since when pauses count.
    talking_since: Option<Instant>,
    /// Connections that ended without being asked to.
    lost: usize,
    /// Records that a client has not seen, or seen twice.
    skipped: u64,
    doubled: u64,
    /// Messages that are not acknowledged, and those of which the first client has seen a second.
    sent: usize,
    unacknowledged: HashSet<String>,
    seen: HashMap<String, u32>,
    /// The longest time for which a client has heard nothing.
    pause: Duration,
    arrived: usize,
    refused: usize,
    /// The longest time until somebody who came was greeted.
    greeting: Duration,
    is_over: bool,
}

impl Account {
    fn note_arrival(&mut self, was_greeted: bool, after: Duration) {
        self.arrived += 1;
        self.refused += usize::from(!was_greeted);
        self.greeting = self.greeting.max(after);
    }
}

type Shared = Rc<RefCell<Account>>;

/// One client, over all its connections.
struct Client {
    number: usize,
    address: SocketAddr,
    account: Shared,
    token: Value,
    epoch: Value,
    /// The last record that it has seen.
    seq: u64,
    pending: Vec<String>,
    heard: Option<Instant>,
}

impl Client {
    async fn run(mut self, mut to_say: mpsc::UnboundedReceiver<String>) {
        while !self.account.borrow().is_over {
            if let Ok(stream) = TcpStream::connect(self.address).await {
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
        stream: TcpStream,
        to_say: &mut mpsc::UnboundedReceiver<String>,
    ) -> std::io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).split(b'\n');
        let mut hello = json!({"type": "hello", "protocol": 1, "name": format!("crowd{}-{}", std::process::id(), self.number)});
        if !self.token.is_null() {
            hello["resume"] = json!({"token": self.token, "epoch": self.epoch, "seq": self.seq});
        }
        writer.write_all(format!("{hello}\n").as_bytes()).await?;
        for id in self.pending.clone() {
            say(&mut writer, &id).await?;
        }
        loop {
            tokio::select! {
                line = lines.next_segment() => match line? {
                    Some(line) => self.hear(&line),
                    None => return Ok(()),
                },
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
                if let Some(text) = event["text"].as_str().filter(|_| self.number == 0) {
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

async fn say(writer: &mut OwnedWriteHalf, id: &str) -> std::io::Result<()> {
    let request = json!({"type": "say", "id": id, "text": id});
    writer.write_all(format!("{request}\n").as_bytes()).await
}

/// Somebody comes again and again, and waits for the greeting.
async fn arrive(address: SocketAddr, account: Shared) {
    while !account.borrow().is_over {
        let start = Instant::now();
        let greeted = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.read(&mut [0; 256]).await
        };
        let greeted = timeout(Duration::from_secs(10), greeted).await;
        account.borrow_mut().note_arrival(matches!(greeted, Ok(Ok(1..))), start.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > PATIENCE {
            eprintln!("crowd: {what} has not happened");
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}

async fn run(args: Args) -> bool {
    let account = Shared::default();
    let mut mouths = Vec::new();
    for number in 0..args.clients {
        let (mouth, to_say) = mpsc::unbounded_channel();
        let client = Client {
            number,
            address: args.address,
            account: account.clone(),
            token: Value::Null,
            epoch: Value::Null,
            seq: 0,
            pending: Vec::new(),
            heard: None,
        };
        tokio::task::spawn_local(client.run(to_say));
        mouths.push(mouth);
    }
    if !until("joining", || account.borrow().joined >= args.clients).await {
        return false;
    }
    // From now on pauses count.
    account.borrow_mut().talking_since = Some(Instant::now());
    println!("joined");
    tokio::task::spawn_local(arrive(args.address, account.clone()));
    let (start, run) = (Instant::now(), std::process::id());
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(args.seconds) {
        let id = format!("{run}-{number}");
        account.borrow_mut().unacknowledged.insert(id.clone());
        account.borrow_mut().sent += 1;
        let _ = mouths[number % mouths.len()].send(id);
        number += 1;
        sleep((Duration::from_secs(1) / args.rate * number as u32).saturating_sub(start.elapsed()))
            .await;
    }
    let is_whole = until("the last acknowledgement", || {
        let account = account.borrow();
        account.unacknowledged.is_empty() && account.seen.len() == account.sent
    });
    let is_whole = is_whole.await;
    let mut account = account.borrow_mut();
    account.is_over = true;
    let unseen = account.sent - account.seen.len();
    let twice = account.seen.values().filter(|&&count| count > 1).count();
    let (lost, pause) = (account.lost, account.pause.as_secs_f64());
    println!("clients {}, messages {}", args.clients, account.sent);
    println!("connections lost {lost}, longest pause {pause:.3} s");
    println!("records skipped {}, doubled {}", account.skipped, account.doubled);
    println!("messages lost {unseen}, doubled {twice}");
    let (arrived, refused) = (account.arrived, account.refused);
    let greeting = account.greeting.as_secs_f64();
    println!("newcomers {arrived}, refused {refused}, longest wait {greeting:.3} s");
    is_whole && (account.skipped, account.doubled, unseen, twice) == (0, 0, 0, 0)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let is_whole = match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, run(args)),
        Err(error) => {
            eprintln!("crowd: {error}");
            false
        }
    };
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
