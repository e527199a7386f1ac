//! The terminal while the client has the whole screen: taken over, given back, and read.

use std::io::{self, Write, stdout};

use anyhow::Context;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture, Event,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::{Position, Rect};
use signal_hook::consts::SIGTSTP;
use tokio::sync::mpsc;

use crate::preferences::Notify;
use crate::screen::Alert;

/// So many characters of a message stand in a notification.
const MAX_NOTIFIED: usize = 200;

/// A terminal that was taken over. It is given back when this is dropped, and on a panic.
pub struct Taken {
    pub terminal: Terminal<CrosstermBackend<io::Stdout>>,
}

impl Taken {
    /// Takes it over.
    ///
    /// # Errors
    /// It does not take what it is told.
    pub fn take() -> anyhow::Result<Taken> {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            told(panic);
        }));
        let taken = enter().and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        if taken.is_err() {
            give_back();
        }
        let terminal = taken.context("cannot use the terminal; --plain needs less of it")?;
        Ok(Taken { terminal })
    }

    /// Calls the person, as far as that is wanted.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn call(&mut self, alert: &Alert, notify: Notify) -> io::Result<()> {
        let mut out = stdout();
        if alert.bell {
            out.write_all(b"\x07")?;
        }
        if let Some(text) = &alert.text {
            let text: String = text.chars().take(MAX_NOTIFIED).collect();
            match notify {
                Notify::Off => {}
                // As iTerm2, kitty and Windows Terminal have it.
                Notify::Osc9 => write!(out, "\x1b]9;{text}\x1b\\")?,
                // As rxvt-unicode, foot and Ghostty have it.
                Notify::Osc777 => write!(out, "\x1b]777;notify;chat;{text}\x1b\\")?,
            }
        }
        out.flush()
    }

    /// Gives it back, stops until the shell lets this process go on, and takes it again.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // To this thread, so that it stops here and not a little later.
        signal_hook::low_level::raise(SIGTSTP)?;
        self.take_again()
    }

    /// Takes it again after somebody else had it, whatever they left it like.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn take_again(&mut self) -> io::Result<()> {
        // Without this it counts as taken, and nothing is done.
        disable_raw_mode()?;
        enter()?;
        self.redraw()
    }

    /// Has everything drawn anew the next time.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn redraw(&mut self) -> io::Result<()> {
        // Unlike `clear`, this does not ask the terminal where its cursor is. The answer would go
        // to the thread that reads what is typed.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(
        stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        EnableMouseCapture
    )
}

/// What of it fails, fails because there is no terminal any more.
fn give_back() {
    let _ = execute!(
        stdout(),
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        ratatui::crossterm::cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Reads what the terminal reports, on a thread of its own. The channel closes when it is gone.
pub fn read_events() -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    receiver
}
