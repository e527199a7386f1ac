//! Searching the lines that were typed before, like Ctrl-R in a shell.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::editor::Editor;

/// A search in progress.
#[derive(Debug)]
pub struct LineSearch {
    wanted: String,
    /// The index of the earlier line that is shown.
    shown: Option<usize>,
    /// The input when the search began.
    typed: String,
}

/// The outcome of a key.
pub enum Searched {
    /// The search continues.
    Continues(LineSearch),
    /// The search is over.
    Over,
    /// The search is over, and the key has its usual effect on the line that was found.
    NotHandled,
}

impl LineSearch {
    pub fn begin(editor: &Editor) -> LineSearch {
        LineSearch { wanted: String::new(), shown: None, typed: editor.text() }
    }

    /// The text before the line that was found.
    pub fn label(&self) -> String {
        let found = match self.shown {
            None if !self.wanted.is_empty() => "no match for ",
            _ => "",
        };
        format!("search: {found}{} > ", self.wanted)
    }

    /// Handles a key during the search.
    pub fn key(mut self, key: KeyEvent, editor: &mut Editor) -> Searched {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let end = match key.code {
            KeyCode::Char('r') if control => self.shown,
            KeyCode::Char('g') if control => {
                editor.set(&self.typed);
                return Searched::Over;
            }
            KeyCode::Esc => return Searched::Over,
            KeyCode::Backspace => {
                self.wanted.pop();
                None
            }
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.wanted.push(c);
                // The line that is shown may match, too.
                self.shown.map(|shown| shown + 1)
            }
            _ => return Searched::NotHandled,
        };
        self.search(end, editor);
        Searched::Continues(self)
    }

    /// Shows the last line that matches; if `end` is given, one that is older than that.
    fn search(&mut self, end: Option<usize>, editor: &mut Editor) {
        let is_empty = self.wanted.is_empty();
        let found = editor.find_before(&self.wanted, end).filter(|_| !is_empty);
        match found {
            Some(found) => {
                editor.show_before(found);
                self.shown = Some(found);
            }
            // If there is no older match, the line that is shown stays.
            None if end == self.shown && !is_empty => {}
            None => self.shown = None,
        }
    }
}
