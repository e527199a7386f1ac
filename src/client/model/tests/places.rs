//! What becomes of one's place: who can come back to it, and who is in nobody's way.

use super::*;

fn closing(code: &'static str) -> Input {
    let message = "Bye.".into();
    Input::Event(Event::Closing { code: code.into(), message, retry_after_seconds: None })
}

/// A client that keeps so much, to which that was recalled, and that has joined.
fn member(interactive: bool, keeps: Keeps, recalled: Recalled) -> Model {
    let (mut model, outputs) = Model::new(Settings { keeps, ..settings(interactive) });
    if outputs == [Output::Recall("ann".to_owned())] {
        model.handle(Input::Recalled(recalled), START);
    }
    model.handle(Input::Connected, START);
    model.handle(welcome(), START);
    model.handle(join_line(1, false), START);
    model
}

fn kept(pending: Vec<JsonRequest>) -> Output {
    Output::Keep(Kept { resume: resume(1), pending })
}

#[test]
fn the_session_is_kept_until_the_server_has_taken_note_of_the_end() {
    for leaving in [Input::Interrupt, Input::Hangup, Input::Line("/quit".to_owned())] {
        let mut model = member(true, Keeps::All, Recalled::Nothing);
        assert_eq!(sent(&model.handle(leaving, START)), ["Quit"]);
        model.handle(closing("quit"), START);
        let outputs = model.handle(Input::Disconnected("closed".to_owned()), START);
        assert_eq!(outputs, [Output::Forget, Output::Exit(Exit::Left)]);
    }
    for end in [Input::Disconnected("reset".to_owned()), Input::Tick, Input::Interrupt] {
        let mut model = member(true, Keeps::All, Recalled::Nothing);
        model.handle(Input::Hangup, START);
        let outputs = model.handle(end, at(2));
        assert_eq!(outputs, [kept(vec![]), Output::Exit(Exit::Left)]);
    }
    // Without a connection there is nobody to take note.
    let mut model = member(true, Keeps::All, Recalled::Nothing);
    model.handle(Input::Disconnected("reset".to_owned()), START);
    let outputs = model.handle(Input::Interrupt, START);
    assert_eq!(outputs, [kept(vec![]), Output::Exit(Exit::Left)]);
}

#[test]
fn nobody_is_left_to_press_a_key_twice() {
    let mut model = member(true, Keeps::All, Recalled::Nothing);
    assert_eq!(sent(&model.handle(Input::Hangup, START)), ["Quit"]);
    // The signal, the end of the input and the failed output come one after the other.
    assert_eq!(model.handle(Input::Hangup, START), []);
    assert_eq!(model.handle(Input::Hangup, START), []);
    assert_eq!(model.handle(Input::Interrupt, START).last(), Some(&Output::Exit(Exit::Left)));
}

#[test]
fn who_keeps_nothing_has_no_place_held() {
    let (mut model, _) = Model::new(settings(true));
    assert_eq!(model.handle(Input::Connected, START), [hello("ann", None, false)]);
    // The file is in use, or cannot be written.
    let (mut model, _) = Model::new(Settings { keeps: Keeps::All, ..settings(true) });
    assert_eq!(model.handle(Input::Recalled(Recalled::NoPlace), START), [Output::Connect]);
    assert_eq!(model.handle(Input::Connected, START), [hello("ann", None, false)]);
    // Under another name there may be one.
    model.handle(refused(None, "name-taken"), START);
    let outputs = model.handle(Input::Line("bo".to_owned()), START);
    assert_eq!(outputs, [Output::Recall("bo".to_owned())]);
    let outputs = model.handle(Input::Recalled(Recalled::Nothing), START);
    assert_eq!(outputs, [hello("bo", None, true)]);
}

#[test]
fn a_pipe_takes_up_the_place_of_a_killed_one_if_that_is_in_its_way() {
    let start = || {
        let (mut model, _) = Model::new(Settings { keeps: Keeps::Session, ..settings(false) });
        let before = Kept { resume: resume(5), pending: vec![] };
        model.handle(Input::Recalled(Recalled::Kept(before)), START);
        // What was said since then is nothing that a script has asked for.
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
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)), "it is somebody else's");

    let mut model = start();
    let outputs = model.handle(Input::Disconnected("refused".to_owned()), START);
    assert_eq!(outputs.last(), Some(&Output::Disconnect));
    let outputs = model.handle(Input::Interrupt, START);
    assert!(outputs.contains(&Output::Keep(Kept { resume: resume(5), pending: vec![] })));
}

#[test]
fn a_pipe_leaves_alone_what_was_typed_under_its_name_at_a_terminal() {
    let (mut model, _) = Model::new(Settings { keeps: Keeps::Session, ..settings(false) });
    let before = Kept { resume: resume(5), pending: vec![say("old-1", "typed")] };
    let mut outputs = model.handle(Input::Recalled(Recalled::Kept(before)), START);
    outputs.extend(model.handle(Input::Connected, START));
    outputs.extend(model.handle(refused(None, "name-taken"), START));
    assert_eq!(outputs.last(), Some(&hello("ann", resume(5), false)));
    outputs.extend(model.handle(welcome(), START));
    outputs.extend(model.handle(join_line(1, false), START));
    outputs.extend(model.handle(Input::NoMoreLines, START));
    outputs.extend(model.handle(closing("quit"), START));
    outputs.extend(model.handle(Input::Disconnected("closed".to_owned()), START));
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Left)));
    let touches = |output: &&Output| matches!(output, Output::Keep(_) | Output::Forget);
    assert_eq!(outputs.iter().find(touches), None);
    assert!(!sent(&outputs).iter().any(|line| line.contains("typed")), "{outputs:?}");
}

#[test]
fn what_a_pipe_could_not_say_is_not_kept() {
    let mut model = member(false, Keeps::Session, Recalled::Nothing);
    let outputs = model.handle(Input::Line("one".to_owned()), START);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Keep(_))), "{outputs:?}");
    model.handle(Input::Interrupt, START);
    let outputs = model.handle(Input::Disconnected("reset".to_owned()), START);
    let said = Output::Show(Show::Parting("1 line was not sent.".to_owned()));
    assert_eq!(outputs, [said, kept(vec![]), Output::Exit(Exit::Refused)]);
}

#[test]
fn whose_place_was_taken_over_does_not_take_it_back() {
    for code in ["replaced", "taken-over"] {
        let mut model = member(true, Keeps::All, Recalled::Nothing);
        let outputs = model.handle(closing(code), START);
        assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)), "{code}");
        assert!(outputs.contains(&Output::Forget));
    }
}
