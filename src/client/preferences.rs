//! The user's settings in `client.toml`.

use std::io::ErrorKind;
use std::path::Path;

use chatroom::xdg::config_home;
use serde::Deserialize;

use crate::program;

/// The file, in the folder of the user's configuration.
const FILE: &str = "chatroom/client.toml";

/// The settings. The command line takes precedence.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// The address of the server.
    pub address: Option<String>,
    /// Whether to encrypt the connection.
    pub tls: Option<bool>,
    /// The certificate that the server must have.
    pub fingerprint: Option<String>,
    pub name: Option<String>,
    /// Give up after this many failed attempts in a row; 0 is never.
    pub attempts: Option<u32>,
    /// Whether to ring the bell when the user is mentioned.
    pub bell: Option<bool>,
    /// The way in which the user is notified of that while the terminal is in the background.
    pub notify: Notify,
    /// Whether links can be clicked; they can unless this is set.
    pub links: Option<bool>,
    /// Whether to show messages line by line.
    pub plain: Option<bool>,
}

/// The escape sequence with which a terminal shows a desktop notification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    #[default]
    Off,
    Osc9,
    Osc777,
}

impl Preferences {
    /// Reads the user's settings. Returns the defaults if there is no file.
    ///
    /// # Errors
    /// The problem with the file.
    pub fn of_user() -> Result<Preferences, String> {
        match config_home(program::variable) {
            Some(home) => Preferences::read(&home.join(FILE)),
            None => Ok(Preferences::default()),
        }
    }

    fn read(file: &Path) -> Result<Preferences, String> {
        let shown = file.display();
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(text.trim_start_matches('\u{feff}'))
                .map_err(|error| format!("{shown}: {}", error.to_string().trim_end())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Preferences::default()),
            Err(error) => Err(format!("{shown}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.toml");
        assert_eq!(Preferences::read(&file), Ok(Preferences::default()));
        std::fs::write(&file, "address = \"chat.example\"\nbell = false\n").unwrap();
        let read = Preferences::read(&file).unwrap();
        assert_eq!((read.address.as_deref(), read.bell), (Some("chat.example"), Some(false)));
        std::fs::write(&file, "\u{feff}name = \"ann\"\r\nbell = true\r\n").unwrap();
        let read = Preferences::read(&file).unwrap();
        assert_eq!((read.name.as_deref(), read.bell), (Some("ann"), Some(true)));
        std::fs::write(&file, "bel = false\n").unwrap();
        let mistake = Preferences::read(&file).unwrap_err();
        assert!(mistake.contains("client.toml") && mistake.contains("`bell`"), "{mistake}");
    }
}
