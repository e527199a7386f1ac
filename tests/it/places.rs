//! Sessions whose client is gone: a client that can resume the session does, and
//! a session that is over is in nobody's way.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::client::{Terminal, client, keeping, pipe_to, pseudo_terminal};
use crate::daemon::{Daemon, PATIENCE, until_ended};
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account, with_password};
use crate::screen::Screen;

/// A lost place is held for longer than anything here takes.
const HELD: &str = "[timeouts]\nhold = \"10 min\"\n";

/// How a client loses its terminal or its life.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// The window is closed: the system says so with a signal, and the terminal is gone.
    Window,
    /// The terminal is gone without a word.
    Terminal,
    /// A signal alone.
    Signal(Signal),
}

const GRACEFUL: [End; 4] =
    [End::Window, End::Terminal, End::Signal(Signal::HUP), End::Signal(Signal::TERM)];

/// Starts a client in a window of its own.
fn start(client: &mut Command, end: End) -> (Child, File) {
    let (keyboard, open) = pseudo_terminal();
    let mut setsid = Command::new("setsid");
    if end == End::Window {
        setsid.arg("--ctty");
    }
    setsid.arg(client.get_program()).args(client.get_args());
    for (key, value) in client.get_envs() {
        value.map(|value| setsid.env(key, value));
    }
    setsid.env("TERM", "xterm").stdin(open()).stdout(open()).stderr(open());
    (setsid.spawn().unwrap(), keyboard)
}

#[track_caller]
fn check_end(mut child: Child, keyboard: File, end: End) {
    match end {
        End::Signal(signal) => {
            kill_process(Pid::from_child(&child), signal).unwrap();
            until_ended(&mut child);
            drop(keyboard);
        }
        End::Window | End::Terminal => {
            drop(keyboard);
            until_ended(&mut child);
        }
    }
}

fn sessions(state: &Path) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(state.join("chatroom")) else { return Vec::new() };
    let files = folder.map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|it| it == "json")).collect()
}

#[test]
fn closing_the_terminal_window_leaves_and_frees_the_name() {
    let daemon = Daemon::with(HELD);
    let mut watcher = Person::text(&daemon, "watcher");
    let state = tempfile::tempdir().unwrap();
    let address = daemon.address.to_string();
    for mode in ["screen", "--plain"] {
        for end in GRACEFUL {
            for keeps in [true, false] {
                let mut args = vec!["--name", "bo", &*address];
                args.extend(Some(mode).filter(|mode| mode.starts_with('-')));
                args.extend((!keeps).then_some("--no-session"));
                let (child, keyboard) = start(&mut keeping(state.path(), &args), end);
                watcher.expect("[SERVER]: bo joined the chat!");
                check_end(child, keyboard, end);
                watcher.expect("[SERVER]: bo has quit.");
                assert!(sessions(state.path()).is_empty(), "{mode} {end:?}");
            }
        }
    }
}

#[test]
fn a_client_started_with_nohup_keeps_running() {
    let daemon = Daemon::with(HELD);
    let mut watcher = Person::text(&daemon, "watcher");
    let folder = tempfile::tempdir().unwrap();
    let address = daemon.address.to_string();
    let pipe = keeping(folder.path(), &["--name", "log", &address]);
    let mut nohup = Command::new("nohup");
    nohup.arg(pipe.get_program()).args(pipe.get_args()).env("XDG_STATE_HOME", folder.path());
    nohup.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = nohup.spawn().unwrap();
    watcher.expect("[SERVER]: log joined the chat!");
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    writeln!(child.stdin.take().unwrap(), "still here").unwrap();
    watcher.expect("log: still here");
    assert_eq!(until_ended(&mut child).code(), Some(0));
}

#[test]
fn a_killed_client_resumes_unnoticed() {
    let daemon = Daemon::with(HELD);
    let mut watcher = Person::text(&daemon, "watcher");
    let state = tempfile::tempdir().unwrap();
    let address = daemon.address.to_string();
    let args = ["--name", "bo", &address];
    let (child, keyboard) = start(&mut keeping(state.path(), &args), End::Terminal);
    watcher.expect("[SERVER]: bo joined the chat!");
    until_kept(state.path());
    check_end(child, keyboard, End::Signal(Signal::KILL));
    watcher.say("while bo was gone");
    let mut screen = Screen::of(&mut keeping(state.path(), &args));
    screen.until_shown("Resumed where you left off: 1 new message");
    screen.type_in("still here\r");
    watcher.expect("bo: still here");
    screen.type_in("/quit\r");
    watcher.expect("[SERVER]: bo has quit.");
    screen.check_ended(0);
    assert!(sessions(state.path()).is_empty());
}

#[test]
fn a_farewell_that_nobody_hears_leaves_the_way_back() {
    let mut daemon = Daemon::with(HELD);
    let state = tempfile::tempdir().unwrap();
    let address = daemon.address.to_string();
    let args = ["--name", "bo", &address];
    let (child, keyboard) = start(&mut keeping(state.path(), &args), End::Window);
    until_kept(state.path());
    // It takes nothing in any more, and says nothing.
    daemon.signal(Signal::STOP);
    check_end(child, keyboard, End::Window);
    assert_eq!(sessions(state.path()).len(), 1, "the server may not know");
    daemon.kill_and_start_again();
    let mut terminal = Terminal::of(&mut keeping(state.path(), &args));
    terminal.until_shown("Resumed where you left off");
    terminal.type_line("/quit");
    assert_eq!(until_ended(&mut terminal.child).code(), Some(0));
}

/// Waits until a client knows how to come back.
#[track_caller]
fn until_kept(state: &Path) {
    let start = Instant::now();
    while sessions(state).is_empty() {
        assert!(start.elapsed() < PATIENCE, "it keeps nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts a pipe and kills it when it has joined.
fn kill_pipe(daemon: &Daemon, client: &mut Command, state: Option<&Path>) {
    let mut child = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    daemon.until("here", |daemon| daemon.users().iter().any(|user| user.name == "deploy"));
    state.into_iter().for_each(until_kept);
    child.kill().unwrap();
    until_ended(&mut child);
}

#[test]
fn a_pipe_goes_on_in_the_place_of_one_that_was_killed() {
    let daemon = Daemon::with(HELD);
    let mut watcher = Person::text(&daemon, "watcher");
    let state = tempfile::tempdir().unwrap();
    let address = daemon.address.to_string();
    let args = ["--name", "deploy", "--attempts", "1", &address];
    kill_pipe(&daemon, &mut keeping(state.path(), &args), Some(state.path()));
    let output = pipe_to("deployed\n", &mut keeping(state.path(), &args));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    watcher.expect("[SERVER]: deploy joined the chat!");
    watcher.expect("deploy: deployed");
    watcher.expect("[SERVER]: deploy has quit.");
    assert!(sessions(state.path()).is_empty());
    // To another user of this machine the name is taken, for as long as its client can resume.
    kill_pipe(&daemon, &mut keeping(state.path(), &args), Some(state.path()));
    let other = tempfile::tempdir().unwrap();
    let output = pipe_to("deployed\n", &mut keeping(other.path(), &args));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("The name deploy is taken."), "{said}");
}

#[test]
fn a_client_that_cannot_resume_is_not_detached() {
    let daemon = Daemon::with(HELD);
    let mut watcher = Person::text(&daemon, "watcher");
    let address = daemon.address.to_string();
    kill_pipe(&daemon, &mut client(&["--name", "deploy", &address]), None);
    watcher.expect("[SERVER]: deploy joined the chat!");
    watcher.expect("[SERVER]: deploy has disconnected.");
    let mut said = Person::connect(&daemon);
    said.say(r#"{"type":"hello","protocol":1,"name":"said","hold":false}"#);
    let welcome = said.event("welcome");
    watcher.expect("[SERVER]: said joined the chat!");
    said.reset();
    watcher.expect("[SERVER]: said has disconnected.");
    // Whatever it kept in memory, it can resume.
    let resume =
        json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
    let mut back = Person::connect(&daemon);
    let hello =
        json!({"type": "hello", "protocol": 1, "name": "said", "hold": false, "resume": resume});
    back.say(&hello.to_string());
    assert_eq!(back.event("welcome")["resumed"], true);
    watcher.expect("[SERVER]: said joined the chat!");
}

#[test]
fn two_clients_of_one_name_do_not_share_a_session() {
    let daemon = Daemon::with(HELD);
    let state = tempfile::tempdir().unwrap();
    let address = daemon.address.to_string();
    let args = ["--name", "bo", &address];
    let mut first = Terminal::of(&mut keeping(state.path(), &args));
    first.until_shown("You are bo");
    let output = pipe_to("hello\n", &mut keeping(state.path(), &args));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("The name bo is taken."), "{said}");
    first.type_line("still here");
    first.type_line("/quit");
    assert_eq!(until_ended(&mut first.child).code(), Some(0));
    assert_eq!(daemon.status().messages, 1);
}

#[test]
fn the_password_takes_a_name_over_from_an_older_connection() {
    let daemon = Daemon::with(HELD);
    let mut watcher = Person::text(&daemon, "watcher");
    add_account(&daemon, &["ann"]);
    let mut older = with_password(&daemon, "ann");
    watcher.expect("[SERVER]: ann joined the chat!");
    let hello = json!({"type": "hello", "protocol": 1, "name": "Ann", "password": PASSWORD});
    let mut newer = Person::connect(&daemon);
    newer.say(&hello.to_string());
    let welcome = newer.event("welcome");
    assert_eq!((&welcome["name"], &welcome["resumed"]), (&json!("ann"), &json!(false)));
    older.expect(
        "[SERVER]: Your name was taken over by a new connection, which has given its password.",
    );
    older.expect_end();
    // One that is lost and held is no obstacle either, and its token is of no use any more.
    newer.reset();
    let mut newest = Person::connect(&daemon);
    newest.say(&hello.to_string());
    newest.event("welcome");
    let resume =
        json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
    let mut thief = Person::connect(&daemon);
    let hello = json!({"type": "hello", "protocol": 1, "name": "ann", "resume": resume});
    thief.say(&hello.to_string());
    assert_eq!(thief.event("refused")["code"], "password-needed");
    newest.say(r#"{"type":"say","text":"it is me"}"#);
    watcher.expect("ann: it is me");
    assert_eq!(daemon.status().ended.get("replaced"), Some(&1));
    assert_eq!(daemon.users().len(), 2);
}

#[test]
fn the_older_client_is_told_and_does_not_take_the_name_back() {
    let daemon = Daemon::with(HELD);
    add_account(&daemon, &["ann"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    writeln!(File::create(&file).unwrap(), "{PASSWORD}").unwrap();
    let address = daemon.address.to_string();
    let args = ["--name", "ann", "--password-file", file.to_str().unwrap(), &address];
    let mut older = Terminal::of(&mut keeping(&folder.path().join("one"), &args));
    older.until_shown("You are ann");
    let mut newer = Terminal::of(&mut keeping(&folder.path().join("other"), &args));
    newer.until_shown("You are ann");
    older.until_shown("Your name was taken over by a new connection");
    assert_eq!(until_ended(&mut older.child).code(), Some(1));
    newer.type_line("/quit");
    assert_eq!(until_ended(&mut newer.child).code(), Some(0));
}
