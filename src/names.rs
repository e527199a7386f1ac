//! Names of people: what may be one, and when two of them are the same.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use unicode_segmentation::UnicodeSegmentation;

use crate::clean;
pub use crate::lookalike::fold;
use crate::lookalike::{look, mixes_scripts};

/// The fewest characters of a name, as a person counts them.
pub const SHORTEST: usize = 2;
/// The most characters of a name, as a person counts them.
pub const LONGEST: usize = 32;
/// The most bytes of a name. A character can carry any number of combining marks; this bounds them.
pub const MOST_BYTES: usize = 256;

/// Characters that a name may not begin with, because a line that begins with one of them means
/// something else: JSON, a keep-alive, a command, what the server says, an action, a quotation.
const RESERVED_BEGINNINGS: &[char] = &['{', '&', '!', '[', '/', '*', '<', '>', '#', '@', '-'];

/// Names that would make a person look like the server or who looks after it (compared by what they
/// look like).
const RESERVED_NAMES: &[&str] =
    &["server", "chatroomd", "system", "operator", "admin", "administrator", "moderator"];

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
    Beginning(char),
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
        check_characters(shown)?;
        match shown.graphemes(true).count() {
            ..SHORTEST => return Err(NameProblem::TooShort),
            n if n > LONGEST || shown.len() > MOST_BYTES => return Err(NameProblem::TooLong),
            _ => {}
        }
        let folded = fold(shown);
        // An operator could not tell them apart.
        if folded.parse::<IpAddr>().is_ok() || folded.parse::<IpNet>().is_ok() {
            return Err(NameProblem::Address);
        }
        if mixes_scripts(shown) {
            return Err(NameProblem::MixedScripts);
        }
        if RESERVED_NAMES.iter().any(|reserved| look(reserved) == look(shown)) {
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

fn check_characters(name: &str) -> Result<(), NameProblem> {
    if let Some(first) = name.chars().next()
        && RESERVED_BEGINNINGS.contains(&first)
    {
        return Err(NameProblem::Beginning(first));
    }
    for c in name.chars() {
        if c.is_whitespace() {
            return Err(NameProblem::WhiteSpace);
        }
        if clean::is_unsafe(c) || clean::is_invisible(c) || c == char::REPLACEMENT_CHARACTER {
            return Err(NameProblem::Unprintable);
        }
        if c == ':' {
            return Err(NameProblem::Colon);
        }
    }
    // More marks than a character can bear.
    if clean::line(name) != name {
        return Err(NameProblem::Unprintable);
    }
    Ok(())
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
            NameProblem::Beginning(c) => write!(f, "A name does not begin with \"{c}\"."),
            NameProblem::MixedScripts => {
                f.write_str("A name has no letters of several alphabets that look alike.")
            }
            NameProblem::Address => f.write_str("A name is not an address."),
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
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: Result<&str, NameProblem>) {
        let name = Name::new(input);
        assert_eq!(name.as_ref().map(Name::as_str).map_err(|problem| *problem), expect);
    }

    #[test]
    fn names_are_words_of_2_to_32_characters() {
        check("ann", Ok("ann"));
        check("  bo\r", Ok("bo"));
        check("日本", Ok("日本"));
        check("a", Err(NameProblem::TooShort));
        check("", Err(NameProblem::TooShort));
        check("é", Err(NameProblem::TooShort));
        check("e\u{301}", Err(NameProblem::TooShort));
        check(&"x".repeat(32), Ok(&"x".repeat(32)));
        check(&"x".repeat(33), Err(NameProblem::TooLong));
        check(&format!("ab{}", "\u{301}".repeat(4096)), Err(NameProblem::Unprintable));
    }

    #[test]
    fn what_could_deceive_is_refused() {
        check("ann bo", Err(NameProblem::WhiteSpace));
        check("an\u{a0}n", Err(NameProblem::WhiteSpace));
        check("an\x1bn", Err(NameProblem::Unprintable));
        check("an\u{202e}n", Err(NameProblem::Unprintable));
        check("an\u{200b}n", Err(NameProblem::Unprintable));
        check("an\u{200d}n", Err(NameProblem::Unprintable));
        check("an\u{fffd}n", Err(NameProblem::Unprintable));
        check("ann:", Err(NameProblem::Colon));
        check("[SERVER]", Err(NameProblem::Beginning('[')));
        check("&", Err(NameProblem::Beginning('&')));
        check("Server", Err(NameProblem::Reserved));
        check("ＳＥＲＶＥＲ", Err(NameProblem::Reserved));
        check("ѕегver", Err(NameProblem::MixedScripts));
        check("10.0.0.1", Err(NameProblem::Address));
        check("１０.0.0.7", Err(NameProblem::Address));
        check("10.0.0.0/8", Err(NameProblem::Address));
        check("5erver", Ok("5erver"));
        check("5YSTEM", Ok("5YSTEM"));
        check("0perator", Err(NameProblem::Reserved));
    }

    #[test]
    fn equal_without_regard_to_case_and_width() {
        let ann = Name::new("Ann").unwrap();
        assert_eq!(ann, Name::new("aNN").unwrap());
        assert_eq!(ann, Name::new("Ａｎｎ").unwrap());
        assert_ne!(ann, Name::new("anna").unwrap());
        assert_eq!(Name::new("ÉVA").unwrap(), Name::new("e\u{301}va").unwrap());
        assert_eq!(
            (format!("{ann}"), format!("{ann:?}")),
            ("Ann".to_owned(), "\"Ann\"".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence_of_its_own() {
        let all = [
            (NameProblem::TooShort, "at least 2"),
            (NameProblem::TooLong, "at most 32"),
            (NameProblem::WhiteSpace, "one word"),
            (NameProblem::Unprintable, "can be seen"),
            (NameProblem::Colon, "no colon"),
            (NameProblem::Beginning('['), "not begin with \"[\""),
            (NameProblem::MixedScripts, "several alphabets"),
            (NameProblem::Address, "not an address"),
            (NameProblem::Reserved, "kept for the server"),
        ];
        for (problem, part) in all {
            let sentence = problem.to_string();
            assert!(sentence.contains(part) && sentence.ends_with('.'), "{sentence}");
        }
    }
}
