//! One process hands its connections over to the next. The test is the manager between them.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use chatroom::admin::{AdminRequest, Reply};
use rustix::process::Signal;
use serde_json::json;

use crate::chance::Chance;
use crate::daemon::{Daemon, command, with_descriptors};
use crate::harness::{PROMPT, Person};

/// Has the daemon end as for a restart, and gives what it has left.
#[track_caller]
pub fn hand_over(daemon: &mut Daemon) -> Vec<(String, OwnedFd)> {
    assert_eq!(daemon.ask(&AdminRequest::HandOver), Reply::Done);
    let stored = daemon.until_stored();
    assert!(daemon.until_ended().success(), "{}", daemon.log());
    stored
}

#[track_caller]
fn restart(daemon: &mut Daemon) {
    let stored = hand_over(daemon);
    daemon.start_again_with(stored);
}

fn check_everything_goes_on(config: &str) {
    let mut daemon = Daemon::with(config);
    let mut ann = Person::text(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.expect("[SERVER]: jay joined the chat!");
    // Half a line, half an object, and a client without a name.
    ann.send(b"good ev");
    jay.send(br#"{"type":"say","id":"1","te"#);
    let mut newcomer = Person::connect(&daemon);
    for _ in 0..3 {
        restart(&mut daemon);
    }
    ann.say("ening");
    let heard = jay.event("message");
    assert_eq!((&heard["name"], &heard["text"]), (&json!("ann"), &json!("good evening")));
    jay.say(r#"xt":"and to you"}"#);
    ann.expect("jay: and to you");
    let stored = jay.event("message");
    assert_eq!(
        (&stored["id"], &stored["seq"]),
        (&json!("1"), &json!(heard["seq"].as_u64().unwrap() + 1))
    );
    newcomer.say("bob");
    newcomer.lines_until("[SERVER]: Welcome bob! To leave chat write !quit.");
    ann.expect("[SERVER]: bob joined the chat!");
    // Nobody was told anything, and who ends is gone.
    jay.say(r#"{"type":"quit"}"#);
    ann.expect("[SERVER]: jay has quit.");
    jay.event("closing");
    jay.expect_end();
}

#[test]
fn lines_halves_of_lines_and_names_go_on() {
    check_everything_goes_on("");
}

#[test]
fn without_a_history_they_go_on_as_well() {
    check_everything_goes_on("[history]\nenabled = false\n");
}

/// Says numbered things, each when it has the one before back, until it is told to stop; and gives
/// the numbers of all records that it has seen.
fn talk(
    mut person: Person,
    first: u64,
    name: usize,
    is_over: &AtomicBool,
    said: &AtomicU64,
) -> Vec<u64> {
    let mut seen = vec![first];
    for number in 0.. {
        let id = format!("{name}-{number}");
        person.say(&json!({"type": "say", "id": id, "text": id}).to_string());
        loop {
            let event = person.any_event();
            seen.extend(event["seq"].as_u64().filter(|_| event["type"] == "message"));
            if event["id"] == json!(id) {
                break;
            }
        }
        said.fetch_add(1, Ordering::Relaxed);
        if is_over.load(Ordering::Relaxed) {
            break;
        }
    }
    person.say(r#"{"type":"quit"}"#);
    seen
}

#[test]
fn people_talk_through_restarts_and_nothing_is_lost_or_doubled() {
    let mut daemon = Daemon::start();
    let (is_over, said) = (AtomicBool::new(false), AtomicU64::new(0));
    let people: Vec<_> = (0..8).map(|n| Person::json(&daemon, &format!("person{n}"))).collect();
    let last = people.last().unwrap().1["seq"].as_u64().unwrap();
    thread::scope(|scope| {
        let (is_over, said) = (&is_over, &said);
        let talkers: Vec<_> = people
            .into_iter()
            .enumerate()
            .map(|(name, (person, _))| scope.spawn(move || talk(person, last, name, is_over, said)))
            .collect();
        for _ in 0..5 {
            let before = said.load(Ordering::Relaxed);
            daemon.until("talk", |_| said.load(Ordering::Relaxed) > before + 50);
            restart(&mut daemon);
        }
        is_over.store(true, Ordering::Relaxed);
        for talker in talkers {
            let seen = talker.join().unwrap();
            let is_next = |pair: &[u64]| pair[1] == pair[0] + 1;
            assert!(seen.len() > 250 && seen.windows(2).all(is_next), "{seen:?}");
        }
    });
}

#[test]
fn a_slow_reader_gets_the_rest_from_the_next_process() {
    let mut daemon = Daemon::with("[timeouts]\nhold = \"1 min\"\n");
    let (mut jay, _) = Person::json(&daemon, "jay");
    let mut ann = Person::text(&daemon, "ann");
    // More than the system takes for a reader that rests.
    let text = "x".repeat(4000);
    let count = 2000;
    for number in 0..count {
        ann.say(&format!("{number} {text}"));
    }
    daemon.until("a reader that is behind", |daemon| {
        daemon.users().iter().any(|user| user.name == "jay" && user.behind > 0)
            && daemon.status().messages == count
    });
    restart(&mut daemon);
    for number in 0..count {
        assert_eq!(jay.event("message")["text"], format!("{number} {text}"));
    }
}

#[test]
fn a_client_that_connects_during_a_hand_over_waits() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let stored = hand_over(&mut daemon);
    let bo = thread::spawn({
        let address = daemon.address;
        move || Person::connect_to(address)
    });
    daemon.start_again_with(stored);
    let mut bo = bo.join().unwrap();
    bo.expect(PROMPT);
    bo.say("bo");
    ann.expect("[SERVER]: bo joined the chat!");
}

#[test]
fn a_version_that_does_not_start_leaves_everything_for_the_next() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let stored = hand_over(&mut daemon);
    let damaged = tempfile::TempDir::new().unwrap();
    std::fs::write(damaged.path().join("history.sqlite"), [b'x'; 8192]).unwrap();
    for (config, state) in [("[nonsense]\n", daemon.folder.path()), ("", damaged.path())] {
        // Where the configuration was not kept, one that is wrong ends it.
        let passed = stored.iter().filter(|(name, _)| name != "kept");
        let copy = passed.map(|(name, it)| (name.clone(), it.try_clone().unwrap()));
        let mut failing = command(&daemon.folder, config);
        failing.env("STATE_DIRECTORY", state);
        let mut failing = with_descriptors(&daemon.folder, &failing, copy.collect());
        assert!(!failing.status().unwrap().success());
    }
    // One that has taken everything, and is killed before the manager knows.
    let copy = stored.iter().map(|(name, it)| (name.clone(), it.try_clone().unwrap())).collect();
    daemon.start_again_with(copy);
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    daemon.start_again_with(stored);
    ann.say("one");
    bo.expect("ann: one");
}

/// systemd sends this signal, and nothing before, where a restart meets a service that is starting.
#[test]
fn a_restart_in_the_middle_of_a_start_loses_nobody() {
    let mut chance = Chance(5);
    let mut in_the_middle = 0;
    for round in 0..200 {
        let mut daemon = Daemon::start();
        let mut ann = Person::text(&daemon, "ann");
        let mut bo = Person::text(&daemon, "bo");
        ann.expect("[SERVER]: bo joined the chat!");
        let stored = hand_over(&mut daemon);
        let copy =
            stored.iter().map(|(name, it)| (name.clone(), it.try_clone().unwrap())).collect();
        let socket = |daemon: &Daemon| std::fs::metadata(daemon.socket()).map(|it| it.ino()).ok();
        let before = socket(&daemon);
        daemon.begin_again_with(copy);
        daemon.until("opens its socket", |daemon| {
            let now = socket(daemon);
            now.is_some() && now != before
        });
        for _ in 0..chance.below(20_000) {
            std::hint::spin_loop();
        }
        daemon.signal(Signal::TERM);
        if daemon.was_ready() {
            // Then it may have been ready before the signal, which is another case.
            daemon.until_ended();
            continue;
        }
        let handed_over = daemon.stored_unless_ended();
        let ended = daemon.until_ended();
        let has_handed_over = handed_over.is_some();
        // If it had not taken over the signals, the manager has what it had.
        assert!(has_handed_over || ended.code().is_none(), "{}", daemon.log());
        let stored = handed_over.unwrap_or(stored);
        daemon.start_again_with(stored);
        ann.say("one");
        bo.expect("ann: one");
        in_the_middle += usize::from(has_handed_over);
        if in_the_middle == 3 {
            return;
        }
        assert!(round < 199, "only {in_the_middle} signals came in the middle");
    }
}

#[test]
fn the_next_process_knows_which_sessions_are_not_kept() {
    let mut daemon = Daemon::with("[timeouts]\nhold = \"1 min\"\n");
    let mut ann = Person::text(&daemon, "ann");
    let mut jay = Person::connect(&daemon);
    jay.say(r#"{"type":"hello","protocol":1,"name":"jay","hold":false}"#);
    jay.event("welcome");
    ann.expect("[SERVER]: jay joined the chat!");
    let stored = hand_over(&mut daemon);
    daemon.start_again_with(stored);
    jay.reset();
    ann.expect("[SERVER]: jay has disconnected.");
}

#[test]
fn a_state_that_cannot_be_read_lets_everybody_go() {
    let mut daemon = Daemon::with("[timeouts]\nhold = \"1 min\"\n");
    let (mut jay, welcome) = Person::json(&daemon, "jay");
    let mut stored = hand_over(&mut daemon);
    let (_, state) = stored.iter_mut().find(|(name, _)| name == "state").unwrap();
    let mut file = File::from(state.try_clone().unwrap());
    file.set_len(0).unwrap();
    file.rewind().unwrap();
    file.write_all(b"{\"format\":99,\"version\":\"9.1.0\"}\n").unwrap();
    daemon.start_again_with(stored);
    jay.expect_end();
    daemon.until_logged("chatroomd 9.1.0 has written it in format 99");
    let mut back = Person::connect(&daemon);
    let resume =
        json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
    back.say(&json!({"type": "hello", "protocol": 1, "name": "jay", "resume": resume}).to_string());
    assert_eq!(back.event("welcome")["resumed"], true);
}

#[test]
fn new_clients_are_served_whatever_happened_to_the_state() {
    let mut daemon = Daemon::start();
    let mut chance = Chance(1);
    for _ in 0..40 {
        let mut ann = Person::connect(&daemon);
        // A user with that name is one from before.
        ann.say(&format!("ann{}", chance.below(1 << 40)));
        ann.lines_until_starting("[SERVER]: Welcome ann");
        ann.send(b"half a line");
        let mut stored = hand_over(&mut daemon);
        let (_, state) = stored.iter_mut().find(|(name, _)| name == "state").unwrap();
        let mut file = File::from(state.try_clone().unwrap());
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        chance.damage(&mut bytes);
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(&bytes).unwrap();
        daemon.start_again_with(stored);
        let mut bo = Person::connect(&daemon);
        bo.say("bo");
        bo.lines_until("[SERVER]: Welcome bo! To leave chat write !quit.");
        bo.say("!quit");
        daemon.until("bo is gone", |daemon| daemon.users().iter().all(|user| user.name != "bo"));
    }
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[test]
fn another_address_is_served_and_the_old_one_no_more() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let stored = hand_over(&mut daemon);
    let before = daemon.address;
    daemon.address = ([127, 0, 0, 9], before.port()).into();
    daemon.start_again_with(stored);
    let mut bo = Person::connect(&daemon);
    bo.say("bo");
    ann.expect("[SERVER]: bo joined the chat!");
    assert!(TcpStream::connect(before).is_err());
}
