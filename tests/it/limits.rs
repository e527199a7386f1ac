//! Limits, and people who do not keep up.

use std::io::Write;
use std::time::{Duration, Instant};

use chatroom::access::ModerationAction;
use chatroom::admin::{AdminRequest, Reply};
use chatroom::room::Seq;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::{PROMPT, Person};
use crate::turns::crowd;

#[test]
fn a_client_that_gives_no_name_is_told_and_disconnected() {
    let daemon = Daemon::with("[timeouts]\nname = \"1 s\"\n");
    let mut silent = Person::connect(&daemon);
    let mut joined = Person::text(&daemon, "ann");
    silent.expect("[SERVER]: No name was given in time. Connect again to join.");
    silent.expect_end();
    daemon.until("one", |daemon| daemon.status().connections == 1);
    assert_eq!(daemon.status().ended.get("no-name"), Some(&1));
    joined.say("!who");
    joined.expect("[SERVER]: 1 person is here: ann");
}

#[test]
fn dribbling_does_not_stretch_the_time_for_a_name() {
    let daemon = Daemon::with("[timeouts]\nname = \"1 s\"\n");
    let mut dribbler = Person::connect(&daemon);
    let mut writer = dribbler.second_hand();
    let start = Instant::now();
    let dribble = std::thread::spawn(move || {
        // Always before it is decided what the beginning is; a failed write is the end.
        while writer.stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    dribbler.expect("[SERVER]: No name was given in time. Connect again to join.");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    drop(dribbler);
    dribble.join().unwrap();
}

#[test]
fn a_full_room_says_so() {
    let daemon = Daemon::with("[limits]\nconnections = 2\n");
    let ann = Person::text(&daemon, "ann");
    let _bo = Person::text(&daemon, "bo");
    let mut third = Person::connect_to(daemon.address);
    third.expect("[SERVER]: The room is full. Try again later.");
    third.expect_end();
    drop(ann);
    daemon.until("room for one", |daemon| daemon.status().connections == 1);
    Person::text(&daemon, "cy");
}

#[test]
fn one_address_cannot_fill_the_room() {
    let daemon = Daemon::with("[limits]\nconnections_per_address = 2\nloopback = true\n");
    let ann = Person::text(&daemon, "ann");
    let _bo = Person::text(&daemon, "bo");
    let mut third = Person::connect_to(daemon.address);
    third.expect("[SERVER]: There are too many connections from your address. Close one first.");
    third.expect_end();
    Person::connect_from([127, 0, 0, 2], daemon.address).expect(PROMPT);
    drop(ann);
    daemon.until("room for one", |daemon| daemon.users().len() == 1);
    Person::text(&daemon, "cy");
    assert_eq!(daemon.status().ended.get("crowded"), Some(&1));
}

#[test]
fn only_an_address_that_connects_too_often_has_to_wait() {
    let daemon = Daemon::with(
        "[limits]\nnew_connections_per_minute = 3\njoins_per_minute = 2\nloopback = true\n",
    );
    for _ in 0..2 {
        let mut ann = Person::text(&daemon, "ann");
        ann.say("!quit");
        ann.expect_end();
    }
    let mut ann = Person::connect(&daemon);
    ann.say("ann");
    let line = ann.line().unwrap();
    assert!(line.starts_with("[SERVER]: Your address joins too often. Try again in "), "{line}");
    let mut late = Person::connect_to(daemon.address);
    let line = late.line().unwrap();
    assert!(line.starts_with("[SERVER]: Your address connects too often. Try again in "), "{line}");
    late.expect_end();
    let mut other = Person::connect_from([127, 0, 0, 2], daemon.address);
    other.expect(PROMPT);
    other.say("ann");
    other.expect("[SERVER]: Welcome ann! To leave chat write !quit.");
    let limited = daemon.status().limited;
    let whats: Vec<_> = limited.iter().map(|one| (&*one.address, &*one.what)).collect();
    let expect = [("127.0.0.1", "connects too often"), ("127.0.0.1", "joins too often")];
    assert_eq!(whats, expect);
    assert!(limited.iter().all(|one| (1..=60).contains(&one.seconds)), "{limited:?}");
}

#[test]
fn resuming_is_exempt_from_the_join_limit_and_claiming_to_is_not() {
    let daemon = Daemon::with(
        "[limits]\njoins_per_minute = 3\nloopback = true\n[timeouts]\nhold = \"1 min\"\n",
    );
    let (mut jay, welcome) = Person::json(&daemon, "jay");
    let hello = |token: &Value| {
        let resume = json!({"token": token, "epoch": welcome["epoch"], "seq": welcome["seq"]});
        json!({"type": "hello", "protocol": 1, "name": "jay", "resume": resume}).to_string()
    };
    for _ in 0..5 {
        jay.reset();
        // Only the token of a session that is detached is no new join.
        daemon.until("detached", |daemon| daemon.users()[0].away_seconds.is_some());
        jay = Person::connect(&daemon);
        jay.say(&hello(&welcome["token"]));
        assert_eq!(jay.event("welcome")["resumed"], true);
    }
    let refused = || {
        let mut liar = Person::connect(&daemon);
        liar.say(&hello(&json!("none")));
        liar.event("refused")["code"].as_str().unwrap().to_owned()
    };
    assert_eq!([refused(), refused(), refused()], ["name-taken", "name-taken", "too-often"]);
}

#[test]
fn a_client_that_sends_too_fast_is_slowed_and_loses_nothing() {
    let daemon = Daemon::with("[limits]\nmessages_per_second = 20\nburst = 10\nloopback = true\n");
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let start = Instant::now();
    let lines: String = (1..=30).map(|line| format!("line {line}\n")).collect();
    bo.send(lines.as_bytes());
    for line in 1..=30 {
        ann.expect(&format!("bo: line {line}"));
    }
    // 20 beyond the burst, 50 ms each; there is no upper limit.
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    bo.expect(
        "[SERVER]: You are sending too fast. Your messages are delayed a little; none is lost.",
    );
    bo.say("!who");
    bo.expect("[SERVER]: 2 people are here: ann, bo");
    assert_eq!(daemon.status().slowed, 1, "and is told so once");
    // A slowed client can be removed at any moment.
    bo.send(lines.as_bytes());
    let kick = AdminRequest::Moderate {
        action: ModerationAction::Kick { name: "bo".to_owned(), reason: None },
    };
    assert!(matches!(daemon.ask(&kick), Reply::Moderated { affected, .. } if affected.people == 1));
    bo.lines_until("[SERVER]: You were removed from the room by the operator.");
}

/// Sends lines until the daemon says that the reader is this far behind.
fn talk_until_behind(daemon: &Daemon, talker: &mut Person, reader: &str, lines: u64) -> u64 {
    let mut said = 0;
    let text = "x".repeat(1000);
    loop {
        for _ in 0..500 {
            talker.say(&format!("{said} {text}"));
            said += 1;
        }
        let users = daemon.users();
        let reader = users.iter().find(|user| user.name == reader).expect("still here");
        if reader.behind > lines {
            return said;
        }
    }
}

#[test]
fn a_reader_that_falls_out_of_the_window_is_told_how_much_it_missed() {
    let config = "[history]\nenabled = false\nreplay = 0\n[limits]\nwindow = \"256 KiB\"\n";
    let daemon = Daemon::with(config);
    let mut slow = Person::text(&daemon, "slow");
    let mut talker = Person::text(&daemon, "talker");
    slow.expect("[SERVER]: talker joined the chat!");
    let said = talk_until_behind(&daemon, &mut talker, "slow", 2000);
    talker.say("the end");

    let (mut seen, mut missed) = (0, 0);
    loop {
        let line = slow.line().expect("it is told, and not thrown out");
        if let Some(rest) = line.strip_prefix("[SERVER]: Your connection was too slow: you missed ")
        {
            missed += rest.split(' ').next().unwrap().parse::<u64>().unwrap();
        } else if line == "talker: the end" {
            break;
        } else {
            let number: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
            assert_eq!(number, seen + missed, "nothing is skipped silently");
            seen += 1;
        }
    }
    assert!(missed > 0 && seen + missed == said, "{seen} + {missed} of {said}");
    let status = daemon.status();
    // A batch larger than the window stays whole, so that there is something to show.
    assert!(status.window_records <= 1024 && Seq(status.seq) > Seq(said), "{status:?}");
}

#[test]
fn a_reader_that_rests_for_longer_than_a_network_may_be_silent_is_kept() {
    let daemon = Daemon::with("[timeouts]\nsilence = \"3 s\"\n");
    let mut resting = Person::text(&daemon, "resting");
    let mut talker = Person::text(&daemon, "talker");
    resting.expect("[SERVER]: talker joined the chat!");
    let said = talk_until_behind(&daemon, &mut talker, "resting", 10);
    // The rest itself is what is tested here: more than twice the silence.
    std::thread::sleep(Duration::from_secs(8));
    let text = "x".repeat(1000);
    (0..said).for_each(|n| resting.expect(&format!("talker: {n} {text}")));
}

#[test]
fn a_reader_that_rests_with_everything_on_its_way_is_kept() {
    let daemon = Daemon::with("[timeouts]\nsilence = \"3 s\"\n");
    let mut resting = Person::text(&daemon, "resting");
    let mut talker = Person::text(&daemon, "talker");
    resting.expect("[SERVER]: talker joined the chat!");
    let said = talk_until_behind(&daemon, &mut talker, "resting", 1);
    // Reads until nothing waits in the log any more, but its own system still has no room.
    let text = "x".repeat(1000);
    let mut heard = 0;
    while daemon.users().iter().any(|user| user.behind > 0) {
        resting.expect(&format!("talker: {heard} {text}"));
        heard += 1;
    }
    // The rest itself is what is tested here: more than twice the silence.
    std::thread::sleep(Duration::from_secs(8));
    (heard..said).for_each(|n| resting.expect(&format!("talker: {n} {text}")));
}

#[test]
fn a_reader_that_reads_nothing_is_closed_and_the_others_do_not_wait() {
    let daemon = Daemon::with("[limits]\nwindow = \"256 KiB\"\n[timeouts]\nstalled = \"1 s\"\n");
    let stalled = Person::text(&daemon, "stalled");
    let mut talker = Person::text(&daemon, "talker");
    let mut other = Person::text(&daemon, "other");
    talker.lines_until("[SERVER]: other joined the chat!");
    let text = "x".repeat(1000);
    // An answered line at a time: each has gone through while the other one reads nothing.
    let mut said = 0;
    while daemon.users().len() == 3 {
        said += 1;
        talker.say(&format!("{said} {text}"));
        other.lines_until(&format!("talker: {said} {text}"));
    }
    talker.expect("[SERVER]: stalled has disconnected.");
    daemon.until("counted", |daemon| daemon.status().ended.get("too-slow") == Some(&1));
    drop(stalled);
}

#[test]
fn without_descriptors_it_serves_who_is_inside_and_recovers() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let few = daemon.descriptors() as u64;
    let limit = Rlimit { current: Some(few), maximum: Some(20_000) };
    prlimit(Some(Pid::from_child(&daemon.child)), Resource::Nofile, limit).unwrap();
    // These wait in the queue of the system: there is no descriptor for them.
    let mut waiting: Vec<Person> = (0..20).map(|_| Person::connect_to(daemon.address)).collect();
    for n in 0..100 {
        bo.say(&format!("line {n}"));
        ann.expect(&format!("bo: line {n}"));
    }
    let limit = Rlimit { current: Some(1000), maximum: Some(20_000) };
    prlimit(Some(Pid::from_child(&daemon.child)), Resource::Nofile, limit).unwrap();
    let start = Instant::now();
    for person in &mut waiting {
        person.expect(PROMPT);
    }
    assert!(start.elapsed() < Duration::from_secs(1), "recovered in {:?}", start.elapsed());
    let complaints = daemon.log().matches("cannot accept connections").count();
    assert!((1..10).contains(&complaints), "{complaints} lines in the log");
}

#[test]
fn a_flood_is_slowed_and_nothing_of_it_is_lost() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut flood = Person::text(&daemon, "flood");
    ann.expect("[SERVER]: flood joined the chat!");
    let mut writer = flood.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        (0..50_000).for_each(|n| writer.write_all(format!("{n}\n").as_bytes()).unwrap());
    });
    for n in 0..50_000 {
        ann.expect(&format!("flood: {n}"));
    }
    sender.join().unwrap();
    flood.say("!who");
    flood.expect("[SERVER]: 2 people are here: ann, flood");
}

/// How many bytes of memory the daemon has resident.
fn resident(daemon: &Daemon) -> usize {
    let memory = std::fs::read_to_string(format!("/proc/{}/statm", daemon.child.id())).unwrap();
    let pages: usize = memory.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn answers_that_are_not_read_take_little_memory() {
    const PEOPLE: usize = 900;
    let daemon = Daemon::start();
    let _crowd = crowd(&daemon, PEOPLE);
    let mut ann = Person::text(&daemon, "ann");
    let mut ask = |number: usize| {
        let mut deaf = Person::text(&daemon, &format!("deaf-{number}"));
        let socket = socket2::SockRef::from(&deaf.stream);
        // Data that waits in the kernel's buffers is not measured.
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        deaf.send("!who\n".repeat(32).as_bytes());
        // Behind what they have asked for.
        ann.say("!who");
        ann.lines_until_starting("[SERVER]: 9");
        deaf
    };
    let before = resident(&daemon);
    let mut all = vec![ask(0)];
    let one = resident(&daemon).saturating_sub(before);
    all.extend((1..20).map(&mut ask));
    let twenty = resident(&daemon).saturating_sub(before);
    println!(
        "32 lists of {PEOPLE} people that are not read: {one} bytes; for 20 who ask: {twenty}"
    );
    // An answer of a list takes 210 KB; all of them would be 6.7 MB and 134 MB.
    assert!(one < 2 << 20, "{one} bytes");
    assert!(twenty < 8 << 20, "{twenty} bytes");
    // And nothing of it is lost.
    for deaf in &mut all[..2] {
        for _ in 0..32 {
            let line = deaf.lines_until_starting("[SERVER]: 9");
            let count: usize = line[10..].split(' ').next().unwrap().parse().unwrap();
            assert_eq!(line.matches(", ").count() + 1, count);
        }
    }
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut deaf = Person::text(&daemon, "deaf");
    ann.expect("[SERVER]: deaf joined the chat!");
    deaf.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Names make long answers of short questions; the kernel pushes back when they pile up.
    let guests: Vec<Person> = (0..200)
        .map(|n| Person::text(&daemon, &format!("{n:03}-{}", "\u{1F469}".repeat(28))))
        .collect();
    let questions = "!who\n".repeat(10_000);
    let mut asked = 0;
    while deaf.stream.write_all(questions.as_bytes()).is_ok() {
        asked += 10_000;
        assert!(asked < 10_000_000, "it takes in questions without an end");
    }
    ann.say("!who");
    let last = guests.len() + 2;
    let answer = format!("[SERVER]: {last} people are here: ");
    while !ann.line().expect("she is served").starts_with(&answer) {}
    let memory = std::fs::read_to_string(format!("/proc/{}/statm", daemon.child.id())).unwrap();
    let pages: usize = memory.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(pages * 4096 < 64 << 20, "{pages} pages are resident");
}
