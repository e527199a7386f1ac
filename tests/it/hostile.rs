//! Hostile and broken input, which no other client notices.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::harness::Person;

/// Says something and checks that it comes through, so that everything before it has been handled.
#[track_caller]
fn check_lives(from: &mut Person, name: &str, to: &mut Person) {
    from.say("still here");
    let expect = format!("{name}: still here");
    assert_eq!(to.lines_until(&expect).last(), Some(&expect));
}

fn two(daemon: &Daemon) -> (Person, Person) {
    let mut ann = Person::text(daemon, "ann");
    let bo = Person::text(daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    (ann, bo)
}

#[test]
fn a_message_in_ten_packets_is_one() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    let before = bo_bytes(&daemon);
    for (count, part) in "0123456789".as_bytes().chunks(1).enumerate() {
        bo.send(part);
        // The next part goes only when this one has arrived, so that they are ten indeed.
        daemon.until("received", |daemon| bo_bytes(daemon) == before + count as u64 + 1);
    }
    bo.send(b"\n");
    ann.expect("bo: 0123456789");
}

fn bo_bytes(daemon: &Daemon) -> u64 {
    daemon.users().iter().find(|user| user.name == "bo").map_or(0, |user| user.bytes_in)
}

#[test]
fn ten_messages_in_one_packet_are_ten() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    let lines: String = (0..10).map(|n| format!("line {n}\r\n")).collect();
    bo.send(lines.as_bytes());
    for n in 0..10 {
        ann.expect(&format!("bo: line {n}"));
    }
}

#[test]
fn a_message_of_a_megabyte_is_refused_and_the_connection_lives() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    bo.send(&vec![b'x'; 1 << 20]);
    bo.say("");
    bo.expect("[SERVER]: That message was not sent: it is longer than 4096 bytes.");
    check_lives(&mut bo, "bo", &mut ann);
    let (mut jay, _) = Person::json(&daemon, "jay");
    let long = "x".repeat(4097);
    jay.say(&format!(r#"{{"type":"say","id":"long","text":"{long}"}}"#));
    let refused = jay.event("refused");
    assert_eq!((&refused["code"], &refused["id"]), (&"too-long".into(), &"long".into()));
    jay.send(&vec![b'x'; 1 << 20]);
    jay.say("");
    assert_eq!(jay.event("refused")["code"], "too-long");
    let fits = "x".repeat(4096);
    jay.say(&format!(r#"{{"type":"say","text":"{fits}"}}"#));
    assert_eq!(jay.event("message")["text"], fits.as_str());
}

#[test]
fn invalid_utf8_is_refused_and_control_codes_are_removed() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    bo.send(b"caf\xe9\n");
    bo.expect("[SERVER]: That was not accepted: it is not UTF-8. Set your terminal to UTF-8.");
    bo.send(b"a\0b\x1b[31mred\x07\xc2\x9b\xe2\x80\xaeover\n");
    // NUL ends a line, as telnet's line ends do.
    ann.expect("bo: a");
    ann.expect("bo: b[31mredover");
    bo.send(b"\0\x07\n");
    bo.expect("[SERVER]: That message was not sent: there is nothing in it that can be seen.");
    check_lives(&mut bo, "bo", &mut ann);
}

#[test]
fn a_line_break_in_a_message_makes_no_second_one() {
    let daemon = Daemon::start();
    let (mut ann, _bo) = two(&daemon);
    let (mut jay, _) = Person::json(&daemon, "jay");
    jay.say(r#"{"type":"say","text":"one\nbo: two\u001b[2J"}"#);
    assert_eq!(jay.event("message")["text"], "one bo: two[2J");
    ann.lines_until("[SERVER]: jay joined the chat!");
    ann.expect("jay: one bo: two[2J");
}

#[test]
fn an_abrupt_reset_is_noticed_at_once() {
    let daemon = Daemon::start();
    let (mut ann, bo) = two(&daemon);
    bo.reset();
    ann.expect("[SERVER]: bo has disconnected.");
    daemon.until("one user", |daemon| daemon.users().len() == 1);
    assert_eq!(daemon.status().ended.get("broken"), Some(&1));
}

#[test]
fn five_hundred_come_and_go_at_once() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    let descriptors = daemon.descriptors();
    thread::scope(|scope| {
        for worker in 0..10 {
            let daemon = &daemon;
            scope.spawn(move || come_and_go(daemon, worker));
        }
    });
    check_lives(&mut bo, "bo", &mut ann);
    daemon.until("two users", |daemon| daemon.users().len() == 2);
    daemon.until("all closed", |daemon| daemon.descriptors() == descriptors);
    drop((ann, bo));
    daemon.until_empty();
    assert_eq!(daemon.users(), []);
}

/// Fifty connections: some join and leave, some break off, some never say a word.
fn come_and_go(daemon: &Daemon, worker: usize) {
    let mut people: Vec<Person> = (0..50).map(|_| Person::connect_to(daemon.address)).collect();
    for (number, person) in people.iter_mut().enumerate() {
        match number % 5 {
            0 => person.say(&format!("guest-{worker}-{number}")),
            1 => person.send(format!("guest-{worker}-{number}\nhello\n!quit\n").as_bytes()),
            2 => person.say(&format!(
                r#"{{"type":"hello","protocol":1,"name":"guest-{worker}-{number}"}}"#
            )),
            3 => person.send(b"unfinished"),
            _ => {}
        }
    }
    for (number, person) in people.into_iter().enumerate() {
        if number % 2 == 0 {
            person.reset();
        }
    }
}

#[test]
fn a_flood_of_empty_lines_leaves_the_others_their_turn() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    let flood = Person::text(&daemon, "flood");
    ann.expect("[SERVER]: flood joined the chat!");
    let mut writer = flood.second_hand();
    let lines = "\n".repeat(1 << 16);
    // It goes on until the others are through, and so does not end by itself.
    let sender = thread::spawn(move || while writer.stream.write_all(lines.as_bytes()).is_ok() {});
    for _ in 0..20 {
        let start = Instant::now();
        check_lives(&mut bo, "bo", &mut ann);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    flood.stream.shutdown(std::net::Shutdown::Both).unwrap();
    sender.join().unwrap();
}

#[test]
fn a_line_without_an_end_costs_nobody_anything() {
    let daemon = Daemon::start();
    let (mut ann, mut bo) = two(&daemon);
    let address = daemon.address;
    let mut endless = TcpStream::connect(address).unwrap();
    let writer = thread::spawn(move || {
        let piece = vec![b'x'; 1 << 20];
        (0..32).for_each(|_| endless.write_all(&piece).unwrap());
        endless
    });
    for _ in 0..20 {
        check_lives(&mut bo, "bo", &mut ann);
    }
    drop(writer.join().unwrap());
}
