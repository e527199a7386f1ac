//! Names of people: what may be one, and when two of them are the same.

mod rules;

use std::fmt;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use crate::access::looks_like_address;
pub use crate::confusables::fold;
use crate::confusables::mixes_scripts;

/// The fewest characters of a name, as a person counts them.
pub const SHORTEST: usize = 2;
/// The most characters of a name, as a person counts them.
pub const LONGEST: usize = 32;
/// The most bytes of a name. A character can carry any number of combining marks; this bounds them.
pub const MAX_BYTES: usize = 256;

/// A checked name. Cloning it is cheap.
///
/// Two names are equal if a person would take them for the same word: they are compared without
/// regard to case and to compatibility variants (Unicode NFKC).
#[derive(Clone)]
pub struct Name {
    shown: Arc<str>,
    folded: Arc<str>,
}

/// Why something cannot be a name. Its `Display` is a sentence for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameProblem {
    TooShort,
    TooLong,
    WhiteSpace,
    Unprintable,
    Colon,
    InitialState(char),
    /// Neither a letter nor a digit nor an emoji, nor a sign that belongs to names.
    Sign(char),
    /// Only signs.
    NoLetter,
    MixedScripts,
    Reserved,
    Address,
}

impl Name {
    /// Checks a name. White space around it is not part of it.
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
            // Several letters may be drawn as one: `ശ്രീ`.
            ..SHORTEST if rules::letters(&folded).nth(SHORTEST - 1).is_none() => {
                return Err(NameProblem::TooShort);
            }
            n if n > LONGEST || shown.len() > MAX_BYTES => return Err(NameProblem::TooLong),
            _ if !is_readable => return Err(NameProblem::NoLetter),
            _ => {}
        }
        // An operator could not tell them apart.
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

    /// A name that was checked when it was stored. The rules of then count, so that what was said
    /// can still be read when they have changed.
    pub fn from_store(name: &str) -> Name {
        Name::with_fold(name, fold(name))
    }

    fn with_fold(shown: &str, folded: String) -> Name {
        let shown: Arc<str> = shown.into();
        // Most are the same, and then one piece of memory.
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
