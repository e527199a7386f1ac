//! Whatever a server sends and whatever keys are pressed meanwhile: the client decides, shows and
//! draws without falling over, and draws nothing but text.
//!
//! `PROPTEST_CASES=100000 cargo test --release fuzz` tries more than the usual 64.

use std::fmt;
use std::time::Duration;

use chatroom::clean;
use chatroom::wire::Framer;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use crate::link::{MOST_LINE_BYTES, understand};
use crate::model::{Input, Kept, Model, Output, Settings};
use crate::palette::Colours;
use crate::screen::{Look, Screen, Wish};

/// One thing that happens to the client.
#[derive(Debug, Clone)]
enum Step {
    Bytes(Bytes),
    Key(KeyCode, KeyModifiers),
    Paste(String),
    Draw(u16, u16),
    /// The connection is gone.
    Lost,
    Recalled(bool),
    Seconds(u64),
}

/// Bytes that are shown as text where a test fails.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Text as a hostile server would choose it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,40}",
        2 => "\\PC{0,20}",
        1 => any::<String>(),
        2 => select(vec![
            "\x1b]0;owned\x07\x1b[2J\x1b[?1049l", "\u{9b}31m\u{90}x\u{9c}", "\u{202e}evil\u{2066}",
            "\u{200b}\u{feff}\u{2028}\u{2029}\u{85}", "全角の名前だけ", "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪1️⃣", "ann: psst",
            "\r\n\t\0\x08\x7f", "https://example.org/\u{7}\x1b\\x", "(http://a)b)c", "\u{1160}\u{3164}",
            "ﷺ\u{0e33}\u{0b95}\u{0bbf}", "lobby", "ann", "2026-11-22T21:04:05.123Z",
            "-009999-01-02T01:59:59Z", "9999-12-30T22:00:00.999999999Z",
        ]).prop_map(str::to_owned),
        1 => (1_usize..4096).prop_map(|count| "a".to_owned() + &"\u{301}".repeat(count)),
        1 => (1_usize..300).prop_map(|count| "全".repeat(count)),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0_u64..50).prop_map(Value::from),
        2 => select(vec![0, 1, u64::from(u32::MAX), i64::MAX as u64, u64::MAX - 1, u64::MAX])
            .prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
    ]
}

/// What has all fields of all records and answers, under a type of its own.
fn event(kinds: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let words = (text(), text(), text(), prop::collection::vec(text(), 0..4));
    let numbers = prop::collection::vec(number(), 7);
    (select(kinds), words, numbers, any::<bool>(), any::<bool>(), 0_u8..3).prop_map(
        |(kind, (name, said, time, users), numbers, flag, other, id)| {
            let code = match (flag, other) {
                (true, true) => "removed",
                (true, false) => "busy",
                (false, true) => "password-needed",
                (false, false) => "password-wrong",
            };
            let mut event = json!({
                "type": kind, "room": "lobby", "epoch": 1, "seq": numbers[0], "time": time,
                "replayed": flag, "name": name, "text": said, "how": "quit", "reason": name,
                "targets": [numbers[1]], "from": numbers[2], "to": numbers[3], "users": users,
                "code": code, "message": said, "retry_after_seconds": numbers[1],
                "protocol": 1, "topic": said, "next": numbers[4], "token": "t", "resumed": other,
                "more": other,
                "limits": { "message_bytes": numbers[5], "silence_seconds": numbers[6] },
            });
            if kind == "renamed" {
                (event["name"], event["to"]) =
                    (if flag { "ann".into() } else { name.into() }, said.into());
            } else if kind == "direct" {
                (event["from"], event["to"]) = (name.into(), said.into());
            }
            match id {
                0 => event["id"] = "older".into(),
                1 => event["id"] = format!("t-{}", numbers[1]).into(),
                _ => {}
            }
            event
        },
    )
}

const RECORDS: &[&str] =
    &["message", "action", "joined", "left", "notice", "topic", "renamed", "redacted"];
const ALL: &[&str] = &[
    "welcome",
    "message",
    "action",
    "joined",
    "left",
    "notice",
    "topic",
    "renamed",
    "info",
    "redacted",
    "history",
    "direct",
    "who",
    "gap",
    "refused",
    "pong",
    "closing",
    "something-new",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let broken = (whole_line(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    prop_oneof![
        8 => whole_line(),
        2 => broken.prop_map(|(mut line, at, byte, cuts)| {
            let at = at.index(line.len());
            if cuts { line.truncate(at) } else { line[at] = byte }
            line
        }),
        1 => text().prop_map(|text| format!("[SERVER]: {text}\r\n").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn whole_line() -> impl Strategy<Value = Vec<u8>> {
    let records = prop::collection::vec(event(RECORDS), 0..4);
    (event(ALL), records).prop_map(|(mut event, records)| {
        event["records"] = records.into();
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        line
    })
}

fn step() -> impl Strategy<Value = Step> {
    let keys = vec![
        KeyCode::Enter,
        KeyCode::Tab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Backspace,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Esc,
        KeyCode::F(1),
        KeyCode::F(2),
        KeyCode::Char('a'),
        KeyCode::Char('r'),
        KeyCode::Char('全'),
        KeyCode::Char(' '),
        KeyCode::Char('/'),
    ];
    let modifiers = select(vec![KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT]);
    let width = prop_oneof![1_u16..6, Just(20), Just(80), Just(300)];
    prop_oneof![
        10 => line().prop_map(|line| Step::Bytes(Bytes(line))),
        4 => (select(keys), modifiers).prop_map(|(key, modifiers)| Step::Key(key, modifiers)),
        1 => text().prop_map(Step::Paste),
        3 => (width, 1_u16..30).prop_map(|(width, height)| Step::Draw(width, height)),
        1 => Just(Step::Lost),
        1 => any::<bool>().prop_map(Step::Recalled),
        1 => (0_u64..100).prop_map(Step::Seconds),
    ]
}

/// The client without the terminal and the network.
struct Client {
    model: Model,
    screen: Screen,
    framer: Framer,
    now: Duration,
}

impl Client {
    fn new() -> Client {
        let settings = Settings {
            password: None,
            is_private: true,
            address: "host:53000".to_owned(),
            name: Some("ann".to_owned()),
            default_name: None,
            attempts: 0,
            interactive: true,
            keeps_session: true,
            tag: "t".to_owned(),
        };
        let look = Look { colours: Colours::Many, links: true, bell: true, zone: TimeZone::UTC };
        let mut client = Client {
            model: Model::new(settings).0,
            screen: Screen::new(look),
            framer: Framer::new(MOST_LINE_BYTES),
            now: Duration::ZERO,
        };
        // As most of what happens is of somebody who is there.
        client.take(Input::Recalled(None));
        client.take(Input::Connected);
        client
    }

    fn time(&self) -> Timestamp {
        Timestamp::constant(1_795_381_445, 0) + self.now
    }

    fn take(&mut self, input: Input) {
        let now = self.time();
        for output in self.model.handle(input, self.now) {
            if let Output::Show(show) = output {
                self.screen.show(&show, now);
            }
        }
        let _ = (self.model.deadline(), self.model.wants_input(), self.screen.take_alert());
    }

    fn event(&mut self, event: &Event) {
        for wish in self.screen.handle(event, self.time()) {
            match wish {
                Wish::Line(line) => self.take(Input::Line(line)),
                Wish::Say(text) => self.take(Input::Say(text)),
                Wish::Password(password) => self.take(Input::Password(password)),
                _ => {}
            }
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Bytes(Bytes(bytes)) => {
                let mut frames = Vec::new();
                self.framer.push(&bytes, &mut frames);
                frames.iter().filter_map(understand).for_each(|input| self.take(input));
            }
            Step::Key(key, modifiers) => self.event(&Event::Key(KeyEvent::new(key, modifiers))),
            Step::Paste(text) => self.event(&Event::Paste(text)),
            Step::Draw(width, height) => self.draw(width, height),
            Step::Lost => {
                self.framer = Framer::new(MOST_LINE_BYTES);
                self.take(Input::Disconnected("it was reset".to_owned()));
                self.now += Duration::from_secs(60);
                self.take(Input::Tick);
                self.take(Input::Connected);
            }
            Step::Recalled(any) => self.take(Input::Recalled(any.then(Kept::default))),
            Step::Seconds(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.take(Input::Tick);
            }
        }
    }

    fn draw(&mut self, width: u16, height: u16) {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let (now, connection) = (self.time(), self.model.connection(self.now));
        terminal.draw(|frame| self.screen.draw(frame, connection, now)).unwrap();
        if self.screen.take_wants_older() {
            self.take(Input::Older);
        }
        for cell in &terminal.backend().buffer().content {
            let text = without_link(cell.symbol());
            assert!(!text.contains(clean::is_unsafe), "{:?}", cell.symbol());
            assert!(text.len() <= 64 * usize::from(width), "{} bytes in a cell", text.len());
        }
    }
}

/// What is seen of a cell that is a link. Nothing but the client's own way to make one is taken for
/// that.
fn without_link(symbol: &str) -> &str {
    let inside = || {
        let (target, rest) = symbol.strip_prefix("\x1b]8;id=")?.split_once("\x1b\\")?;
        let is_plain = target.bytes().all(|byte| byte.is_ascii_graphic());
        rest.strip_suffix("\x1b]8;;\x1b\\").filter(|_| is_plain)
    };
    inside().unwrap_or(symbol)
}

proptest! {
    #![proptest_config(ProptestConfig {
        // The variable PROPTEST_CASES counts more.
        cases: 64,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn fuzz_the_client(steps in prop::collection::vec(step(), 1..60)) {
        let mut client = Client::new();
        for step in steps {
            client.step(step);
        }
        client.draw(80, 24);
    }
}
