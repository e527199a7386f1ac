//! Passwords on their way.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A password. It is wiped from memory when it is dropped, and nothing prints it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

/// The fewest bytes of a new password.
pub const SHORTEST: usize = 8;
/// The most bytes of a password.
pub const LONGEST: usize = 1024;

impl Secret {
    /// Takes a password over.
    pub fn new(password: String) -> Secret {
        Secret(Zeroizing::new(password))
    }

    /// Takes over a password that is a line, as in a file.
    pub fn of_line(mut line: String) -> Secret {
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Secret::new(line)
    }

    /// What it is, for who compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it can be a new password.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub fn check_new(&self) -> Result<(), String> {
        match self.0.len() {
            ..SHORTEST => Err(format!("A password has at least {SHORTEST} bytes.")),
            SHORTEST..=LONGEST => Ok(()),
            _ => Err(format!("A password has at most {LONGEST} bytes.")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_it() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(format!("{secret:?}"), "(secret)");
        assert_eq!(secret.check_new(), Ok(()));
        assert!(Secret::new("short".to_owned()).check_new().is_err());
    }
}
