//! Keys, mouse, and other events of the terminal.

use chatroom::commands::{self, CommandId};
use jiff::Timestamp;
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind,
};
use ratatui_textarea::{CursorMove, TextArea};

use chatroom::secret::Secret;

use super::line_search::{LineSearch, Searched};
use super::wrap::harmless;
use super::{Screen, UiAction};
use crate::model::{Command, spelled};

/// The number of lines that are sent without asking.
const UNASKED: usize = 3;

/// The number of rows that a step of the wheel scrolls.
const WHEEL: usize = 3;

/// The part of `/help` about keys.
const KEYS: &[&str] = &[
    "Enter sends; Alt-Enter starts another line; Tab completes names and commands.",
    "PgUp, PgDn and the wheel scroll; Ctrl-End or Esc goes back to the newest.",
    "Up and Down: lines you typed before; Ctrl-R searches them.",
    "F2: the member list. Ctrl-C discards the line, Ctrl-L redraws, Ctrl-Z suspends.",
    "Ctrl-D and Ctrl-C on an empty line leave.",
    "Ctrl-A, E, B, F, K, U, W, Y, Alt-B, F, D, Backspace as in a shell; Ctrl-_ undoes, Alt-_ redoes.",
    "Hold Shift to select text with the mouse.",
];

impl Screen {
    /// Handles an event of the terminal. Returns the actions that the user requests by it.
    pub fn handle(&mut self, event: &Event, now: Timestamp) -> Vec<UiAction> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key, now),
            Event::Paste(text) => {
                self.asking = None;
                let text = text.replace("\r\n", "\n").replace('\r', "\n");
                let lines = text.split('\n').map(harmless);
                self.editor.insert(&lines.collect::<Vec<_>>().join("\n"));
                Vec::new()
            }
            Event::Mouse(mouse) => {
                match mouse.kind {
                    MouseEventKind::ScrollUp => self.scroll_up(WHEEL),
                    MouseEventKind::ScrollDown => self.scroll_down(WHEEL),
                    _ => {}
                }
                Vec::new()
            }
            Event::FocusGained => {
                self.has_focus = true;
                Vec::new()
            }
            Event::FocusLost => {
                self.has_focus = false;
                if self.is_at_end() {
                    self.talk.mark = None;
                }
                self.talk.mark_end();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn key(&mut self, key: KeyEvent, now: Timestamp) -> Vec<UiAction> {
        let (control, alt) = (
            key.modifiers.contains(KeyModifiers::CONTROL),
            key.modifiers.contains(KeyModifiers::ALT),
        );
        let asked = self.asking.take();
        if let Some(search) = self.line_search.take() {
            match search.key(key, &mut self.editor) {
                Searched::Continues(search) => {
                    self.line_search = Some(search);
                    return Vec::new();
                }
                Searched::Over => return Vec::new(),
                Searched::NotHandled => {}
            }
        }
        let page = self.viewport.height.saturating_sub(1).max(1);
        match key.code {
            KeyCode::Enter if alt || key.modifiers.contains(KeyModifiers::SHIFT) => {
                self.editor.change(TextArea::insert_newline);
            }
            KeyCode::Enter => return self.enter(asked.is_some(), now),
            // As in a shell; Up brings it back.
            KeyCode::Char('c') if control && !self.editor.is_empty() => match &self.question {
                Some(question) => self.editor.hide(question.is_secret),
                None => self.editor.finish(),
            },
            // Lines that were typed before are no answers to a question.
            KeyCode::Up | KeyCode::Down if self.question.is_some() => {}
            KeyCode::Char('p' | 'n' | 'r') if control && self.question.is_some() => {}
            KeyCode::Char('c') if control => return vec![UiAction::Interrupt],
            KeyCode::Char('d') if control && self.editor.is_empty() => return vec![UiAction::End],
            KeyCode::Char('z') if control => return vec![UiAction::Suspend],
            KeyCode::Char('l') if control => return vec![UiAction::Redraw],
            KeyCode::Char('_' | '/' | '7') if control => self.editor.change(|area| {
                area.undo();
            }),
            KeyCode::Char('_') if alt => self.editor.change(|area| {
                area.redo();
            }),
            KeyCode::Char('u') if control => self.editor.change(|area| {
                area.delete_line_by_head();
            }),
            KeyCode::Char('j') if control => self.editor.change(TextArea::insert_newline),
            KeyCode::Char('p') if control => self.editor.up(),
            KeyCode::Char('n') if control => self.editor.down(),
            KeyCode::Char('r') if control => {
                self.line_search = Some(LineSearch::begin(&self.editor));
            }
            KeyCode::Tab => self.complete(),
            KeyCode::Up => self.editor.up(),
            KeyCode::Down => self.editor.down(),
            KeyCode::PageUp => self.scroll_up(page),
            KeyCode::PageDown => self.scroll_down(page),
            KeyCode::Home if control => self.scroll_up(usize::MAX / 2),
            KeyCode::End if control => self.scroll_to_end(),
            KeyCode::Esc => {
                self.scroll_to_end();
                self.talk.mark = None;
            }
            KeyCode::F(1) => self.help(now),
            KeyCode::F(2) => self.shows_people = !self.shows_people,
            KeyCode::Home => self.editor.change(|area| area.move_cursor(CursorMove::Head)),
            KeyCode::End => self.editor.change(|area| area.move_cursor(CursorMove::End)),
            _ => self.editor.input(&key.into()),
        }
        Vec::new()
    }

    /// Sends the input, unless the user has to confirm or correct it first.
    fn enter(&mut self, is_confirmed: bool, now: Timestamp) -> Vec<UiAction> {
        let lines = self.editor.lines();
        if let Some(question) = &self.question {
            let is_secret = question.is_secret;
            self.editor.hide(is_secret);
            return vec![match is_secret {
                true => UiAction::Password(Secret::new(lines.join(" "))),
                false => UiAction::Line(lines.join(" ")),
            }];
        }
        let count = lines.iter().filter(|line| !line.trim().is_empty()).count();
        if count > UNASKED && !is_confirmed {
            self.asking = Some(count);
            return Vec::new();
        }
        let actions = match &lines[..] {
            [line] => match self.command(line, now) {
                Ok(actions) => actions,
                Err(mistake) => {
                    self.status(&mistake, now);
                    self.editor.select_all();
                    return Vec::new();
                }
            },
            // If there are several lines, each is sent unchanged.
            lines => lines
                .iter()
                .filter(|line| !line.trim().is_empty())
                .map(|line| UiAction::Say(line.clone()))
                .collect(),
        };
        self.editor.finish();
        self.scroll_to_end();
        self.talk.mark = None;
        actions
    }

    /// Executes the commands of the screen itself. All others are passed to the model.
    ///
    /// # Errors
    /// The problem with the line.
    fn command(&mut self, line: &str, now: Timestamp) -> Result<Vec<UiAction>, String> {
        let line = &*spelled(line);
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("/help" | "!help", _) => self.help(now),
            ("/clear", _) => self.talk.clear(),
            ("/ignore", "") => return Err(CommandId::Ignore.command().usage('/')),
            ("/ignore", name) => self.ignore(name, now),
            _ => match Command::parse(line, true) {
                Command::Nothing => {}
                Command::Mistake(mistake) => return Err(mistake),
                _ => return Ok(vec![UiAction::Line(line.to_owned())]),
            },
        }
        Ok(Vec::new())
    }

    fn ignore(&mut self, name: &str, now: Timestamp) {
        let what = match self.presence.toggle_ignored(name) {
            true => format!(
                "Messages from {name} are hidden from now on. /ignore {name} shows them again."
            ),
            false => format!("Messages from {name} are shown again."),
        };
        self.status(&what, now);
    }

    fn help(&mut self, now: Timestamp) {
        // If the help is at the end of the talk already, the user only has to see it.
        if self.talk.ends_with(KEYS.last().unwrap_or(&"")) {
            return self.scroll_to_end();
        }
        self.status(&format!("{} Commands:", commands::HELP_INTRO), now);
        for command in commands::in_client().filter(|command| !command.is_for_operators()) {
            self.status(&command.help_row('/'), now);
        }
        self.status("For operators:", now);
        for command in commands::in_client().filter(|command| command.is_for_operators()) {
            self.status(&command.help_row('/'), now);
        }
        KEYS.iter().for_each(|line| self.status(line, now));
    }
}
