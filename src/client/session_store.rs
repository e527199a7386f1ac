//! Loads and saves the session of the user.

use std::io;

use crate::model::{Loaded, Show};
use crate::session_file::{SessionFile, SessionLocation};
use crate::view::View;

/// The place in which the session is saved. If it cannot be saved, the user is told, and the client
/// continues without saving.
pub struct SessionStore {
    location: Option<SessionLocation>,
    address: String,
    file: Option<SessionFile>,
    /// Whether the user has to know if nothing can be saved.
    is_told: bool,
}

impl SessionStore {
    /// The store for a server. Without a location, nothing is saved.
    pub fn new(location: Option<SessionLocation>, address: String, is_told: bool) -> SessionStore {
        SessionStore { location, address, file: None, is_told }
    }

    /// Opens the file for a name, and loads the session from it.
    pub fn load(&mut self, name: &str, view: &mut View) -> Loaded {
        self.file = None;
        let Some(location) = &self.location else { return Loaded::Unavailable };
        match SessionFile::open(location, &self.address, name) {
            Ok((file, session)) => {
                self.file = Some(file);
                session.map_or(Loaded::Nothing, Loaded::Saved)
            }
            Err(error) => {
                self.complain(view, &format!("{error:#}"));
                Loaded::Unavailable
            }
        }
    }

    /// Saves or deletes the session.
    pub fn attempt(&mut self, view: &mut View, act: impl FnOnce(&SessionFile) -> io::Result<()>) {
        if let Some(file) = &self.file
            && let Err(error) = act(file)
        {
            let path = file.path().display();
            self.complain(view, &format!("{path}: {error}"));
            // Once is enough.
            self.file = None;
        }
    }

    fn complain(&self, view: &mut View, why: &str) {
        if !self.is_told {
            return;
        }
        let line = format!("This session cannot be saved for the next start of the client: {why}.");
        // If this fails, showing the next message fails, too.
        let _ = view.show(&Show::Status(line));
    }
}
