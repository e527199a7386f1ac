//! Texts as they are shown in lines: what a language needs is there, and padding cannot put the end
//! of a text to where a row of a terminal begins.

use chatroom::access::ModerationAction;
use chatroom::admin::AdminRequest;
use serde_json::json;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;

const COLUMNS: usize = 80;

/// Blank characters, and some that are not seen between them. A line cannot have a tab in it
/// otherwise than in a text from `nc`.
const BLANKS: [&str; 12] = [
    " ",
    "\t",
    "\u{a0}",
    "\u{2003}",
    "\u{2007}",
    "\u{3000}",
    "\u{2800}",
    "\u{3164}",
    "\u{115f}",
    "\u{1d159}",
    " \u{200b}",
    "\u{2800}\u{2060}\u{fe0f}",
];

/// A text that has what passes for a line of the server at any of these places behind its beginning.
fn paddings() -> impl Iterator<Item = String> {
    let counts = [1, 34, 60, 65, 68, 72, 76, 80, 150];
    BLANKS.into_iter().flat_map(move |blank| {
        counts.map(|count| format!("ok.{}[SERVER]: bo has quit.", blank.repeat(count)))
    })
}

/// No row of a terminal but the first begins with what looks like the server's, however wide a
/// character is taken to be there.
#[track_caller]
fn check_rows(line: &str) {
    for wide in [1, 2] {
        let width = |c: &char| if c.is_ascii() { 1 } else { wide };
        let mut column = 0;
        for (at, c) in line.char_indices() {
            let is_row = at > 0 && column % COLUMNS == 0;
            assert!(!is_row || !line[at..].trim_start().starts_with("[SERVER]"), "{line:?}");
            column += width(&c);
        }
    }
    let text = line.split_once("ok.").map_or("", |(_, rest)| rest);
    let seen = text.chars().position(|c| c == '[').unwrap_or(0);
    assert!(seen <= 1, "{seen} characters of padding in {line:?}");
}

#[test]
fn padding_makes_no_line_of_the_server_in_text() {
    let daemon = Daemon::with("[limits]\nloopback = false\n");
    let mut ann = Person::text(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    let mut bo = Person::text(&daemon, "bo");
    let mut lines = Vec::new();
    for text in paddings() {
        bo.say(&text);
        bo.say(&format!("!me {text}"));
        bo.say(&format!("!msg ann {text}"));
        jay.say(&json!({"type": "say", "text": text}).to_string());
        jay.say(&json!({"type": "direct", "to": "ann", "text": text}).to_string());
        // Behind the answer that has arrived.
        jay.say(r#"{"type": "who"}"#);
        jay.event("who");
        bo.say("that was it");
        lines.extend(ann.lines_until("bo: that was it"));
    }
    let said: Vec<_> = lines.iter().filter(|line| line.contains("ok.")).collect();
    let by = |begin: &str| said.iter().filter(|line| line.starts_with(begin)).count();
    let begins = ["bo: ", "* bo ", "[private] bo: ", "jay: ", "[private] jay: "];
    assert_eq!(begins.map(by), [paddings().count(); 5]);
    said.into_iter().for_each(|line| check_rows(line));
}

#[test]
fn padding_makes_no_line_of_the_server_in_what_operators_say() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    let mut told = Vec::new();
    for text in paddings() {
        for request in [
            AdminRequest::Say { text: text.clone() },
            AdminRequest::Moderate { action: ModerationAction::Topic { text: text.clone() } },
            AdminRequest::Moderate {
                action: ModerationAction::Mute {
                    target: "ann".to_owned(),
                    seconds: None,
                    reason: Some(text.clone()),
                },
            },
        ] {
            daemon.ask(&request);
        }
    }
    ann.say("!topic");
    ann.say("x");
    bo.say("that was it");
    told.extend(ann.lines_until("bo: that was it"));
    let with_text: Vec<_> = told.iter().filter(|line| line.contains("ok.")).collect();
    // A topic that is shown as the one before is not told again.
    assert!(with_text.len() > 2 * paddings().count(), "{}", with_text.len());
    with_text.into_iter().for_each(|line| check_rows(line));
    for args in [&["history", "-n", "1000"][..], &["bans"], &["audit", "-n", "1000"]] {
        let shown = check_done(&run(&daemon.socket(), args));
        let lines: Vec<_> = shown.lines().filter(|line| line.contains("ok.")).collect();
        assert!(!lines.is_empty(), "{args:?}");
        lines.into_iter().for_each(check_rows);
    }
}

#[test]
fn json_has_a_text_as_it_is_stored() {
    let daemon = Daemon::start();
    let (mut ann, _) = Person::json(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    for text in [
        "two  spaces   stay",
        "⠀⠀⠀⣴⣿⣦⠀⠀",
        "up 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}!",
        "葛\u{e0100}城",
        "می‌خواهم",
        "ශ්‍රී",
        "♥\u{fe0e} ❤\u{fe0f}",
        "שלום\u{200f}!",
        "she said \u{2067}שלום, world\u{2069}.",
        "ᠤ\u{180e}ᠨ",
    ] {
        jay.say(&json!({"type": "say", "text": text}).to_string());
        assert_eq!(ann.event("message")["text"], text);
        let shown = check_done(&run(&daemon.socket(), &["--json", "history", "-n", "1"]));
        let history: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(history["history"][0]["text"], text);
    }
}

#[test]
fn an_emoji_or_a_variant_is_whole_in_a_line() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    for text in [
        "up 🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f} and 👩‍🚀",
        "葛\u{e0100}城",
        "⣴⠀⣦",
        "日本\u{3000}語",
    ] {
        bo.say(text);
        ann.expect(&format!("bo: {text}"));
    }
    for nothing in ["\u{2800}\u{2800}", "\u{3164}", "\u{200b}", " \u{301}"] {
        bo.say(nothing);
        let refusal = bo.line().unwrap();
        assert!(refusal.contains("there is nothing in it that can be seen"), "{refusal}");
    }
}
