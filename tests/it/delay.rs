//! A network that is far: everything takes 100 ms in either direction.
//!
//! The delay is made by a program between the two, for not every kernel can make one (`netem`).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::ledger::{CONFIG, check, sizes, talk_under};

/// One way.
const DELAY: Duration = Duration::from_millis(100);

/// Begins to pass connections on to `to`, late; gives where it listens.
fn far_from(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        // It ends with the test program.
        for near in listener.incoming() {
            let near = near.unwrap();
            // The daemon may be gone.
            let Ok(far) = TcpStream::connect(to) else { continue };
            pass_on(near.try_clone().unwrap(), far.try_clone().unwrap());
            pass_on(far, near);
        }
    });
    address
}

/// Passes on what comes, and the end, each so late.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            let count = from.read(&mut buffer).unwrap_or(0);
            let is_sent = sender.send((Instant::now() + DELAY, buffer[..count].to_vec())).is_ok();
            if count == 0 || !is_sent {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if bytes.is_empty() || to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[test]
fn the_ledger_agrees_over_a_network_that_is_far() {
    let mut daemon = Daemon::with(CONFIG);
    daemon.address = far_from(daemon.address);
    let (_, people, _) = sizes();
    let asked = Instant::now();
    let ledgers = talk_under(&mut daemon, (0, people, 60), |number| Some(29 + number), |_| {});
    check(&daemon, &ledgers);
    // At least a greeting and the lines, eight on their way at a time.
    assert!(asked.elapsed() > DELAY * 2 * 8, "there was no delay");
}
