//! A long run: people join, talk, stall, leave, are cut off, come back and are moderated, while the
//! history rolls over what is kept of it. Every ten seconds it prints memory, descriptors and counts.
//!
//! `cargo run --release --example soak -- --minutes 30`. It starts a daemon of its own, and fails if
//! memory or descriptors grow, if a client sees a gap or a double, if `chatctl ping` takes longer than
//! a second, or if there is an error in the log.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

/// A long run.
#[derive(Parser)]
struct Args {
    /// For how long
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// How many people
    #[arg(long, default_value_t = 2000)]
    people: usize,
    /// What chance is begun with
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A history that rolls over within the run, and limits that do not slow anybody down.
const CONFIG: &str = "[listen]\nchat = \"127.0.0.1:0\"\n[history]\nkeep_bytes = \"8 MiB\"\nreplay = 5\n\
                      [limits]\nwindow = \"1 MiB\"\n[timeouts]\nhold = \"20 s\"\n";

/// Chance that can be repeated: splitmix64, https://prng.di.unimi.it/splitmix64.c
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }
}

/// What all people together have noticed.
#[derive(Default)]
struct Noticed {
    is_over: AtomicBool,
    seen: AtomicU64,
    resumed: AtomicU64,
    problems: Mutex<Vec<String>>,
}

impl Noticed {
    fn complain(&self, problem: String) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.push(problem);
        }
    }
}

struct Person {
    name: String,
    address: SocketAddr,
    chance: Chance,
    noticed: Arc<Noticed>,
    token: Value,
    epoch: Value,
    next: u64,
}

impl Person {
    async fn live(mut self) {
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
                    let said = json!({"type": "say", "text": "x".repeat(20 + self.chance.below(200) as usize)});
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
            // What was asked for of before is no part of the talk; a gap is one that was told.
            (Some("gap"), _) => self.next = event["to"].as_u64().context("a gap without end")? + 1,
            (Some("history"), _) => {}
            (Some(_), Some(seq)) => {
                self.expect(seq);
                self.next = seq + 1;
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

/// The daemon, in a folder of its own.
struct Daemon {
    child: Child,
    folder: PathBuf,
    programs: PathBuf,
}

impl Daemon {
    fn start(folder: &Path) -> anyhow::Result<Daemon> {
        // An example is built beside the folder of the programs.
        let own = std::env::current_exe()?;
        let programs = own.parent().and_then(Path::parent).context("no folder")?.to_owned();
        fs::write(folder.join("chatroomd.toml"), CONFIG)?;
        let child = Command::new(programs.join("chatroomd"))
            .arg("--config")
            .arg(folder.join("chatroomd.toml"))
            .env("STATE_DIRECTORY", folder)
            .env("RUNTIME_DIRECTORY", folder)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()
            .context("build the programs first: cargo build --release")?;
        Ok(Daemon { child, folder: folder.to_owned(), programs })
    }

    fn ctl(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(self.programs.join("chatctl"))
            .arg("--socket")
            .arg(self.folder.join("admin.sock"))
            .args(args)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        let status: Value = serde_json::from_str(&self.ctl(&["--json", "status"])?)?;
        Ok(status["status"]["listen"][0].as_str().context("no address")?.parse()?)
    }

    /// A metric's value.
    fn metric(metrics: &str, name: &str) -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0) as u64
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One look at the daemon: memory in KiB, and descriptors beyond those of connections.
struct Look {
    memory: u64,
    spare_descriptors: i64,
}

fn look(daemon: &Daemon, noticed: &Noticed, start: Instant) -> anyhow::Result<Look> {
    let asked = Instant::now();
    daemon.ctl(&["ping"])?;
    let ping = asked.elapsed();
    ensure!(ping < Duration::from_secs(1), "chatctl ping took {ping:?}");
    let metrics = daemon.ctl(&["metrics"])?;
    let metric = |name| Daemon::metric(&metrics, name);
    let memory = metric("process_resident_memory_bytes") >> 10;
    let connections = metric("chatroom_connections");
    let descriptors = metric("process_open_fds");
    println!(
        "{:5} s  people {:5}  connections {connections:5}  descriptors {descriptors:5}  memory {memory:6} KiB  \
         history {:5} KiB  messages {:7}  seen {:9}  resumed {:6}  ping {:.1} ms",
        start.elapsed().as_secs(),
        metric("chatroom_people"),
        metric("chatroom_history_bytes") >> 10,
        metric("chatroom_messages_total"),
        noticed.seen.load(Relaxed),
        noticed.resumed.load(Relaxed),
        ping.as_secs_f64() * 1000.0
    );
    Ok(Look { memory, spare_descriptors: descriptors as i64 - connections as i64 })
}

/// Moderates somebody.
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
    let noticed = Arc::new(Noticed::default());
    for number in 0..args.people {
        let person = Person {
            name: format!("soak{number}"),
            address,
            chance: Chance(args.seed.wrapping_mul(1_000_003) + number as u64),
            noticed: noticed.clone(),
            token: Value::Null,
            epoch: Value::Null,
            next: 0,
        };
        tokio::task::spawn_local(person.live());
    }
    let mut chance = Chance(args.seed);
    let mut looks = Vec::new();
    while start.elapsed() < Duration::from_secs(args.minutes * 60) {
        for _ in 0..10 {
            sleep(Duration::from_secs(1)).await;
            moderate(&daemon, &mut chance, args.people);
        }
        looks.push(look(&daemon, &noticed, start)?);
    }
    noticed.is_over.store(true, Relaxed);
    judge(&looks, &noticed, &fs::read_to_string(folder.join("log"))?)
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
    println!(
        "memory: at most {} KiB in the first half, {} in the second",
        most(first),
        most(second)
    );
    ensure!(most(second) <= most(first) * 6 / 5, "memory grows");
    let spare = |looks: &[Look]| looks.iter().map(|look| look.spare_descriptors).max().unwrap_or(0);
    println!("descriptors: at most {} and {} beside connections", spare(first), spare(second));
    ensure!(spare(second) <= spare(first) + 20, "descriptors grow");
    Ok(())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let folder = std::env::temp_dir().join(format!("chatroom-soak-{}", std::process::id()));
    let outcome = fs::create_dir(&folder).map_err(anyhow::Error::from).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, run(&args, &folder))
    });
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error:#} (the log is in {})", folder.display());
            return ExitCode::FAILURE;
        }
    };
    let _ = fs::remove_dir_all(folder);
    code
}
