//! The rules for texts.

use super::Refusal;
use crate::clean;

/// The configured rules for texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The maximum number of bytes of a message; 0 for no limit.
    pub message_bytes: usize,
}

impl Policy {
    /// Returns the text as it is shown: one line without control characters.
    ///
    /// # Errors
    /// The text is too long, or nothing is left of it.
    pub fn check_text(&self, text: &str) -> Result<String, Refusal> {
        if self.message_bytes != 0 && text.len() > self.message_bytes {
            return Err(Refusal::TooLong { limit: self.message_bytes });
        }
        let text = clean::line(text);
        if !clean::is_visible(&text) {
            return Err(Refusal::Empty);
        }
        Ok(text.into_owned())
    }
}
