//! The older script client: it sends without line ends, pings with a bare `&` and compares what it
//! receives with that.

use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::harness::{PROMPT, Person};

/// How often the script client pings, and how long it waits for an answer.
const PING: Duration = Duration::from_secs(5);
const PATIENCE_OF_SCRIPT: Duration = Duration::from_secs(15);

/// Behaves on the wire as the script does.
struct Script {
    person: Person,
    shown: Vec<String>,
}

impl Script {
    fn join(daemon: &Daemon, name: &str) -> Script {
        let mut script = Script { person: Person::connect_to(daemon.address), shown: Vec::new() };
        script.until_shown(PROMPT);
        script.person.send(name.as_bytes());
        script.until_shown(&format!("[SERVER]: Welcome {name}! To leave chat write !quit."));
        script
    }

    /// Sends as the script does: the text alone, at a person's pace, so that the one before it has
    /// been read by then.
    fn say(&mut self, daemon: &Daemon, name: &str, text: &str) {
        let bytes = |daemon: &Daemon| {
            daemon.users().iter().find(|user| user.name == name).map_or(0, |user| user.bytes_in)
        };
        let before = bytes(daemon);
        self.person.send(text.as_bytes());
        daemon.until("read", |daemon| bytes(daemon) == before + text.len() as u64);
    }

    /// Receives as the script does, piece by piece, until a line is on its screen.
    #[track_caller]
    fn until_shown(&mut self, line: &str) {
        while !self.shown.iter().any(|shown| shown == line) {
            let piece = self.person.piece().expect("the connection lives");
            assert_ne!(piece, b"&", "nobody asked");
            let text = String::from_utf8(piece).unwrap();
            self.shown.extend(text.lines().map(str::to_owned));
        }
    }

    /// Pings, and gives how long the answer took. It has to come as a piece of its own.
    #[track_caller]
    fn ping(&mut self) -> Duration {
        let start = Instant::now();
        self.person.send(b"&");
        assert_eq!(self.person.piece().as_deref(), Some(&b"&"[..]));
        start.elapsed()
    }
}

#[test]
fn the_script_client_takes_part_beside_line_clients() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut script = Script::join(&daemon, "script");
    ann.expect("[SERVER]: script joined the chat!");

    script.say(&daemon, "script", "hello");
    ann.expect("script: hello");
    script.say(&daemon, "script", "hello again");
    ann.expect("script: hello again");

    ann.send(b"one\ntwo\n");
    script.until_shown("ann: one");
    script.until_shown("ann: two");
    assert!(script.ping() < PATIENCE_OF_SCRIPT);

    script.say(&daemon, "script", "!who");
    script.until_shown("[SERVER]: 2 people are here: ann, script");
    script.person.send(b"!quit");
    ann.expect("[SERVER]: script has quit.");
    assert_eq!(script.person.piece(), None);
}

#[test]
fn a_keep_alive_is_answered_before_there_is_a_name() {
    let daemon = Daemon::start();
    let mut script = Script { person: Person::connect_to(daemon.address), shown: Vec::new() };
    script.until_shown(PROMPT);
    assert!(script.ping() < PATIENCE_OF_SCRIPT);
    script.person.send(b"a");
    script.until_shown("[SERVER]: A name has at least 2 characters. Choose another name.");
    script.person.send(b"script");
    script.until_shown("[SERVER]: Welcome script! To leave chat write !quit.");
}

#[test]
fn two_scripts_hear_each_other_for_several_pings() {
    let daemon = Daemon::start();
    let mut one = Script::join(&daemon, "one");
    let mut two = Script::join(&daemon, "two");
    one.until_shown("[SERVER]: two joined the chat!");
    let start = Instant::now();
    for round in 0..3 {
        // The real pace of the script: this is what is tested, not a pause for something to happen.
        std::thread::sleep((PING * round).saturating_sub(start.elapsed()));
        assert!(one.ping() < PATIENCE_OF_SCRIPT && two.ping() < PATIENCE_OF_SCRIPT);
        two.say(&daemon, "two", &format!("round {round}"));
        one.until_shown(&format!("two: round {round}"));
    }
}

#[test]
fn the_first_line_end_makes_it_a_line_connection() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut script = Script::join(&daemon, "script");
    ann.expect("[SERVER]: script joined the chat!");
    script.person.send(b"a line\n");
    ann.expect("script: a line");
    script.say(&daemon, "script", "half a ");
    script.person.send(b"line\n");
    ann.expect("script: half a line");
}
