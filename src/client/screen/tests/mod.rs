//! The screen, cell by cell.

mod talk;
mod typing;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Cell, CellDiffOption};
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind,
};

use super::*;
use crate::model::ConnectionState;

const NOW: Timestamp = Timestamp::constant(1_795_381_445, 0);
const JOINED: ConnectionState =
    ConnectionState::Joined { round_trip: Some(Duration::from_micros(2100)) };

struct Fixture {
    screen: Screen,
    connection: ConnectionState,
    now: Timestamp,
}

fn time_at(minute: i64) -> String {
    (NOW + jiff::SignedDuration::from_mins(minute)).to_string()
}

impl Fixture {
    fn new() -> Fixture {
        let appearance =
            Appearance { colours: Colours::Sixteen, links: true, bell: true, zone: TimeZone::UTC };
        let mut screen = Screen::new(appearance);
        let users = ["ann", "Bo", "cy"].map(str::to_owned).to_vec();
        let (room, name) = ("lobby".to_owned(), "ann".to_owned());
        screen.show(&Show::Here { room, name, users }, NOW);
        Fixture { screen, connection: JOINED, now: NOW }
    }

    fn show(&mut self, show: &Show) {
        self.screen.show(show, self.now);
    }

    fn hear(&mut self, name: &str, text: &str) {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.show(&Show::Message { time: time_at(0), earlier: false, name, text });
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Vec<UiAction> {
        self.screen.handle(&Event::Key(KeyEvent::new(code, modifiers)), self.now)
    }

    fn press(&mut self, code: KeyCode) -> Vec<UiAction> {
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

    /// Compares the drawn screen with the expected one, and shows it in a box if it differs.
    #[track_caller]
    fn check(&mut self, width: u16, expect: &[&str]) {
        let rows = self.rows(width, expect.len() as u16);
        let line = "─".repeat(width.into());
        assert!(rows == expect, "\n┌{line}\n│{}\n└{line}", rows.join("\n│"));
    }
}
