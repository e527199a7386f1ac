//! Shared by the benchmarks: a daemon of their own, and the figures.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub struct Daemon {
    pub child: Child,
    pub folder: TempDir,
    pub address: String,
    /// All addresses on which it listens.
    pub listen: Vec<String>,
}

impl Daemon {
    /// Starts it on a history configured like this.
    pub fn start(folder: TempDir, history: &str) -> Daemon {
        Daemon::start_with(folder, "", history)
    }

    /// The same with more about where it listens; there is a certificate.
    pub fn start_with(folder: TempDir, listen: &str, history: &str) -> Daemon {
        let config =
            format!("[listen]\nchat = \"127.0.0.1:0\"\n{listen}[history]\nreplay = 0\n{history}");
        let file = folder.path().join("chatroomd.toml");
        std::fs::write(&file, config).unwrap();
        let made = Command::new(env!("CARGO_BIN_EXE_chatroomd"))
            .args(["--config", "/dev/null", "--make-certificate", "localhost"])
            .env("STATE_DIRECTORY", folder.path())
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let child = Command::new(env!("CARGO_BIN_EXE_chatroomd"))
            .arg("--config")
            .arg(file)
            .env("RUNTIME_DIRECTORY", folder.path())
            .env("STATE_DIRECTORY", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let socket = folder.path().join("admin.sock");
        let reply = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break ask(stream, r#"{"command":"status"}"#),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        };
        let listen = reply["status"]["listen"].as_array().unwrap();
        let listen: Vec<String> =
            listen.iter().map(|address| address.as_str().unwrap().to_owned()).collect();
        Daemon { child, folder, address: listen[0].clone(), listen }
    }

    /// Joins with text.
    pub fn join(&self, name: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        writeln!(stream, "{name}").unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while !line.contains("Welcome") {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        reader
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(mut stream: UnixStream, request: &str) -> serde_json::Value {
    writeln!(stream, "{request}").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// Says `count` lines, each after another `pause` and in a write of its own. A line is made of its
/// number and the nanoseconds from `start` to its sending.
pub fn say_steadily(
    mut sender: TcpStream,
    start: Instant,
    pause: Duration,
    count: u32,
    line: fn(u32, u128) -> String,
) -> thread::JoinHandle<TcpStream> {
    thread::spawn(move || {
        for number in 0..count {
            thread::sleep((pause * number).saturating_sub(start.elapsed()));
            sender.write_all(line(number, start.elapsed().as_nanos()).as_bytes()).unwrap();
        }
        sender
    })
}

pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}
