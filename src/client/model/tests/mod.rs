use chatroom::access::ModerationAction;
use chatroom::wire::PROTOCOL;
use chatroom::wire::json::{Event, Limits, Resume, Speech, Stamp, Welcome};

use super::*;

mod password;
mod places;
mod waiting;

const START: Duration = Duration::ZERO;

fn settings(interactive: bool) -> Settings {
    Settings {
        address: "host:53000".to_owned(),
        name: Some("ann".to_owned()),
        default_name: None,
        attempts: 3,
        password: None,
        is_private: true,
        interactive,
        persistence: Persistence::Nothing,
        tag: "t".to_owned(),
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn welcome() -> Input {
    welcome_up_to(1, 1)
}

/// A welcome after which the records from `next` to `seq` are from before the client joined.
fn welcome_up_to(next: u64, seq: u64) -> Input {
    Input::Event(Event::Welcome(welcome_event(next, seq)))
}

fn welcome_event(next: u64, seq: u64) -> Welcome<'static> {
    Welcome {
        protocol: 1,
        name: "ann".into(),
        room: "lobby".into(),
        topic: "".into(),
        epoch: 1,
        seq,
        next,
        users: vec!["ann".into()],
        token: "secret".into(),
        resumed: false,
        lost: None,
        limits: Limits { message_bytes: 4096, silence_seconds: 30 },
    }
}

fn message(id: Option<&str>) -> Input {
    message_at(2, id)
}

fn message_at(seq: u64, id: Option<&str>) -> Input {
    let stamp = Stamp { room: "lobby".into(), epoch: 1, seq, time: "".into(), replayed: false };
    let id = id.map(|id| id.to_owned().into());
    Input::Event(Event::Message(Speech { stamp, name: "ann".into(), text: "x".into(), id }))
}

fn refused(id: Option<&str>, code: &'static str) -> Input {
    let id = id.map(|id| id.to_owned().into());
    Input::Event(Event::Refused {
        id,
        code: code.into(),
        message: "No.".into(),
        retry_after_seconds: None,
    })
}

fn hello(name: &str, resume: Option<Resume>, hold: bool) -> Output {
    let name = name.to_owned();
    Output::Send(JsonRequest::Hello { protocol: PROTOCOL, name, resume, password: None, hold })
}

/// A client that has joined.
fn joined(interactive: bool) -> Model {
    let (mut model, outputs) = Model::new(settings(interactive));
    assert_eq!(outputs, [Output::Connect]);
    assert_eq!(model.handle(Input::Connected, START), [hello("ann", None, false)]);
    model.handle(welcome(), START);
    model.handle(join_line(1, false), START);
    model
}

/// The join of another user, which is record `seq`.
fn join_line(seq: u64, replayed: bool) -> Input {
    let stamp = Stamp { room: "lobby".into(), epoch: 1, seq, time: "".into(), replayed };
    Input::Event(Event::Joined { stamp, name: "somebody".into() })
}

fn sent(outputs: &[Output]) -> Vec<String> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send(JsonRequest::Say { text, id, .. }) => {
            Some(format!("{} {text}", id.as_deref().unwrap_or("-")))
        }
        Output::Send(other) => Some(format!("{other:?}")),
        _ => None,
    });
    sent.collect()
}

fn typed(model: &mut Model, line: &str) -> Vec<String> {
    sent(&model.handle(Input::Line(line.to_owned()), START))
}

#[test]
fn what_is_typed_while_the_connection_is_gone_is_sent_in_order() {
    let mut model = joined(true);
    assert_eq!(typed(&mut model, "one"), ["t-1 one"]);
    assert_eq!(typed(&mut model, "two"), ["t-2 two"]);
    model.handle(message(Some("t-1")), START);
    model.handle(Input::Disconnected("reset".to_owned()), START);
    assert!(typed(&mut model, "three").is_empty());
    assert_eq!(model.handle(Input::Tick, at(2)), [Output::Connect]);
    model.handle(Input::Connected, at(2));
    // Only once all missed records are seen, since lines that were stored are not sent again.
    assert!(sent(&model.handle(welcome_up_to(1, 3), at(2))).is_empty());
    assert!(sent(&model.handle(message_at(2, Some("t-2")), at(2))).is_empty());
    let outputs = model.handle(message_at(3, None), at(2));
    assert_eq!(sent(&outputs), ["t-3 three"]);
    let line = "Reconnected after 2 s: 1 new message; sending 1 saved line.";
    assert!(outputs.contains(&Output::Show(Show::Status(line.to_owned()))), "{outputs:?}");
}

#[test]
fn it_gives_up_after_failed_attempts_in_a_row() {
    let (mut model, _) = Model::new(settings(true));
    for pause in [1, 2] {
        let now = model.deadline().unwrap_or(START);
        model.handle(Input::Disconnected("refused".to_owned()), now);
        let deadline = model.deadline().unwrap();
        assert!((at(pause)..at(pause) * 2).contains(&(deadline - now)), "{deadline:?}");
        assert_eq!(model.handle(Input::Tick, deadline), [Output::Connect]);
    }
    let outputs = model.handle(Input::Disconnected("refused".to_owned()), at(9));
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Unreachable)));
}

#[test]
fn a_success_resets_the_attempts() {
    let mut model = joined(true);
    for _ in 0..10 {
        model.handle(Input::Disconnected("gone".to_owned()), START);
        model.handle(Input::Tick, at(99));
        model.handle(Input::Disconnected("refused".to_owned()), START);
        model.handle(Input::Tick, at(99));
        model.handle(Input::Connected, START);
        let outputs = model.handle(welcome(), START);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Exit(_))));
        assert_eq!(model.phase, Phase::Joined);
    }
}

#[test]
fn a_pipe_ends_when_everything_is_acknowledged() {
    let mut model = joined(false);
    assert_eq!(typed(&mut model, "/etc is full"), ["t-1 /etc is full"]);
    assert!(sent(&model.handle(Input::NoMoreLines, START)).is_empty());
    assert_eq!(sent(&model.handle(message(Some("t-1")), START)), ["Quit"]);
    let outputs = model.handle(Input::Disconnected("closed".to_owned()), START);
    assert_eq!(outputs, [Output::Exit(Exit::Left)]);
}

#[test]
fn a_pipe_fails_when_a_line_was_refused() {
    let mut model = joined(false);
    typed(&mut model, "x");
    model.handle(Input::NoMoreLines, START);
    assert_eq!(sent(&model.handle(refused(Some("t-1"), "too-long"), START)), ["Quit"]);
    let outputs = model.handle(Input::Disconnected("closed".to_owned()), START);
    assert_eq!(outputs, [Output::Exit(Exit::Refused)]);
}

#[test]
fn a_user_is_asked_for_another_name_and_a_pipe_ends() {
    for (interactive, expect) in [
        (true, Output::Show(Show::AskName { default: None })),
        (false, Output::Exit(Exit::Refused)),
    ] {
        let (mut model, _) = Model::new(settings(interactive));
        model.handle(Input::Connected, START);
        let outputs = model.handle(refused(None, "name-taken"), START);
        assert_eq!(outputs.last(), Some(&expect));
    }
}

#[test]
fn a_client_that_comes_back_waits_for_its_name() {
    let mut model = joined(true);
    model.handle(Input::Disconnected("reset".to_owned()), START);
    model.handle(Input::Tick, at(2));
    model.handle(Input::Connected, at(2));
    let outputs = model.handle(refused(None, "name-taken"), at(2));
    assert_eq!(outputs.last(), Some(&Output::Disconnect));
    assert!(matches!(model.phase, Phase::Pausing { .. }));
}

#[test]
fn a_silent_server_is_pinged_and_then_counts_as_gone() {
    let mut model = joined(true);
    assert_eq!(model.deadline(), Some(at(10)));
    assert_eq!(sent(&model.handle(Input::Tick, at(10))), ["Ping { id: None }"]);
    model.handle(Input::Tick, at(20));
    let outputs = model.handle(Input::Tick, at(30));
    assert_eq!(outputs.last(), Some(&Output::Disconnect));
}

#[test]
fn leaving_does_not_wait_forever() {
    let mut model = joined(true);
    assert_eq!(typed(&mut model, "/quit"), ["Quit"]);
    assert_eq!(model.handle(Input::Tick, at(1)), []);
    assert_eq!(model.handle(Input::Tick, at(2)), [Output::Exit(Exit::Left)]);
}

#[test]
fn being_removed_is_no_reason_to_come_back() {
    let mut model = joined(true);
    let closing = Event::Closing {
        code: "removed".into(),
        message: "Out.".into(),
        retry_after_seconds: None,
    };
    let outputs = model.handle(Input::Event(closing), START);
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)));
}

#[test]
fn a_user_who_takes_long_to_choose_a_name_connects_again_with_it() {
    let (mut model, _) = Model::new(settings(true));
    model.handle(Input::Connected, START);
    model.handle(refused(None, "name-taken"), START);
    assert_eq!(model.handle(Input::Disconnected("gone".to_owned()), at(70)), [Output::Disconnect]);
    assert_eq!(model.handle(Input::Line("bo".to_owned()), at(80)), [Output::Connect]);
    assert_eq!(model.handle(Input::Connected, at(80)), [hello("bo", None, false)]);
}

/// A client that saves its session, and is connected.
fn keeping(kept: Option<SavedSession>) -> (Model, Vec<Output>) {
    let (mut model, outputs) =
        Model::new(Settings { persistence: Persistence::Everything, ..settings(true) });
    assert_eq!(outputs, [Output::Load("ann".to_owned())]);
    let pending = kept.as_ref().map_or(0, |kept| kept.pending.len());
    let recalled = kept.map_or(Loaded::Nothing, Loaded::Saved);
    let outputs = model.handle(Input::Loaded(recalled), START);
    let is_said = |output: &&Output| matches!(output, Output::Show(Show::Own { .. }));
    // Unsent lines are shown as such.
    assert_eq!(outputs.iter().filter(is_said).count(), pending);
    assert_eq!(outputs.last(), Some(&Output::Connect));
    let outputs = model.handle(Input::Connected, START);
    (model, outputs)
}

fn resume(seq: u64) -> Option<Resume> {
    Some(Resume { token: "secret".to_owned(), epoch: 1, seq })
}

fn say(id: &str, text: &str) -> JsonRequest {
    JsonRequest::Say { text: text.to_owned(), action: false, id: Some(id.to_owned()) }
}

#[test]
fn lines_are_saved_before_they_are_sent_and_progress_after_it_is_shown() {
    let (mut model, _) = keeping(None);
    let outputs = model.handle(welcome(), START);
    let kept = SavedSession { resume: resume(0), pending: vec![] };
    assert_eq!(outputs.first(), Some(&Output::Save(kept)));
    let outputs = model.handle(Input::Line("one".to_owned()), START);
    let [Output::Save(_), Output::Show(Show::Own { .. })] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    let outputs = model.handle(join_line(1, false), START);
    assert_eq!(sent(&outputs), ["t-1 one"], "once all of before is seen");
    let outputs = model.handle(Input::Line("two".to_owned()), START);
    let kept =
        SavedSession { resume: resume(1), pending: vec![say("t-1", "one"), say("t-2", "two")] };
    let (id, text) = ("t-2".to_owned(), "two".to_owned());
    let said = Output::Show(Show::Own { id, to: None, action: false, text });
    assert_eq!(outputs, [Output::Save(kept), said, Output::Send(say("t-2", "two"))]);
    model.handle(message_at(2, Some("t-1")), START);
    assert_eq!(model.deadline(), Some(at(1)));
    let kept = SavedSession { resume: resume(2), pending: vec![say("t-2", "two")] };
    assert_eq!(model.handle(Input::Tick, at(1)), [Output::Save(kept)]);
    assert_eq!(model.deadline(), Some(at(10)), "nothing more to keep");
}

#[test]
fn a_client_that_was_killed_continues_where_it_was() {
    let kept = SavedSession { resume: resume(5), pending: vec![say("old-1", "typed before")] };
    let (mut model, outputs) = keeping(Some(kept));
    assert_eq!(outputs, [hello("ann", resume(5), true)]);
    let welcome = Welcome { resumed: true, ..welcome_event(6, 6) };
    model.handle(Input::Event(Event::Welcome(welcome)), START);
    let outputs = model.handle(message_at(6, None), START);
    assert_eq!(sent(&outputs), ["old-1 typed before"]);
    let line = "Resumed where you left off: 1 new message; sending 1 saved line.";
    assert!(outputs.contains(&Output::Show(Show::Status(line.to_owned()))), "{outputs:?}");
    model.handle(message_at(7, Some("old-1")), START);
    model.handle(Input::Line("/quit".to_owned()), START);
    let closing =
        Event::Closing { code: "quit".into(), message: "".into(), retry_after_seconds: None };
    model.handle(Input::Event(closing), START);
    let outputs = model.handle(Input::Disconnected("closed".to_owned()), START);
    assert_eq!(outputs, [Output::Delete, Output::Exit(Exit::Left)]);
}

#[test]
fn another_name_does_not_send_the_saved_lines_of_the_first() {
    let kept = SavedSession { resume: resume(5), pending: vec![say("old-1", "typed before")] };
    let (mut model, _) = keeping(Some(kept));
    model.handle(refused(None, "name-taken"), START);
    let outputs = model.handle(Input::Line("bo".to_owned()), START);
    let forgotten = Output::Show(Show::NotStored { id: "old-1".to_owned() });
    assert_eq!(outputs, [forgotten, Output::Load("bo".to_owned())]);
    let outputs = model.handle(Input::Loaded(Loaded::Nothing), START);
    assert_eq!(outputs, [hello("bo", None, true)]);
    assert!(model.pending.is_empty());
}

#[test]
fn a_new_name_and_a_new_topic_are_taken_over() {
    let mut model = joined(true);
    let stamp =
        || Stamp { room: "lobby".into(), epoch: 1, seq: 2, time: "".into(), replayed: false };
    model.handle(
        Input::Event(Event::Renamed { stamp: stamp(), name: "ann".into(), to: "anna".into() }),
        START,
    );
    assert_eq!(model.credentials.name(), Some("anna"));
    model.handle(Input::Event(Event::Topic { stamp: stamp(), text: "Tea".into() }), START);
    let outputs = model.handle(Input::Line("/topic".to_owned()), START);
    assert_eq!(outputs, [Output::Show(Show::Status("Topic: Tea".to_owned()))]);
    let outputs = model.handle(Input::Line("/ban bo 1h spam".to_owned()), START);
    let action = ModerationAction::Ban {
        target: "bo".to_owned(),
        seconds: Some(3600),
        reason: Some("spam".to_owned()),
    };
    assert_eq!(outputs, [Output::Send(JsonRequest::Moderate { action, id: None })]);
}
