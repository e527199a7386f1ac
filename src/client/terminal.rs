//! The terminal in full-screen mode: taken over, restored, and read.

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

/// The longest notification, in characters.
const MAX_NOTIFIED: usize = 200;

/// A terminal in full-screen mode. It is restored when this is dropped, and on a panic.
pub struct FullScreenTerminal {
    pub terminal: Terminal<CrosstermBackend<io::Stdout>>,
}

impl FullScreenTerminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn take() -> anyhow::Result<FullScreenTerminal> {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            told(panic);
        }));
        let taken = enter().and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        if taken.is_err() {
            give_back();
        }
        let terminal = taken.context("cannot use the terminal in full-screen mode; try --plain")?;
        Ok(FullScreenTerminal { terminal })
    }

    /// Rings the bell and shows a notification, as far as the user wants that.
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
                // For iTerm2, kitty and Windows Terminal.
                Notify::Osc9 => write!(out, "\x1b]9;{text}\x1b\\")?,
                // For rxvt-unicode, foot and Ghostty.
                Notify::Osc777 => write!(out, "\x1b]777;notify;chat;{text}\x1b\\")?,
            }
        }
        out.flush()
    }

    /// Restores the terminal, stops until the shell resumes this process, and takes the terminal over
    /// again.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // Raised in this thread, so that it stops here and not a little later.
        signal_hook::low_level::raise(SIGTSTP)?;
        self.take_again()
    }

    /// Takes the terminal over again after another program has used it.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn take_again(&mut self) -> io::Result<()> {
        // Otherwise raw mode counts as enabled already.
        disable_raw_mode()?;
        enter()?;
        self.redraw()
    }

    /// Draws everything from scratch the next time.
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

impl Drop for FullScreenTerminal {
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

/// Restores the terminal. This only fails if there is no terminal any more.
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

/// Reads the events of the terminal, on a thread of its own. The channel closes when the terminal is
/// gone.
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
