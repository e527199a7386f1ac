//! Being told to wait, giving up, and never giving up.

use chatroom::wire::Frame;
use serde_json::json;

use super::*;
use crate::decode::decode;

fn decoded(line: String) -> Input {
    decode(&Frame::Line(line.into_bytes())).unwrap()
}

/// A refusal as the server sends it.
fn told(code: &'static str, message: &'static str, seconds: Option<u64>) -> Input {
    let mut line = json!({ "type": "refused", "code": code, "message": message });
    if let Some(seconds) = seconds {
        line["retry_after_seconds"] = seconds.into();
    }
    decoded(line.to_string())
}

/// A line of text with which a server turns a connection away.
fn turned_away(line: &str) -> Input {
    decoded(format!("[SERVER]: {line}"))
}

fn statuses(outputs: &[Output]) -> Vec<&str> {
    let said = outputs.iter().filter_map(|output| match output {
        Output::Show(Show::Status(text)) => Some(&**text),
        _ => None,
    });
    said.collect()
}

fn is_over(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Exit(_)))
}

/// A client that has said hello.
fn greeting(interactive: bool, attempts: u32) -> Model {
    let (mut model, _) = Model::new(Settings { attempts, ..settings(interactive) });
    model.handle(Input::Connected, START);
    model
}

#[test]
fn a_wait_is_waited_on_the_connection_and_counts_as_no_attempt() {
    for interactive in [true, false] {
        let mut model = greeting(interactive, 1);
        let mut now = START;
        for round in 0..20 {
            let message = "Your address joins too often. Try again in 2 s.";
            let outputs = model.handle(told("too-often", message, Some(2)), now);
            assert!(!outputs.contains(&Output::Disconnect) && !is_over(&outputs), "{outputs:?}");
            let said = statuses(&outputs);
            assert!(
                round > 0
                    || said[0].starts_with(
                        "The server asks you to wait: Your address joins too often. Trying again in "
                    ),
                "{said:?}"
            );
            let deadline = model.deadline().unwrap();
            assert!((at(2)..=at(3)).contains(&(deadline - now)), "{:?}", deadline - now);
            now = deadline;
            assert_eq!(model.handle(Input::Tick, now), [hello("ann", None, false)]);
        }
        model.handle(welcome(), now);
        assert_eq!(model.phase, Phase::Joined);
    }
}

#[test]
fn each_way_to_be_told_to_wait_is_understood() {
    for (input, least) in [
        (told("too-often", "x", Some(7)), 7),
        // Version 0.1 says it in words only.
        (told("too-often", "Your address joins too often. Try again in 9 s.", None), 9),
        (told("busy", "x", None), 2),
        (told("storage-full", "x", None), 2),
        (told("shutting-down", "The server is shutting down.", None), 2),
        (turned_away("Your address connects too often. Try again in 12 s."), 12),
        (turned_away("The room is full. Try again later."), 2),
        (turned_away("There are too many connections from your address. Close one first."), 2),
        (turned_away("server is shutting down"), 2),
    ] {
        let what = format!("{input:?}");
        let mut model = greeting(false, 1);
        let outputs = model.handle(input, START);
        assert!(!is_over(&outputs), "{what}: {outputs:?}");
        let deadline = model.deadline().unwrap();
        let most = at(least) + (at(least) / 2).max(at(1));
        assert!((at(least)..=most).contains(&deadline), "{what}: {deadline:?}");
        // The end of the connection that was turned away is not reported again.
        assert!(
            statuses(&model.handle(Input::Disconnected("closed".to_owned()), START)).is_empty()
        );
        let again = model.handle(Input::Tick, deadline);
        let is_again = again == [Output::Connect] || again == [hello("ann", None, false)];
        assert!(is_again, "{what}: {again:?}");
    }
}

#[test]
fn a_long_wait_does_not_keep_the_connection_and_a_lost_one_does_not_shorten_it() {
    let mut model = greeting(true, 1);
    let outputs = model.handle(told("too-often", "x", Some(40)), START);
    assert_eq!(outputs.last(), Some(&Output::Disconnect));
    let mut model = greeting(true, 1);
    model.handle(told("too-often", "x", Some(10)), START);
    let deadline = model.deadline();
    assert_eq!(model.handle(Input::Disconnected("reset".to_owned()), at(1)), [Output::Disconnect]);
    assert_eq!(model.deadline(), deadline);
    assert_eq!(model.handle(Input::Tick, deadline.unwrap()), [Output::Connect]);
}

#[test]
fn a_pipe_is_not_made_to_wait_for_ever_and_says_why() {
    let mut model = greeting(false, 5);
    let mut now = START;
    let outputs = loop {
        let outputs = model.handle(turned_away("The room is full. Try again later."), now);
        if is_over(&outputs) {
            break outputs;
        }
        now = model.deadline().unwrap();
        assert!(now < at(600), "it waits for ever");
        model.handle(Input::Tick, now);
        model.handle(Input::Connected, now);
    };
    assert!(now >= at(300), "{now:?}");
    let said = statuses(&outputs);
    assert_eq!(
        said,
        [
            "Cannot join the room at host:53000: The room is full. Try again later.",
            "Gave up after waiting 5 min."
        ]
    );
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Unreachable)));
}

#[test]
fn the_last_words_name_the_last_cause() {
    let mut model = greeting(true, 1);
    let outputs = model.handle(Input::Disconnected("it was reset".to_owned()), START);
    let expect = ["Cannot join the room at host:53000: it was reset.", "Gave up after 1 attempt."];
    assert_eq!(statuses(&outputs), expect, "it was there");
    let (mut model, _) = Model::new(Settings { attempts: 1, ..settings(true) });
    let outputs = model.handle(Input::Disconnected("nothing is listening there".to_owned()), START);
    let expect = [
        "Cannot join the room at host:53000: nothing is listening there.",
        "Gave up after 1 attempt. Is chatroomd running there?",
    ];
    assert_eq!(statuses(&outputs), expect);
}

#[test]
fn a_banned_client_does_not_wait() {
    let mut model = greeting(true, 5);
    let outputs = model.handle(turned_away("You are banned until 21:04: spam"), START);
    assert_eq!(statuses(&outputs), ["You are banned until 21:04: spam"]);
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)));
}

/// Loses the connection and fails to reconnect this often. Returns the pauses, the output, and
/// whether the client has ended.
fn fail(model: &mut Model, times: usize) -> (Vec<Duration>, Vec<String>, bool) {
    let (mut pauses, mut said, mut now) = (Vec::new(), Vec::new(), START);
    for _ in 0..times {
        let outputs =
            model.handle(Input::Disconnected("nothing is listening there".to_owned()), now);
        said.extend(statuses(&outputs).into_iter().map(str::to_owned));
        if is_over(&outputs) {
            return (pauses, said, true);
        }
        let deadline = model.deadline().unwrap();
        pauses.push(deadline - now);
        now = deadline;
        assert_eq!(model.handle(Input::Tick, now), [Output::Connect]);
    }
    (pauses, said, false)
}

#[test]
fn a_client_that_has_joined_at_a_terminal_never_gives_up() {
    let mut model = joined(true);
    let (pauses, said, is_over) = fail(&mut model, 1000);
    assert!(!is_over);
    assert!(pauses.iter().all(|pause| (at(1)..=at(90)).contains(pause)), "{pauses:?}");
    assert!(pauses[..6].is_sorted_by(|one, next| *one < *next + at(3)), "growing: {pauses:?}");
    assert!(pauses[999] >= at(60), "{:?}", pauses[999]);
    let late: std::collections::BTreeSet<_> = pauses[100..].iter().collect();
    assert!(late.len() > 100, "not all come back at once");
    assert!(said.len() < 12, "and not each of the attempts is told: {said:?}");
    // Lines that were typed in the meantime are sent then.
    assert!(typed(&mut model, "meanwhile").is_empty());
    model.handle(Input::Connected, at(99));
    assert_eq!(sent(&model.handle(welcome_up_to(2, 1), at(99))), ["t-1 meanwhile"]);
}

#[test]
fn a_pipe_gives_up_after_its_attempts_also_when_it_had_joined() {
    let mut model = joined(false);
    let (pauses, said, is_over) = fail(&mut model, 10);
    assert!(is_over && pauses.len() == 3, "the loss, and three attempts: {pauses:?}");
    assert_eq!(said.last().unwrap(), "Gave up after 3 attempts.");
}

#[test]
fn two_clients_do_not_come_back_in_the_same_moment() {
    let pauses = |tag: &str| {
        let (mut model, _) =
            Model::new(Settings { attempts: 0, tag: tag.to_owned(), ..settings(true) });
        fail(&mut model, 5).0
    };
    assert_eq!(pauses("1-1"), pauses("1-1"));
    assert_ne!(pauses("1-1"), pauses("1-2"));
}

#[test]
fn tls_where_none_was_wanted_ends_it_at_the_start_and_not_later() {
    let why = || Input::WrongProtocol("host:53001 speaks TLS. Connect with --tls".to_owned());
    let (mut model, _) = Model::new(settings(true));
    let outputs = model.handle(why(), START);
    assert_eq!(statuses(&outputs), ["Not joined: host:53001 speaks TLS. Connect with --tls."]);
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Unreachable)));
    let mut model = joined(true);
    model.handle(Input::Disconnected("gone".to_owned()), START);
    model.handle(Input::Tick, at(2));
    assert!(!is_over(&model.handle(why(), at(2))));
}
