//! Shell completion of chatctl.

use std::path::Path;
use std::process::Command;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::add_account;

/// The completions that bash offers after these words.
fn offered(socket: &Path, words: &[&str]) -> Vec<String> {
    let script = check_done(&run(socket, &["completions", "bash"]));
    let last = words.len() - 1;
    let (line, current, before) = (words.join(" "), words[last], words[last - 1]);
    let ask = format!(
        "{script}\nCOMP_WORDS=({line}); [ -n '{current}' ] || COMP_WORDS+=('')\nCOMP_CWORD={last}\n\
         COMP_TYPE=9\n_clap_complete_chatctl chatctl '{current}' '{before}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let folder = Path::new(env!("CARGO_BIN_EXE_chatctl")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["--norc", "-c", &ask])
        .env("PATH", path)
        .env("CHATROOMD_SOCKET", socket)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let offered = String::from_utf8(output.stdout).unwrap();
    offered.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn tab_completes_commands_and_options() {
    let nowhere = Path::new("/nowhere/admin.sock");
    let offered = |words: &[&str]| offered(nowhere, words);
    assert_eq!(offered(&["chatctl", "ba"]), ["ban", "bans", "backup"]);
    assert_eq!(offered(&["chatctl", "history", "--s"]), ["--since", "--socket"]);
    assert_eq!(offered(&["chatctl", "account", "re"]), ["remove"]);
    assert_eq!(offered(&["chatctl", "log-level", ""]), ["error", "warn", "info", "debug", "trace"]);
    assert_eq!(offered(&["chatctl", "users", "--sort", "i"]), ["idle"]);
    // Without a beginning it is what can stand there, and options where nothing can.
    assert_eq!(offered(&["chatctl", "history", ""])[0], "--from");
    assert_eq!(offered(&["chatctl", "slow", "of"]), ["off"]);
    // That is for the unit and not for people.
    assert_eq!(offered(&["chatctl", "ha"]), [""; 0]);
    // Nobody answers, and nothing is said of that.
    assert_eq!(offered(&["chatctl", "kick", "a"]), [""; 0]);
}

#[test]
fn tab_completes_names_bans_accounts_and_messages() {
    let daemon = Daemon::start();
    add_account(&daemon, &["carol"]);
    let mut ann = Person::text(&daemon, "ann");
    let _hostile = Person::text(&daemon, "a$(id>x);`*`");
    ann.say("tea?");
    check_done(&run(&daemon.socket(), &["ban", "eve"]));
    check_done(&run(&daemon.socket(), &["mute", "mallory"]));
    let offered = |words: &[&str]| offered(&daemon.socket(), words);
    let hostile = "a\\$\\(id\\>x\\)\\;\\`\\*\\`";
    for command in [&["kick"][..], &["ban"], &["mute"], &["rename"], &["history", "--from"]] {
        let words: Vec<&str> = [&["chatctl"], command, &["a"]].concat();
        assert_eq!(offered(&words), [hostile, "ann"], "{words:?}");
    }
    assert_eq!(offered(&["chatctl", "unban", ""])[0], "eve");
    assert_eq!(offered(&["chatctl", "unmute", ""])[0], "mallory");
    for what in ["remove", "password", "lock", "unlock", "operator"] {
        assert_eq!(offered(&["chatctl", "account", what, "ca"]), ["carol"], "{what}");
    }
    assert_eq!(offered(&["chatctl", "rename", ""]), [hostile, "ann"]);
    assert_eq!(offered(&["chatctl", "redact", "3"]), ["3"]);
}
