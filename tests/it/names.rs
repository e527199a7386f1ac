//! Names that imitate another user are refused, wherever a name is chosen; existing ones stay.

use chatroom::access::ModerationAction;
use chatroom::admin::{AccountRequest, AdminRequest, Reply};
use chatroom::secret::Secret;
use rustix::process::Signal;
use serde_json::json;

use crate::ctl::{check_done, check_fails, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account, with_password};

/// Names that pass for the server, a command, or another user where they are shown in `nc`.
const IMITATIONS: [&str; 22] = [
    "［SERVER］",
    "〔SERVER〕",
    "⟦SERVER⟧",
    "「SERVER」",
    "SERVER.",
    "ᏚᎬᎡᏙᎬᎡ",
    "sᴇʀᴠᴇʀ",
    "！quit",
    "＆＆",
    "＃lobby",
    "＠ｘ",
    "｛x",
    "evan꞉",
    "evan：",
    "evan∶",
    "∗evan",
    "ann\u{13430}",
    "ann\u{16fe4}",
    "ann\u{1d159}",
    "ann\u{2d7f}",
    "ann\u{378}",
    "ann\u{e000}",
];

/// Names, and others that look like them as they are written or in capitals.
const LOOK_ALIKES: [(&str, &str); 7] = [
    ("tom", "ТОМ"),
    ("tom", "ΤΟΜ"),
    ("bob", "ВОВ"),
    ("bob", "ᏴᎾᏴ"),
    ("kate", "КАТЕ"),
    ("vav", "ναν"),
    ("Nan", "ναν"),
];

/// The answer to a client that asks for a name: the type of the event and the code of a refusal.
fn asks(daemon: &Daemon, name: &str) -> (Person, String) {
    let mut person = Person::connect(daemon);
    person.say(&json!({"type": "hello", "protocol": 1, "name": name}).to_string());
    let event = person.any_event();
    let said = event["code"].as_str().or(event["type"].as_str()).unwrap().to_owned();
    (person, said)
}

#[test]
fn an_imitation_is_refused_on_every_way_to_a_name() {
    let daemon = Daemon::with("[limits]\nloopback = false\n");
    let mut bo = Person::text(&daemon, "bo");
    for name in IMITATIONS {
        assert_eq!(asks(&daemon, name).1, "name-not-allowed", "{name}");
        let mut text = Person::connect(&daemon);
        text.say(name);
        let refusal = text.line().unwrap();
        assert!(refusal.ends_with("Choose another name."), "{name} {refusal}");
        let rename = ModerationAction::Rename { name: "bo".to_owned(), to: name.to_owned() };
        let reply = daemon.ask(&AdminRequest::Moderate { action: rename });
        assert!(matches!(reply, Reply::Refused { .. }), "{name} {reply:?}");
        let (name, password) = (name.to_owned(), Secret::new(PASSWORD.to_owned()));
        let what = AccountRequest::Add { name: name.clone(), password, operator: false };
        let reply = daemon.ask(&AdminRequest::Account { what });
        assert!(matches!(reply, Reply::Refused { .. }), "{name} {reply:?}");
    }
    bo.say("!who");
    bo.expect("[SERVER]: 1 person is here: bo");
}

#[test]
fn a_name_confusable_with_an_account_is_refused_in_capitals_too() {
    let daemon = Daemon::with("[limits]\nloopback = false\n");
    for name in ["tom", "bob", "kate", "vav", "Nan"] {
        add_account(&daemon, &[name]);
    }
    let mut bo = Person::text(&daemon, "bo");
    for (_, other) in LOOK_ALIKES {
        for written in [other.to_owned(), other.to_lowercase()] {
            assert_eq!(asks(&daemon, &written).1, "name-looks-like", "{written}");
        }
        let rename = ModerationAction::Rename { name: "bo".to_owned(), to: other.to_owned() };
        let reply = daemon.ask(&AdminRequest::Moderate { action: rename });
        assert!(matches!(reply, Reply::Refused { .. }), "{other} {reply:?}");
    }
    for name in ["Тома", "Вова", "Катерина", "Анна", "νανά", "tomas"] {
        let (mut person, said) = asks(&daemon, name);
        assert_eq!(said, "welcome", "{name}");
        person.say(r#"{"type":"quit"}"#);
    }
    bo.say("!who");
}

#[test]
fn a_name_confusable_with_a_user_is_refused_and_sanctioned_alike() {
    let daemon = Daemon::with("[limits]\nloopback = false\n");
    for (name, other) in LOOK_ALIKES {
        for (first, second) in [(name, other), (other, name)] {
            let (mut here, said) = asks(&daemon, first);
            assert_eq!(said, "welcome", "{first}");
            assert_eq!(asks(&daemon, second).1, "name-looks-like", "{first} {second}");
            here.say(r#"{"type":"quit"}"#);
            here.event("closing");
            daemon.until_empty();
            let ban =
                ModerationAction::Ban { target: first.to_owned(), seconds: None, reason: None };
            daemon.ask(&AdminRequest::Moderate { action: ban });
            assert_eq!(asks(&daemon, second).1, "banned", "{first} {second}");
            // It is found by what it looks like, too.
            let unban = ModerationAction::Unban { target: second.to_owned() };
            let reply = daemon.ask(&AdminRequest::Moderate { action: unban });
            assert!(!matches!(reply, Reply::Refused { .. }), "{first} {second} {reply:?}");
            let (mut here, said) = asks(&daemon, first);
            assert_eq!(said, "welcome", "{first}");
            here.say(r#"{"type":"quit"}"#);
            here.event("closing");
            daemon.until_empty();
        }
    }
}

#[test]
fn a_new_account_ends_the_stay_of_all_who_look_like_it() {
    let daemon = Daemon::start();
    let (mut one, _) = asks(&daemon, "ТОМ");
    add_account(&daemon, &["tom"]);
    let mut event = one.any_event();
    while event["type"] != "closing" {
        event = one.any_event();
    }
    assert!(event["message"].as_str().unwrap().contains("account"), "{event}");
}

#[test]
fn real_names_and_emoji_can_be_names_side_by_side() {
    let daemon = Daemon::with("[limits]\nloopback = false\n");
    let names = [
        "Müller",
        "O’Brien",
        "Jean-Luc",
        "李雷",
        "Ольга",
        "Γιώργος",
        "محمد",
        "नमस्ते",
        "한국",
        "ひらがな",
        "Þór",
        "Straße",
        "İstanbul",
        "ılgaz",
        "ノア",
        "علی‌رضا",
        "ශ්‍රී",
        "ann👩‍🚀",
        "👨‍👩‍👧‍👦bo",
        "🇩🇪cy",
        "1️⃣st",
        "dan🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    ];
    let mut people = Vec::new();
    for name in names {
        let (person, said) = asks(&daemon, name);
        assert_eq!(said, "welcome", "{name}");
        people.push(person);
    }
    let mut bo = Person::connect(&daemon);
    bo.say("ann👩🏽‍🚀");
    bo.expect("[SERVER]: Welcome ann👩🏽‍🚀! To leave chat write !quit.");
}

/// As if version 0.1 had let these names in.
#[test]
fn names_of_before_stay_with_their_accounts_and_sessions() {
    let mut daemon = Daemon::with("[timeouts]\nhold = \"1 min\"\n[limits]\nloopback = false\n");
    for name in ["kay", "tom", "lee"] {
        add_account(&daemon, &[name]);
    }
    let (_jay, welcome) = Person::json(&daemon, "jay");
    let (_ned, neds) = Person::json(&daemon, "ned");
    let (_two, _) = Person::json(&daemon, "two");
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    let open = |file: &str| rusqlite::Connection::open(daemon.folder.path().join(file)).unwrap();
    let access = open("access.sqlite");
    for (name, old) in [("kay", "∗kay"), ("lee", "ТОМ")] {
        access
            .execute("UPDATE accounts SET name = ?1, look = ?1 WHERE name = ?2", [old, name])
            .unwrap();
    }
    let history = open("history.sqlite");
    for (name, old) in [("jay", "jay꞉"), ("ned", "ВОВ"), ("two", "bob")] {
        history.execute("UPDATE members SET name = ? WHERE name = ?", [old, name]).unwrap();
    }
    drop((access, history));
    daemon.start_again();

    // Sessions go on under their names, though the two look alike.
    for (name, welcome) in [("jay꞉", &welcome), ("ВОВ", &neds)] {
        let resume =
            json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
        let hello = json!({"type": "hello", "protocol": 1, "name": name, "resume": resume});
        let mut person = Person::connect(&daemon);
        person.say(&hello.to_string());
        let event = person.any_event();
        assert_eq!((&event["type"], &event["name"]), (&"welcome".into(), &name.into()), "{event}");
        assert_eq!(event["resumed"], true);
        person.say(r#"{"type":"quit"}"#);
        person.event("closing");
    }
    // A token that nobody knows does not help.
    let resume = json!({"token": "x", "epoch": 1, "seq": 1});
    let hello = json!({"type": "hello", "protocol": 1, "name": "bo꞉", "resume": resume});
    let mut person = Person::connect(&daemon);
    person.say(&hello.to_string());
    assert_eq!(person.event("refused")["code"], "name-not-allowed");

    // So do accounts: neither keeps the other out, and no other user gets such a name.
    let _here = ["∗kay", "tom", "ТОМ"].map(|name| with_password(&daemon, name));
    let hello = json!({"type": "hello", "protocol": 1, "name": "∗kay", "password": PASSWORD});
    let mut json = Person::connect(&daemon);
    json.say(&hello.to_string());
    assert_eq!(json.event("welcome")["name"], "∗kay");
    assert_eq!(asks(&daemon, "∗kim").1, "name-not-allowed");

    // Operators find them.
    for args in [
        &["mute", "∗kay"][..],
        &["unmute", "∗kay"],
        &["account", "lock", "ТОМ"],
        &["account", "remove", "∗kay"],
    ] {
        check_done(&run(&daemon.socket(), args));
    }
    check_fails(&run(&daemon.socket(), &["account", "remove", "∗kay"]), 1, &["does not begin"]);
    let (_, said) = asks(&daemon, "tom");
    assert_eq!(said, "password-needed", "the other one was locked");
}
