//! chatroom-client on the whole screen: the real program in a pseudo-terminal, read back through a
//! terminal emulator.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use crate::client::{client, pseudo_terminal};
use crate::daemon::{Daemon, PATIENCE, until_ended};
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account};

pub struct Screen {
    pub child: Child,
    pub keyboard: File,
    /// The side of the program, to look at its settings.
    inside: File,
    before: Termios,
    output: Receiver<Vec<u8>>,
    /// All that came so far, as it came.
    raw: Vec<u8>,
    pub emulator: vt100::Parser,
}

fn winsize(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

impl Screen {
    fn start(args: &[&str]) -> Screen {
        Screen::of(&mut client(args))
    }

    pub fn of(program: &mut Command) -> Screen {
        let (keyboard, open) = pseudo_terminal();
        let inside = open();
        tcsetwinsize(&inside, winsize(24, 90)).unwrap();
        let before = tcgetattr(&inside).unwrap();
        let child = program
            .env("USER", "somebody")
            .env("TERM", "xterm-256color")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let mut screen = keyboard.try_clone().unwrap();
        let (tell, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if tell.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let emulator = vt100::Parser::new(cells(24), cells(90), 0);
        Screen { child, keyboard, inside, before, output, raw: Vec::new(), emulator }
    }

    pub fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the screen is so, and gives its rows.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !holds(self.emulator.screen()) {
            let patience = PATIENCE.saturating_sub(start.elapsed());
            let Ok(bytes) = self.output.recv_timeout(patience) else {
                panic!("no {what:?}, but\n{}", self.emulator.screen().contents())
            };
            self.emulator.process(&bytes);
            self.raw.extend(bytes);
        }
    }

    /// Waits until this is somewhere on the screen.
    #[track_caller]
    pub fn until_shown(&mut self, part: &str) {
        self.until(part, |screen| screen.contents().contains(part));
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        self.emulator.screen_mut().set_size(cells(rows), cells(columns));
        tcsetwinsize(&self.inside, winsize(rows, columns)).unwrap();
        // The program is not in the session of this terminal, so that the system does not say it.
        self.signal(Signal::WINCH);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the program has ended, and the terminal is as it was.
    #[track_caller]
    fn check_left(self) {
        self.check_ended(0);
    }

    /// The same, with this exit status.
    #[track_caller]
    pub fn check_ended(mut self, status: i32) {
        self.until("end", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        let screen = self.emulator.screen();
        assert!(!screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(until_ended(&mut self.child).code(), Some(status));
        let after = tcgetattr(&self.inside).unwrap();
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
    }
}

#[test]
fn a_user_enters_a_name_and_talks() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut screen = Screen::start(&[&daemon.address.to_string()]);
    screen.until_shown("Your name [somebody]:");
    screen.type_in("ann\r");
    screen.until_shown("The name ann is taken.");
    screen.type_in("bo\r");
    screen.until_shown("bo in lobby · connected");
    ann.expect("[SERVER]: bo joined the chat!");
    ann.say("hello bo");
    screen.until_shown("!ann hello bo");
    screen.type_in("hi ann\r");
    ann.expect("bo: hi ann");
    screen.until_shown("bo hi ann");
    screen.type_in("/nonsense\r");
    screen.until_shown("There is no command /nonsense.");
    screen.type_in("\x15/search HELLO\r");
    screen.until_shown("End of matches.");
    screen.type_in("/search goodbye\r");
    screen.until_shown("No stored message contains that.");
    screen.type_in("/quit\r");
    ann.expect("[SERVER]: bo has quit.");
    screen.check_left();
}

#[test]
fn a_daemon_that_is_started_again_costs_nothing_that_was_typed() {
    let mut daemon = Daemon::start();
    let address = daemon.address;
    let mut screen = Screen::start(&["--name", "bo", "--attempts", "1", &address.to_string()]);
    screen.until_shown("bo in lobby · connected");
    screen.type_in("half a ");
    screen.until_shown("> half a");
    daemon.signal(Signal::TERM);
    daemon.until_ended();
    screen.until_shown("reconnecting in");
    screen.type_in("sentence\r");
    screen.until_shown("half a sentence (not sent yet)");
    screen.type_in("more");
    daemon.start_again();
    screen.until_shown("sending 1 saved line");
    screen.until("stored", |screen| !screen.contents().contains("not sent yet"));
    screen.until_shown("> more");
    let mut ann = Person::connect_to(address);
    ann.say("ann");
    screen.until_shown("ann joined");
    assert_eq!(daemon.status().messages, 1);
    screen.type_in(" of it\r");
    ann.lines_until("bo: more of it");
    screen.type_in("\x04");
    screen.check_left();
}

#[test]
fn any_size_will_do_and_nothing_is_lost() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut screen = Screen::start(&["--name", "bo", &daemon.address.to_string()]);
    screen.until_shown("bo in lobby · connected");
    ann.say("before anything is resized");
    screen.until_shown("before anything is resized");
    screen.resize(5, 20);
    screen.until("a narrow screen", |screen| {
        let rows: Vec<String> = screen.rows(0, 20).collect();
        rows[3].starts_with(" connected") && rows[2].contains("resized")
    });
    screen.resize(24, 90);
    screen.until_shown("ann before anything is resized");
    screen.until_shown("│ ann");
    screen.type_in("\x1b[200~one\rtwo\rthree\rfour\x1b[201~\r");
    screen.until_shown("Send 4 lines?");
    screen.type_in("\r");
    ann.lines_until("bo: four");
    screen.type_in("!quit\r");
    screen.check_left();
}

#[test]
fn suspending_and_resuming_the_client_restores_the_screen() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut screen = Screen::start(&["--name", "bo", &daemon.address.to_string()]);
    screen.until_shown("bo in lobby · connected");
    screen.type_in("half a ");
    screen.until_shown("> half a");
    screen.type_in("\x1a");
    let mut is_back = false;
    while !is_back {
        // It may stop a moment after it has given the terminal back, and does not stop at all where
        // no shell could let it go on.
        screen.signal(Signal::CONT);
        if let Ok(bytes) = screen.output.recv_timeout(Duration::from_millis(20)) {
            screen.emulator.process(&bytes);
            screen.raw.extend(bytes);
        }
        let has_left = screen.raw.windows(8).any(|bytes| bytes == b"\x1b[?1049l");
        is_back = has_left && screen.emulator.screen().contents().contains("> half a");
    }
    // Stopped by another process, after which a shell has set the terminal as it likes it.
    screen.signal(Signal::STOP);
    tcsetattr(&screen.inside, OptionalActions::Now, &screen.before).unwrap();
    screen.emulator.process(b"\x1bc$ fg\r\n");
    screen.signal(Signal::CONT);
    screen.until_shown("> half a");
    assert!(screen.emulator.screen().alternate_screen());
    // Output from before the stop may arrive only now. A key that is typed before the terminal is
    // taken over again would be translated.
    let begun = Instant::now();
    while tcgetattr(&screen.inside).unwrap().local_modes.contains(LocalModes::ICANON) {
        assert!(begun.elapsed() < PATIENCE, "the terminal is not taken over again");
        thread::sleep(Duration::from_millis(5));
    }
    screen.type_in("sentence\r");
    ann.lines_until("bo: half a sentence");
    screen.type_in("/quit\r");
    screen.check_left();
}

#[test]
fn a_room_that_is_not_there_is_noticed_before_a_name_is_given() {
    let mut screen = Screen::start(&["127.0.0.1:1"]);
    screen.until_shown("Cannot join the room at 127.0.0.1:1: nothing is listening there.");
    screen.until_shown("Your name [somebody]:");
    screen.type_in("bo\r");
    screen.until_shown("trying again in");
    screen.type_in("\x03");
    screen.until_shown("Trying again in");
    screen.check_ended(69);
}

#[test]
fn scrolling_up_fetches_older_messages() {
    let daemon = Daemon::with("[history]\nreplay = 5\n");
    let mut ann = Person::text(&daemon, "ann");
    for number in 1..=130 {
        ann.say(&format!("line {number}."));
    }
    daemon.until("stored", |daemon| daemon.status().messages == 130);
    let mut screen = Screen::start(&["--name", "bo", &daemon.address.to_string()]);
    screen.until_shown("line 130.");
    assert!(!screen.emulator.screen().contents().contains("line 120."));
    for wanted in ["line 30.", "line 1."] {
        // Each goes to the top of what is there, which fetches more.
        while !screen.emulator.screen().contents().contains(wanted) {
            screen.type_in("\x1b[1;5H");
            let before = screen.emulator.screen().contents();
            screen.until("more", |screen| screen.contents() != before);
        }
    }
    screen.type_in("\x1b");
    screen.until_shown("line 130.");
    screen.type_in("/quit\r");
    screen.check_left();
}

#[test]
fn a_signal_leaves_the_terminal_in_order() {
    let daemon = Daemon::start();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut screen = Screen::start(&["--name", "bo", &daemon.address.to_string()]);
        screen.until_shown("bo in lobby · connected");
        screen.signal(signal);
        screen.check_left();
        daemon.until_empty();
    }
}

#[test]
fn the_terminal_is_told_of_links_and_of_mentions() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("chatroom")).unwrap();
    let preferences = format!("address = \"{}\"\nnotify = \"osc777\"\n", daemon.address);
    std::fs::write(folder.path().join("chatroom/client.toml"), preferences).unwrap();
    let mut program = client(&["--name", "bo"]);
    let mut screen = Screen::of(program.env("XDG_CONFIG_HOME", folder.path()));
    screen.until_shown("bo in lobby · connected");
    ann.say("bo: https://example.org/?a=1");
    screen.until_shown("https://example.org/?a=1");
    let raw = String::from_utf8_lossy(&screen.raw).into_owned();
    assert!(raw.contains(";https://example.org/?a=1\x1b\\https://example.org/?a=1\x1b]8;;\x1b\\"));
    assert!(raw.contains("\x1b]777;notify;chat;ann: bo: https://example.org/?a=1\x1b\\"));
    screen.type_in("/quit\r");
    screen.check_left();
}

#[test]
fn a_password_is_typed_unseen() {
    let daemon = Daemon::start();
    add_account(&daemon, &["bo"]);
    for plain in [false, true] {
        let address = daemon.address.to_string();
        let args = ["--name", "bo", &address, "--plain"];
        let mut screen = Screen::start(&args[..if plain { 4 } else { 3 }]);
        screen.until_shown("Password for bo:");
        screen.type_in("guess\r");
        screen.until_shown("The name or the password is wrong.");
        screen.type_in(&format!("{PASSWORD}\r"));
        screen.until_shown("You are bo in the room lobby.");
        assert!(!screen.emulator.screen().contents().contains(PASSWORD));
        let after = tcgetattr(&screen.inside).unwrap();
        assert!(!plain || after.local_modes == screen.before.local_modes, "it is shown again");
        screen.type_in("/quit\r");
        screen.check_left();
        daemon.until_empty();
    }
}
