//! Removes characters from a text that could do harm on a terminal or in a log, and makes it a
//! single line.
//!
//! The room sanitizes text on the way in, and the client and `chatctl` do so again before they draw
//! or print it, so that neither side has to trust the other. Only harmful characters are removed;
//! [`crate::names`] decides which characters are allowed in names.

mod bidi;

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use unicode_normalization::char::is_combining_mark;

use crate::characters::{
    ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER, is_blank, is_ignorable, is_invisible,
};
use crate::emoji::{self, BLACK_FLAG};

pub use bidi::is_control as is_bidi_control;

/// Removes the byte order mark that some editors and terminals put before a line.
pub fn without_mark(line: &str) -> &str {
    line.trim_start_matches('\u{feff}')
}

/// Whether `c` can move the cursor, end a line or reorder other characters.
///
/// These are the control characters (C0, DEL and C1: Unicode category Cc), the line and paragraph
/// separators, and the overrides of Unicode Standard Annex 9, section 2. They are always removed.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202D}' | '\u{202E}')
}

/// Whether `c` hides text, or has no meaning in a line of text: annotations, deprecated format
/// characters, the byte order mark, noncharacters, and code points that will never be visible
/// characters. Tags are included unless they belong to a flag.
pub fn is_trick(c: char) -> bool {
    matches!(c,
        '\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}' | '\u{FDD0}'..='\u{FDEF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Whether `c` takes no space of its own because it belongs to the character before it.
pub fn is_mark(c: char) -> bool {
    !c.is_ascii() && (is_ignorable(c) || is_combining_mark(c))
}

/// Whether a text contains anything visible.
pub fn is_visible(text: &str) -> bool {
    !text.chars().all(|c| is_blank(c) || is_invisible(c) || is_mark(c))
}

/// The maximum number of marks on one character, which is more than any language needs. A taller
/// stack would reach into the lines above and below.
const MAX_MARKS: usize = 8;

/// Returns `text` as one harmless line. Line breaks and tabs become spaces. Other unsafe characters
/// are removed, and so are characters that hide text or reorder the text after them, and marks
/// beyond the maximum. Everything else stays, visible or not.
pub fn line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut balanced = bidi::balanced(text).into_iter().peekable();
    let (mut kept, mut marks, mut end_of_tags) = (String::with_capacity(text.len()), 0, 0);
    for (at, c) in text.char_indices() {
        if at < end_of_tags {
            kept.push(c);
            continue;
        }
        let c = match c {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            c if bidi::is_control(c) && balanced.next_if_eq(&at).is_none() => continue,
            // Marks after a removed character still belong to the character before it.
            c if is_unsafe(c) || is_trick(c) => continue,
            BLACK_FLAG => {
                let behind = at + BLACK_FLAG.len_utf8();
                end_of_tags = behind + emoji::tags(&text[behind..]).unwrap_or(0);
                c
            }
            c => c,
        };
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks <= MAX_MARKS {
            kept.push(c);
        }
    }
    match kept == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(kept),
    }
}

/// Returns a text as it is shown in a line of a terminal: leading blank characters are removed, and
/// a run of them becomes one. Otherwise, a long run could push the end of the text to the start of
/// the next row, where it would look like a separate line.
pub fn squeezed(text: &str) -> Cow<'_, str> {
    let is_plain = match text.is_ascii() {
        true => !text.starts_with(' ') && !text.as_bytes().windows(2).any(|pair| pair == b"  "),
        false => false,
    };
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut in_run = true;
    let mut is_kept = |c: char| {
        // Invisible characters do not end a run.
        let was_in_run = in_run;
        in_run = is_blank(c) || (in_run && (is_invisible(c) || is_mark(c)));
        // Characters that set the direction of the text after the run are kept.
        !(was_in_run && in_run) || bidi::is_control(c) || bidi::is_direction_mark(c)
    };
    let Some(first) = text.char_indices().find(|&(_, c)| !is_kept(c)) else {
        return Cow::Borrowed(text);
    };
    let (before, behind) = text.split_at(first.0);
    let kept = behind[first.1.len_utf8()..].chars().filter(|&c| is_kept(c));
    Cow::Owned(before.chars().chain(kept).collect())
}

/// Returns untrusted text as it is shown in a line: [`line()`] and [`squeezed`].
pub fn shown(text: &str) -> Cow<'_, str> {
    match line(text) {
        Cow::Borrowed(text) => squeezed(text),
        Cow::Owned(text) => Cow::Owned(squeezed(&text).into_owned()),
    }
}

/// Removes the characters whose width differs between terminals, or that reorder text beyond the
/// cells in which they are drawn. The result is for a screen on which the content of each cell is
/// known. Joiners, variation selectors and the tags of flags stay.
pub fn drawable(text: &str) -> String {
    let is_joiner = |c| {
        matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER | '\u{FE00}'..='\u{FE0F}')
            || matches!(c, '\u{E0020}'..='\u{E007F}' | '\u{E0100}'..='\u{E01EF}')
    };
    text.chars().filter(|&c| !is_bidi_control(c) && (is_joiner(c) || !is_invisible(c))).collect()
}

/// Returns `text` as one word of a log message: unchanged if it is a name, an address or a network,
/// otherwise in quotation marks, so that it cannot be mistaken for the text beside it.
pub fn word(text: &str) -> Cow<'_, str> {
    let text = line(text);
    let is_address = || text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok();
    let is_word = |c: char| !is_blank(c) && !matches!(c, ':' | '"' | '(' | ')' | ',');
    if is_address() || (!text.is_empty() && text.chars().all(is_word)) {
        return text;
    }
    Cow::Owned(format!("{text:?}"))
}

#[cfg(test)]
mod tests;
