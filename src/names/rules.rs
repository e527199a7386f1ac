//! Which characters a name may have, and where; which names are kept for the server.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_script::{Script, ScriptExtension};
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::{GeneralSecurityProfile, skeleton as uts39_skeleton};

use super::NameProblem;
use crate::characters::{
    Kind, ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER, is_blank, is_invisible, is_readable,
    is_stacker, kind,
};
use crate::confusables::{skeleton_of, skeletons_of};
use crate::{clean, emoji};

/// Characters that a name may not begin with, because a line that begins with one of them means
/// something else: JSON, a keep-alive, a command, what the server says, an action, a quotation.
const RESERVED_BEGINNINGS: &[char] = &['{', '&', '!', '[', '/', '*', '<', '>', '#', '@', '-'];

/// Emoji that look like one of these.
const EMOJI_LIKE_RESERVED: &[char] = &['❗', '❕', '✳', '✴', '➖'];

/// Names that would make a person look like the server or who looks after it (compared by what they
/// look like).
pub(super) const RESERVED_NAMES: &[&str] =
    &["server", "chatroomd", "system", "operator", "admin", "administrator", "moderator"];

/// Checks each character of a name. Gives whether there is something to read: a letter, a digit or
/// an emoji.
pub(super) fn check_characters(name: &str) -> Result<bool, NameProblem> {
    let mut is_something = false;
    let (mut rest, mut before) = (name, None);
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        if before.is_none() && begins_a_line(c, behind) {
            return Err(NameProblem::InitialState(c));
        }
        if let Some(end) = emoji::sequence(rest) {
            (is_something, before, rest) = (true, Some(c), &rest[end..]);
            continue;
        }
        check_character(before, c, behind)?;
        is_something |= is_readable(c);
        (before, rest) = (Some(c), behind);
    }
    // More marks than a character can bear.
    match clean::line(name) == name {
        true => Ok(is_something),
        false => Err(NameProblem::Unprintable),
    }
}

/// Checks one that is no emoji, between what is before and behind it.
fn check_character(before: Option<char>, c: char, behind: &str) -> Result<(), NameProblem> {
    if c.is_ascii() {
        return match c {
            ':' => Err(NameProblem::Colon),
            _ if c.is_whitespace() => Err(NameProblem::WhiteSpace),
            _ if c.is_control() => Err(NameProblem::Unprintable),
            _ => Ok(()),
        };
    }
    if c.is_whitespace() {
        return Err(NameProblem::WhiteSpace);
    }
    if matches!(c, ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER) && joins(before, c, behind) {
        return Ok(());
    }
    let kind = kind(c);
    let is_unseen = kind == Kind::Other || is_blank(c) || is_invisible(c);
    if is_unseen || c == char::REPLACEMENT_CHARACTER {
        return Err(NameProblem::Unprintable);
    }
    let is_of_word = before.is_some_and(|before| is_one_script(before, c));
    if looks_like(c, |skeleton| skeleton.contains(':')) && !(is_of_word && is_of_one_script(c)) {
        return Err(NameProblem::Colon);
    }
    match kind {
        Kind::Letter | Kind::Number => Ok(()),
        Kind::Mark if is_stacker(c) => match behind.chars().next() {
            Some(next) if is_of_word && is_one_script(c, next) => Ok(()),
            _ => Err(NameProblem::Unprintable),
        },
        // On a letter that it can be on.
        Kind::Mark if is_of_word => Ok(()),
        Kind::Mark | Kind::Enclosing | Kind::Other => Err(NameProblem::Unprintable),
        Kind::Space => Err(NameProblem::WhiteSpace),
        // An apostrophe, a hyphen, a middle dot and the like, which the standard lets into words.
        Kind::Punctuation if c.identifier_type() == Some(IdentifierType::Inclusion) => Ok(()),
        Kind::Currency => Ok(()),
        Kind::Punctuation | Kind::Symbol => Err(NameProblem::Sign(c)),
    }
}

/// Whether a name that begins so could be taken for a line that means something else.
fn begins_a_line(c: char, behind: &str) -> bool {
    if c.is_ascii() {
        return RESERVED_BEGINNINGS.contains(&c);
    }
    if kind(c) == Kind::Other {
        return false;
    }
    // A letter of another script is one where others of it follow: `ノア`.
    let is_word = || {
        let next = behind.chars().next();
        is_of_one_script(c) && next.is_some_and(|next| is_one_script(c, next))
    };
    EMOJI_LIKE_RESERVED.contains(&c)
        || (looks_like(c, |skeleton| skeleton.starts_with(RESERVED_BEGINNINGS)) && !is_word())
}

/// Whether this holds for the compatibility form of a character, or for what either looks like.
fn looks_like(c: char, holds: impl Fn(&str) -> bool) -> bool {
    let form: String = [c].into_iter().nfkc().collect();
    let skeleton: String = uts39_skeleton(&form).collect();
    let raw: String = uts39_skeleton(c.encode_utf8(&mut [0; 4])).collect();
    holds(&form) || holds(&skeleton) || holds(&raw)
}

/// Whether a character stands for itself in one way of writing that is not Latin.
fn is_of_one_script(c: char) -> bool {
    let script = ScriptExtension::from(c);
    let is_letter = matches!(kind(c), Kind::Letter | Kind::Mark);
    is_letter
        && !script.is_common()
        && !script.is_inherited()
        && !script.contains_script(Script::Latin)
}

/// Whether the second one can follow the first one in a word: both are of one way of writing, and the
/// first one is a letter, a digit or a mark.
fn is_one_script(first: char, second: char) -> bool {
    let mut scripts = AugmentedScriptSet::for_char(first);
    scripts.intersect_with(AugmentedScriptSet::for_char(second));
    let is_word = |c| is_readable(c) || kind(c) == Kind::Mark;
    !scripts.is_empty() && is_word(first) && is_word(second)
}

/// Whether a joiner changes how the letters around it are drawn (RFC 5892, appendices A.1 and A.2):
/// it is behind a virama, or between letters of Arabic and the like, which are joined otherwise.
fn joins(before: Option<char>, c: char, behind: &str) -> bool {
    let (Some(before), Some(next)) = (before, behind.chars().next()) else { return false };
    if !is_one_script(before, next) || kind(next) != Kind::Letter {
        return false;
    }
    let is_virama = canonical_combining_class(before) == 9 && !is_stacker(before);
    let is_cursive = |c| {
        let script = ScriptExtension::from(c);
        [Script::Arabic, Script::Syriac, Script::Mongolian, Script::Nko].iter().any(|&cursive| {
            script.contains_script(cursive) && !script.is_common() && !script.is_inherited()
        })
    };
    is_virama || (c == ZERO_WIDTH_NON_JOINER && is_cursive(before) && is_cursive(next))
}

/// The letters and digits of a text.
pub(super) fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|&c| is_readable(c))
}

/// Whether a name looks like one that is kept for the server, whatever signs are around or in it:
/// `SERVER.`, `(admin)`, `ᏚᎬᎡᏙᎬᎡ`.
pub(super) fn is_reserved(name: &str) -> bool {
    static LOOKS: LazyLock<Vec<String>> =
        LazyLock::new(|| RESERVED_NAMES.iter().map(|name| skeleton_of(name)).collect());
    let is_sign = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
    let is_kept = |skeleton: &str| LOOKS.iter().any(|kept| kept.chars().eq(letters(skeleton)));
    // A sign in the word may look like a letter: `adm|n`.
    let word = name.trim_matches(is_sign);
    let is_any_kept = |word: &str| skeletons_of(word).iter().any(|skeleton| is_kept(skeleton));
    is_any_kept(word) || {
        let letters: String = letters(name).collect();
        letters != word && is_any_kept(&letters)
    }
}

#[cfg(test)]
mod tests;
