//! Where the person is: line by line, or on the whole screen.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use chatroom::secret::Secret;
use jiff::Timestamp;
use ratatui::crossterm::event::Event;
use tokio::sync::mpsc;
use zeroize::Zeroize;

use crate::ending::tell;
use crate::model::{ConnectionState, Input, Model, Show};
use crate::plain::Plain;
use crate::preferences::Notify;
use crate::screen::{Appearance, Screen, UiAction};
use crate::terminal::{Taken, read_events};

/// What the network brings is drawn at most so often.
const FRAME: Duration = Duration::from_micros(16_667);

/// Shows what is to be shown and gives what is typed.
pub enum View {
    Plain { plain: Plain, lines: mpsc::Receiver<String> },
    Full(Box<Full>),
}

impl View {
    /// Line by line.
    pub fn plain() -> View {
        View::Plain { plain: Plain::new(), lines: read_lines() }
    }

    /// On the whole screen.
    ///
    /// # Errors
    /// The terminal cannot be used so.
    pub fn full(appearance: Appearance, notify: Notify) -> anyhow::Result<View> {
        Ok(View::Full(Box::new(Full {
            taken: Taken::take()?,
            notify,
            screen: Screen::new(appearance),
            events: read_events(),
            is_gone: false,
            inputs: VecDeque::new(),
            is_stale: true,
            drawn: None,
            last_words: Vec::new(),
            parting: None,
            broken: None,
        })))
    }

    /// Shows something.
    ///
    /// # Errors
    /// The output cannot be written, or nobody reads it any more.
    pub fn show(&mut self, show: &Show) -> io::Result<()> {
        match self {
            View::Plain { plain, .. } => plain.show(show),
            View::Full(full) => {
                full.show(show);
                Ok(())
            }
        }
    }

    /// The next input of the person. None if something is to be drawn, and no more. It can be given
    /// up and waited for again.
    pub async fn next(&mut self, wants_lines: bool) -> Option<Input> {
        match self {
            View::Plain { plain, lines } if wants_lines => {
                let Some(line) = lines.recv().await else { return Some(Input::NoMoreLines) };
                Some(match plain.was_hidden() {
                    true => Input::Password(Secret::new(line)),
                    false => Input::Line(line),
                })
            }
            View::Plain { .. } => std::future::pending().await,
            View::Full(full) => full.next(wants_lines).await,
        }
    }

    /// Has the terminal show what is typed line by line or, where that may be a password, not.
    pub fn hide_typed(&mut self, model: &Model) {
        if let View::Plain { plain, .. } = self {
            plain.hide_typed(model.is_secret());
        }
    }

    /// Draws if it is time for that.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, model: &Model, now: Duration) -> io::Result<()> {
        match self {
            View::Plain { .. } => Ok(()),
            View::Full(full) => full.draw(model.connection(now)),
        }
    }

    /// How long from now the screen changes by itself, if it does.
    pub fn changes_in(&self, model: &Model, now: Duration) -> Option<Duration> {
        match self {
            View::Plain { .. } => None,
            View::Full(full) => full.changes_in(model.connection(now)),
        }
    }

    /// The process goes on after it was stopped, and somebody else had the terminal.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn resumed(&mut self) -> io::Result<()> {
        match self {
            View::Plain { .. } => Ok(()),
            View::Full(full) => {
                (full.is_stale, full.drawn) = (true, None);
                full.taken.take_again()
            }
        }
    }

    /// Time has passed, as [`View::changes_in`] asked for.
    pub fn time_passed(&mut self) {
        if let View::Full(full) = self {
            full.is_stale = true;
        }
    }

    /// Ends showing, with a word below about why that was not wanted, if it was not, and about what
    /// is to be known afterwards.
    pub fn end(self, is_wanted: bool) {
        let full = match self {
            View::Plain { mut plain, .. } => return plain.show_typed(),
            View::Full(full) => full,
        };
        let Full { taken, mut last_words, parting, .. } = *full;
        drop(taken);
        if is_wanted {
            last_words.clear();
        }
        last_words.iter().chain(&parting).for_each(tell);
    }
}

/// The whole screen.
pub struct Full {
    taken: Taken,
    notify: Notify,
    screen: Screen,
    events: mpsc::Receiver<Event>,
    /// Whether there will be no more of them: the terminal is gone.
    is_gone: bool,
    /// What is wanted and not taken yet.
    inputs: VecDeque<Input>,
    /// Whether something has changed since it was drawn.
    is_stale: bool,
    drawn: Option<Instant>,
    /// The last things that the client said of itself, for after the end.
    last_words: Vec<String>,
    /// What is to be known after the end in any case.
    parting: Option<String>,
    /// Why the terminal could not be taken again.
    broken: Option<io::Error>,
}

impl Full {
    fn show(&mut self, show: &Show) {
        if let Show::Status(text) = show {
            if self.last_words.len() == 2 {
                self.last_words.remove(0);
            }
            self.last_words.push(chatroom::clean::shown(text).into_owned());
        }
        if let Show::Parting(text) = show {
            self.parting = Some(chatroom::clean::shown(text).into_owned());
        }
        self.screen.show(show, Timestamp::now());
        self.is_stale = true;
    }

    async fn next(&mut self, wants_lines: bool) -> Option<Input> {
        if !self.inputs.is_empty() && wants_lines {
            return self.inputs.pop_front();
        }
        if self.is_gone {
            return std::future::pending().await;
        }
        let Some(event) = self.events.recv().await else {
            self.is_gone = true;
            return Some(Input::Hangup);
        };
        // A key is drawn at once.
        (self.is_stale, self.drawn) = (true, None);
        for action in self.screen.handle(&event, Timestamp::now()) {
            match action {
                UiAction::Line(line) => self.inputs.push_back(Input::Line(line)),
                UiAction::Say(text) => self.inputs.push_back(Input::Say(text)),
                UiAction::Password(password) => self.inputs.push_back(Input::Password(password)),
                UiAction::End => self.inputs.push_back(Input::NoMoreLines),
                UiAction::Interrupt => return Some(Input::Interrupt),
                UiAction::Suspend => self.broken = self.taken.suspend().err(),
                UiAction::Redraw => self.broken = self.taken.redraw().err(),
            }
        }
        self.inputs.pop_front().filter(|_| wants_lines)
    }

    fn draw(&mut self, connection: ConnectionState) -> io::Result<()> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if let Some(alert) = self.screen.take_alert() {
            self.taken.call(&alert, self.notify)?;
        }
        if !self.is_stale || self.drawn.is_some_and(|drawn| drawn.elapsed() < FRAME) {
            return Ok(());
        }
        let screen = &mut self.screen;
        self.taken.terminal.draw(|frame| screen.draw(frame, connection, Timestamp::now()))?;
        (self.is_stale, self.drawn) = (false, Some(Instant::now()));
        if self.screen.take_wants_older() {
            self.inputs.push_back(Input::Older);
        }
        Ok(())
    }

    fn changes_in(&self, connection: ConnectionState) -> Option<Duration> {
        let frame = self.drawn.map(|drawn| FRAME.saturating_sub(drawn.elapsed()));
        let by_itself = match connection {
            // The seconds that are shown count down.
            ConnectionState::Waiting(_) => Some(Duration::from_secs(1)),
            _ => self.screen.changes_in(Timestamp::now()),
        };
        if self.is_stale { Some(frame.unwrap_or_default()) } else { by_itself }
    }
}

/// Reads the input on a thread of its own, for that cannot be interrupted. The channel closes at
/// its end.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = Vec::new();
        while matches!(input.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if sender.blocking_send(text).is_err() {
                return;
            }
            // It may have been a password.
            line.zeroize();
        }
    });
    receiver
}
