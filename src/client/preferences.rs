//! What a person has set once and for all, in `client.toml`.

use std::io::ErrorKind;
use std::path::Path;

use chatroom::xdg::config_home;
use serde::Deserialize;

use crate::program;

/// The file in the folder of the person's configuration.
const FILE: &str = "chatroom/client.toml";

/// What can be set. The command line counts more.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Where the room is.
    pub address: Option<String>,
    /// Whether to encrypt the way there.
    pub tls: Option<bool>,
    /// The certificate that it has to have.
    pub fingerprint: Option<String>,
    pub name: Option<String>,
    /// Give up after so many failed attempts in a row; 0 is never.
    pub attempts: Option<u32>,
    /// Whether to ring the bell when somebody says one's name.
    pub bell: Option<bool>,
    /// How to have the desktop told of that while one looks elsewhere.
    pub notify: Notify,
    /// Whether the terminal is told where links lead; that is so unless it is set.
    pub links: Option<bool>,
    /// Whether to show line by line.
    pub plain: Option<bool>,
}

/// How a terminal is told to tell the desktop something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    #[default]
    Off,
    Osc9,
    Osc777,
}

impl Preferences {
    /// What the person has set, if anything.
    ///
    /// # Errors
    /// The file, and what is wrong with it.
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
    fn what_is_set_is_read_and_a_mistake_is_shown() {
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
