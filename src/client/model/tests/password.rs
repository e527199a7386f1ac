//! Giving a password.

use chatroom::secret::Secret;

use super::*;

fn password(text: &str) -> Option<Secret> {
    Some(Secret::new(text.to_owned()))
}

fn hello_with(password: Option<Secret>) -> Output {
    let name = "ann".to_owned();
    Output::Send(JsonRequest::Hello {
        protocol: PROTOCOL,
        name,
        resume: None,
        password,
        hold: false,
    })
}

/// A client whose name needs a password.
fn asked(settings: Settings) -> (Model, Vec<Output>) {
    let (mut model, _) = Model::new(settings);
    assert_eq!(model.handle(Input::Connected, START), [hello_with(None)]);
    let outputs = model.handle(refused(None, "password-needed"), START);
    (model, outputs)
}

#[test]
fn a_password_is_asked_for_and_given_only_where_it_is_needed() {
    let (mut model, outputs) = asked(settings(true));
    let ask = || Output::Show(Show::AskPassword { name: "ann".to_owned() });
    assert_eq!(outputs, [ask()]);
    let outputs = model.handle(Input::Password(Secret::new("wrong".to_owned())), START);
    assert_eq!(outputs, [hello_with(password("wrong"))]);
    let outputs = model.handle(refused(None, "password-wrong"), START);
    assert_eq!(outputs.last(), Some(&ask()));
    model.handle(Input::Line("right".to_owned()), START);
    model.handle(welcome(), START);
    // A reconnecting client has the token, and sends the password only if that is not enough.
    model.handle(Input::Disconnected("gone".to_owned()), START);
    model.handle(Input::Tick, at(2));
    let outputs = model.handle(Input::Connected, at(2));
    assert!(!format!("{outputs:?}").contains("(secret)"), "{outputs:?}");
    let outputs = model.handle(refused(None, "password-needed"), at(2));
    assert!(
        matches!(&outputs[..], [Output::Send(JsonRequest::Hello { password: Some(_), .. })]),
        "{outputs:?}"
    );
}

#[test]
fn an_answer_is_a_password_even_if_the_connection_is_lost() {
    let (mut model, _) = asked(settings(true));
    assert!(model.is_secret());
    let outputs = model.handle(Input::Disconnected("gone".to_owned()), START);
    assert_eq!(outputs, [Output::Disconnect]);
    assert!(model.is_secret());
    let given = Input::Password(Secret::new("correct horse".to_owned()));
    assert_eq!(model.handle(given, START), [Output::Connect]);
    assert_eq!(model.handle(Input::Connected, START), [hello_with(password("correct horse"))]);
    // Lines that are typed before the answer comes are not sent.
    assert!(model.is_secret());
    let typed = Input::Password(Secret::new("horse".to_owned()));
    assert_eq!(model.handle(typed, START), []);
    model.handle(welcome(), START);
    assert!(!model.is_secret());
}

#[test]
fn another_name_does_not_get_the_password_of_the_first() {
    let (mut model, _) = asked(settings(true));
    model.handle(Input::Password(Secret::new("correct horse".to_owned())), START);
    model.handle(refused(None, "password-wrong"), START);
    model.handle(Input::Password(Secret::new("correct".to_owned())), START);
    model.handle(refused(None, "name-taken"), START);
    model.handle(Input::Line("bo".to_owned()), START);
    let outputs = model.handle(refused(None, "password-needed"), START);
    assert_eq!(outputs, [Output::Show(Show::AskPassword { name: "bo".to_owned() })]);
}

#[test]
fn a_password_does_not_go_over_a_network_that_others_read() {
    let (_, outputs) = asked(Settings {
        password: password("correct horse"),
        is_private: false,
        ..settings(true)
    });
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)));
    assert!(outputs.iter().all(|output| !matches!(output, Output::Send(_))), "{outputs:?}");
}

#[test]
fn a_pipe_gives_the_password_of_its_file_and_no_other() {
    let (mut model, outputs) =
        asked(Settings { password: password("correct horse"), ..settings(false) });
    assert_eq!(outputs, [hello_with(password("correct horse"))]);
    let outputs = model.handle(refused(None, "password-wrong"), START);
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)));
    let (_, outputs) = asked(settings(false));
    assert_eq!(outputs.last(), Some(&Output::Exit(Exit::Refused)));
}
