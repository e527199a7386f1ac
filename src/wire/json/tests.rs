use std::collections::BTreeSet;

use super::*;
use crate::commands::{COMMANDS, Request};
use crate::names::Name;
use crate::room::{Record, RecordKind};

#[track_caller]
fn check_refused(line: &str, code: &str, expect: &str, id: Option<&str>) {
    let (refusal, found) = parse_request(line).unwrap_err();
    assert_eq!((refusal.code(), found.as_deref()), (code, id), "{refusal}");
    assert!(refusal.to_string().contains(expect), "{refusal}");
}

#[test]
fn requests_are_read_and_unknown_fields_ignored() {
    let line = r#"{"type":"say","id":"1","text":"hi","colour":"red"}"#;
    let say = JsonRequest::Say { text: "hi".into(), action: false, id: Some("1".into()) };
    assert_eq!(parse_request(line), Ok(say));
    assert_eq!(parse_request(r#"{"type":"who"}"#), Ok(JsonRequest::Who));
}

#[test]
fn what_is_wrong_is_said() {
    check_refused("{\"type\":", "bad-request", "not valid JSON", None);
    check_refused("[1]", "bad-request", "one JSON object", None);
    check_refused("{\"id\":\"7\"}", "bad-request", "\"type\"", Some("7"));
    check_refused(r#"{"type":"dance","id":"7"}"#, "unknown-type", "\"dance\"", Some("7"));
    check_refused(r#"{"type":"say","id":"7"}"#, "bad-request", "field \"text\"", Some("7"));
    check_refused(r#"{"type":"say","text":5}"#, "bad-request", "expected a string", None);
    let long = format!(r#"{{"type":"say","text":"x","id":"{}"}}"#, "i".repeat(65));
    check_refused(&long, "bad-request", "64 bytes", None);
    let longest = format!(r#"{{"type":"say","text":"x","id":"{}"}}"#, "i".repeat(64));
    assert!(parse_request(&longest).is_ok());
}

#[test]
fn a_record_comes_back_as_it_was_sent() {
    let record = Record {
        epoch: 2,
        seq: crate::room::Seq(7),
        time: "2026-11-22T21:04:05.123456Z".parse().unwrap(),
        kind: RecordKind::Message { name: Name::new("ann").unwrap(), text: "\"hi\"".into() },
        author: None,
    };
    let mut out = Vec::new();
    encode_record("lobby", &record, Some("i1"), false, &mut out);
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
    let Ok(Event::Message(speech)) = serde_json::from_slice(&out) else { panic!("{out:?}") };
    assert_eq!(speech.stamp.time, "2026-11-22T21:04:05.123Z");
    assert_eq!((speech.stamp.epoch, speech.stamp.seq), (2, 7));
    assert_eq!((speech.text.as_ref(), speech.id.as_deref()), ("\"hi\"", Some("i1")));
}

#[test]
fn an_event_of_a_newer_server_is_passed_over() {
    let event: Event<'_> = serde_json::from_str(r#"{"type":"sparkle","n":1}"#).unwrap();
    assert_eq!(event, Event::Unknown);
}

/// The names in serde's message about an unknown variant: `expected one of `a`, `b``.
fn expected(line: &str) -> BTreeSet<String> {
    let error = serde_json::from_str::<JsonRequest>(line).unwrap_err().to_string();
    let names = error.split_once("expected one of").unwrap().1.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_table_of_commands_has_every_request_and_every_act() {
    let types = COMMANDS.iter().filter_map(|command| command.json_type());
    assert_eq!(expected(r#"{"type":"dance"}"#), types.map(str::to_owned).collect());
    let acts = COMMANDS.iter().filter_map(|command| match command.request {
        Request::Act(name) => Some(name.to_owned()),
        _ => None,
    });
    assert_eq!(expected(r#"{"type":"moderate","act":"dance"}"#), acts.collect());
}
