//! Draws the state of the screen into cells.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::Screen;
use super::editor::CURSOR;
use super::metrics::{NARROW, PEOPLE_WIDTH, RULE, WIDE};
use super::wrap::cut;
use crate::model::ConnectionState;

impl Screen {
    /// Draws everything.
    pub fn draw(&mut self, frame: &mut Frame<'_>, connection: ConnectionState, now: Timestamp) {
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
        self.refresh_joined(frame.buffer_mut());
    }

    /// Has rows with joined characters drawn whole, now and once after they are gone. Terminals do not
    /// agree on the width of such characters, and might leave parts of them behind.
    fn refresh_joined(&mut self, buffer: &mut Buffer) {
        let before = std::mem::take(&mut self.joined_rows);
        for y in buffer.area.rows().map(|row| row.y) {
            let xs = buffer.area.left()..buffer.area.right();
            let is_joined = |x| buffer[(x, y)].symbol().contains(['\u{200d}', '\u{fe0f}']);
            let has_joined = xs.clone().any(is_joined);
            if has_joined {
                self.joined_rows.push(y);
            }
            if has_joined || before.contains(&y) {
                for x in xs {
                    let cell = &mut buffer[(x, y)];
                    if cell.diff_option == CellDiffOption::None {
                        cell.set_diff_option(CellDiffOption::AlwaysUpdate);
                    }
                }
            }
        }
    }

    fn is_people_shown(&self, area: Rect) -> bool {
        self.shows_people && area.width >= WIDE && !self.presence.room.is_empty()
    }

    fn input_rows(&self, area: Rect) -> u16 {
        let width = area.width.saturating_sub(self.label().width() as u16 + 1).max(1) as usize;
        let rows: usize =
            self.editor.area().lines().iter().map(|line| line.width() / width + 1).sum();
        (rows as u16).clamp(1, (area.height / 3).max(1))
    }

    /// The text before the input.
    fn label(&self) -> String {
        match (&self.question, &self.line_search) {
            (Some(question), _) => question.text.clone(),
            (None, Some(search)) => search.label(),
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
        // The terminal's own cursor is there, too: input methods and screen readers look for it.
        let buffer = frame.buffer_mut();
        let cursor = input.positions().find(|&at| buffer[at].modifier.contains(CURSOR));
        if let Some(at) = cursor {
            buffer[at].modifier.remove(CURSOR);
            frame.set_cursor_position(at);
        }
    }

    fn draw_people(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::new().borders(Borders::LEFT).border_style(RULE);
        let inside = block.inner(area);
        frame.render_widget(block, area);
        let room = inside.height as usize;
        let mut lines = vec![Line::styled(format!(" {} here", self.presence.people.len()), RULE)];
        let all = self.presence.people.len() < room;
        let shown = if all { self.presence.people.len() } else { room.saturating_sub(2) };
        for name in self.presence.people.values().take(shown) {
            let text = format!(" {}", cut(name, inside.width.saturating_sub(1) as usize));
            lines.push(Line::styled(text, self.name_style(name)));
        }
        if !all {
            lines.push(Line::styled(
                format!(" and {} more", self.presence.people.len() - shown),
                RULE,
            ));
        }
        frame.render_widget(Paragraph::new(lines), inside);
    }

    /// The room, the state of the connection, and what else the user should know.
    fn status_line(&self, connection: ConnectionState, width: usize) -> String {
        if let Some(lines) = self.asking {
            let question = format!(" Send {lines} lines? Enter sends them, Ctrl-C drops them.");
            return cut(&question, width);
        }
        let connection = match connection {
            ConnectionState::SigningIn => "signing in".to_owned(),
            ConnectionState::Connecting => "connecting".to_owned(),
            ConnectionState::Joined { round_trip: None } => "connected".to_owned(),
            ConnectionState::Joined { round_trip: Some(time) } => {
                format!("connected, {} ms", time.as_micros().div_ceil(1000))
            }
            ConnectionState::Waiting(time) => {
                let what =
                    if self.presence.room.is_empty() { "trying again" } else { "reconnecting" };
                format!("{what} in {} s", time.as_secs().max(1))
            }
            ConnectionState::Leaving => "leaving".to_owned(),
        };
        let mut parts = Vec::new();
        match self.below() {
            _ if self.is_at_end() => {}
            (0, _) => parts.push("scrolled up".to_owned()),
            (below, 0) => parts.push(format!("↓ {below} below")),
            (below, mine) => parts.push(format!("↓ {below} below, {mine} for you")),
        }
        let before = parts.len();
        parts.push(connection);
        if !self.presence.room.is_empty() {
            // If there is only room for one thing, it is the state of the connection.
            let at = if width < NARROW { before + 1 } else { before };
            parts.insert(at, format!("{} in {}", self.presence.me, self.presence.room));
            parts.push(format!("{} here", self.presence.people.len()));
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
        (self.viewport.width, self.viewport.height) = (area.width as usize, area.height as usize);
        let (bottom, mut hidden) = self.bottom();
        let mut rows = Vec::new();
        let mut index = bottom;
        while self.talk.get(index).is_some() && rows.len() < self.viewport.height {
            let mut of_entry = self.rows_of(index, self.viewport.width);
            of_entry.truncate(of_entry.len().saturating_sub(std::mem::take(&mut hidden)));
            rows.extend(of_entry.into_iter().rev());
            let Some(before) = index.checked_sub(1) else { break };
            index = before;
        }
        rows.truncate(self.viewport.height);
        rows.reverse();
        // The newest entry is next to the input.
        let empty = area.height - rows.len() as u16;
        let below = Rect { y: area.y + empty, height: rows.len() as u16, ..area };
        for (row, y) in rows.into_iter().zip(below.rows()) {
            frame.render_widget(row.line, y);
            if self.appearance.links {
                let at = Position::new(y.x, y.y);
                row.links.iter().for_each(|link| link.draw(frame.buffer_mut(), at));
            }
        }
    }
}
