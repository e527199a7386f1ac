//! The servers that are compared, each as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use rustls::ClientConfig;
use tempfile::TempDir;

use crate::common::Daemon;
use crate::wire;

/// How a client talks to a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The floor: what is sent is what arrives.
    Raw,
    Text,
    Json,
    Irc,
}

enum Kind {
    Floor,
    Chatroomd { history: &'static str, is_secure: bool },
    Ngircd,
    Inspircd,
}

pub struct Server {
    pub name: &'static str,
    pub dialect: Dialect,
    kind: Kind,
}

/// A server that runs; it is ended when this is dropped.
pub struct Running {
    process: Process,
    pub address: SocketAddr,
    /// The clients' configuration where it speaks TLS.
    pub tls: Option<Arc<ClientConfig>>,
}

enum Process {
    Daemon(Daemon),
    Other(Child, #[expect(dead_code, reason = "its files, for as long as it runs")] TempDir),
}

pub fn all() -> Vec<Server> {
    let chatroomd = |name: &'static str, dialect, history| {
        let is_secure = name.starts_with("tls");
        Server { name, dialect, kind: Kind::Chatroomd { history, is_secure } }
    };
    vec![
        Server { name: "floor", dialect: Dialect::Raw, kind: Kind::Floor },
        chatroomd("text-off", Dialect::Text, "enabled = false\n"),
        chatroomd("text-process", Dialect::Text, "durability = \"process\"\n"),
        chatroomd("text-power", Dialect::Text, "durability = \"power\"\n"),
        chatroomd("tls-off", Dialect::Text, "enabled = false\n"),
        chatroomd("json-off", Dialect::Json, "enabled = false\n"),
        chatroomd("json-power", Dialect::Json, "durability = \"power\"\n"),
        Server { name: "ngircd", dialect: Dialect::Irc, kind: Kind::Ngircd },
        Server { name: "inspircd", dialect: Dialect::Irc, kind: Kind::Inspircd },
    ]
}

impl Server {
    /// Whether it is chatroomd.
    pub fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Chatroomd { .. })
    }

    /// Starts it. None where it is not installed.
    pub fn start(&self) -> Option<Running> {
        let folder = TempDir::new().unwrap();
        // A process inherits where it may run. The servers have one processor, the crowd another.
        run_on(1);
        let running = self.start_here(folder);
        run_on(0);
        running
    }

    fn start_here(&self, folder: TempDir) -> Option<Running> {
        Some(match self.kind {
            Kind::Floor => start_floor(folder),
            Kind::Chatroomd { history, is_secure } => {
                let history = format!("{history}[limits]\nconnections = 0\n");
                let (listen, place) =
                    if is_secure { ("tls = \"127.0.0.1:0\"\n", 1) } else { ("", 0) };
                let daemon = Daemon::start_with(folder, listen, &history);
                let address = daemon.listen[place].trim_end_matches(" (TLS)").parse().unwrap();
                let certificate = daemon.folder.path().join("certificate.pem");
                let tls = is_secure.then(|| wire::trusting(&certificate));
                Running { process: Process::Daemon(daemon), address, tls }
            }
            Kind::Ngircd => {
                start_peer(folder, include_str!("ngircd.conf"), "/usr/sbin/ngircd", |file| {
                    vec!["-n".to_owned(), "-f".to_owned(), file.display().to_string()]
                })?
            }
            Kind::Inspircd => {
                start_peer(folder, include_str!("inspircd.conf"), "/usr/sbin/inspircd", |file| {
                    let config = file.display().to_string();
                    ["--nofork", "--runasroot", "--nopid", "--config", &config]
                        .map(str::to_owned)
                        .to_vec()
                })?
            }
        })
    }
}

fn run_on(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    // On a machine with one processor they share it.
    let _ = sched_setaffinity(None, &set);
}

fn start_floor(folder: TempDir) -> Running {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--floor")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Running {
        process: Process::Other(child, folder),
        address: line.trim().parse().unwrap(),
        tls: None,
    }
}

fn start_peer(
    folder: TempDir,
    config: &str,
    program: &str,
    args: impl FnOnce(&Path) -> Vec<String>,
) -> Option<Running> {
    if !Path::new(program).exists() {
        return None;
    }
    // Nobody else takes it in the moment between; if so, the benchmark fails and is begun anew.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = folder.path().join("config");
    let folder_name = folder.path().display().to_string();
    let config = config.replace("@PORT@", &address.port().to_string());
    std::fs::write(&file, config.replace("@FOLDER@", &folder_name)).unwrap();
    let child = Command::new(program)
        .args(args(&file))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running { process: Process::Other(child, folder), address, tls: None };
    for _ in 0..500 {
        if TcpStream::connect(address).is_ok() {
            return Some(running);
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{program} does not listen");
}

impl Running {
    pub fn pid(&self) -> u32 {
        match &self.process {
            Process::Daemon(daemon) => daemon.child.id(),
            Process::Other(child, _) => child.id(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Process::Other(child, _) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
