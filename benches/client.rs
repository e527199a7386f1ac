//! The times of the terminal client: from the start to the first screen, from a key to its echo while
//! the room talks, in memory, and while nothing happens.
//!
//! `cargo bench --bench client`
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod common;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use common::{Daemon, median, percentile, say_steadily};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
/// So many records fill the memory of the client.
const RECORDS: u32 = 10_000;

struct Client {
    child: Child,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    emulator: vt100::Parser,
}

impl Client {
    fn start(address: &str, name: &str) -> Client {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let open = || File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_chatroom-client"))
            .args(["--no-session", "--name", name, address])
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("TERM", "xterm-256color")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (tell, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 65536];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if tell.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| NonZero::new(count).unwrap();
        let emulator = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        Client { child, keyboard, output, emulator }
    }

    fn until(&mut self, holds: impl Fn(&vt100::Screen) -> bool) {
        while !holds(self.emulator.screen()) {
            let Ok(bytes) = self.output.recv_timeout(Duration::from_secs(20)) else {
                panic!("it stands still:\n{}", self.emulator.screen().contents())
            };
            self.emulator.process(&bytes);
        }
    }

    fn until_shown(&mut self, part: &str) {
        self.until(|screen| screen.contents().contains(part));
    }

    fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// The milliseconds that all threads have been on a processor.
    fn cpu(&self) -> f64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of_thread = |thread: fs::DirEntry| -> f64 {
            let schedstat = fs::read_to_string(thread.path().join("schedstat")).unwrap();
            schedstat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
        };
        threads.map(|thread| of_thread(thread.unwrap())).sum()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The times from a key to its echo in milliseconds, while so many messages come a second.
fn echo(daemon: &Daemon, client: &mut Client, per_second: u32) -> Vec<f64> {
    let seconds = 10;
    let speaker = daemon.join(&format!("speaker-{per_second}")).into_inner();
    let pause = Duration::from_secs(1) / per_second;
    let start = Instant::now();
    let saying = say_steadily(speaker, start, pause, per_second * seconds, |number, _| {
        format!("this is line {number}, which is as long as many a line is\n")
    });
    let mut times = Vec::new();
    // A multiple of what is typed before the line is emptied again.
    for key in 0..320 {
        let (typed, is_full) = (format!("> {}", "x".repeat(key % 40 + 1)), key % 40 == 39);
        let begun = Instant::now();
        client.keyboard.write_all(b"x").unwrap();
        client.until(|screen| {
            screen.rows(0, COLUMNS).last().is_some_and(|row| row.trim_end() == typed)
        });
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if is_full {
            client.keyboard.write_all(b"\x15").unwrap();
            client.until(|screen| {
                screen.rows(0, COLUMNS).last().is_some_and(|row| row.trim_end() == ">")
            });
        }
        thread::sleep(Duration::from_millis(25));
    }
    saying.join().unwrap();
    times.sort_by(f64::total_cmp);
    times
}

fn main() {
    let daemon = Daemon::start(TempDir::new().unwrap(), "enabled = false\n");
    // The place of who is gone without a word is held for a while.
    let starts = (0..15).map(|number| {
        let begun = Instant::now();
        let mut client = Client::start(&daemon.address, &format!("starter-{number}"));
        client.until(|screen| screen.contents().contains("F1 help"));
        begun.elapsed().as_secs_f64() * 1e3
    });
    println!("start to first screen, ms: median {:.1}", median(starts.collect()));

    let mut client = Client::start(&daemon.address, "ann");
    client.until_shown("connected");
    thread::sleep(Duration::from_secs(1));
    let (before, cpu) = (client.resident_mib(), client.cpu());
    thread::sleep(Duration::from_secs(5));
    println!("on a processor in 5 s while nothing happens, ms: {:.1}", client.cpu() - cpu);

    for per_second in [1, 1000] {
        let times = echo(&daemon, &mut client, per_second);
        let at = |part| percentile(&times, part);
        let (half, most, worst) = (at(0.5), at(0.99), at(1.0));
        println!(
            "key to echo at {per_second} messages/s, ms: p50 {half:.2}, p99 {most:.2}, most {worst:.2}"
        );
    }

    let after = client.resident_mib();
    println!("memory, MiB: {before:.1}, with {RECORDS} records {after:.1}");
}
