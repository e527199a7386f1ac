//! The client without terminal and network, for the tests and the fuzzer.

use std::fmt;
use std::time::Duration;

use chatroom::clean;
use chatroom::wire::Framer;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::decode::{MAX_LINE_BYTES, decode};
use crate::model::{Input, Loaded, Model, Output, Persistence, SavedSession, Settings};
use crate::palette::Colours;
use crate::screen::{Appearance, Screen, UiAction};

/// Keys that do something, and a few that write.
pub const KEYS: [KeyCode; 18] = [
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

pub const MODIFIERS: [KeyModifiers; 3] =
    [KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT];

/// An event that happens to the client.
#[derive(Debug, Clone)]
pub enum Step {
    Bytes(Bytes),
    Key(KeyCode, KeyModifiers),
    Paste(String),
    Draw(u16, u16),
    /// The connection is gone.
    Lost,
    Loaded(bool),
    Seconds(u64),
}

/// Bytes that are shown as text if a test fails.
#[derive(Clone)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// The steps of an input of the fuzzer, one on each line. The first byte of a line is the kind of the
/// step, the rest its details. Any other line comes from the server.
#[allow(dead_code, reason = "the fuzzer and the tests each use a part of this file")]
pub fn steps(data: &[u8]) -> impl Iterator<Item = Step> {
    data.split_inclusive(|&byte| byte == b'\n').flat_map(|line| {
        let inside = line.strip_suffix(b"\n").unwrap_or(line);
        match inside {
            [b'k', keys @ ..] => keys.iter().map(|&byte| key(byte)).collect(),
            [b'p', text @ ..] => vec![Step::Paste(String::from_utf8_lossy(text).into_owned())],
            // Larger terminals take long and show nothing new.
            &[b'd', width, height] => {
                vec![Step::Draw(1 + u16::from(width) % 128, 1 + u16::from(height) % 48)]
            }
            b"l" => vec![Step::Lost],
            &[b'r', any] => vec![Step::Loaded(any % 2 == 1)],
            &[b's', seconds] => vec![Step::Seconds(seconds.into())],
            _ => vec![Step::Bytes(Bytes(line.to_vec()))],
        }
    })
}

/// A letter stands for itself, and every other byte for one of the keys.
fn key(byte: u8) -> Step {
    if byte.is_ascii_graphic() {
        return Step::Key(KeyCode::Char(byte.into()), KeyModifiers::NONE);
    }
    let byte = usize::from(byte);
    Step::Key(KEYS[byte % KEYS.len()], MODIFIERS[byte / KEYS.len() % MODIFIERS.len()])
}

/// Runs an input of the fuzzer.
#[allow(dead_code, reason = "the fuzzer and the tests each use a part of this file")]
pub fn run(data: &[u8]) {
    let mut client = Client::new();
    for step in steps(data) {
        client.step(step);
    }
    client.draw(80, 24);
}

/// The pure parts of the client.
pub struct Client {
    model: Model,
    screen: Screen,
    framer: Framer,
    now: Duration,
}

impl Client {
    pub fn new() -> Client {
        let settings = Settings {
            password: None,
            is_private: true,
            address: "host:53000".to_owned(),
            name: Some("ann".to_owned()),
            default_name: None,
            attempts: 0,
            interactive: true,
            persistence: Persistence::Everything,
            tag: "t".to_owned(),
        };
        let appearance =
            Appearance { colours: Colours::Many, links: true, bell: true, zone: TimeZone::UTC };
        let mut client = Client {
            model: Model::new(settings).0,
            screen: Screen::new(appearance),
            framer: Framer::new(MAX_LINE_BYTES),
            now: Duration::ZERO,
        };
        // Most steps make sense only once the client is connected.
        client.take(Input::Loaded(Loaded::Nothing));
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
        for action in self.screen.handle(event, self.time()) {
            match action {
                UiAction::Line(line) => self.take(Input::Line(line)),
                UiAction::Say(text) => self.take(Input::Say(text)),
                UiAction::Password(password) => self.take(Input::Password(password)),
                _ => {}
            }
        }
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Bytes(Bytes(bytes)) => {
                let mut frames = Vec::new();
                self.framer.push(&bytes, &mut frames);
                frames.iter().filter_map(decode).for_each(|input| self.take(input));
            }
            Step::Key(key, modifiers) => self.event(&Event::Key(KeyEvent::new(key, modifiers))),
            Step::Paste(text) => self.event(&Event::Paste(text)),
            Step::Draw(width, height) => self.draw(width, height),
            Step::Lost => {
                self.framer = Framer::new(MAX_LINE_BYTES);
                self.take(Input::Disconnected("it was reset".to_owned()));
                self.now += Duration::from_secs(60);
                self.take(Input::Tick);
                self.take(Input::Connected);
            }
            Step::Loaded(any) => self.take(Input::Loaded(match any {
                true => Loaded::Saved(SavedSession::default()),
                false => Loaded::Nothing,
            })),
            Step::Seconds(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.take(Input::Tick);
            }
        }
    }

    /// Draws everything, and checks that only text reaches the terminal and that drawing is repeatable.
    pub fn draw(&mut self, width: u16, height: u16) {
        let drawn = self.cells(width, height);
        let again = self.cells(width, height);
        // The way in which a cell is drawn may differ, its look may not.
        let seen = |cell: &Cell| (cell.symbol().to_owned(), cell.style());
        for (one, other) in drawn.content.iter().zip(&again.content) {
            assert_eq!(seen(one), seen(other), "drawing twice gives different pictures");
        }
        if self.screen.take_wants_older() {
            self.take(Input::Older);
        }
        for cell in &drawn.content {
            let text = without_link(cell.symbol());
            assert!(!text.contains(clean::is_unsafe), "{:?}", cell.symbol());
            assert!(text.len() <= 64 * usize::from(width), "{} bytes in a cell", text.len());
        }
    }

    fn cells(&mut self, width: u16, height: u16) -> Buffer {
        let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
        let (now, connection) = (self.time(), self.model.connection(self.now));
        let Ok(_) = terminal.draw(|frame| self.screen.draw(frame, connection, now));
        terminal.backend().buffer().clone()
    }
}

/// The visible text of a cell that may be a link. Only links as the client makes them are recognised.
fn without_link(symbol: &str) -> &str {
    let inside = || {
        let (target, rest) = symbol.strip_prefix("\x1b]8;id=")?.split_once("\x1b\\")?;
        let is_plain = target.bytes().all(|byte| byte.is_ascii_graphic());
        rest.strip_suffix("\x1b]8;;\x1b\\").filter(|_| is_plain)
    };
    inside().unwrap_or(symbol)
}
