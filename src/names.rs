//! User names: which names are valid, and when two names are the same.

mod rules;

use std::fmt;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use crate::access::looks_like_address;
pub use crate::confusables::fold;
use crate::confusables::mixes_scripts;

/// The minimum length of a name, in user-perceived characters.
pub const SHORTEST: usize = 2;
/// The maximum length of a name, in user-perceived characters.
pub const LONGEST: usize = 32;
/// The maximum length of a name in bytes. A character can carry any number of combining marks; this
/// limit bounds them.
pub const MAX_BYTES: usize = 256;

/// A validated name. Cloning it is cheap.
///
/// Two names are equal if a reader would take them for the same word: the comparison ignores case
/// and compatibility variants (Unicode NFKC).
#[derive(Clone)]
pub struct Name {
    shown: Arc<str>,
    folded: Arc<str>,
}

/// The reason why a name is invalid. Its `Display` is a sentence for the user who chose the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameProblem {
    TooShort,
    TooLong,
    WhiteSpace,
    Unprintable,
    Colon,
    InitialState(char),
    /// The character is not a letter, a digit or an emoji, nor a sign that is allowed in names.
    Sign(char),
    /// The name consists of signs only.
    NoLetter,
    MixedScripts,
    Reserved,
    Address,
}

impl Name {
    /// Validates a name. Leading and trailing white space is not part of it.
    ///
    /// # Errors
    /// The first rule that `input` breaks.
    pub fn new(input: &str) -> Result<Name, NameProblem> {
        let shown = input.trim();
        let is_readable = rules::check_characters(shown)?;
        let folded = fold(shown);
        let count = match shown.is_ascii() {
            true => shown.len(),
            false => shown.graphemes(true).count(),
        };
        match count {
            // Several letters can be drawn as one character: `ശ്രീ`.
            ..SHORTEST if rules::letters(&folded).nth(SHORTEST - 1).is_none() => {
                return Err(NameProblem::TooShort);
            }
            n if n > LONGEST || shown.len() > MAX_BYTES => return Err(NameProblem::TooLong),
            _ if !is_readable => return Err(NameProblem::NoLetter),
            _ => {}
        }
        // An operator could not tell the name from an address.
        if looks_like_address(&folded) {
            return Err(NameProblem::Address);
        }
        if mixes_scripts(shown) {
            return Err(NameProblem::MixedScripts);
        }
        if rules::is_reserved(shown) {
            return Err(NameProblem::Reserved);
        }
        Ok(Name::with_fold(shown, folded))
    }

    /// Restores a name that was validated before it was stored. The current rules are not applied,
    /// so that old records stay readable when the rules change.
    pub fn from_store(name: &str) -> Name {
        Name::with_fold(name, fold(name))
    }

    fn with_fold(shown: &str, folded: String) -> Name {
        let shown: Arc<str> = shown.into();
        // The two forms are usually equal, and then share one allocation.
        let folded = if *folded == *shown { shown.clone() } else { folded.into() };
        Name { shown, folded }
    }

    /// The name as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form in which names are compared.
    pub fn folded(&self) -> &Arc<str> {
        &self.folded
    }
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameProblem::TooShort => {
                write!(f, "A name has at least {SHORTEST} characters.")
            }
            NameProblem::TooLong => write!(f, "A name has at most {LONGEST} characters."),
            NameProblem::WhiteSpace => f.write_str("A name is one word, without white space."),
            NameProblem::Unprintable => f.write_str("A name has only characters that can be seen."),
            NameProblem::Colon => f.write_str("A name has no colon in it."),
            NameProblem::InitialState(c) => write!(f, "A name does not begin with \"{c}\"."),
            NameProblem::Sign(c) => write!(f, "A name has no \"{c}\" in it."),
            NameProblem::NoLetter => f.write_str("A name has letters, digits or emoji in it."),
            NameProblem::MixedScripts => {
                f.write_str("A name has no letters of several alphabets that look alike.")
            }
            NameProblem::Address => {
                f.write_str("A name does not look like an address. Begin it with a letter.")
            }
            NameProblem::Reserved => f.write_str("That name is kept for the server."),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Name {}

#[cfg(test)]
mod every_character;
#[cfg(test)]
mod tests;
