//! Searching what was typed before, as Ctrl-R does in a shell.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Screen;

/// A search that is going on.
#[derive(Debug)]
pub struct Recall {
    /// What is looked for.
    wanted: String,
    /// Which of what was typed before is shown.
    shown: Option<usize>,
    /// What was being typed when it began.
    typed: String,
}

impl Recall {
    /// What stands before the line that is found.
    pub fn label(&self) -> String {
        let found =
            if self.shown.is_some() || self.wanted.is_empty() { "" } else { "nothing with " };
        format!("search: {found}{} > ", self.wanted)
    }
}

impl Screen {
    /// Ctrl-R: begins a search, or goes on to what was typed before that.
    pub(super) fn recall(&mut self) {
        match self.recall.take() {
            None => {
                let typed = self.editor.text();
                self.recall = Some(Recall { wanted: String::new(), shown: None, typed });
            }
            Some(recall) => {
                let before = recall.shown;
                self.search(recall, before);
            }
        }
    }

    /// What a key does while one searches. Whether it has done something; otherwise the search is
    /// over, and the key does to the line that was found what it always does.
    pub(super) fn recall_key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let Some(mut recall) = self.recall.take() else { return false };
        match key.code {
            KeyCode::Char('r') if control => {
                self.recall = Some(recall);
                self.recall();
            }
            KeyCode::Char('g') if control => self.editor.set(&recall.typed),
            KeyCode::Esc => {}
            KeyCode::Backspace => {
                recall.wanted.pop();
                self.search(recall, None);
            }
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
                recall.wanted.push(c);
                // What is shown may have this in it, too.
                let from = recall.shown.map(|shown| shown + 1);
                self.search(recall, from);
            }
            _ => return false,
        }
        true
    }

    /// Shows the last line with what is wanted that was typed before another one.
    fn search(&mut self, mut recall: Recall, before: Option<usize>) {
        if recall.wanted.is_empty() {
            recall.shown = None;
            self.recall = Some(recall);
            return;
        }
        match self.editor.find_before(&recall.wanted, before) {
            Some(found) => {
                self.editor.show_before(found);
                recall.shown = Some(found);
            }
            // With nothing further back, what is found stays.
            None if before == recall.shown => {}
            None => recall.shown = None,
        }
        self.recall = Some(recall);
    }
}
