//! The whole screen: what is shown and what is typed. Events come in, wishes and cells come out;
//! nothing here reads, writes or waits, and time is passed in.

mod complete;
mod draw;
mod editor;
mod keys;
mod layout;
mod links;
mod recall;
mod scroll;
mod talk;
pub mod wrap;

use std::collections::BTreeMap;
use std::time::Duration;

use chatroom::names;
use chatroom::secret::Secret;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::Show;
use crate::palette::Colours;
use draw::PATIENCE;
use editor::Editor;
use recall::Recall;
use scroll::Scroll;
use talk::{Said, State, Talk, What};
use wrap::{harmless, harmless_name};

/// So many people are listed. No daemon lets in more, but who knows who says so.
const MAX_PEOPLE: usize = 100_000;

/// How the screen looks and what it does unasked.
#[derive(Debug, Clone)]
pub struct Appearance {
    pub colours: Colours,
    /// Whether the terminal is told where links lead.
    pub links: bool,
    /// Whether the bell is rung when one is meant.
    pub bell: bool,
    pub zone: TimeZone,
}

/// A call to somebody who may be looking elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Alert {
    pub bell: bool,
    /// Who has said what, if one does not see it anyway.
    pub text: Option<String>,
}

/// What a person wants.
#[derive(Debug, PartialEq, Eq)]
pub enum UiAction {
    /// Do what this line says, or say it.
    Line(String),
    /// Say this as it is, whatever it begins with.
    Say(String),
    /// This is the password.
    Password(Secret),
    /// Leave once everything is said.
    End,
    /// Leave at once.
    Interrupt,
    /// Go to the background.
    Suspend,
    /// Draw everything anew.
    Redraw,
}

/// What is asked of the person where they type.
struct Question {
    text: String,
    /// Whether the answer is not to be seen.
    is_secret: bool,
}

/// Everything that is on the screen.
pub struct Screen {
    appearance: Appearance,
    talk: Talk,
    editor: Editor,
    scroll: Scroll,
    /// Who is here, by the folded name.
    people: BTreeMap<String, String>,
    shows_people: bool,
    ignored: Vec<String>,
    me: String,
    room: String,
    /// The question for a name or a password, while it is asked.
    question: Option<Question>,
    /// So many lines would be sent; the next Enter sends them.
    asking: Option<usize>,
    recall: Option<Recall>,
    /// Who has said what to oneself since that was asked for.
    alert: Option<String>,
    /// Whether the terminal has the focus, as far as it says so.
    has_focus: bool,
    /// Whether one has tried to go further up than there is something.
    wants_older: bool,
    /// So many rows one goes up when that is there.
    rows_owed: usize,
    /// The rows with joined characters when it was last drawn.
    joined_rows: Vec<u16>,
    /// When it is drawn.
    now: Timestamp,
}

impl Screen {
    pub fn new(appearance: Appearance) -> Screen {
        Screen {
            appearance,
            talk: Talk::default(),
            editor: Editor::new(),
            scroll: Scroll::default(),
            people: BTreeMap::new(),
            shows_people: true,
            ignored: Vec::new(),
            me: String::new(),
            room: String::new(),
            question: None,
            asking: None,
            recall: None,
            alert: None,
            has_focus: false,
            wants_older: false,
            rows_owed: 0,
            joined_rows: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// What one is to be called for, if that is so. It is asked for once.
    pub fn take_alert(&mut self) -> Option<Alert> {
        let text = self.alert.take()?;
        Some(Alert { bell: self.appearance.bell, text: (!self.has_focus).then_some(text) })
    }

    /// Whether one wants to see what is older than all that is there. It is asked for once.
    pub fn take_wants_older(&mut self) -> bool {
        std::mem::take(&mut self.wants_older)
    }

    /// How long from now it looks different without anything happening, if it does.
    pub fn changes_in(&self, now: Timestamp) -> Option<Duration> {
        let waited = now.duration_since(self.talk.waiting_since()?).unsigned_abs();
        // What is late is late until it is stored.
        PATIENCE.checked_sub(waited).filter(|time| !time.is_zero())
    }

    /// Takes in what the model shows.
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
            Show::Said { id, to, action, text } => {
                let said = Said {
                    name: self.me.clone(),
                    text: harmless(text),
                    action: *action,
                    private: to.is_some(),
                    to: to.as_deref().map(harmless_name),
                    mention: false,
                    state: State::Waiting(id.clone(), now),
                };
                self.talk.push(now, false, What::Said(said));
            }
            Show::Stored { id, time } => {
                let time = time.as_deref().and_then(|time| time.parse().ok());
                self.talk.settle(id, time, State::Stored);
            }
            Show::NotStored { id } => self.talk.settle(id, None, State::Refused),
            Show::Joined { time, earlier, name } => {
                self.talk.joined(at(time), *earlier, name);
                if !earlier && self.people.len() < MAX_PEOPLE {
                    self.people.insert(names::fold(name), harmless_name(name));
                }
            }
            Show::Left { time, earlier, name, how } => {
                self.talk.left(at(time), *earlier, name, how);
                if !earlier {
                    self.people.remove(&names::fold(name));
                }
            }
            Show::Here { room, name, users } => {
                if self.question.take().is_some_and(|question| question.is_secret) {
                    self.editor.hide(false);
                }
                self.room = harmless_name(room);
                self.me = harmless_name(name);
                let person = |name: &String| (names::fold(name), harmless_name(name));
                self.people = users.iter().take(MAX_PEOPLE).map(person).collect();
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
                self.talk.push(at(time), *earlier, What::Room(text));
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
                self.talk.push(at(time), *earlier, What::Room(text));
                if !earlier {
                    self.renamed(name, to);
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
        if self.ignored.contains(&names::fold(name)) {
            return;
        }
        let (name, text) = (harmless_name(name), harmless(text));
        let mention = name != self.me && mentions(&text, &self.me);
        if !earlier && (mention || private) {
            self.alert = Some(format!("{name}: {text}"));
        }
        let state = State::Stored;
        let said = Said { name, text, action, private, to: None, mention, state };
        self.talk.push(time, earlier, What::Said(said));
    }

    fn ask(&mut self, text: String, is_secret: bool) {
        self.question = Some(Question { text, is_secret });
        self.editor.hide(is_secret);
    }

    fn renamed(&mut self, name: &str, to: &str) {
        if self.people.remove(&names::fold(name)).is_some() {
            self.people.insert(names::fold(to), harmless_name(to));
        }
        if names::fold(&self.me) == names::fold(name) {
            self.me = harmless_name(to);
        }
    }

    fn status(&mut self, text: &str, now: Timestamp) {
        self.talk.push(now, false, What::Status(harmless(text)));
    }
}

/// Whether `name` stands in `text` as a word, however it is written.
fn mentions(text: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let (text, name) = (names::fold(text), names::fold(name));
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&name).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + name.len()..].chars().next().is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests;
