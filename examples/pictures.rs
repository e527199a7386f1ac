//! Draws the pictures of the terminal client that the README shows, with the client's own drawing
//! code: `cargo run --example pictures` writes them into docs/pictures.
#![allow(dead_code, unused_imports, reason = "the pictures use a part of the client")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

#[path = "../src/client/model/mod.rs"]
mod model;
#[path = "../src/client/palette.rs"]
mod palette;
#[path = "../src/program.rs"]
#[allow(dead_code, reason = "only printing is needed")]
mod program;
#[path = "../src/client/screen/mod.rs"]
mod screen;

use model::{ConnectionState, Show};
use palette::Colours;
use screen::{Appearance, Screen};

/// When the pictures were taken.
const NOW: Timestamp = Timestamp::constant(1_795_381_445, 0);

/// The size of a cell.
const CELL: (usize, usize) = (9, 18);
const FOREGROUND: &str = "#d8dee9";
const BACKGROUND: &str = "#1d2026";

struct Scene {
    screen: Screen,
    minutes: i64,
}

impl Scene {
    fn new() -> Scene {
        let appearance =
            Appearance { colours: Colours::Many, links: false, bell: false, zone: TimeZone::UTC };
        let mut scene = Scene { screen: Screen::new(appearance), minutes: -40 };
        let users = ["ann", "Bo", "cy", "deploy", "Élodie", "日和"].map(str::to_owned).to_vec();
        let (room, name) = ("lobby".to_owned(), "ann".to_owned());
        scene.show(&Show::Here { room, name, users });
        scene
    }

    fn show(&mut self, show: &Show) {
        self.screen.show(show, NOW);
    }

    fn time(&mut self) -> String {
        self.minutes += 1;
        (NOW + SignedDuration::from_mins(self.minutes)).to_string()
    }

    fn hear(&mut self, name: &str, text: &str) {
        let (time, name, text) = (self.time(), name.to_owned(), text.to_owned());
        self.show(&Show::Message { time, earlier: false, name, text });
    }

    fn talk(&mut self) {
        self.hear("Bo", "good evening! the new build is at https://example.org/builds/1841");
        for name in ["cy", "deploy", "Élodie", "日和"] {
            let (time, name) = (self.time(), name.to_owned());
            self.show(&Show::Joined { time, earlier: false, name });
        }
        self.hear("cy", "thanks, trying it on the slow machine first. The last one took four minutes there, and most of that was the tests");
        self.hear("日和", "こんばんは 👋");
        self.hear("deploy", "1841 is on staging");
        let (time, name, text) =
            (self.time(), "Élodie".to_owned(), "opens the dashboards".to_owned());
        self.show(&Show::Action { time, earlier: false, name, text });
        self.hear("Bo", "ann, would you look at the error rate?");
        self.hear("ann", "it is lower than yesterday, so from my side this can go out");
    }

    fn say(&mut self, text: &str) {
        let (id, text) = ("1".to_owned(), text.to_owned());
        self.show(&Show::Own { id, to: None, action: false, text });
    }

    fn press(&mut self, code: KeyCode) {
        self.screen.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), NOW);
    }

    fn save(
        &mut self,
        name: &str,
        (width, height): (u16, u16),
        connection: ConnectionState,
        now: Timestamp,
    ) -> std::io::Result<()> {
        let mut terminal =
            Terminal::new(TestBackend::new(width, height)).unwrap_or_else(|never| match never {});
        terminal
            .draw(|frame| self.screen.draw(frame, connection, now))
            .unwrap_or_else(|never| match never {});
        // A terminal shows its cursor as a reversed cell.
        let cursor = terminal.backend().cursor_position();
        let mut buffer = terminal.backend().buffer().clone();
        buffer[cursor].modifier |= Modifier::REVERSED;
        let rows: Vec<Vec<&Cell>> =
            (0..height).map(|y| (0..width).map(|x| &buffer[(x, y)]).collect()).collect();
        let file = Path::new("docs/pictures").join(name).with_extension("svg");
        program::print(&format!("{}\n", file.display()))?;
        std::fs::write(&file, svg(&rows))
    }
}

fn main() -> std::io::Result<()> {
    let joined = ConnectionState::Joined { round_trip: Some(Duration::from_millis(2)) };
    let mut scene = Scene::new();
    scene.talk();
    "and who writes the notes for i".chars().for_each(|c| scene.press(KeyCode::Char(c)));
    scene.save("talking", (90, 16), joined, NOW)?;
    scene.save("narrow", (36, 14), joined, NOW)?;
    let mut scene = Scene::new();
    scene.talk();
    // How far to scroll depends on what was drawn before.
    scene.save("scrolled", (90, 10), joined, NOW)?;
    scene.press(KeyCode::PageUp);
    scene.hear("cy", "done: 212 s, all green");
    scene.hear("Bo", "then it goes out at nine");
    scene.save("scrolled", (90, 10), joined, NOW)?;
    let mut scene = Scene::new();
    scene.talk();
    let text = "Connection lost: server is shutting down. Trying again in 8 s.".to_owned();
    scene.show(&Show::Status(text));
    scene.say("I write them");
    let waiting = ConnectionState::Waiting(Duration::from_secs(5));
    scene.save("reconnecting", (90, 12), waiting, NOW + SignedDuration::from_secs(5))
}

/// The cells as a picture.
fn svg(rows: &[Vec<&Cell>]) -> String {
    let (width, height) = (rows[0].len() * CELL.0 + 16, rows.len() * CELL.1 + 16);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (y, row) in rows.iter().enumerate() {
        let mut x = 0;
        while x < row.len() {
            let cell = row[x];
            let wide = cell.symbol().width().max(1);
            draw_cell(&mut svg, cell, x, y, wide);
            x += wide;
        }
    }
    svg + "</svg>\n"
}

fn draw_cell(svg: &mut String, cell: &Cell, x: usize, y: usize, wide: usize) {
    let is = |modifier| cell.modifier.contains(modifier);
    let (left, top) = (x * CELL.0 + 8, y * CELL.1 + 8);
    let mut colours = (colour(cell.fg), BACKGROUND.to_owned());
    if is(Modifier::REVERSED) {
        colours = (colours.1, colours.0);
        let (width, height) = (wide * CELL.0, CELL.1);
        let fill = &colours.1;
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
        );
    }
    if cell.symbol().trim().is_empty() {
        return;
    }
    let weight = if is(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let opacity = if is(Modifier::DIM) { " opacity=\"0.55\"" } else { "" };
    let line = if is(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let text = cell.symbol().replace('&', "&amp;").replace('<', "&lt;");
    let (baseline, fill) = (top + 14, colours.0);
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{baseline}\" fill=\"{fill}\"{weight}{opacity}{line}>{text}</text>"
    );
}

/// A colour of xterm's cube in the notation of the web.
fn colour(colour: Color) -> String {
    match colour {
        Color::Indexed(index @ 16..=231) => {
            let number = index - 16;
            let level = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
            let [red, green, blue] = [number / 36, number / 6 % 6, number % 6].map(level);
            format!("#{red:02x}{green:02x}{blue:02x}")
        }
        _ => FOREGROUND.to_owned(),
    }
}
