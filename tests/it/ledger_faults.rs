//! The ledgers under faults of all kinds: whatever is done to the daemon while people talk, what was
//! seen or acknowledged is stored, and nobody sees a gap or a double; and afterwards it is as before.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::ctl::run as chatctl;
use crate::daemon::{Daemon, MEDDLED};
use crate::faults::{cannot_run, run};
use crate::ledger::{CONFIG, check, sizes, talk_under};
use crate::network::{Cable, ip, move_inside};

/// Where Debian has libfaketime.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// How long `chatctl ping` may take, whatever happens.
const PING: Duration = Duration::from_secs(1);

/// People talk under a fault; then the ledgers agree, and the daemon has what it had before.
fn survive(daemon: &mut Daemon, times: usize, cut: Option<usize>, fault: impl Fn(&mut Daemon)) {
    let before = daemon.descriptors();
    let (_, people, lines) = sizes();
    let sizes = (times, people, lines);
    let ledgers = talk_under(
        daemon,
        sizes,
        |number| cut.map(|cut| cut + number),
        |daemon| {
            fault(daemon);
            answers(daemon);
        },
    );
    check(daemon, &ledgers);
    daemon.until("everybody's connection is gone", |daemon| daemon.status().connections == 0);
    // The connection that asks is one of them.
    daemon.until("descriptors are back", |daemon| daemon.descriptors() <= before + 1);
    answers(daemon);
}

/// `chatctl ping` is answered in time. Where strace meddles, that may hit this very answer: then it
/// is asked again, and all of it has to be in time.
fn answers(daemon: &Daemon) {
    let asked = Instant::now();
    let mut said = String::new();
    let answered = (0..daemon.attempts()).any(|_| {
        let output = chatctl(&daemon.socket(), &["ping"]);
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success()
    });
    assert!(answered, "{said}");
    assert!(asked.elapsed() < PING, "the ping took {:?}", asked.elapsed());
}

/// A daemon in whose system calls strace meddles. None where there is no strace.
fn meddled(inject: &[&str]) -> Option<Daemon> {
    if !run("strace", &["-V"]) {
        cannot_run("failing system calls", "strace is not installed");
        return None;
    }
    Some(Daemon::customised(CONFIG, |command| {
        let program = command.get_program().to_owned();
        let mut traced = Command::new("strace");
        // The daemon stays the child, and strace is beside it.
        let folder = command.get_envs().find(|(key, _)| *key == "STATE_DIRECTORY").unwrap().1;
        traced.args(["-D", "-f", "-qq", "-o"]).arg(Path::new(folder.unwrap()).join(MEDDLED));
        let calls: Vec<&str> =
            inject.iter().map(|inject| inject.split_once(':').unwrap().0).collect();
        traced.args(["-e", &format!("trace={}", calls.join(","))]);
        for inject in inject {
            traced.args(["-e", &format!("inject={inject}")]);
        }
        traced.arg("--").arg(program).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => traced.env(key, value),
                None => traced.env_remove(key),
            };
        }
        traced.stdout(Stdio::null()).stderr(Stdio::null());
        *command = traced;
    }))
}

/// How often strace has meddled with a system call.
fn meddlings(daemon: &Daemon, call: &str) -> usize {
    let file = fs::read_to_string(daemon.folder.path().join(MEDDLED)).unwrap();
    let meddled = |line: &&str| line.contains("(INJECTED)") || line.contains("(DELAYED)");
    file.lines().filter(meddled).filter(|line| line.contains(call)).count()
}

#[test]
fn a_daemon_that_is_stopped_for_a_moment_goes_on() {
    let mut daemon = Daemon::with(CONFIG);
    survive(&mut daemon, 8, None, |daemon| {
        daemon.signal(Signal::STOP);
        // Nobody waits for this; it is how long the fault lasts.
        std::thread::sleep(Duration::from_millis(200));
        daemon.signal(Signal::CONT);
    });
}

#[test]
fn connections_that_break_in_the_middle_are_taken_up_again() {
    let faults = ["sendto:error=EPIPE:when=300+211", "recvfrom:error=ECONNRESET:when=200+167"];
    let Some(mut daemon) = meddled(&faults) else { return };
    survive(&mut daemon, 2, None, |_| {});
    assert!(daemon.status().ended.contains_key("broken"), "nothing was broken");
}

#[test]
fn errors_of_the_device_when_sending_and_accepting_are_survived() {
    let faults = ["sendto:error=EIO:when=20+23", "accept4:error=EIO:when=3+3"];
    let Some(mut daemon) = meddled(&faults) else { return };
    survive(&mut daemon, 2, Some(83), |_| {});
    for call in ["sendto", "accept4"] {
        assert!(meddlings(&daemon, call) > 3, "{call}: {}", meddlings(&daemon, call));
    }
}

#[test]
fn a_system_that_is_slow_at_sending_and_accepting_costs_time_only() {
    let faults = ["sendto:delay_enter=5000:when=5+10", "accept4:delay_enter=100000"];
    let Some(mut daemon) = meddled(&faults) else { return };
    survive(&mut daemon, 2, Some(83), |_| {});
    for call in ["sendto", "accept4"] {
        assert!(meddlings(&daemon, call) > 3, "{call}: {}", meddlings(&daemon, call));
    }
}

#[test]
fn a_lack_of_descriptors_in_between_is_waited_for() {
    let Some(mut daemon) = meddled(&["accept4:error=EMFILE:when=3+3"]) else { return };
    survive(&mut daemon, 2, Some(29), |_| {});
    assert!(meddlings(&daemon, "accept4") > 3 && daemon.status().accepted > 20);
}

#[test]
fn a_disk_that_is_slow_costs_time_only() {
    let Some(mut daemon) = meddled(&["fdatasync,fsync:delay_enter=30000:when=5+10"]) else {
        return;
    };
    survive(&mut daemon, 4, Some(53), |_| {});
    assert!(meddlings(&daemon, "fdatasync") + meddlings(&daemon, "fsync") > 3);
}

#[test]
fn the_time_of_day_may_jump_by_an_hour() {
    if !fs::exists(FAKETIME).unwrap() {
        return cannot_run("jumps of the time of day", "libfaketime is not installed");
    }
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("time");
    fs::write(&file, "+0").unwrap();
    let mut daemon = Daemon::customised(CONFIG, |command| {
        command.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", &file);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    });
    let jumps = AtomicUsize::new(0);
    survive(&mut daemon, 6, Some(83), |_| {
        let offset = ["+3600", "-3600", "+0"][jumps.fetch_add(1, Relaxed) % 3];
        fs::write(&file, offset).unwrap();
    });
    let db = daemon.database();
    let span = "SELECT (max(time) - min(time)) / 1000 FROM records";
    let span: i64 = db.query_row(span, [], |row| row.get(0)).unwrap();
    assert!((7000..7400).contains(&span), "the time has jumped by {span} s");
}

#[test]
fn a_storm_of_resets_hurts_nobody() {
    let mut daemon = Daemon::with(CONFIG);
    survive(&mut daemon, 5, None, |daemon| {
        let storm: Vec<TcpStream> = (0..200)
            .map(|number| {
                let mut stream = TcpStream::connect(daemon.address).unwrap();
                let _ = stream.write_all(format!("storm{number}\nhalf a li").as_bytes());
                stream
            })
            .collect();
        for stream in storm {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    });
}

#[test]
fn silent_connections_that_fill_the_admin_socket_delay_no_request() {
    let mut daemon = Daemon::with(CONFIG);
    survive(&mut daemon, 2, None, |daemon| {
        let silent: Vec<UnixStream> =
            (0..100).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
        answers(daemon);
        drop(silent);
    });
}

#[test]
fn every_fifth_packet_may_be_lost() {
    let Some(cable) = Cable::lay() else {
        return cannot_run("a lossy network", "making network namespaces needs root and `ip`");
    };
    let config =
        format!("[listen]\nchat = \"10.99.0.1:53000\"\n[limits]\nloopback = false\n{CONFIG}");
    let mut daemon = Daemon::customised("", |command| move_inside(command, &cable, &config));
    for space in [&cable.server, &cable.client] {
        let rules = "add table inet lossy\nadd chain inet lossy input { type filter hook input \
                     priority 0; }\nadd rule inet lossy input tcp dport != 1 numgen random mod 5 0 drop\n";
        let mut nft = Command::new("ip");
        let nft = nft.args(["netns", "exec", space, "nft", "-f", "-"]).stdin(Stdio::piped());
        let Ok(mut child) = nft.spawn() else {
            return cannot_run("a lossy network", "nft is not installed");
        };
        child.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
        if !child.wait().unwrap().success() {
            return cannot_run("a lossy network", "nft does not work here");
        }
    }
    assert!(ip(&["-n", &cable.client, "link", "set", "lo", "up"]).is_some());
    // Threads are where the one was that has begun them: people on the far end of the cable.
    let space = fs::File::open(format!("/run/netns/{}", cable.client)).unwrap();
    let ledgers = std::thread::scope(|scope| {
        let talk = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&space), kind).unwrap();
            talk_under(&mut daemon, (0, 3, 40), |_| None, |_| {})
        };
        scope.spawn(talk).join().unwrap()
    });
    check(&daemon, &ledgers);
    answers(&daemon);
}
