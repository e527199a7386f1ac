//! Tests of typing and its effects.

use super::*;

#[test]
fn many_lines_have_to_be_confirmed_and_are_sent_as_they_are() {
    let mut fixture = Fixture::new();
    let pasted: Vec<String> = (1..=20).map(|line| format!("/line {line}")).collect();
    let paste = Event::Paste(pasted.join("\r\n"));
    fixture.screen.handle(&paste, NOW);
    assert_eq!(fixture.press(KeyCode::Enter), []);
    let rows = fixture.rows(60, 12);
    assert!(rows.contains(&" Send 20 lines? Enter sends them, Ctrl-C drops them.".to_owned()));
    fixture.press(KeyCode::Left);
    assert_eq!(fixture.press(KeyCode::Enter), [], "another key means no");
    let said: Vec<UiAction> = pasted.into_iter().map(UiAction::Say).collect();
    assert_eq!(fixture.press(KeyCode::Enter), said);
}

#[test]
fn a_mistake_keeps_what_was_typed() {
    let mut fixture = Fixture::new();
    fixture.type_in("/wo");
    assert_eq!(fixture.press(KeyCode::Enter), []);
    let rows = fixture.rows(60, 4);
    assert!(rows[0].contains("There is no command /wo."), "{rows:?}");
    assert_eq!(rows[3], "> /wo");
    fixture.type_in("hello");
    assert_eq!(fixture.rows(60, 4)[3], "> hello", "typing replaces it");
    fixture.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    fixture.type_in("/wo");
    fixture.press(KeyCode::Enter);
    fixture.press(KeyCode::Left);
    fixture.type_in("h");
    assert_eq!(fixture.rows(60, 4)[3], "> /who", "moving the cursor keeps it");
}

#[test]
fn joined_characters_are_edited_as_one() {
    let mut fixture = Fixture::new();
    fixture.type_in("a👩‍🚀é👩‍🚀");
    fixture.press(KeyCode::Backspace);
    fixture.press(KeyCode::Left);
    fixture.press(KeyCode::Left);
    fixture.press(KeyCode::Delete);
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Line("aé".to_owned())]);
}

#[test]
fn the_cursor_of_the_terminal_is_in_the_input() {
    let mut fixture = Fixture::new();
    fixture.type_in("日本 x");
    fixture.press(KeyCode::Left);
    fixture.terminal(40, 3).backend_mut().assert_cursor_position((7, 2));
    fixture.key(KeyCode::Enter, KeyModifiers::ALT);
    fixture.terminal(40, 9).backend_mut().assert_cursor_position((2, 8));
}

#[test]
fn keys_edit_as_in_a_shell() {
    let mut fixture = Fixture::new();
    fixture.type_in("one two");
    fixture.key(KeyCode::Char('w'), KeyModifiers::CONTROL);
    fixture.type_in("three");
    fixture.key(KeyCode::Char('a'), KeyModifiers::CONTROL);
    fixture.type_in("so ");
    assert_eq!(fixture.rows(40, 3)[2], "> so one three");
    fixture.key(KeyCode::Char('k'), KeyModifiers::CONTROL);
    fixture.key(KeyCode::Char('_'), KeyModifiers::CONTROL);
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Line("so one three".to_owned())]);
    fixture.type_in("being typed");
    fixture.press(KeyCode::Up);
    assert_eq!(fixture.rows(40, 3)[2], "> so one three");
    fixture.press(KeyCode::Down);
    assert_eq!(fixture.rows(40, 3)[2], "> being typed");
    fixture.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    fixture.type_in("b");
    fixture.press(KeyCode::Tab);
    fixture.type_in("/not");
    assert_eq!(fixture.rows(40, 3)[2], "> Bo: /not");
    fixture.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    fixture.type_in("/hi");
    fixture.press(KeyCode::Tab);
    fixture.type_in("5");
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Line("/history 5".to_owned())]);
    assert_eq!(fixture.key(KeyCode::Char('d'), KeyModifiers::CONTROL), [UiAction::End]);
    assert_eq!(fixture.key(KeyCode::Char('c'), KeyModifiers::CONTROL), [UiAction::Interrupt]);
    assert_eq!(fixture.key(KeyCode::Char('z'), KeyModifiers::CONTROL), [UiAction::Suspend]);
}

#[test]
fn earlier_lines_are_searched() {
    let mut fixture = Fixture::new();
    for text in ["make tea", "drink tea", "and so on"] {
        fixture.type_in(text);
        fixture.press(KeyCode::Enter);
    }
    fixture.type_in("being typed");
    let search = |fixture: &mut Fixture| fixture.key(KeyCode::Char('r'), KeyModifiers::CONTROL);
    search(&mut fixture);
    fixture.type_in("TE");
    assert_eq!(fixture.rows(40, 3)[2], "search: TE > drink tea");
    fixture.type_in("a");
    assert_eq!(fixture.rows(40, 3)[2], "search: TEa > drink tea", "which still matches");
    search(&mut fixture);
    search(&mut fixture);
    assert_eq!(fixture.rows(40, 3)[2], "search: TEa > make tea");
    fixture.type_in("x");
    assert_eq!(fixture.rows(46, 3)[2], "search: no match for TEax > make tea");
    fixture.press(KeyCode::Backspace);
    assert_eq!(fixture.rows(40, 3)[2], "search: TEa > drink tea");
    fixture.key(KeyCode::Char('g'), KeyModifiers::CONTROL);
    assert_eq!(fixture.rows(40, 3)[2], "> being typed");
    search(&mut fixture);
    fixture.type_in("make");
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Line("make tea".to_owned())]);
    assert_eq!(fixture.rows(40, 3)[2], ">");
}

#[test]
fn remains_of_joined_characters_are_drawn_over() {
    let mut fixture = Fixture::new();
    let mut terminal = Terminal::new(TestBackend::new(40, 3)).unwrap();
    let mut drawn_whole = |fixture: &mut Fixture| {
        let screen = &mut fixture.screen;
        let frame = terminal.draw(|frame| screen.draw(frame, JOINED, NOW)).unwrap();
        frame.buffer[(30, 2)].diff_option == CellDiffOption::AlwaysUpdate
    };
    assert!(!drawn_whole(&mut fixture));
    fixture.type_in("an 👩‍🚀");
    assert!(drawn_whole(&mut fixture));
    fixture.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    assert!(drawn_whole(&mut fixture), "a terminal may have drawn it wider");
    assert!(!drawn_whole(&mut fixture));
}

#[test]
fn control_c_drops_what_was_typed_before_it_leaves() {
    let mut fixture = Fixture::new();
    fixture.type_in("not this");
    assert_eq!(fixture.key(KeyCode::Char('c'), KeyModifiers::CONTROL), []);
    assert_eq!(fixture.rows(40, 3)[2], ">");
    assert_eq!(fixture.key(KeyCode::Char('c'), KeyModifiers::CONTROL), [UiAction::Interrupt]);
    fixture.press(KeyCode::Up);
    assert_eq!(fixture.rows(40, 3)[2], "> not this");
}

#[test]
fn a_name_is_asked_for_in_the_input_line() {
    let appearance =
        Appearance { colours: Colours::None, links: true, bell: true, zone: TimeZone::UTC };
    let mut fixture = Fixture::new();
    fixture.screen = Screen::new(appearance);
    fixture.connection = ConnectionState::SigningIn;
    fixture.show(&Show::AskName { default: Some("root".to_owned()) });
    fixture.check(30, &["", " signing in           F1 help", "Your name [root]:"]);
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Line(String::new())]);
}

#[test]
fn a_password_is_not_seen_nor_remembered() {
    let mut fixture = Fixture::new();
    fixture.show(&Show::AskPassword { name: "ann".to_owned() });
    fixture.type_in("correct horse");
    assert_eq!(fixture.rows(40, 3)[2], format!("Password for ann: {}", "•".repeat(13)));
    fixture.key(KeyCode::Char('c'), KeyModifiers::CONTROL);
    fixture.press(KeyCode::Up);
    assert_eq!(fixture.rows(40, 3)[2], "Password for ann:");
    fixture.type_in("battery");
    let secret = Secret::new("battery".to_owned());
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Password(secret)]);
    let (room, name) = ("lobby".to_owned(), "ann".to_owned());
    fixture.show(&Show::Here { room, name, users: Vec::new() });
    fixture.press(KeyCode::Up);
    fixture.type_in("hello");
    assert_eq!(fixture.rows(40, 3)[2], "> hello");
}

#[test]
fn a_renamed_user_stays_the_same_person() {
    let mut fixture = Fixture::new();
    let renamed = |name: &str, to: &str| Show::Renamed {
        time: time_at(0),
        earlier: false,
        name: name.to_owned(),
        to: to.to_owned(),
    };
    fixture.show(&renamed("Bo", "Zoe"));
    fixture.show(&renamed("ann", "anna"));
    let rows = fixture.rows(80, 5);
    assert!(rows[4].starts_with('>') && rows[3].starts_with(" anna in lobby"), "{rows:?}");
    assert!(rows[1].contains("-- Bo is now called Zoe") && rows[1].ends_with("│ anna"), "{rows:?}");
}
