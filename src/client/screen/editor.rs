//! The input line, and the lines that were typed before.

use ratatui::style::{Modifier, Style};
use ratatui_textarea::{CursorMove, Input, Key, TextArea, WrapMode};
use unicode_segmentation::UnicodeSegmentation;

/// Marks the cell with the cursor. Nothing else in the input has this style.
pub const CURSOR: Modifier = Modifier::RAPID_BLINK;

/// The number of earlier lines that are kept.
const MAX_REMEMBERED: usize = 500;

/// The input, which can have several lines.
pub struct Editor {
    area: TextArea<'static>,
    before: Vec<String>,
    /// The earlier line that is shown, and the input that it has replaced.
    shown: Option<(usize, String)>,
}

impl Editor {
    pub fn new() -> Editor {
        Editor { area: area(""), before: Vec::new(), shown: None }
    }

    pub fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub fn lines(&self) -> Vec<String> {
        self.area.lines().to_vec()
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Replaces the input with `text`, and puts the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.area = area(text);
    }

    /// Clears the input, and hides further typing if it `is_secret`.
    pub fn hide(&mut self, is_secret: bool) {
        self.set("");
        if is_secret {
            self.area.set_mask_char('\u{2022}');
        }
    }

    /// Clears the input, and remembers it.
    pub fn finish(&mut self) {
        let text = self.text();
        if !text.trim().is_empty() && self.before.last() != Some(&text) {
            if self.before.len() == MAX_REMEMBERED {
                self.before.remove(0);
            }
            self.before.push(text);
        }
        self.shown = None;
        self.set("");
    }

    /// Edits the input. What is drawn as one character is passed and deleted as one.
    pub fn input(&mut self, input: &Input) {
        let (row, column) = (self.area.cursor().0, self.area.cursor().1);
        let line = self.area.lines().get(row).map_or("", String::as_str);
        let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        let (before, after) = line.split_at(at);
        let step = match (&input.key, input.ctrl, input.alt) {
            (Key::Backspace | Key::Left, false, false) | (Key::Char('h' | 'b'), true, false) => {
                before.graphemes(true).next_back()
            }
            (Key::Delete | Key::Right, false, false) | (Key::Char('d' | 'f'), true, false) => {
                after.graphemes(true).next()
            }
            _ => None,
        };
        let times = step.filter(|_| !self.area.is_selecting()).map_or(1, |it| it.chars().count());
        for _ in 0..times {
            self.area.input(input.clone());
        }
    }

    /// Selects everything: moving the cursor then keeps it, and typing replaces it.
    pub fn select_all(&mut self) {
        self.area.select_all();
    }

    pub fn change(&mut self, change: impl FnOnce(&mut TextArea<'static>)) {
        change(&mut self.area);
    }

    pub fn insert(&mut self, text: &str) {
        self.area.insert_str(text);
    }

    /// The last earlier line that contains `wanted`; if `end` is given, one that is older than that.
    pub fn find_before(&self, wanted: &str, end: Option<usize>) -> Option<usize> {
        let end = end.unwrap_or(self.before.len()).min(self.before.len());
        let wanted = wanted.to_lowercase();
        self.before[..end].iter().rposition(|text| text.to_lowercase().contains(&wanted))
    }

    /// Shows an earlier line. Going down from it leads back to the input.
    pub fn show_before(&mut self, at: usize) {
        let typed = match self.shown.take() {
            Some((_, typed)) => typed,
            None => self.text(),
        };
        if let Some(text) = self.before.get(at).cloned() {
            self.set(&text);
            self.shown = Some((at, typed));
        }
    }

    /// Goes up a line, or to the previous earlier line.
    pub fn up(&mut self) {
        if self.area.cursor().0 > 0 {
            return self.area.move_cursor(CursorMove::Up);
        }
        let before = self.shown.as_ref().map_or(self.before.len(), |(at, _)| *at);
        self.show_before(before.saturating_sub(1));
    }

    /// Goes down a line, or to the next earlier line, or back to the input.
    pub fn down(&mut self) {
        if self.area.cursor().0 + 1 < self.area.lines().len() {
            return self.area.move_cursor(CursorMove::Down);
        }
        let Some((at, typed)) = self.shown.take() else { return };
        match self.before.get(at + 1).cloned() {
            Some(text) => {
                self.set(&text);
                self.shown = Some((at + 1, typed));
            }
            None => self.set(&typed),
        }
    }
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::from(text.split('\n'));
    area.set_cursor_line_style(Style::new());
    area.set_cursor_style(Style::new().add_modifier(CURSOR));
    area.set_selection_style(Style::new().add_modifier(Modifier::REVERSED));
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}
