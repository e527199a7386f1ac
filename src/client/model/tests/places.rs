//! The place of a session: when it can be resumed, and when it must not block the name.

use super::*;

fn closing(code: &'static str) -> Input {
    let message = "Bye.".into();
    Input::Event(Event::Closing { code: code.into(), message, retry_after_seconds: None })
}

/// A client with this persistence, which has loaded this and joined.
fn member(interactive: bool, persistence: Persistence, recalled: Loaded) -> Model {
    let (mut model, outputs) = Model::new(Settings { persistence, ..settings(interactive) });
    if outputs == [Output::Load("ann".to_owned())] {
        model.handle(Input::Loaded(recalled), START);
    }
    model.handle(Input::Connected, START);
    model.handle(welcome(), START);
    model.handle(join_line(1, false), START);
    model
}

fn kept(pending: Vec<JsonRequest>) -> Output {
    Output::Save(SavedSession { resume: resume(1), pending })
}

#[test]
fn the_session_is_saved_until_the_server_knows_of_the_end() {
    for leaving in [Input::Interrupt, Input::Hangup, Input::Line("/quit".to_owned())] {
        let mut model = member(true, Persistence::Everything, Loaded::Nothing);
        assert_eq!(sent(&model.handle(leaving, START)), ["Quit"]);
        model.handle(closing("quit"), START);
        let outputs = model.handle(Input::Disconnected("closed".to_owned()), START);
        assert_eq!(outputs, [Output::Delete, Output::Exit(Exit::Left)]);
    }
    for end in [Input::Disconnected("reset".to_owned()), Input::Tick, Input::Interrupt] {
        let mut model = member(true, Persistence::Everything, Loaded::Nothing);
        model.handle(Input::Hangup, START);
        let outputs = model.handle(end, at(2));
        assert_eq!(outputs, [kept(vec![]), Output::Exit(Exit::Left)]);
    }
    // Without a connection, the server cannot know.
    let mut model = member(true, Persistence::Everything, Loaded::Nothing);
    model.handle(Input::Disconnected("reset".to_owned()), START);
    let outputs = model.handle(Input::Interrupt, START);
    assert_eq!(outputs, [kept(vec![]), Output::Exit(Exit::Left)]);
}

#[test]
fn a_second_hangup_does_not_count_as_impatience() {
    let mut model = member(true, Persistence::Everything, Loaded::Nothing);
    assert_eq!(sent(&model.handle(Input::Hangup, START)), ["Quit"]);
    // The signal, the end of the input and the failed output come one after the other.
    assert_eq!(model.handle(Input::Hangup, START), []);
    assert_eq!(model.handle(Input::Hangup, START), []);
    assert_eq!(model.handle(Input::Interrupt, START).last(), Some(&Output::Exit(Exit::Left)));
}

#[test]
fn a_client_that_saves_nothing_has_no_place_held() {
    let (mut model, _) = Model::new(settings(true));
    assert_eq!(model.handle(Input::Connected, START), [hello("ann", None, false)]);
    // The file is in use, or cannot be written.
    let (mut model, _) =
        Model::new(Settings { persistence: Persistence::Everything, ..settings(true) });
    assert_eq!(model.handle(Input::Loaded(Loaded::Unavailable), START), [Output::Connect]);
    assert_eq!(model.handle(Input::Connected, START), [hello("ann", None, false)]);
    // Under another name there may be one.
    model.handle(refused(None, "name-taken"), START);
    let outputs = model.handle(Input::Line("bo".to_owned()), START);
    assert_eq!(outputs, [Output::Load("bo".to_owned())]);
    let outputs = model.handle(Input::Loaded(Loaded::Nothing), START);
    assert_eq!(outputs, [hello("bo", None, true)]);
}

#[test]
fn a_pipe_resumes_the_session_of_a_killed_one_that_blocks_its_name() {
    let start = || {
        let (mut model, _) =
            Model::new(Settings { persistence: Persistence::Session, ..settings(false) });
        let before = SavedSession { resume: resume(5), pending: vec![] };
        model.handle(Input::Loaded(Loaded::Saved(before)), START);
        // A script has not asked for messages from before it was started.
        assert_eq!(model.handle(Input::Connected, START), [hello("ann", None, true)]);
        model
    };
    let mut model = start();
    let outputs = model.handle(refused(None, "name-taken"), START);
    assert_eq!(outputs, [hello("ann", resume(5), true)]);
    model.handle(Input::Line("news".to_owned()), START);
    assert_eq!(sent(&model.handle(welcome_up_to(2, 1), START)), ["t-1 news"]);

    let mut model = start();
    model.handle(refused(None, "name-taken"), START);
    let outputs = model.handle(refused(None, "name-taken"), START);
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)), "another user has the name");

    let mut model = start();
    let outputs = model.handle(Input::Disconnected("refused".to_owned()), START);
    assert_eq!(outputs.last(), Some(&Output::Disconnect));
    let outputs = model.handle(Input::Interrupt, START);
    assert!(outputs.contains(&Output::Save(SavedSession { resume: resume(5), pending: vec![] })));
}

#[test]
fn a_pipe_leaves_the_lines_of_a_terminal_alone() {
    let (mut model, _) =
        Model::new(Settings { persistence: Persistence::Session, ..settings(false) });
    let before = SavedSession { resume: resume(5), pending: vec![say("old-1", "typed")] };
    let mut outputs = model.handle(Input::Loaded(Loaded::Saved(before)), START);
    outputs.extend(model.handle(Input::Connected, START));
    outputs.extend(model.handle(refused(None, "name-taken"), START));
    assert_eq!(outputs.last(), Some(&hello("ann", resume(5), false)));
    outputs.extend(model.handle(welcome(), START));
    outputs.extend(model.handle(join_line(1, false), START));
    outputs.extend(model.handle(Input::NoMoreLines, START));
    outputs.extend(model.handle(closing("quit"), START));
    outputs.extend(model.handle(Input::Disconnected("closed".to_owned()), START));
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Left)));
    let touches = |output: &&Output| matches!(output, Output::Save(_) | Output::Delete);
    assert_eq!(outputs.iter().find(touches), None);
    assert!(!sent(&outputs).iter().any(|line| line.contains("typed")), "{outputs:?}");
}

#[test]
fn unsent_lines_of_a_pipe_are_not_saved() {
    let mut model = member(false, Persistence::Session, Loaded::Nothing);
    let outputs = model.handle(Input::Line("one".to_owned()), START);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Save(_))), "{outputs:?}");
    model.handle(Input::Interrupt, START);
    let outputs = model.handle(Input::Disconnected("reset".to_owned()), START);
    let said = Output::Show(Show::Parting("1 line was not sent.".to_owned()));
    assert_eq!(outputs, [said, kept(vec![]), Output::Exit(Exit::Refused)]);
}

#[test]
fn a_session_that_was_taken_over_is_not_taken_back() {
    for code in ["replaced", "taken-over"] {
        let mut model = member(true, Persistence::Everything, Loaded::Nothing);
        let outputs = model.handle(closing(code), START);
        assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)), "{code}");
        assert!(outputs.contains(&Output::Delete));
    }
}
