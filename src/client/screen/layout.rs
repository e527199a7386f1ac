//! Lays out the entries of the talk as rows.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::Screen;
use super::links::{Link, Row};
use super::metrics::{NAME_COLUMN, NARROW, PATIENCE, PEOPLE_WIDTH, RULE, WIDE};
use super::talk::{Delivery, EntryKind, Message, TalkEntry};
use super::wrap::{Part, cut, wrap};
use crate::palette;

impl Screen {
    /// The rows of an entry, after the rules above it: a new day, where the user has stopped reading.
    pub(super) fn rows_of(&self, index: usize, width: usize) -> Vec<Row> {
        let Some(entry) = self.talk.get(index) else { return Vec::new() };
        let before = index.checked_sub(1).and_then(|before| self.talk.get(before));
        let mut rows = Vec::new();
        let day = |entry: &TalkEntry| entry.time.to_zoned(self.appearance.zone.clone()).date();
        if before.is_some_and(|before| day(before) != day(entry)) {
            rows.push(rule(&day(entry).strftime("%A, %-d %B %Y").to_string(), width));
        }
        if before.is_some_and(|before| before.earlier && !entry.earlier) {
            rows.push(rule("earlier messages end here", width));
        }
        if self.talk.mark == Some(entry.number) && index > 0 {
            rows.push(rule("new", width));
        }
        match &entry.kind {
            EntryKind::Message(message) => self.message(entry, message, width, &mut rows),
            EntryKind::Traffic { joined, left, how } => {
                let mut parts = Vec::new();
                parts.extend(joined.sentence().map(|names| format!("{names} joined")));
                let how = if left.count() == 1 { how } else { "left" };
                parts.extend(left.sentence().map(|names| format!("{names} {how}")));
                self.quiet(entry, "--", &parts.join("; "), width, &mut rows);
            }
            EntryKind::Room(text) => self.quiet(entry, "--", text, width, &mut rows),
            // Sentences of the client itself take the whole width.
            EntryKind::Status(text) => rows.extend(wrap(text, width).into_iter().map(|parts| {
                let text = parts.into_iter().map(|part| part.text).collect::<String>();
                Row::from(Line::styled(text, RULE))
            })),
        }
        rows
    }

    fn message(&self, entry: &TalkEntry, message: &Message, width: usize, rows: &mut Vec<Row>) {
        let mut text_style = Style::new();
        if message.mention {
            text_style = text_style.add_modifier(Modifier::BOLD);
        }
        let (mut text, mut style) = (message.text.clone(), self.name_style(&message.name));
        match &message.delivery {
            Delivery::Stored => {}
            Delivery::Pending(_, since) => {
                text_style = text_style.add_modifier(Modifier::DIM);
                style = style.add_modifier(Modifier::DIM);
                let patience = jiff::SignedDuration::try_from(PATIENCE).unwrap_or_default();
                if self.now.duration_since(*since) >= patience {
                    text.push_str(" (not sent yet)");
                }
            }
            Delivery::Refused => {
                text_style = text_style.add_modifier(Modifier::DIM);
                text.push_str(" (not accepted)");
            }
        }
        let who = match (&message.to, message.private) {
            (Some(to), _) => format!("to {to}"),
            (None, true) => format!("{} to you", message.name),
            (None, false) => message.name.clone(),
        };
        if message.action {
            text = format!("{who} {text}");
        }
        let mark = if message.mention { "!" } else { "" };
        let who = if message.action { "*".to_owned() } else { format!("{mark}{who}") };
        if message.mention || message.private {
            style = style.add_modifier(Modifier::REVERSED);
        }
        self.lay_out(entry, &Span::styled(who, style), &text, text_style, width, rows);
    }

    fn quiet(&self, entry: &TalkEntry, sign: &str, text: &str, width: usize, rows: &mut Vec<Row>) {
        self.lay_out(entry, &Span::styled(sign.to_owned(), RULE), text, RULE, width, rows);
    }

    /// Time and name, and the text beside them, wrapped under itself.
    fn lay_out(
        &self,
        entry: &TalkEntry,
        who: &Span<'static>,
        text: &str,
        style: Style,
        width: usize,
        rows: &mut Vec<Row>,
    ) {
        let mut head = Vec::new();
        if width >= NARROW {
            let time = entry.time.to_zoned(self.appearance.zone.clone());
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
        // On a narrow screen, the rows after the first are indented less.
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

    pub(super) fn name_style(&self, name: &str) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        match self.appearance.colours.of_name(name) {
            Some(index) => style.fg(colour(index)),
            None => style,
        }
    }
}

/// A colour by its number. The first ones have escape sequences of their own, which terminals with only
/// those colours understand, too.
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
