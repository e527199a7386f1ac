//! The cost of joining: `cargo bench --bench login`.
//!
//! Printed are how many TLS handshakes and how many joins with a password the daemon does in a second
//! (by the clock, and by the time that it was on a processor), and what 500 people who give wrong
//! passwords without an end do to the time that a message of the others takes. `ROUNDS` (default 3)
//! changes how often, in turns.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod common;
#[path = "fanout/usage.rs"]
#[allow(dead_code)]
mod usage;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use common::{Daemon, median, percentile, say_steadily};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use tempfile::TempDir;

const HANDSHAKES: u32 = 1000;
const JOINS: u32 = 100;
const GUESSERS: usize = 500;
const MESSAGES: u32 = 1000;
const PASSWORD: &str = "correct horse";

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(3);
    let (mut handshakes, mut joins) = (Vec::new(), Vec::new());
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..rounds {
        handshakes.push(shake_hands());
        joins.push(join());
        for (with_guessers, times) in times.iter_mut().enumerate() {
            times.push(deliver(with_guessers == 1));
        }
    }
    let of = |figures: &[(f64, f64)], part: fn(&(f64, f64)) -> f64| {
        median(figures.iter().map(part).collect())
    };
    for (what, figures) in [("TLS handshakes", &handshakes), ("joins with a password", &joins)] {
        let (clock, processor) = (of(figures, |it| it.0), of(figures, |it| it.1));
        println!("{what}: {clock:.0}/s; {processor:.0} per second on a processor");
    }
    for (what, times) in ["nobody guesses", "500 guess"].iter().zip(&times) {
        let (p50, p99) = (of(times, |it| it.0), of(times, |it| it.1));
        println!("a message while {what}: p50 {p50:.3} ms, p99 {p99:.3} ms");
    }
}

/// A daemon that limits nothing.
fn daemon() -> Daemon {
    let more = "[limits]\nwrong_passwords_per_minute = 0\n";
    let daemon = Daemon::start_with(TempDir::new().unwrap(), "tls = \"127.0.0.1:0\"\n", more);
    let mut account = Command::new(env!("CARGO_BIN_EXE_chatctl"))
        .arg("--socket")
        .arg(daemon.folder.path().join("admin.sock"))
        .args(["account", "add", "ann"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(account.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(account.wait().unwrap().success());
    daemon
}

/// How often something can be done in a second: by the clock, and by the processor.
fn rate(daemon: &Daemon, count: u32, act: impl FnOnce()) -> (f64, f64) {
    let (start, before) = (Instant::now(), usage::cpu(daemon.child.id()));
    act();
    let clock = start.elapsed().as_secs_f64();
    let processor = usage::cpu_since(&before, daemon.child.id()) as f64 / 1e9;
    (f64::from(count) / clock, f64::from(count) / processor)
}

fn shake_hands() -> (f64, f64) {
    let daemon = daemon();
    let mut roots = RootCertStore::empty();
    let file = daemon.folder.path().join("certificate.pem");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let config = Arc::new(config);
    let address = daemon.listen[1].strip_suffix(" (TLS)").unwrap();
    rate(&daemon, HANDSHAKES, || {
        for _ in 0..HANDSHAKES {
            let name = "localhost".try_into().unwrap();
            let mut tls = ClientConnection::new(config.clone(), name).unwrap();
            let mut stream = TcpStream::connect(address).unwrap();
            let mut prompt = [0; 8];
            Stream::new(&mut tls, &mut stream).read_exact(&mut prompt).unwrap();
        }
    })
}

fn hello(address: &str, password: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let hello = format!(r#"{{"type":"hello","protocol":1,"name":"ann","password":"{password}"}}"#);
    writeln!(stream, "{hello}").unwrap();
    stream
}

fn join() -> (f64, f64) {
    let daemon = daemon();
    rate(&daemon, JOINS, || {
        for _ in 0..JOINS {
            let mut stream = hello(&daemon.address, PASSWORD);
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while !line.contains(r#""welcome""#) {
                line.clear();
                assert_ne!(reader.read_line(&mut line).unwrap(), 0);
                assert!(!line.contains("refused"), "{line}");
            }
            writeln!(stream, r#"{{"type":"quit"}}"#).unwrap();
            // The name is free again when this is over.
            std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        }
    })
}

/// p50 and p99 of the time that a message takes, in ms.
fn deliver(with_guessers: bool) -> (f64, f64) {
    let daemon = daemon();
    let mut receiver = daemon.join("receiver");
    let sender = daemon.join("sender").into_inner();
    let is_over = Arc::new(AtomicBool::new(false));
    let guessers = with_guessers.then(|| {
        let (address, is_over) = (daemon.address.clone(), is_over.clone());
        thread::spawn(move || guess(&address, &is_over))
    });
    let start = Instant::now();
    let sending = say_steadily(sender, start, Duration::from_millis(10), MESSAGES, |n, sent| {
        format!("{n} {sent}\n")
    });
    let mut times = Vec::new();
    let mut line = String::new();
    while times.len() < MESSAGES as usize {
        line.clear();
        assert_ne!(receiver.read_line(&mut line).unwrap(), 0);
        if let Some((_, sent)) =
            line.strip_prefix("sender: ").and_then(|it| it.trim().split_once(' '))
        {
            let sent: u64 = sent.parse().unwrap();
            times.push((start.elapsed().as_nanos() as f64 - sent as f64) / 1e6);
        }
    }
    is_over.store(true, Relaxed);
    sending.join().unwrap();
    if let Some(guessers) = guessers {
        guessers.join().unwrap();
    }
    times.sort_by(f64::total_cmp);
    (percentile(&times, 0.5), percentile(&times, 0.99))
}

/// 500 connections, each of which gives another wrong password a second after the answer.
fn guess(address: &str, is_over: &AtomicBool) {
    let mut all: Vec<TcpStream> = (0..GUESSERS).map(|_| hello(address, "guess")).collect();
    let again = br#"{"type":"hello","protocol":1,"name":"ann","password":"guess"}"#;
    let mut answer = [0; 4096];
    let mut next = vec![None; GUESSERS];
    while !is_over.load(Relaxed) {
        for (stream, next) in all.iter_mut().zip(&mut next) {
            stream.set_nonblocking(true).unwrap();
            let is_answered = stream
                .read(&mut answer)
                .is_ok_and(|count| String::from_utf8_lossy(&answer[..count]).contains("refused"));
            stream.set_nonblocking(false).unwrap();
            if is_answered {
                *next = Some(Instant::now() + Duration::from_secs(1));
            }
            if next.take_if(|next| *next <= Instant::now()).is_some() {
                stream.write_all(again).and_then(|()| stream.write_all(b"\n")).unwrap();
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}
