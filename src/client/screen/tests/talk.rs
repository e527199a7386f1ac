//! Tests of drawing the talk.

use chatroom::room::Departure;

use super::*;

#[test]
fn talk_is_wrapped_under_itself() {
    let mut fixture = Fixture::new();
    fixture.hear("Bo", "good evening to everybody who is here, and to those who read this later");
    fixture.hear("cy", "hi");
    fixture.check(
        80,
        &[
            "                                                            │ 3 here",
            "21:04           Bo good evening to everybody who is here,   │ ann",
            "                   and to those who read this later         │ Bo",
            "21:04           cy hi                                       │ cy",
            " ann in lobby · connected, 3 ms · 3 here                                F1 help",
            ">",
        ],
    );
}

#[test]
fn a_narrow_screen_has_no_columns() {
    let mut fixture = Fixture::new();
    fixture.hear("Bo", "good evening to everybody");
    // Of the state, how the connection is comes first.
    fixture.check(20, &["", "Bo good evening to", "   everybody", " connected, 3 ms · …", ">"]);
}

#[test]
fn comings_and_goings_are_one_row() {
    let mut fixture = Fixture::new();
    let time = time_at(0);
    for name in ["di", "ed", "flo", "gus"] {
        let (time, name) = (time.clone(), name.to_owned());
        fixture.show(&Show::Joined { time, earlier: false, name });
    }
    let (name, how) = ("Bo".to_owned(), Departure::Lost);
    fixture.show(&Show::Left { time, earlier: false, name, how });
    let rows = fixture.rows(70, 3);
    assert_eq!(rows[0], "21:04           -- di, ed and 2 others joined; Bo lost the connection");
    assert_eq!(rows[1], " ann in lobby · connected, 3 ms · 6 here                      F1 help");
}

#[test]
fn a_user_who_comes_and_goes_counts_once() {
    let mut fixture = Fixture::new();
    for name in ["di", "Di", "ed", "di"] {
        let (time, earlier) = (time_at(0), false);
        fixture.show(&Show::Joined { time: time.clone(), earlier, name: name.to_owned() });
        let (name, how) = (name.to_owned(), Departure::Quit);
        fixture.show(&Show::Left { time, earlier, name, how });
    }
    assert_eq!(fixture.rows(70, 3)[0], "21:04           -- di and ed joined; di and ed left");
}

#[test]
fn own_messages_stand_where_all_members_have_them() {
    let mut fixture = Fixture::new();
    let said = |id: &str, text: &str| {
        let (id, text) = (id.to_owned(), text.to_owned());
        Show::Own { id, to: None, action: false, text }
    };
    let stored = |id: &str| Show::Stored { id: id.to_owned(), time: Some(time_at(0)) };
    let talk = |fixture: &mut Fixture| fixture.rows(40, 7)[..5].join(", ").replace("21:04 ", "");
    fixture.hear("Bo", "zero");
    fixture.show(&said("1", "one"));
    fixture.show(&said("2", "two"));
    fixture.hear("Bo", "before one");
    assert_eq!(talk(&mut fixture), ", Bo zero, ann one, ann two, Bo before one");
    fixture.show(&stored("1"));
    assert_eq!(talk(&mut fixture), ", Bo zero, ann two, Bo before one, ann one");
    fixture.hear("Bo", "between");
    fixture.show(&stored("2"));
    assert_eq!(talk(&mut fixture), "Bo zero, Bo before one, ann one, Bo between, ann two");
}

#[test]
fn own_messages_are_marked_until_they_are_stored() {
    let mut fixture = Fixture::new();
    fixture.type_in("hi there");
    assert_eq!(fixture.press(KeyCode::Enter), [UiAction::Line("hi there".to_owned())]);
    let (id, text) = ("t-1".to_owned(), "hi there".to_owned());
    fixture.show(&Show::Own { id: id.clone(), to: None, action: false, text });
    let is_dim = |fixture: &mut Fixture| {
        let terminal = fixture.terminal(40, 3);
        let cell = &terminal.backend().buffer()[(12, 0)];
        cell.modifier.contains(ratatui::style::Modifier::DIM)
    };
    assert!(is_dim(&mut fixture));
    assert_eq!(fixture.rows(40, 3)[0], "21:04 ann hi there");
    assert_eq!(fixture.screen.changes_in(fixture.now), Some(PATIENCE));
    fixture.now += jiff::SignedDuration::from_secs(3);
    assert_eq!(fixture.rows(40, 3)[0], "21:04 ann hi there (not sent yet)");
    assert_eq!(fixture.screen.changes_in(fixture.now), None);
    fixture.show(&Show::Stored { id, time: Some(time_at(1)) });
    assert_eq!(fixture.rows(40, 3)[0], "21:05 ann hi there");
    assert!(!is_dim(&mut fixture));
}

#[test]
fn scrolling_up_shows_how_much_is_below() {
    let mut fixture = Fixture::new();
    for number in 1..=20 {
        fixture.hear("Bo", &format!("line {number}"));
    }
    assert_eq!(fixture.rows(40, 6)[0], "21:04 Bo line 17");
    fixture.press(KeyCode::PageUp);
    let before = fixture.rows(40, 6);
    assert_eq!(before[0], "21:04 Bo line 14");
    assert!(before[4].starts_with(" ↓ 3 below"), "{before:?}");
    fixture.hear("cy", "new, Ann");
    let after = fixture.rows(40, 6);
    assert_eq!(after[..4], before[..4]);
    assert!(after[4].starts_with(" ↓ 4 below, 1 for you"), "{after:?}");
    fixture.key(KeyCode::Home, KeyModifiers::CONTROL);
    assert_eq!(fixture.rows(40, 6)[0], "21:04 Bo line 1");
    for _ in 0..7 {
        fixture.press(KeyCode::PageDown);
    }
    let end = fixture.rows(40, 6);
    assert_eq!(end[2..4], ["── new ─────────────────────────────────", "21:04 !cy new, Ann"]);
    fixture.press(KeyCode::Esc);
    assert_eq!(fixture.rows(40, 6)[2..4], ["21:04 Bo line 20", "21:04 !cy new, Ann"]);
}

#[test]
fn days_and_earlier_messages_are_separated() {
    let mut fixture = Fixture::new();
    let (name, text) = ("Bo".to_owned(), "yesterday".to_owned());
    fixture.show(&Show::Message { time: time_at(-24 * 60), earlier: true, name, text });
    fixture.hear("Bo", "today");
    fixture.check(
        42,
        &[
            "21:04 Bo yesterday",
            "── Sunday, 22 November 2026 ──────────────",
            "── earlier messages end here ─────────────",
            "21:04 Bo today",
            " ann in lobby · connected, 3 ms · 3 here",
            ">",
        ],
    );
}

#[test]
fn a_mention_is_a_word_and_rings_the_bell_once() {
    let mut fixture = Fixture::new();
    fixture.hear("Bo", "anniversary");
    assert_eq!(fixture.screen.take_alert(), None);
    fixture.hear("Bo", "hello Ann!");
    let alert = |text: Option<&str>| Some(Alert { bell: true, text: text.map(str::to_owned) });
    assert_eq!(fixture.screen.take_alert(), alert(Some("Bo: hello Ann!")));
    assert_eq!(fixture.screen.take_alert(), None);
    assert_eq!(fixture.rows(42, 3)[0], "21:04 !Bo hello Ann!");
    fixture.hear("ann", "ann said it herself");
    assert_eq!(fixture.screen.take_alert(), None);
    fixture.screen.handle(&Event::FocusGained, NOW);
    fixture.hear("Bo", "ann?");
    assert_eq!(fixture.screen.take_alert(), alert(None), "the user sees it");
}

#[test]
fn a_link_leads_somewhere_on_each_of_its_rows() {
    let mut fixture = Fixture::new();
    fixture.hear("Bo", "see (https://example.org/somewhere), all");
    let terminal = fixture.terminal(30, 4);
    let buffer = terminal.backend().buffer();
    let links: Vec<&str> =
        buffer.content.iter().map(Cell::symbol).filter(|symbol| symbol.len() > 20).collect();
    let part = |text: &str| {
        let id = 1_u64 << 40;
        format!("\x1b]8;id={id};https://example.org/somewhere\x1b\\{text}\x1b]8;;\x1b\\")
    };
    assert_eq!(links, [part("https://example.org/so"), part("mewhere")]);
    fixture.screen.appearance.links = false;
    assert_eq!(
        fixture.rows(30, 4)[..2],
        ["Bo see (https://example.org/so", "   mewhere), all"],
        "it is text like any other"
    );
}

#[test]
fn only_text_is_drawn_whatever_a_server_sends() {
    let mut fixture = Fixture::new();
    let marks = format!("a{}b", "\u{301}".repeat(4096));
    for text in ["\x1b]0;owned\x07\x1b[2J", "\u{202e}evil\u{2066}", &marks, "", "\u{feff}\u{200b}"]
    {
        fixture.hear(text, text);
        fixture.hear("全角文字名前長い全角文字名前長い", text);
    }
    for (width, height) in [(1, 1), (2, 2), (20, 5), (80, 24), (300, 100)] {
        let rows = fixture.rows(width, height);
        let is_harmful = |c: char| chatroom::clean::is_unsafe(c);
        assert!(rows.iter().all(|row| !row.contains(is_harmful)), "{rows:?}");
    }
}

#[test]
fn older_messages_are_loaded_at_the_top() {
    let mut fixture = Fixture::new();
    for number in 11..=20 {
        fixture.hear("Bo", &format!("line {number}"));
    }
    fixture.rows(40, 6);
    fixture.press(KeyCode::PageUp);
    assert!(!fixture.screen.take_wants_older());
    fixture.key(KeyCode::Home, KeyModifiers::CONTROL);
    let before = fixture.rows(40, 6);
    assert!(fixture.screen.take_wants_older());
    let older = (1..=10).map(|number| {
        let (name, text) = ("Bo".to_owned(), format!("line {number}"));
        Show::Message { time: time_at(0), earlier: true, name, text }
    });
    fixture.show(&Show::Older(older.collect()));
    let after = fixture.rows(40, 6);
    assert_eq!(before[0], "21:04 Bo line 11");
    assert_eq!(after[0], "21:04 Bo line 8", "scrolling continues, past a mark");
    assert!(!fixture.screen.take_wants_older());
}

#[test]
fn an_ignored_user_is_not_shown() {
    let mut fixture = Fixture::new();
    let is_shown = |fixture: &mut Fixture, text: &str| {
        fixture.rows(60, 12).iter().any(|row| row.contains(text))
    };
    fixture.type_in("/ignore BO");
    fixture.press(KeyCode::Enter);
    assert!(is_shown(&mut fixture, "Messages from BO are hidden from now on."));
    fixture.hear("Bo", "can you hear me?");
    fixture.hear("cy", "I can");
    assert!(!is_shown(&mut fixture, "can you hear me?") && is_shown(&mut fixture, "I can"));
    fixture.type_in("/ignore bo");
    fixture.press(KeyCode::Enter);
    fixture.hear("Bo", "and now?");
    assert!(
        is_shown(&mut fixture, "Messages from bo are shown again.")
            && is_shown(&mut fixture, "and now?")
    );
    fixture.type_in("/ignore");
    fixture.press(KeyCode::Enter);
    assert!(is_shown(&mut fixture, "Usage: /ignore NAME"));
    fixture.press(KeyCode::Esc);
    fixture.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    fixture.type_in("/clear");
    fixture.press(KeyCode::Enter);
    assert!(!is_shown(&mut fixture, "and now?"), "nothing from before is shown");
    fixture.hear("Bo", "still here");
    assert!(is_shown(&mut fixture, "still here"));
}

#[test]
fn the_wheel_scrolls_as_the_keys_do() {
    let mut fixture = Fixture::new();
    (0..40).for_each(|number| fixture.hear("Bo", &format!("line {number}.")));
    let is_shown = |fixture: &mut Fixture, number: usize| {
        let text = format!("line {number}.");
        fixture.rows(60, 12).iter().any(|row| row.contains(&text))
    };
    assert!(is_shown(&mut fixture, 39));
    let wheel = |fixture: &mut Fixture, kind| {
        let modifiers = KeyModifiers::NONE;
        let event = Event::Mouse(MouseEvent { kind, column: 1, row: 1, modifiers });
        assert_eq!(fixture.screen.handle(&event, fixture.now), []);
    };
    (0..4).for_each(|_| wheel(&mut fixture, MouseEventKind::ScrollUp));
    assert!(!is_shown(&mut fixture, 39) && is_shown(&mut fixture, 25));
    (0..5).for_each(|_| wheel(&mut fixture, MouseEventKind::ScrollDown));
    assert!(is_shown(&mut fixture, 39));
}

#[test]
fn messages_that_come_in_the_background_are_below_a_line() {
    let mut fixture = Fixture::new();
    fixture.hear("Bo", "seen");
    fixture.rows(40, 10);
    assert_eq!(fixture.screen.handle(&Event::FocusLost, NOW), []);
    fixture.hear("Bo", "unseen");
    let rows = fixture.rows(40, 10);
    let row = |text: &str| rows.iter().position(|row| row.contains(text)).unwrap();
    assert_eq!(row("unseen"), row("seen") + 2, "{rows:#?}");
    assert!(rows[row("seen") + 1].contains("new"), "{rows:#?}");
    assert_eq!(fixture.screen.handle(&Event::FocusGained, NOW), []);
}

#[test]
fn the_talk_is_bounded() {
    let mut fixture = Fixture::new();
    for number in 0..10_500 {
        fixture.hear("Bo", &format!("line {number}"));
    }
    fixture.rows(40, 6);
    fixture.key(KeyCode::Home, KeyModifiers::CONTROL);
    assert_eq!(fixture.rows(40, 6)[0], "21:04 Bo line 500");
    let long = "x".repeat(1 << 20);
    (0..40).for_each(|_| fixture.show(&Show::Status(long.clone())));
    assert!(fixture.screen.talk.len() < 17, "{} MiB", fixture.screen.talk.len());
}
