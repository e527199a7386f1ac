//! The daemon's metrics, compared with what really happened.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::ctl::{check_done, run};
use crate::daemon::{Daemon, PATIENCE};
use crate::handover::hand_over;
use crate::harness::Person;

const OVER_HTTP: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// The metrics, as an operator sees them.
fn metrics(daemon: &Daemon) -> String {
    check_done(&run(&daemon.socket(), &["metrics"]))
}

/// The value of one; none where it was never counted.
#[track_caller]
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

#[track_caller]
fn check(metrics: &str, name: &str, expect: f64) {
    assert_eq!(value(metrics, name), Some(expect), "{name} in\n{metrics}");
}

/// The server's answer to a request, with its head.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request}\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn metrics_are_served_under_no_foreign_name() {
    let daemon = Daemon::with(OVER_HTTP);
    let address = address(&daemon);
    let port = address.rsplit(':').next().unwrap();
    let ask = |target: &str, hosts: &[&str]| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        write!(stream, "GET {target} HTTP/1.1\r\n{hosts}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for host in [&address, "localhost", &format!("LocalHost:{port}"), "127.0.0.2", "[::1]"] {
        assert_eq!(ask("/metrics", &[host]), "200", "{host}");
    }
    let evil = format!("evil.example:{port}");
    for hosts in [&[&*evil][..], &["10.1.2.3"], &["localhost.evil.example"], &[""], &[]] {
        assert_eq!(ask("/metrics", hosts), "421", "{hosts:?}");
    }
    assert_eq!(ask("/metrics", &["localhost", &evil]), "421", "one of two");
    assert_eq!(ask(&format!("http://{evil}/metrics"), &["localhost"]), "421");
    assert_eq!(ask("http://localhost/metrics", &["localhost"]), "200");
}

/// Where the metrics are served, as the log says.
pub fn address(daemon: &Daemon) -> String {
    let address = || {
        let log = daemon.log();
        let (_, rest) = log.split_once("listening for metrics on http://")?;
        Some(rest.split_once("/metrics")?.0.to_owned())
    };
    daemon.until("metrics are served", |_| address().is_some());
    address().unwrap()
}

#[test]
fn each_metric_is_what_really_happened() {
    let daemon = Daemon::with("[history]\nreplay = 0\n[limits]\nconnections = 2\n");
    let mut ann = Person::connect(&daemon);
    ann.say("x");
    assert!(ann.line().unwrap().contains("at least 2 characters"));
    ann.say("ann");
    ann.line();
    // Record 1 is ann's joining, which only she could have been shown, and is not.
    let (mut bo, _) = Person::json(&daemon, "bo");
    // Record 2 goes to ann.
    assert!(ann.line().unwrap().ends_with("bo joined the chat!"));
    let mut cy = Person::connect_to(daemon.address);
    assert!(cy.line().unwrap().contains("The room is full."));
    cy.expect_end();
    for text in ["one", "two", "three"] {
        // Records 3 to 5 go to bo; ann speaks text and is not shown her own.
        ann.say(text);
        assert_eq!(bo.event("message")["text"], text);
    }
    for id in ["a", "b"] {
        // Records 6 and 7 go to both.
        bo.say(&format!(r#"{{"type":"say","id":"{id}","text":"four"}}"#));
        assert_eq!(bo.event("message")["id"], id);
        assert_eq!(ann.line().unwrap(), "bo: four");
    }
    bo.say(r#"{"type":"say","id":"c","text":" "}"#);
    assert_eq!(bo.event("refused")["code"], "empty");
    ann.say("!quit");
    while ann.line().is_some() {}
    // Record 8 goes to bo.
    bo.event("left");
    daemon.until("ann is gone", |daemon| daemon.status().connections == 1);

    let status = daemon.status();
    let now = metrics(&daemon);
    assert!(now.ends_with("# EOF\n"), "{now}");
    let build = now.lines().find(|line| line.starts_with("chatroom_build_info{")).unwrap();
    assert!(build.contains(env!("CARGO_PKG_VERSION")) && build.ends_with(" 1"), "{build}");
    check(&now, "chatroom_people", 1.0);
    check(&now, "chatroom_connections", 1.0);
    check(&now, "chatroom_connections_limit", 2.0);
    check(&now, "chatroom_connections_accepted_total", 3.0);
    check(&now, r#"chatroom_connections_closed_total{reason="quit"}"#, 1.0);
    check(&now, r#"chatroom_connections_closed_total{reason="full"}"#, 1.0);
    assert_eq!(now.matches("chatroom_connections_closed_total{").count(), 2, "{now}");
    check(&now, "chatroom_messages_total", 5.0);
    check(&now, "chatroom_deliveries_total", 9.0);
    check(&now, r#"chatroom_refusals_total{reason="empty"}"#, 1.0);
    check(&now, r#"chatroom_refusals_total{reason="name-too-short"}"#, 1.0);
    assert_eq!(now.matches("chatroom_refusals_total{").count(), 2, "{now}");
    check(&now, "chatroom_received_bytes_total", (ann.bytes_sent + bo.bytes_sent) as f64);
    check(&now, "chatroom_sent_bytes_total", (ann.bytes_received + bo.bytes_received) as f64);
    check(&now, "chatroom_newest_record", 8.0);
    check(&now, "chatroom_lag_records", 0.0);
    check(&now, "chatroom_connections_behind", 0.0);
    check(&now, "chatroom_slowed_total", 0.0);
    check(&now, "chatroom_degraded", 0.0);
    check(&now, "chatroom_limited_addresses", 0.0);
    check(&now, "chatroom_log_lines_dropped_total", 0.0);
    check(&now, "chatroom_history_bytes", status.history_bytes as f64);
    check(&now, "chatroom_window_bytes", status.window_bytes as f64);
    check(&now, "chatroom_window_limit_bytes", status.window_limit as f64);
    assert!(status.history_bytes > 0 && status.window_bytes > 0);
    // Each of the records was awaited before the next was asked for.
    for histogram in ["chatroom_store_seconds", "chatroom_delivery_seconds"] {
        check(&now, &format!("{histogram}_count"), 8.0);
        check(&now, &format!(r#"{histogram}_bucket{{le="+Inf"}}"#), 8.0);
        assert!(value(&now, &format!("{histogram}_sum")).unwrap() > 0.0, "{now}");
    }
    check(&now, "process_start_time_seconds", status.since.as_second() as f64);
    assert!(value(&now, "process_cpu_seconds_total").unwrap() > 0.0);
    let resident = value(&now, "process_resident_memory_bytes").unwrap();
    assert!((1e6..1e9).contains(&resident), "{resident}");
    assert!(value(&now, "process_threads").unwrap() >= 3.0);
    let open = value(&now, "process_open_fds").unwrap();
    // The daemon's own look at them, and the connection of chatctl.
    assert!((open - daemon.descriptors() as f64).abs() <= 3.0, "{open}");
    assert!(value(&now, "process_max_fds").unwrap() >= open);
}

#[test]
fn a_reader_that_is_behind_is_seen() {
    let daemon = Daemon::start();
    let (_reads_nothing, _) = Person::json(&daemon, "bo");
    let (mut ann, _) = Person::json(&daemon, "ann");
    let text = "x".repeat(4000);
    daemon.until("bo is behind", |daemon| {
        ann.say(&format!(r#"{{"type":"say","text":"{text}"}}"#));
        ann.event("message");
        let now = metrics(daemon);
        value(&now, "chatroom_lag_records").unwrap() > 1.0
            && value(&now, "chatroom_connections_behind") == Some(1.0)
    });
}

#[test]
fn counting_goes_on_over_a_hand_over_without_counting_twice() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    ann.say("before");
    daemon.until("it is there", |daemon| daemon.status().messages == 1);
    let stored = hand_over(&mut daemon);
    daemon.start_again_with(stored);
    let before = ann.bytes_sent;
    ann.say("behind");
    daemon.until("it is there", |daemon| daemon.status().messages == 1);
    let now = metrics(&daemon);
    check(&now, "chatroom_received_bytes_total", (ann.bytes_sent - before) as f64);
    check(&now, "chatroom_people", 1.0);
}

#[test]
fn prometheus_finds_them() {
    let daemon = Daemon::with(OVER_HTTP);
    let address = address(&daemon);
    let answer = ask(&address, "GET /metrics HTTP/1.1");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    check(body, "chatroom_people", 0.0);
    assert!(body.ends_with("# EOF\n"));
    assert!(ask(&address, "HEAD /metrics HTTP/1.1").starts_with("HTTP/1.1 200 OK"));
    assert!(ask(&address, "POST /metrics HTTP/1.1").starts_with("HTTP/1.1 405"));
    assert!(ask(&address, "GET / HTTP/1.1").contains("The metrics are at /metrics."));
    // A silent connection keeps nobody from asking.
    let _silent: Vec<_> = (0..7).map(|_| TcpStream::connect(&address).unwrap()).collect();
    assert!(ask(&address, "GET /metrics HTTP/1.1").starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn the_room_does_not_depend_on_them() {
    let first = Daemon::with(OVER_HTTP);
    let taken = address(&first);
    let daemon = Daemon::with(&format!("[metrics]\nlisten = \"{taken}\"\n"));
    daemon.until_logged("cannot serve metrics on");
    let _ann = Person::text(&daemon, "ann");
    check(&metrics(&daemon), "chatroom_people", 1.0);
}

/// The words in a text that are names of metrics.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = text.split(move |char| !is_part(char));
    words.filter(|word| word.starts_with("chatroom_") || word.starts_with("process_"))
}

#[test]
fn the_documents_speak_of_metrics_that_there_are() {
    let daemon = Daemon::start();
    // Somebody is refused and turned away, so that all of them are there.
    let mut ann = Person::connect(&daemon);
    ann.say("x\n!quit");
    daemon.until_empty();
    let (mut bo, _) = Person::json(&daemon, "bo");
    bo.say(r#"{"type":"say","id":"a","text":"hello"}"#);
    bo.event("message");
    let now = metrics(&daemon);
    let is_there = |name: &str| now.lines().any(|line| line.starts_with(name));
    let documents = [
        include_str!("../../docs/monitoring/README.md"),
        include_str!("../../docs/monitoring/alerts.yml"),
        include_str!("../../docs/monitoring/dashboard.json"),
    ];
    for document in documents {
        assert!(names(document).count() >= 8);
        names(document).filter(|name| *name != "process_").for_each(|name| {
            assert!(is_there(name), "{name} is not in\n{now}");
        });
    }
    // And of all that there are.
    for line in now.lines().filter(|line| line.starts_with("chatroom_")) {
        let name = names(line).next().unwrap();
        let base = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(documents[0].contains(base), "{base} is not described");
    }
}

/// The words in `reason="..."` and `reason=~"...|..."`.
fn reasons(text: &str) -> impl Iterator<Item = &str> {
    let values = text.split("reason=").skip(1).map(|rest| rest.trim_start_matches(['~', '"']));
    values.flat_map(|value| value.split('"').next().unwrap_or_default().split('|'))
}

#[test]
fn the_alerts_ask_for_reasons_that_there_are() {
    let alerts = include_str!("../../docs/monitoring/alerts.yml");
    let sources =
        [include_str!("../../src/room/end.rs"), include_str!("../../src/room/refusal.rs")];
    for (metric, source) in
        ["chatroom_connections_closed_total{", "chatroom_refusals_total{"].iter().zip(sources)
    {
        let selectors = alerts.split(metric).skip(1).map(|rest| rest.split('}').next().unwrap());
        let asked: Vec<&str> = selectors.flat_map(reasons).collect();
        assert!(!asked.is_empty(), "no alert for {metric}");
        for reason in asked {
            assert!(source.contains(&format!("=> \"{reason}\",")), "there is no {reason}");
        }
    }
}
