//! The full-screen view: the output and the input line. Events come in, actions and cells come out;
//! nothing here reads, writes or waits, and time is passed in.

mod complete;
mod draw;
mod editor;
mod keys;
mod layout;
mod line_search;
mod links;
mod metrics;
mod name_list;
mod presence;
mod scroll;
mod talk;
mod viewport;
pub mod wrap;

use std::time::Duration;

use chatroom::secret::Secret;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::Show;
use crate::palette::Colours;
use editor::Editor;
use line_search::LineSearch;
use metrics::PATIENCE;
use presence::Presence;
use talk::{Delivery, EntryKind, Message, Talk};
use viewport::Viewport;
use wrap::{harmless, harmless_name};

/// The look and behaviour of the screen.
#[derive(Debug, Clone)]
pub struct Appearance {
    pub colours: Colours,
    /// Whether links can be clicked.
    pub links: bool,
    /// Whether the bell is rung when the user is mentioned.
    pub bell: bool,
    pub zone: TimeZone,
}

/// An alert for the user, who may be looking elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Alert {
    pub bell: bool,
    /// The message, unless the user is looking at the terminal.
    pub text: Option<String>,
}

/// An action that the user wants.
#[derive(Debug, PartialEq, Eq)]
pub enum UiAction {
    /// Carry this line out if it is a command, otherwise send it.
    Line(String),
    /// Send this unchanged, whatever it begins with.
    Say(String),
    /// The password that was asked for.
    Password(Secret),
    /// Leave once everything is sent.
    End,
    /// Leave at once.
    Interrupt,
    /// Go to the background.
    Suspend,
    /// Draw everything from scratch.
    Redraw,
}

/// A question in the input line.
struct Question {
    text: String,
    /// Whether the answer must not be shown.
    is_secret: bool,
}

/// Everything that is on the screen.
pub struct Screen {
    appearance: Appearance,
    talk: Talk,
    editor: Editor,
    viewport: Viewport,
    presence: Presence,
    shows_people: bool,
    /// The question for a name or a password, while it is asked.
    question: Option<Question>,
    /// The number of lines that the next Enter sends, if the user is asked whether to send them.
    asking: Option<usize>,
    line_search: Option<LineSearch>,
    /// The last message for the user since [`Screen::take_alert`].
    alert: Option<String>,
    /// Whether the terminal has the focus, as far as it says so.
    has_focus: bool,
    /// Whether the user has tried to scroll up further than the oldest entry.
    wants_older: bool,
    /// The number of rows to scroll up once older entries are there.
    rows_owed: usize,
    /// The rows that had joined characters when the screen was last drawn.
    joined_rows: Vec<u16>,
    /// When the screen is drawn.
    now: Timestamp,
}

impl Screen {
    pub fn new(appearance: Appearance) -> Screen {
        Screen {
            appearance,
            talk: Talk::default(),
            editor: Editor::new(),
            viewport: Viewport::default(),
            presence: Presence::default(),
            shows_people: true,
            question: None,
            asking: None,
            line_search: None,
            alert: None,
            has_focus: false,
            wants_older: false,
            rows_owed: 0,
            joined_rows: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// Takes the alert that is to be given, if there is one.
    pub fn take_alert(&mut self) -> Option<Alert> {
        let text = self.alert.take()?;
        Some(Alert { bell: self.appearance.bell, text: (!self.has_focus).then_some(text) })
    }

    /// Takes whether older messages are to be loaded.
    pub fn take_wants_older(&mut self) -> bool {
        std::mem::take(&mut self.wants_older)
    }

    /// After how long the screen changes by itself, if it does.
    pub fn changes_in(&self, now: Timestamp) -> Option<Duration> {
        let waited = now.duration_since(self.talk.waiting_since()?).unsigned_abs();
        // A late message is marked until it is stored.
        PATIENCE.checked_sub(waited).filter(|time| !time.is_zero())
    }

    /// Shows an output of the model.
    pub fn show(&mut self, show: &Show, now: Timestamp) {
        let at = |time: &str| time.parse().unwrap_or(now);
        match show {
            Show::Message { time, earlier, name, text } => {
                self.heard(at(time), *earlier, name, text, false, false);
            }
            Show::Action { time, earlier, name, text } => {
                self.heard(at(time), *earlier, name, text, true, false);
            }
            Show::Private { time, name, text } => {
                self.heard(at(time), false, name, text, false, true);
            }
            Show::Own { id, to, action, text } => {
                let message = Message {
                    name: self.presence.me.clone(),
                    text: harmless(text),
                    action: *action,
                    private: to.is_some(),
                    to: to.as_deref().map(harmless_name),
                    mention: false,
                    delivery: Delivery::Pending(id.clone(), now),
                };
                self.talk.push(now, false, EntryKind::Message(message));
            }
            Show::Stored { id, time } => {
                let time = time.as_deref().and_then(|time| time.parse().ok());
                self.talk.settle(id, time, Delivery::Stored);
            }
            Show::NotStored { id } => self.talk.settle(id, None, Delivery::Refused),
            Show::Joined { time, earlier, name } => {
                self.talk.joined(at(time), *earlier, name);
                if !earlier {
                    self.presence.joined(name);
                }
            }
            Show::Left { time, earlier, name, how } => {
                self.talk.left(at(time), *earlier, name, how);
                if !earlier {
                    self.presence.left(name);
                }
            }
            Show::Here { room, name, users } => {
                if self.question.take().is_some_and(|question| question.is_secret) {
                    self.editor.hide(false);
                }
                self.presence.entered(room, name, users);
            }
            Show::Older(shows) => {
                let talk = std::mem::take(&mut self.talk);
                shows.iter().for_each(|show| self.show(show, now));
                let older = std::mem::replace(&mut self.talk, talk);
                self.talk.prepend(older);
                let rows = std::mem::take(&mut self.rows_owed);
                self.scroll_up(rows);
            }
            Show::Room { time, earlier, text } => {
                let text = harmless(text);
                self.talk.push(at(time), *earlier, EntryKind::Room(text));
            }
            Show::Status(text) | Show::Parting(text) => self.status(text, now),
            Show::AskName { default } => {
                let text = match default {
                    Some(name) => format!("Your name [{}]: ", harmless_name(name)),
                    None => "Your name: ".to_owned(),
                };
                self.ask(text, false);
            }
            Show::AskPassword { name } => {
                self.ask(format!("Password for {}: ", harmless_name(name)), true);
            }
            Show::Renamed { time, earlier, name, to } => {
                let text = harmless(&format!("{name} is now called {to}"));
                self.talk.push(at(time), *earlier, EntryKind::Room(text));
                if !earlier {
                    self.presence.renamed(name, to);
                }
            }
        }
    }

    fn heard(
        &mut self,
        time: Timestamp,
        earlier: bool,
        name: &str,
        text: &str,
        action: bool,
        private: bool,
    ) {
        if self.presence.is_ignored(name) {
            return;
        }
        let (name, text) = (harmless_name(name), harmless(text));
        let mention = name != self.presence.me && self.presence.is_mentioned_in(&text);
        if !earlier && (mention || private) {
            self.alert = Some(format!("{name}: {text}"));
        }
        let delivery = Delivery::Stored;
        let message = Message { name, text, action, private, to: None, mention, delivery };
        self.talk.push(time, earlier, EntryKind::Message(message));
    }

    fn ask(&mut self, text: String, is_secret: bool) {
        self.question = Some(Question { text, is_secret });
        self.editor.hide(is_secret);
    }

    fn status(&mut self, text: &str, now: Timestamp) {
        self.talk.push(now, false, EntryKind::Status(harmless(text)));
    }
}

#[cfg(test)]
mod tests;
