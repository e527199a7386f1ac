//! Rules for names: which characters are allowed and where, and which names are reserved for the
//! server.

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

/// Characters with which a name cannot begin, because a line that begins with one of them has
/// another meaning: JSON, a keep-alive, a command, a message of the server, an action, a quotation.
const RESERVED_BEGINNINGS: &[char] = &['{', '&', '!', '[', '/', '*', '<', '>', '#', '@', '-'];

/// Emoji that look like one of the reserved beginnings.
const EMOJI_LIKE_RESERVED: &[char] = &['❗', '❕', '✳', '✴', '➖'];

/// Names with which a user could be mistaken for the server or its administrators. They are
/// compared by their skeletons.
pub(super) const RESERVED_NAMES: &[&str] =
    &["server", "chatroomd", "system", "operator", "admin", "administrator", "moderator"];

/// Validates each character of a name. Returns whether the name contains anything readable: a
/// letter, a digit or an emoji.
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
    // The name has more marks on a character than are allowed.
    match clean::line(name) == name {
        true => Ok(is_something),
        false => Err(NameProblem::Unprintable),
    }
}

/// Validates a character that is not an emoji, given the character before it and the text after it.
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
        // The mark is on a letter that can carry it.
        Kind::Mark if is_of_word => Ok(()),
        Kind::Mark | Kind::Enclosing | Kind::Other => Err(NameProblem::Unprintable),
        Kind::Space => Err(NameProblem::WhiteSpace),
        // An apostrophe, a hyphen, a middle dot and the like, which the standard allows in words.
        Kind::Punctuation if c.identifier_type() == Some(IdentifierType::Inclusion) => Ok(()),
        Kind::Currency => Ok(()),
        Kind::Punctuation | Kind::Symbol => Err(NameProblem::Sign(c)),
    }
}

/// Whether a name with this beginning could be taken for a line with another meaning.
fn begins_a_line(c: char, behind: &str) -> bool {
    if c.is_ascii() {
        return RESERVED_BEGINNINGS.contains(&c);
    }
    if kind(c) == Kind::Other {
        return false;
    }
    // The character is a letter of another script if more letters of that script follow: `ノア`.
    let is_word = || {
        let next = behind.chars().next();
        is_of_one_script(c) && next.is_some_and(|next| is_one_script(c, next))
    };
    EMOJI_LIKE_RESERVED.contains(&c)
        || (looks_like(c, |skeleton| skeleton.starts_with(RESERVED_BEGINNINGS)) && !is_word())
}

/// Whether `holds` is true of the compatibility form of a character, or of the skeleton of either.
fn looks_like(c: char, holds: impl Fn(&str) -> bool) -> bool {
    let form: String = [c].into_iter().nfkc().collect();
    let skeleton: String = uts39_skeleton(&form).collect();
    let raw: String = uts39_skeleton(c.encode_utf8(&mut [0; 4])).collect();
    holds(&form) || holds(&skeleton) || holds(&raw)
}

/// Whether a character is a letter or a mark of a script other than Latin.
fn is_of_one_script(c: char) -> bool {
    let script = ScriptExtension::from(c);
    let is_letter = matches!(kind(c), Kind::Letter | Kind::Mark);
    is_letter
        && !script.is_common()
        && !script.is_inherited()
        && !script.contains_script(Script::Latin)
}

/// Whether `second` can follow `first` in a word: both belong to one writing system, and `first` is
/// a letter, a digit or a mark.
fn is_one_script(first: char, second: char) -> bool {
    let mut scripts = AugmentedScriptSet::for_char(first);
    scripts.intersect_with(AugmentedScriptSet::for_char(second));
    let is_word = |c| is_readable(c) || kind(c) == Kind::Mark;
    !scripts.is_empty() && is_word(first) && is_word(second)
}

/// Whether a joiner changes how the letters around it are drawn (RFC 5892, appendices A.1 and A.2):
/// it follows a virama, or it is a non-joiner between letters of a cursive script such as Arabic.
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

/// Whether a name looks like a reserved one, ignoring signs around or inside it: `SERVER.`,
/// `(admin)`, `ᏚᎬᎡᏙᎬᎡ`.
pub(super) fn is_reserved(name: &str) -> bool {
    static LOOKS: LazyLock<Vec<String>> =
        LazyLock::new(|| RESERVED_NAMES.iter().map(|name| skeleton_of(name)).collect());
    let is_sign = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
    let is_kept = |skeleton: &str| LOOKS.iter().any(|kept| kept.chars().eq(letters(skeleton)));
    // A sign inside the word can look like a letter: `adm|n`.
    let word = name.trim_matches(is_sign);
    let is_any_kept = |word: &str| skeletons_of(word).iter().any(|skeleton| is_kept(skeleton));
    is_any_kept(word) || {
        let letters: String = letters(name).collect();
        letters != word && is_any_kept(&letters)
    }
}

#[cfg(test)]
mod tests;
