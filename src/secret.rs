//! Passwords in memory.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// A password. It is wiped from memory when dropped, and is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

/// The minimum length of a new password in bytes.
pub const SHORTEST: usize = 8;
/// The maximum length of a password in bytes.
pub const LONGEST: usize = 1024;

impl Secret {
    /// Takes ownership of a password.
    pub fn new(password: String) -> Secret {
        Secret(Zeroizing::new(password))
    }

    /// Takes ownership of a password that is a line, for example of a file.
    pub fn of_line(mut line: String) -> Secret {
        line.truncate(line.trim_end_matches(['\n', '\r', '\0']).len());
        // An editor on another system may have put a byte order mark before it.
        let secret = Secret::new(crate::clean::without_mark(&line).to_owned());
        line.zeroize();
        secret
    }

    /// The password in plain text, for comparison.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Checks whether this is acceptable as a new password.
    ///
    /// # Errors
    /// The reason why not, as a sentence.
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
        assert_eq!(secret.expose(), "correct horse");
    }

    #[test]
    fn a_file_of_any_system_has_the_same_password() {
        for file in ["horse", "horse\n", "\u{feff}horse\r\n", "horse\r\n\0"] {
            assert_eq!(Secret::of_line(file.to_owned()).expose(), "horse", "{file:?}");
        }
        assert_eq!(Secret::of_line(" horse \n".to_owned()).expose(), " horse ");
    }

    #[test]
    fn a_new_one_is_neither_short_nor_endless() {
        let said = |bytes| Secret::new("x".repeat(bytes)).check_new();
        assert_eq!((said(SHORTEST), said(LONGEST)), (Ok(()), Ok(())));
        assert!(said(SHORTEST - 1).is_err_and(|why| why.contains("at least")));
        assert!(said(LONGEST + 1).is_err_and(|why| why.contains("at most")));
    }

    #[test]
    fn the_end_of_a_line_is_no_part_of_it() {
        for line in ["hush hush", "hush hush\n", "hush hush\r\n"] {
            assert_eq!(Secret::of_line(line.to_owned()).expose(), "hush hush");
        }
    }
}
