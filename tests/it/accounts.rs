//! Names that have a password, and rooms that need one.

use std::thread;

use rustix::process::Signal;
use serde_json::json;

use crate::client::client;
use crate::ctl::{check_done, check_fails, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account, with_password};

#[test]
fn a_name_with_an_account_is_only_for_its_owner() {
    let mut daemon = Daemon::with("[timeouts]\nhold = \"1 min\"\n");
    let mut squatter = Person::text(&daemon, "ann");
    add_account(&daemon, &["Ann"]);
    squatter.expect(
        "[SERVER]: You were removed from the room by the operator: the account of that name was \
         changed; come back with its password",
    );
    let mut thief = Person::connect(&daemon);
    thief.say("ann");
    thief.expect("[SERVER]: The name ann needs a password. Type it, then press enter!");
    thief.say("password");
    thief.expect("[SERVER]: The name or the password is wrong.");
    thief.say("thief");
    thief.lines_until("[SERVER]: Welcome thief! To leave chat write !quit.");
    daemon.kill_and_start_again();
    with_password(&daemon, "ann");
    let mut jay = Person::connect(&daemon);
    jay.say(r#"{"type":"hello","protocol":1,"name":"ANN"}"#);
    assert_eq!(jay.event("refused")["code"], "password-needed");
    let hello = json!({"type": "hello", "protocol": 1, "name": "ANN", "password": PASSWORD});
    daemon.until("gone", |daemon| daemon.users().iter().all(|user| user.name != "ann"));
    jay.say(&hello.to_string());
    let welcome = jay.event("welcome");
    // The token resumes without the password while the session is detached.
    jay.reset();
    let mut back = Person::connect(&daemon);
    let resume =
        json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
    let hello = json!({"type": "hello", "protocol": 1, "name": "ann", "resume": resume});
    back.say(&hello.to_string());
    assert_eq!(back.event("welcome")["resumed"], true);
    assert!(check_done(&run(&daemon.socket(), &["account", "list"])).contains("Ann"));
    // Locked, nothing of that helps.
    check_done(&run(&daemon.socket(), &["account", "lock", "ann"]));
    assert_eq!(back.event("closing")["code"], "removed");
    let mut back = Person::connect(&daemon);
    back.say(&hello.to_string());
    assert_eq!(back.event("refused")["code"], "password-needed");
    back.say(
        &json!({"type": "hello", "protocol": 1, "name": "ann", "password": PASSWORD}).to_string(),
    );
    assert_eq!(back.event("refused")["code"], "account-locked");
    check_done(&run(&daemon.socket(), &["account", "remove", "ann"]));
    Person::text(&daemon, "ann");
    let says = ["Nobody has an account called ann."];
    check_fails(&run(&daemon.socket(), &["account", "remove", "ann"]), 4, &says);
    assert!(!daemon.log().contains(PASSWORD));
    let database = std::fs::read(daemon.folder.path().join("access.sqlite")).unwrap();
    assert!(!database.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes()));
}

#[test]
fn in_a_room_for_accounts_nobody_learns_who_has_one() {
    let daemon =
        Daemon::with("[access]\nmode = \"accounts\"\n[limits]\nwrong_passwords_per_minute = 0\n");
    add_account(&daemon, &["ann"]);
    for name in ["ann", "nobody"] {
        let mut person = Person::connect(&daemon);
        person.say(name);
        person.expect(&format!(
            "[SERVER]: The name {name} needs a password. Type it, then press enter!"
        ));
        person.say("password");
        person.expect("[SERVER]: The name or the password is wrong.");
    }
    with_password(&daemon, "ann");
}

#[test]
fn a_room_can_have_one_password() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("room-password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let daemon = Daemon::in_folder(folder, "[access]\nmode = \"password\"\n", |_| {});
    with_password(&daemon, "ann");
    with_password(&daemon, "bo");
    std::fs::write(&file, "short").unwrap();
    let says = ["the room password", "at least 8 bytes"];
    check_fails(&run(&daemon.socket(), &["reload"]), 78, &says);
    with_password(&daemon, "cy");
    std::fs::write(&file, "battery staple").unwrap();
    check_done(&run(&daemon.socket(), &["reload"]));
    let mut di = Person::connect(&daemon);
    di.say("di");
    di.line();
    di.say(PASSWORD);
    di.expect("[SERVER]: The name or the password is wrong.");
}

#[test]
fn detached_sessions_are_checked_again_after_a_restart() {
    let mut daemon = Daemon::with("[timeouts]\nhold = \"1 min\"\n");
    let (_jay, jays) = Person::json(&daemon, "jay");
    let (_kay, kays) = Person::json(&daemon, "kay");
    let (_lee, lees) = Person::json(&daemon, "lee");
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    // As if it had been killed right after each of these was stored.
    let path = daemon.folder.path().join("access.sqlite");
    let db = rusqlite::Connection::open(path).unwrap();
    let (now, never) = (jiff::Timestamp::now().as_millisecond(), None::<i64>);
    db.execute(
        "INSERT INTO sanctions VALUES ('ban', 'jay', 'jay', ?, NULL, ?, 'uid 0')",
        rusqlite::params![never, now],
    )
    .unwrap();
    db.execute("INSERT INTO accounts VALUES ('kay', 'kay', 'x', 0, 0, ?1, ?1)", [now]).unwrap();
    drop(db);
    daemon.start_again();
    let back = |welcome: &serde_json::Value, name: &str| {
        let mut person = Person::connect(&daemon);
        let resume =
            json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
        let hello = json!({"type": "hello", "protocol": 1, "name": name, "resume": resume});
        person.say(&hello.to_string());
        person
    };
    assert_eq!(back(&jays, "jay").event("refused")["code"], "banned");
    assert_eq!(back(&kays, "kay").event("refused")["code"], "password-needed");
    assert_eq!(back(&lees, "lee").event("welcome")["resumed"], true);
}

#[test]
fn a_right_password_counts_as_well_until_one_is_in() {
    let daemon = Daemon::with("[limits]\nwrong_passwords_per_minute = 2\n");
    add_account(&daemon, &["ann"]);
    let hello = json!({"type": "hello", "protocol": 1, "name": "ann", "password": PASSWORD});
    let come = || {
        let mut ann = Person::connect(&daemon);
        ann.say(&hello.to_string());
        ann
    };
    for _ in 0..5 {
        let mut ann = come();
        ann.event("welcome");
        ann.say(r#"{"type":"quit"}"#);
        ann.event("closing");
        daemon.until_empty();
    }
    check_done(&run(&daemon.socket(), &["ban", "ann"]));
    let refused = || come().event("refused")["code"].as_str().unwrap().to_owned();
    let codes: Vec<_> = (0..3).map(|_| refused()).collect();
    assert_eq!(codes, ["banned", "banned", "too-often"]);
}

#[test]
fn guessing_is_slow_and_the_others_do_not_notice() {
    let daemon = Daemon::with("[limits]\nwrong_passwords_per_minute = 3\n");
    add_account(&daemon, &["ann"]);
    let guess = || {
        let mut thief = Person::connect(&daemon);
        let hello = json!({"type": "hello", "protocol": 1, "name": "ann", "password": "guess"});
        thief.say(&hello.to_string());
        thief.event("refused")["code"].as_str().unwrap().to_owned()
    };
    let guesses: Vec<_> = (0..4).map(|_| guess()).collect();
    assert_eq!(guesses, ["password-wrong", "password-wrong", "password-wrong", "too-often"]);
    let limited = daemon.status().limited;
    assert_eq!(limited[0].what, "wrong passwords");
    // Somebody else, from elsewhere, gets in meanwhile.
    let mut ann = Person::connect_from([127, 0, 0, 2], daemon.address);
    ann.say("ann");
    ann.lines_until("[SERVER]: The name ann needs a password. Type it, then press enter!");
    ann.say(PASSWORD);
    ann.lines_until("[SERVER]: Welcome ann! To leave chat write !quit.");
}

#[test]
fn five_hundred_wrong_passwords_at_once_take_the_memory_of_two() {
    let daemon = Daemon::with("[limits]\nwrong_passwords_per_minute = 0\n");
    add_account(&daemon, &["ann"]);
    let mut bo = Person::text(&daemon, "bo");
    let mut cy = Person::text(&daemon, "cy");
    bo.lines_until("[SERVER]: cy joined the chat!");
    let before = daemon.peak_kib();
    let codes: Vec<String> = thread::scope(|scope| {
        let guesses: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let mut thieves: Vec<_> =
                        (0..50).map(|_| Person::connect_to(daemon.address)).collect();
                    let hello =
                        json!({"type": "hello", "protocol": 1, "name": "ann", "password": "guess"});
                    thieves.iter_mut().for_each(|thief| thief.say(&hello.to_string()));
                    let code = |thief: &mut Person| {
                        thief.lines_until_refused()["code"].as_str().unwrap().to_owned()
                    };
                    thieves.iter_mut().map(code).collect::<Vec<_>>()
                })
            })
            .collect();
        // Meanwhile the room goes on.
        for line in 0..20 {
            bo.say(&format!("line {line}"));
            cy.expect(&format!("bo: line {line}"));
        }
        guesses.into_iter().flat_map(|guess| guess.join().unwrap()).collect()
    });
    let wrong = codes.iter().filter(|code| *code == "password-wrong").count();
    let busy = codes.iter().filter(|code| *code == "busy").count();
    assert_eq!(wrong + busy, 500, "{codes:?}");
    assert!(wrong >= 2 && busy >= 1, "{wrong} wrong, {busy} busy");
    // Two hashes, and 500 connections with the threads that hash.
    let grown = daemon.peak_kib() - before;
    assert!(grown < 2 * 19 * 1024 + 16 * 1024, "{grown} KiB");
}

#[test]
fn the_client_gives_a_password_and_keeps_it_to_itself() {
    let daemon = Daemon::start();
    add_account(&daemon, &["ann"]);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let address = daemon.address.to_string();
    let run = |args: &[&str]| {
        let args = [&["--name", "ann", &address], args].concat();
        client(&args).stdin(std::process::Stdio::null()).output().unwrap()
    };
    let output = run(&["--password-file", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("needs a password. Give it with --password-file."), "{said}");
    std::fs::write(&file, "guess").unwrap();
    let output = run(&["--password-file", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("The name or the password is wrong."), "{said}");
    daemon.until_empty();
}
