//! From the state to cells.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::Screen;
use super::links::{Link, Row};
use super::talk::{Entry, Said, State, What};
use super::wrap::{Part, cut, wrap};
use crate::model::Connection;
use crate::palette;

/// From this width on it is shown who is here, in so many columns, and names have a column.
const WIDE: u16 = 80;
const PEOPLE_WIDTH: u16 = 20;
const NAME_COLUMN: usize = 12;
/// Below this width there are no times.
const NARROW: usize = 40;

/// For so long nothing is said of a message that is not stored yet.
pub const PATIENCE: Duration = Duration::from_secs(3);

const RULE: Style = Style::new().add_modifier(Modifier::DIM);

impl Screen {
    /// Draws everything.
    pub fn draw(&mut self, frame: &mut Frame<'_>, connection: Connection, now: Timestamp) {
        let area = frame.area();
        let input_rows = self.input_rows(area);
        let [top, status, input] = Layout::vertical([
            Constraint::Min(1),
            Constraint::Length(1),
            Constraint::Length(input_rows),
        ])
        .areas(area);
        let people_width = if self.is_people_shown(area) { PEOPLE_WIDTH } else { 0 };
        let [talk, people] =
            Layout::horizontal([Constraint::Min(1), Constraint::Length(people_width)])
                .spacing(u16::from(people_width > 0))
                .areas(top);
        self.draw_talk(frame, talk, now);
        if people_width > 0 {
            self.draw_people(frame, people);
        }
        let bar = self.status_line(connection, status.width as usize);
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        frame.render_widget(Paragraph::new(bar).style(reversed), status);
        self.draw_input(frame, input);
    }

    fn is_people_shown(&self, area: Rect) -> bool {
        self.shows_people && area.width >= WIDE && !self.room.is_empty()
    }

    fn input_rows(&self, area: Rect) -> u16 {
        let width = area.width.saturating_sub(self.label().width() as u16 + 1).max(1) as usize;
        let rows: usize =
            self.editor.area().lines().iter().map(|line| line.width() / width + 1).sum();
        (rows as u16).clamp(1, (area.height / 3).max(1))
    }

    /// What stands before what is typed.
    fn label(&self) -> String {
        match (&self.question, &self.recall) {
            (Some(question), _) => question.clone(),
            (None, Some(recall)) => recall.label(),
            (None, None) => "> ".to_owned(),
        }
    }

    fn draw_input(&self, frame: &mut Frame<'_>, area: Rect) {
        let label = self.label();
        let width = (label.width() as u16).min(area.width.saturating_sub(4));
        let [question, input] =
            Layout::horizontal([Constraint::Length(width), Constraint::Min(1)]).areas(area);
        frame.render_widget(Paragraph::new(cut(&label, width as usize)), question);
        frame.render_widget(self.editor.area(), input);
    }

    fn draw_people(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::new().borders(Borders::LEFT).border_style(RULE);
        let inside = block.inner(area);
        frame.render_widget(block, area);
        let room = inside.height as usize;
        let mut lines = vec![Line::styled(format!(" {} here", self.people.len()), RULE)];
        let all = self.people.len() < room;
        let shown = if all { self.people.len() } else { room.saturating_sub(2) };
        for name in self.people.values().take(shown) {
            let text = format!(" {}", cut(name, inside.width.saturating_sub(1) as usize));
            lines.push(Line::styled(text, self.name_style(name)));
        }
        if !all {
            lines.push(Line::styled(format!(" and {} more", self.people.len() - shown), RULE));
        }
        frame.render_widget(Paragraph::new(lines), inside);
    }

    /// Where one is, how the connection is, and what is to be known beside.
    fn status_line(&self, connection: Connection, width: usize) -> String {
        if let Some(lines) = self.asking {
            let question = format!(" Send {lines} lines as {lines} messages? Enter sends them.");
            return cut(&question, width);
        }
        let connection = match connection {
            Connection::Naming => "who are you?".to_owned(),
            Connection::Connecting => "connecting".to_owned(),
            Connection::Joined { round_trip: None } => "connected".to_owned(),
            Connection::Joined { round_trip: Some(time) } => {
                format!("connected, {} ms", time.as_micros().div_ceil(1000))
            }
            Connection::Waiting(time) => format!("reconnecting in {} s", time.as_secs().max(1)),
            Connection::Leaving => "leaving".to_owned(),
        };
        let mut parts = Vec::new();
        match self.below() {
            _ if self.is_at_end() => {}
            0 => parts.push("scrolled up".to_owned()),
            below => parts.push(format!("↓ {below} below")),
        }
        if !self.room.is_empty() {
            parts.push(format!("{} in {}", self.me, self.room));
        }
        parts.push(connection);
        if !self.room.is_empty() {
            parts.push(format!("{} here", self.people.len()));
        }
        let left = format!(" {}", parts.join(" · "));
        let right = "F1 help ";
        match width.checked_sub(left.width() + right.width()) {
            Some(space) => format!("{left}{}{right}", " ".repeat(space)),
            None => cut(&left, width),
        }
    }

    fn draw_talk(&mut self, frame: &mut Frame<'_>, area: Rect, now: Timestamp) {
        self.now = now;
        (self.scroll.width, self.scroll.height) = (area.width as usize, area.height as usize);
        let (bottom, mut hidden) = self.bottom();
        let mut rows = Vec::new();
        let mut index = bottom;
        while self.talk.get(index).is_some() && rows.len() < self.scroll.height {
            let mut of_entry = self.rows_of(index, self.scroll.width);
            of_entry.truncate(of_entry.len().saturating_sub(std::mem::take(&mut hidden)));
            rows.extend(of_entry.into_iter().rev());
            let Some(before) = index.checked_sub(1) else { break };
            index = before;
        }
        rows.truncate(self.scroll.height);
        rows.reverse();
        // The newest stands next to where one types.
        let empty = area.height - rows.len() as u16;
        let below = Rect { y: area.y + empty, height: rows.len() as u16, ..area };
        for (row, y) in rows.into_iter().zip(below.rows()) {
            frame.render_widget(row.line, y);
            if self.look.links {
                let at = Position::new(y.x, y.y);
                row.links.iter().for_each(|link| link.draw(frame.buffer_mut(), at));
            }
        }
    }

    /// The rows of an entry, with what stands before it: a new day, where one has stopped reading.
    pub(super) fn rows_of(&self, index: usize, width: usize) -> Vec<Row> {
        let Some(entry) = self.talk.get(index) else { return Vec::new() };
        let before = index.checked_sub(1).and_then(|before| self.talk.get(before));
        let mut rows = Vec::new();
        let day = |entry: &Entry| entry.time.to_zoned(self.look.zone.clone()).date();
        if before.is_some_and(|before| day(before) != day(entry)) {
            rows.push(rule(&day(entry).strftime("%A, %-d %B %Y").to_string(), width));
        }
        if before.is_some_and(|before| before.earlier && !entry.earlier) {
            rows.push(rule("that was earlier", width));
        }
        if self.talk.mark == Some(entry.number) && index > 0 {
            rows.push(rule("new", width));
        }
        match &entry.what {
            What::Said(said) => self.said(entry, said, width, &mut rows),
            What::Traffic { joined, left, how } => {
                let mut parts = Vec::new();
                parts.extend(joined.sentence().map(|names| format!("{names} joined")));
                let how = if left.count() == 1 { how } else { "left" };
                parts.extend(left.sentence().map(|names| format!("{names} {how}")));
                self.quiet(entry, "--", &parts.join("; "), width, &mut rows);
            }
            What::Room(text) => self.quiet(entry, "--", text, width, &mut rows),
            What::Status(text) => self.quiet(entry, "", text, width, &mut rows),
        }
        rows
    }

    fn said(&self, entry: &Entry, said: &Said, width: usize, rows: &mut Vec<Row>) {
        let mut text_style = Style::new();
        if said.mention {
            text_style = text_style.add_modifier(Modifier::BOLD);
        }
        let (mut text, mut style) = (said.text.clone(), self.name_style(&said.name));
        match &said.state {
            State::Stored => {}
            State::Waiting(_, since) => {
                text_style = text_style.add_modifier(Modifier::DIM);
                style = style.add_modifier(Modifier::DIM);
                let patience = jiff::SignedDuration::try_from(PATIENCE).unwrap_or_default();
                if self.now.duration_since(*since) >= patience {
                    text.push_str(" (not sent yet)");
                }
            }
            State::Refused => {
                text_style = text_style.add_modifier(Modifier::DIM);
                text.push_str(" (not accepted)");
            }
        }
        let who = match (&said.to, said.private) {
            (Some(to), _) => format!("to {to}"),
            (None, true) => format!("{} to you", said.name),
            (None, false) => said.name.clone(),
        };
        if said.action {
            text = format!("{who} {text}");
        }
        let mark = if said.mention { "!" } else { "" };
        let who = if said.action { "*".to_owned() } else { format!("{mark}{who}") };
        if said.mention || said.private {
            style = style.add_modifier(Modifier::REVERSED);
        }
        self.lay_out(entry, &Span::styled(who, style), &text, text_style, width, rows);
    }

    fn quiet(&self, entry: &Entry, sign: &str, text: &str, width: usize, rows: &mut Vec<Row>) {
        self.lay_out(entry, &Span::styled(sign.to_owned(), RULE), text, RULE, width, rows);
    }

    /// Time and name, and the text beside them, wrapped under itself.
    fn lay_out(
        &self,
        entry: &Entry,
        who: &Span<'static>,
        text: &str,
        style: Style,
        width: usize,
        rows: &mut Vec<Row>,
    ) {
        let mut head = Vec::new();
        if width >= NARROW {
            let time = entry.time.to_zoned(self.look.zone.clone());
            head.push(Span::styled(time.strftime("%H:%M ").to_string(), RULE));
        }
        let has_column = width >= (WIDE - PEOPLE_WIDTH - 1) as usize;
        let room = if has_column { NAME_COLUMN } else { (width / 2).min(NAME_COLUMN) };
        let name = cut(&who.content, room);
        if has_column {
            head.push(Span::raw(" ".repeat(NAME_COLUMN - name.width())));
        }
        let gap = if name.is_empty() && !has_column { "" } else { " " };
        head.push(Span::styled(name, who.style));
        head.push(Span::raw(gap));
        let full: usize = head.iter().map(Span::width).sum();
        // On a narrow screen what follows the first row has more room than that.
        let indent = if has_column { full } else { full.min(width / 4) };
        let first = full - indent;
        let padded = format!("{}{text}", "\u{a0}".repeat(first));
        for (number, parts) in wrap(&padded, width - indent.min(width)).into_iter().enumerate() {
            let mut row = Row::from(Line::from(match number {
                0 => head.clone(),
                _ => vec![Span::raw(" ".repeat(indent))],
            }));
            for (part, Part { text, link }) in parts.into_iter().enumerate() {
                let text = match (number, part) {
                    (0, 0) => text.chars().skip(first).collect(),
                    _ => text,
                };
                let mut style = style;
                if let Some(target) = link {
                    style = style.add_modifier(Modifier::UNDERLINED);
                    let (column, text) = (row.line.width(), text.clone());
                    row.links.push(Link { column, text, target, id: entry.number });
                }
                row.line.push_span(Span::styled(text, style));
            }
            rows.push(row);
        }
    }

    fn name_style(&self, name: &str) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        match self.look.colours.of_name(name) {
            Some(index) => style.fg(colour(index)),
            None => style,
        }
    }
}

/// A colour by its number. The first have names of their own in the language of terminals, which
/// those understand too that know no others.
fn colour(index: palette::Index) -> Color {
    match index {
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        index => Color::Indexed(index),
    }
}

/// A line across the talk with a word in it.
fn rule(word: &str, width: usize) -> Row {
    let word = cut(&format!("── {word} "), width);
    let rest = "─".repeat(width - word.width().min(width));
    Line::styled(word + &rest, RULE).into()
}
