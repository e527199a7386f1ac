//! Fuzz tests: the client does not crash, and draws nothing but text, whatever the server sends and
//! whichever keys are pressed.
//!
//! `PROPTEST_CASES=100000 cargo test --release fuzz` tries more than the usual 64.

mod client;

use std::fs;
use std::path::Path;

use client::{Bytes, Client, KEYS, MODIFIERS, Step};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

/// Text as a hostile server would choose it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,40}",
        2 => "\\PC{0,20}",
        1 => any::<String>(),
        2 => select(vec![
            "\x1b]0;owned\x07\x1b[2J\x1b[?1049l", "\u{9b}31m\u{90}x\u{9c}", "\u{202e}evil\u{2066}",
            "\u{200b}\u{feff}\u{2028}\u{2029}\u{85}", "全角の名前だけ", "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪1️⃣", "ann: psst",
            "\r\n\t\0\x08\x7f", "https://example.org/\u{7}\x1b\\x", "(http://a)b)c", "\u{1160}\u{3164}",
            "ﷺ\u{0e33}\u{0b95}\u{0bbf}", "lobby", "ann", "2026-11-22T21:04:05.123Z",
            "-009999-01-02T01:59:59Z", "9999-12-30T22:00:00.999999999Z",
        ]).prop_map(str::to_owned),
        1 => (1_usize..4096).prop_map(|count| "a".to_owned() + &"\u{301}".repeat(count)),
        1 => (1_usize..300).prop_map(|count| "全".repeat(count)),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0_u64..50).prop_map(Value::from),
        2 => select(vec![0, 1, u64::from(u32::MAX), i64::MAX as u64, u64::MAX - 1, u64::MAX])
            .prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
    ]
}

/// An event with the fields of all records and answers, under one of these types.
fn event(kinds: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let words = (text(), text(), text(), prop::collection::vec(text(), 0..4));
    let numbers = prop::collection::vec(number(), 7);
    (select(kinds), words, numbers, any::<bool>(), any::<bool>(), 0_u8..3).prop_map(
        |(kind, (name, said, time, users), numbers, flag, other, id)| {
            let code = match (flag, other) {
                (true, true) => "removed",
                (true, false) => "busy",
                (false, true) => "password-needed",
                (false, false) => "password-wrong",
            };
            let mut event = json!({
                "type": kind, "room": "lobby", "epoch": 1, "seq": numbers[0], "time": time,
                "replayed": flag, "name": name, "text": said, "how": "quit", "reason": name,
                "targets": [numbers[1]], "from": numbers[2], "to": numbers[3], "users": users,
                "code": code, "message": said, "retry_after_seconds": numbers[1],
                "protocol": 1, "topic": said, "next": numbers[4], "token": "t", "resumed": other,
                "more": other,
                "limits": { "message_bytes": numbers[5], "silence_seconds": numbers[6] },
            });
            if kind == "renamed" {
                (event["name"], event["to"]) =
                    (if flag { "ann".into() } else { name.into() }, said.into());
            } else if kind == "direct" {
                (event["from"], event["to"]) = (name.into(), said.into());
            }
            match id {
                0 => event["id"] = "older".into(),
                1 => event["id"] = format!("t-{}", numbers[1]).into(),
                _ => {}
            }
            event
        },
    )
}

const RECORDS: &[&str] =
    &["message", "action", "joined", "left", "notice", "topic", "renamed", "redacted"];
const ALL: &[&str] = &[
    "welcome",
    "message",
    "action",
    "joined",
    "left",
    "notice",
    "topic",
    "renamed",
    "info",
    "redacted",
    "history",
    "direct",
    "who",
    "gap",
    "refused",
    "pong",
    "closing",
    "something-new",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let broken = (whole_line(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    prop_oneof![
        8 => whole_line(),
        2 => broken.prop_map(|(mut line, at, byte, cuts)| {
            let at = at.index(line.len());
            if cuts { line.truncate(at) } else { line[at] = byte }
            line
        }),
        1 => text().prop_map(|text| format!("[SERVER]: {text}\r\n").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn whole_line() -> impl Strategy<Value = Vec<u8>> {
    let records = prop::collection::vec(event(RECORDS), 0..4);
    (event(ALL), records).prop_map(|(mut event, records)| {
        event["records"] = records.into();
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        line
    })
}

fn step() -> impl Strategy<Value = Step> {
    let width = prop_oneof![1_u16..6, Just(20), Just(80), Just(300)];
    prop_oneof![
        10 => line().prop_map(|line| Step::Bytes(Bytes(line))),
        4 => (select(&KEYS[..]), select(&MODIFIERS[..])).prop_map(|(key, modifiers)| Step::Key(key, modifiers)),
        1 => text().prop_map(Step::Paste),
        3 => (width, 1_u16..30).prop_map(|(width, height)| Step::Draw(width, height)),
        1 => Just(Step::Lost),
        1 => any::<bool>().prop_map(Step::Loaded),
        1 => (0_u64..100).prop_map(Step::Seconds),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        // The variable PROPTEST_CASES takes precedence.
        cases: 64,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn fuzz_the_client(steps in prop::collection::vec(step(), 1..60)) {
        let mut client = Client::new();
        for step in steps {
            client.step(step);
        }
        client.draw(80, 24);
    }
}

/// Replays the inputs that the fuzzer has found and those that it begins with. To run the fuzzer:
/// `cargo fuzz run --sanitizer none drawing`.
#[test]
#[expect(clippy::disallowed_macros, reason = "a test says how far it came")]
fn every_input_of_the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/drawing");
    let inputs: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!inputs.is_empty());
    for path in inputs {
        println!("{}", path.display());
        client::run(&fs::read(path).unwrap());
    }
}
