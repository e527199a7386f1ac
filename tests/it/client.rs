//! chatroom-client, in pipes and on a terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::daemon::{Daemon, PATIENCE, until_ended};
use crate::harness::Person;

pub fn client(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom-client"));
    // The preferences of the user who runs the tests must not matter.
    command.args(args).env("NO_COLOR", "1");
    command.env("XDG_CONFIG_HOME", "/proc/nonexistent").env("XDG_STATE_HOME", "/proc/nonexistent");
    if !args.contains(&"--session") {
        command.arg("--no-session");
    }
    command
}

/// A client that keeps its session in a folder.
pub fn keeping(state: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom-client"));
    command.args(args).env("NO_COLOR", "1").env("XDG_CONFIG_HOME", "/proc/nonexistent");
    command.env("XDG_STATE_HOME", state);
    command
}

/// Runs the client to its end with an input from a pipe.
fn pipe(input: &str, args: &[&str]) -> Output {
    pipe_to(input, &mut client(args))
}

/// The same with a client of another kind.
pub fn pipe_to(input: &str, program: &mut Command) -> Output {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A client that ends before reading everything has a reason, which the caller checks.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    until_ended(&mut child);
    child.wait_with_output().unwrap()
}

#[test]
fn a_pipe_says_its_lines_waits_until_they_are_stored_and_succeeds() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let address = daemon.address.to_string();
    let output = pipe("deployed\n/etc/motd changed\n\n", &["--name", "deploy", &address]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    ann.expect("[SERVER]: deploy joined the chat!");
    ann.expect("deploy: deployed");
    ann.expect("deploy: /etc/motd changed");
    ann.expect("[SERVER]: deploy has quit.");
    let output = pipe("", &["--name", "deploy", &address]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_long_pipe_arrives_whole_and_in_order() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let lines: String = (0..5000).map(|n| format!("line {n}\n")).collect();
    let output = pipe(&lines, &["--name", "log", &daemon.address.to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    ann.expect("[SERVER]: log joined the chat!");
    (0..5000).for_each(|n| ann.expect(&format!("log: line {n}")));
}

#[test]
fn preferences_replace_command_line_options() {
    let daemon = Daemon::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chatroom/client.toml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let run = |text: &str| {
        std::fs::write(&file, text).unwrap();
        client(&[]).env("XDG_CONFIG_HOME", folder.path()).stdin(Stdio::null()).output().unwrap()
    };
    let output = run(&format!("address = \"{}\"\nname = \"bo\"\n", daemon.address));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = run("nmae = \"bo\"\n");
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("client.toml") && said.contains("nmae"), "{said}");
}

#[test]
fn a_pipe_that_was_refused_fails() {
    let daemon = Daemon::start();
    let _ann = Person::text(&daemon, "ann");
    let address = daemon.address.to_string();
    let output = pipe("hello\n", &["--name", "ann", &address]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("The name ann is taken."), "{said}");
    for length in [5000, 40_000] {
        let output = pipe(&"x".repeat(length), &["--name", "bo", &address]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("longer than 4096 bytes"), "{said}");
    }
    assert_eq!(pipe("hello\n", &[&address]).status.code(), Some(2), "a pipe has to have a name");
}

#[test]
fn a_server_that_is_not_there_is_69() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = pipe("hello\n", &["--name", "bo", "--attempts", "2", &nobody.to_string()]);
    assert_eq!(output.status.code(), Some(69));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("nothing is listening there") && said.contains("Gave up after 2"),
        "{said}"
    );
    assert!(said.contains("1 line was not sent."), "{said}");
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_an_end() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let output = pipe("hello\n", &["--name", "bo", "--attempts", "1", &address]);
    assert_eq!(output.status.code(), Some(69));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no answer within 10 s"), "{said}");
}

/// A client that shows line by line at a terminal, and what it shows.
pub struct Terminal {
    pub child: Child,
    pub keyboard: File,
    lines: Receiver<String>,
    shown: Vec<String>,
}

impl Terminal {
    fn start(args: &[&str]) -> Terminal {
        Terminal::of(&mut client(args))
    }

    pub fn of(program: &mut Command) -> Terminal {
        let (keyboard, open) = pseudo_terminal();
        let child = program
            .arg("--plain")
            .env("USER", "somebody")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let screen = keyboard.try_clone().unwrap();
        let (tell, lines) = channel();
        thread::spawn(move || read_screen(screen, &tell));
        Terminal { child, keyboard, lines, shown: Vec::new() }
    }

    pub fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits until a line with this in it is shown, and gives it.
    #[track_caller]
    pub fn until_shown(&mut self, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.shown.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{part:?} is not shown, but {:#?}", self.shown)
                }
            }
        }
    }

    #[track_caller]
    fn check_left(mut self) {
        assert_eq!(until_ended(&mut self.child).code(), Some(0), "{:?}", self.shown);
    }
}

/// A pseudo-terminal: the side of the person, and a way to open the side of the program.
pub fn pseudo_terminal() -> (File, impl Fn() -> File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = move || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (File::from(master), open)
}

/// Cuts what is on the screen into lines. A question has no line end: its colon ends it.
fn read_screen(mut screen: File, tell: &std::sync::mpsc::Sender<String>) {
    let mut line = Vec::new();
    let mut byte = [0];
    while matches!(screen.read(&mut byte), Ok(1)) {
        line.push(byte[0]);
        if byte[0] == b'\n' || line.ends_with(b"]: ") || line.ends_with(b"Your name: ") {
            let shown = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if tell.send(shown).is_err() {
                return;
            }
        }
    }
}

#[test]
fn at_a_terminal_one_is_asked_for_a_name_until_it_fits() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut terminal = Terminal::start(&[&daemon.address.to_string()]);
    terminal.until_shown("Your name [somebody]:");
    terminal.type_line("ann");
    terminal.until_shown("The name ann is taken.");
    terminal.until_shown("Your name:");
    terminal.type_line("bo");
    terminal.until_shown("You are bo in the room lobby. 1 other person is here.");
    ann.expect("[SERVER]: bo joined the chat!");
    ann.say("hi bo");
    let line = terminal.until_shown("ann: hi bo");
    assert_eq!(line.len(), "21:04 ann: hi bo".len(), "with its time: {line}");
    terminal.type_line("/me waves");
    ann.expect("* bo waves");
    terminal.type_line("/dance");
    terminal.until_shown("There is no command /dance.");
    terminal.type_line("/quit");
    ann.expect("[SERVER]: bo has quit.");
    terminal.check_left();
}

#[test]
fn ctrl_d_and_a_signal_leave_cleanly() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    for signal in [None, Some(Signal::INT), Some(Signal::TERM)] {
        let mut terminal = Terminal::start(&["--name", "bo", &daemon.address.to_string()]);
        terminal.until_shown("You are bo");
        ann.expect("[SERVER]: bo joined the chat!");
        match signal {
            Some(signal) => kill_process(Pid::from_child(&terminal.child), signal).unwrap(),
            None => terminal.keyboard.write_all(b"\x04").unwrap(),
        }
        ann.expect("[SERVER]: bo has quit.");
        terminal.check_left();
    }
}

#[test]
fn it_comes_back_by_itself_and_sends_what_was_typed_meanwhile() {
    let mut daemon = Daemon::start();
    let address = daemon.address;
    let mut terminal = Terminal::start(&["--name", "bo", "--attempts", "1", &address.to_string()]);
    terminal.until_shown("You are bo");
    daemon.signal(Signal::TERM);
    daemon.until_ended();
    terminal.until_shown("Connection lost: server is shutting down.");
    terminal.type_line("typed meanwhile");
    terminal.until_shown("the line is kept and sent later");
    terminal.until_shown("nothing is listening there. Trying again");

    daemon.start_again();
    terminal.until_shown("Reconnected after");
    let mut ann = Person::connect_to(address);
    ann.say("ann");
    terminal.until_shown("ann joined");
    terminal.type_line("back again");
    ann.lines_until("bo: back again");
    assert_eq!(daemon.status().messages, 2, "what was typed meanwhile was said too");
    terminal.type_line("!quit");
    terminal.check_left();
}

#[test]
fn a_closed_output_ends_it() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut child = client(&["--name", "head", &daemon.address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    ann.expect("[SERVER]: head joined the chat!");
    ann.say("first");
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ann: first\n");
    drop(output);
    ann.say("second");
    ann.expect("[SERVER]: head has quit.");
    until_ended(&mut child);
}
