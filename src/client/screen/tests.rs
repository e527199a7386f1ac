use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Cell, CellDiffOption};
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::model::Connection;

const NOW: Timestamp = Timestamp::constant(1_795_381_445, 0);
const JOINED: Connection = Connection::Joined { round_trip: Some(Duration::from_micros(2100)) };

struct Fixture {
    screen: Screen,
    connection: Connection,
    now: Timestamp,
}

fn time_at(minute: i64) -> String {
    (NOW + jiff::SignedDuration::from_mins(minute)).to_string()
}

impl Fixture {
    fn new() -> Fixture {
        let look = Look { colours: Colours::Sixteen, links: true, bell: true, zone: TimeZone::UTC };
        let mut screen = Screen::new(look);
        let users = ["ann", "Bo", "cy"].map(str::to_owned).to_vec();
        let (room, topic, name) = ("lobby".to_owned(), String::new(), "ann".to_owned());
        screen.show(&Show::Here { room, topic, name, users }, NOW);
        Fixture { screen, connection: JOINED, now: NOW }
    }

    fn show(&mut self, show: &Show) {
        self.screen.show(show, self.now);
    }

    fn hear(&mut self, name: &str, text: &str) {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.show(&Show::Message { time: time_at(0), earlier: false, name, text });
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Vec<Wish> {
        self.screen.handle(&Event::Key(KeyEvent::new(code, modifiers)), self.now)
    }

    fn press(&mut self, code: KeyCode) -> Vec<Wish> {
        self.key(code, KeyModifiers::NONE)
    }

    fn type_in(&mut self, text: &str) {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
    }

    fn terminal(&mut self, width: u16, height: u16) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let (connection, now) = (self.connection, self.now);
        terminal.draw(|frame| self.screen.draw(frame, connection, now)).unwrap();
        terminal
    }

    /// The rows as they are drawn, without the space at their ends.
    fn rows(&mut self, width: u16, height: u16) -> Vec<String> {
        let terminal = self.terminal(width, height);
        let buffer = terminal.backend().buffer();
        let row = |y| {
            let mut row = String::new();
            let mut x = 0;
            while x < width {
                let symbol = buffer[(x, y)].symbol();
                row.push_str(symbol);
                x += (unicode_width::UnicodeWidthStr::width(symbol) as u16).max(1);
            }
            row.trim_end().to_owned()
        };
        (0..height).map(row).collect()
    }

    /// Compares what is drawn, and shows it in a box where it is not as expected.
    #[track_caller]
    fn check(&mut self, width: u16, expect: &[&str]) {
        let rows = self.rows(width, expect.len() as u16);
        let line = "─".repeat(width.into());
        assert!(rows == expect, "\n┌{line}\n│{}\n└{line}", rows.join("\n│"));
    }
}

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
    fixture.check(20, &["", "Bo good evening to", "   everybody", " ann in lobby · con…", ">"]);
}

#[test]
fn comings_and_goings_are_one_row() {
    let mut fixture = Fixture::new();
    let time = time_at(0);
    for name in ["di", "ed", "flo", "gus"] {
        let (time, name) = (time.clone(), name.to_owned());
        fixture.show(&Show::Joined { time, earlier: false, name });
    }
    let (name, what) = ("Bo".to_owned(), "lost the connection".to_owned());
    fixture.show(&Show::Left { time, earlier: false, name, what });
    let rows = fixture.rows(70, 3);
    assert_eq!(rows[0], "21:04           -- di, ed and 2 others joined; Bo lost the connection");
    assert_eq!(rows[1], " ann in lobby · connected, 3 ms · 6 here                      F1 help");
}

#[test]
fn what_one_says_is_marked_until_it_is_stored() {
    let mut fixture = Fixture::new();
    fixture.type_in("hi there");
    assert_eq!(fixture.press(KeyCode::Enter), [Wish::Line("hi there".to_owned())]);
    let (id, text) = ("t-1".to_owned(), "hi there".to_owned());
    fixture.show(&Show::Said { id: id.clone(), to: None, action: false, text });
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
fn scrolled_up_one_stays_and_sees_what_is_below() {
    let mut fixture = Fixture::new();
    for number in 1..=20 {
        fixture.hear("Bo", &format!("line {number}"));
    }
    assert_eq!(fixture.rows(40, 6)[0], "21:04 Bo line 17");
    fixture.press(KeyCode::PageUp);
    let before = fixture.rows(40, 6);
    assert_eq!(before[0], "21:04 Bo line 14");
    assert!(before[4].starts_with(" ↓ 3 below"), "{before:?}");
    fixture.hear("cy", "new");
    let after = fixture.rows(40, 6);
    assert_eq!(after[..4], before[..4]);
    assert!(after[4].starts_with(" ↓ 4 below"), "{after:?}");
    fixture.key(KeyCode::Home, KeyModifiers::CONTROL);
    assert_eq!(fixture.rows(40, 6)[0], "21:04 Bo line 1");
    for _ in 0..7 {
        fixture.press(KeyCode::PageDown);
    }
    let end = fixture.rows(40, 6);
    assert_eq!(end[2..4], ["── new ─────────────────────────────────", "21:04 cy new"]);
    fixture.press(KeyCode::Esc);
    assert_eq!(fixture.rows(40, 6)[2..4], ["21:04 Bo line 20", "21:04 cy new"]);
}

#[test]
fn days_and_what_was_earlier_are_told_apart() {
    let mut fixture = Fixture::new();
    let (name, text) = ("Bo".to_owned(), "yesterday".to_owned());
    fixture.show(&Show::Message { time: time_at(-24 * 60), earlier: true, name, text });
    fixture.hear("Bo", "today");
    fixture.check(
        42,
        &[
            "21:04 Bo yesterday",
            "── Sunday, 22 November 2026 ──────────────",
            "── that was earlier ──────────────────────",
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
    assert_eq!(fixture.screen.take_alert(), alert(None), "one sees it");
}

#[test]
fn many_lines_are_asked_for_and_several_are_said_as_they_are() {
    let mut fixture = Fixture::new();
    let pasted: Vec<String> = (1..=20).map(|line| format!("/line {line}")).collect();
    let paste = Event::Paste(pasted.join("\r\n"));
    fixture.screen.handle(&paste, NOW);
    assert_eq!(fixture.press(KeyCode::Enter), []);
    let rows = fixture.rows(60, 12);
    assert!(rows.contains(&" Send 20 lines? Enter does, Ctrl-C drops them.".to_owned()));
    fixture.press(KeyCode::Left);
    assert_eq!(fixture.press(KeyCode::Enter), [], "another key means no");
    let said: Vec<Wish> = pasted.into_iter().map(Wish::Say).collect();
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
    assert_eq!(fixture.press(KeyCode::Enter), [Wish::Line("so one three".to_owned())]);
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
    assert_eq!(fixture.press(KeyCode::Enter), [Wish::Line("/history 5".to_owned())]);
    assert_eq!(fixture.key(KeyCode::Char('d'), KeyModifiers::CONTROL), [Wish::End]);
    assert_eq!(fixture.key(KeyCode::Char('c'), KeyModifiers::CONTROL), [Wish::Interrupt]);
    assert_eq!(fixture.key(KeyCode::Char('z'), KeyModifiers::CONTROL), [Wish::Suspend]);
}

#[test]
fn what_was_typed_is_searched() {
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
    assert_eq!(fixture.rows(40, 3)[2], "search: TEa > drink tea", "which still fits");
    search(&mut fixture);
    search(&mut fixture);
    assert_eq!(fixture.rows(40, 3)[2], "search: TEa > make tea");
    fixture.type_in("x");
    assert_eq!(fixture.rows(46, 3)[2], "search: nothing with TEax > make tea");
    fixture.press(KeyCode::Backspace);
    assert_eq!(fixture.rows(40, 3)[2], "search: TEa > drink tea");
    fixture.key(KeyCode::Char('g'), KeyModifiers::CONTROL);
    assert_eq!(fixture.rows(40, 3)[2], "> being typed");
    search(&mut fixture);
    fixture.type_in("make");
    assert_eq!(fixture.press(KeyCode::Enter), [Wish::Line("make tea".to_owned())]);
    assert_eq!(fixture.rows(40, 3)[2], ">");
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
    fixture.screen.look.links = false;
    assert_eq!(
        fixture.rows(30, 4)[..2],
        ["Bo see (https://example.org/so", "   mewhere), all"],
        "it is text like any other"
    );
}

#[test]
fn what_is_left_of_joined_characters_is_drawn_over() {
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
    assert_eq!(fixture.key(KeyCode::Char('c'), KeyModifiers::CONTROL), [Wish::Interrupt]);
    fixture.press(KeyCode::Up);
    assert_eq!(fixture.rows(40, 3)[2], "> not this");
}

#[test]
fn a_name_is_asked_for_where_one_types() {
    let look = Look { colours: Colours::None, links: true, bell: true, zone: TimeZone::UTC };
    let mut fixture = Fixture::new();
    fixture.screen = Screen::new(look);
    fixture.connection = Connection::Naming;
    fixture.show(&Show::AskName { default: Some("root".to_owned()) });
    fixture.check(30, &["", " who are you?         F1 help", "Your name [root]:"]);
    assert_eq!(fixture.press(KeyCode::Enter), [Wish::Line(String::new())]);
}

#[test]
fn whatever_a_server_sends_only_text_is_drawn() {
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
fn what_is_older_is_asked_for_at_the_top_and_put_above() {
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
    assert_eq!(after[0], "21:04 Bo line 8", "one goes on up, past a mark, by what was to go");
    assert!(!fixture.screen.take_wants_older());
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
