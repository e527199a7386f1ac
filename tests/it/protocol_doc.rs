//! The examples in docs/protocol.md, replayed against a daemon.
//!
//! In an example, `ann> text` is what ann sends, `ann< text` what ann receives next, and `ann.`
//! says that her connection has ended. Who is named for the first time connects.

use std::collections::BTreeMap;

use crate::daemon::Daemon;
use crate::harness::Person;

#[test]
fn the_examples_are_true() {
    let document = include_str!("../../docs/protocol.md");
    let mut count = 0;
    for (index, example) in document.split("```session\n").skip(1).enumerate() {
        let example = example.split("```").next().unwrap();
        replay(index + 1, example);
        count += 1;
    }
    assert!(count >= 8, "only {count} examples were found");
}

fn replay(number: usize, example: &str) {
    let daemon = Daemon::start();
    let mut people: BTreeMap<&str, Person> = BTreeMap::new();
    for line in example.lines() {
        let place = format!("example {number}: {line}");
        let end = line.find(['<', '>', '.']).expect(&place);
        let person =
            people.entry(&line[..end]).or_insert_with(|| Person::connect_to(daemon.address));
        let text = line[end + 1..].strip_prefix(' ').unwrap_or_default();
        match &line[end..=end] {
            ">" => person.say(text),
            "<" => {
                let received = person.line().unwrap_or_else(|| panic!("{place}: the end"));
                assert_eq!(without_time(&received), without_time(text), "{place}");
            }
            _ => person.expect_end(),
        }
    }
}

/// The line with its time and token, which are others each time, replaced.
fn without_time(line: &str) -> String {
    let mut line = line.to_owned();
    for key in ["\"time\":\"", "\"token\":\""] {
        if let Some((before, rest)) = line.split_once(key) {
            let after = rest.split_once('"').expect("a value ends").1;
            line = format!("{before}{key}...\"{after}");
        }
    }
    line
}
