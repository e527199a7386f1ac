//! The two views: plain, line by line; and full-screen.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use chatroom::secret::Secret;
use jiff::Timestamp;
use ratatui::crossterm::event::Event;
use tokio::sync::mpsc;
use zeroize::Zeroize;

use crate::model::{ConnectionState, Input, Model, Show};
use crate::plain::Plain;
use crate::preferences::Notify;
use crate::report::tell;
use crate::screen::{Appearance, Screen, UiAction};
use crate::terminal::{FullScreenTerminal, read_events};

/// Messages from the network are drawn at most this often.
const FRAME: Duration = Duration::from_micros(16_667);

/// Shows the outputs of the model, and reads the user's input.
pub enum View {
    Plain { plain: Plain, lines: mpsc::Receiver<String> },
    FullScreen(Box<FullScreen>),
}

impl View {
    /// The plain view.
    pub fn plain() -> View {
        View::Plain { plain: Plain::new(), lines: read_lines() }
    }

    /// The full-screen view.
    ///
    /// # Errors
    /// The terminal cannot be used for it.
    pub fn full_screen(appearance: Appearance, notify: Notify) -> anyhow::Result<View> {
        Ok(View::FullScreen(Box::new(FullScreen {
            terminal: FullScreenTerminal::take()?,
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

    /// Shows an output of the model.
    ///
    /// # Errors
    /// The output cannot be written, or its reader is gone.
    pub fn show(&mut self, show: &Show) -> io::Result<()> {
        match self {
            View::Plain { plain, .. } => plain.show(show),
            View::FullScreen(full) => {
                full.show(show);
                Ok(())
            }
        }
    }

    /// Waits for the next input of the user; none if only something is to be drawn. This can be cancelled
    /// without losing anything.
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
            View::FullScreen(full) => full.next(wants_lines).await,
        }
    }

    /// Hides the user's typing in the plain view if it can be a password.
    pub fn hide_typed(&mut self, model: &Model) {
        if let View::Plain { plain, .. } = self {
            plain.hide_typed(model.is_secret());
        }
    }

    /// Draws if it is time to.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, model: &Model, now: Duration) -> io::Result<()> {
        match self {
            View::Plain { .. } => Ok(()),
            View::FullScreen(full) => full.draw(model.connection(now)),
        }
    }

    /// After how long the screen changes by itself, if it does.
    pub fn changes_in(&self, model: &Model, now: Duration) -> Option<Duration> {
        match self {
            View::Plain { .. } => None,
            View::FullScreen(full) => full.changes_in(model.connection(now)),
        }
    }

    /// The process continues after it was stopped, and another program had the terminal.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn resumed(&mut self) -> io::Result<()> {
        match self {
            View::Plain { .. } => Ok(()),
            View::FullScreen(full) => {
                (full.is_stale, full.drawn) = (true, None);
                full.terminal.take_again()
            }
        }
    }

    /// The time has passed that [`View::changes_in`] returned.
    pub fn time_passed(&mut self) {
        if let View::FullScreen(full) = self {
            full.is_stale = true;
        }
    }

    /// Ends the view. Prints why the client ended unless that `is_wanted`, and the notes that the
    /// user should see afterwards.
    pub fn end(self, is_wanted: bool) {
        let full = match self {
            View::Plain { mut plain, .. } => return plain.show_typed(),
            View::FullScreen(full) => full,
        };
        let FullScreen { terminal, mut last_words, parting, .. } = *full;
        drop(terminal);
        if is_wanted {
            last_words.clear();
        }
        last_words.iter().chain(&parting).for_each(tell);
    }
}

/// The full-screen view.
pub struct FullScreen {
    terminal: FullScreenTerminal,
    notify: Notify,
    screen: Screen,
    events: mpsc::Receiver<Event>,
    /// Whether the terminal is gone, so that there are no more events.
    is_gone: bool,
    /// Inputs that wait to be read.
    inputs: VecDeque<Input>,
    /// Whether something has changed since the screen was drawn.
    is_stale: bool,
    drawn: Option<Instant>,
    /// The last sentences of the client itself, to be printed after the end.
    last_words: Vec<String>,
    /// A sentence to be printed after the end in any case.
    parting: Option<String>,
    /// The reason why the terminal could not be taken over again.
    broken: Option<io::Error>,
}

impl FullScreen {
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
        // The effect of a key is drawn at once.
        (self.is_stale, self.drawn) = (true, None);
        for action in self.screen.handle(&event, Timestamp::now()) {
            match action {
                UiAction::Line(line) => self.inputs.push_back(Input::Line(line)),
                UiAction::Say(text) => self.inputs.push_back(Input::Say(text)),
                UiAction::Password(password) => self.inputs.push_back(Input::Password(password)),
                UiAction::End => self.inputs.push_back(Input::NoMoreLines),
                UiAction::Interrupt => return Some(Input::Interrupt),
                UiAction::Suspend => self.broken = self.terminal.suspend().err(),
                UiAction::Redraw => self.broken = self.terminal.redraw().err(),
            }
        }
        self.inputs.pop_front().filter(|_| wants_lines)
    }

    fn draw(&mut self, connection: ConnectionState) -> io::Result<()> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if let Some(alert) = self.screen.take_alert() {
            self.terminal.call(&alert, self.notify)?;
        }
        if !self.is_stale || self.drawn.is_some_and(|drawn| drawn.elapsed() < FRAME) {
            return Ok(());
        }
        let screen = &mut self.screen;
        self.terminal.terminal.draw(|frame| screen.draw(frame, connection, Timestamp::now()))?;
        (self.is_stale, self.drawn) = (false, Some(Instant::now()));
        if self.screen.take_wants_older() {
            self.inputs.push_back(Input::Older);
        }
        Ok(())
    }

    fn changes_in(&self, connection: ConnectionState) -> Option<Duration> {
        let frame = self.drawn.map(|drawn| FRAME.saturating_sub(drawn.elapsed()));
        let by_itself = match connection {
            // The seconds on the screen count down.
            ConnectionState::Waiting(_) => Some(Duration::from_secs(1)),
            _ => self.screen.changes_in(Timestamp::now()),
        };
        if self.is_stale { Some(frame.unwrap_or_default()) } else { by_itself }
    }
}

/// Reads the input on a thread of its own, since reading cannot be interrupted. The channel closes at
/// the end of the input.
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
            // The line may have been a password.
            line.zeroize();
        }
    });
    receiver
}
