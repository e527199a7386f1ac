//! Taking out of a text what could do harm on a terminal or in a log.
//!
//! It is used on the way in (by the room), and again where something is drawn or printed (by the
//! client and `chatctl`), so that neither has to trust the other.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use unicode_normalization::char::is_combining_mark;

/// Whether `c` can move a cursor, end a line or turn the direction of what follows.
///
/// These are the control characters (C0, DEL and C1: Unicode category Cc), the line and paragraph
/// separators, and the bidirectional controls of Unicode Standard Annex 9, section 2.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}'
            | '\u{061C}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}')
}

/// Whether `c` takes no room on a screen, so that two texts that differ in it look the same.
///
/// The zero-width joiners are among them: they are fine in a message (emoji need them) and a trick
/// in a name.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
        | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}'
        | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether `c` joins what is around it, or says how the one before it is drawn. Emoji and several
/// languages need that in a text.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// Whether `c` is invisible, and no text needs it.
pub fn is_trick(c: char) -> bool {
    is_invisible(c) && !is_joiner(c)
}

/// Whether `c` takes no place of its own: it belongs to the one before it.
pub fn is_mark(c: char) -> bool {
    is_joiner(c) || is_combining_mark(c)
}

/// So many marks on one character are more than any language needs. With more of them a line
/// reaches into those above and below.
const MOST_MARKS: usize = 8;

/// `text` as one harmless line: line breaks and tabs become a space; other unsafe characters go, and
/// invisible ones that no text needs, and marks beyond what a character can bear.
pub fn line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let kept = || {
        let mut marks = 0;
        text.chars().filter_map(move |c| {
            let c = match c {
                '\n' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
                // What goes does not part marks from the character that they are on.
                c if is_unsafe(c) || is_trick(c) => return None,
                c => c,
            };
            marks = if is_mark(c) { marks + 1 } else { 0 };
            (marks <= MOST_MARKS).then_some(c)
        })
    };
    if kept().eq(text.chars()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(kept().collect())
}

/// `text` as one word of a sentence in the log: as it is if it is a name, an address or a network,
/// else in quotation marks, so that it cannot pass for what stands beside it.
pub fn word(text: &str) -> Cow<'_, str> {
    let text = line(text);
    let is_address = || text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok();
    let is_word = |c: char| !c.is_whitespace() && !matches!(c, ':' | '"' | '(' | ')' | ',');
    if is_address() || (!text.is_empty() && text.chars().all(is_word)) {
        return text;
    }
    Cow::Owned(format!("{text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(line("gute Nacht, 日本 👩‍🚀"), Cow::Borrowed(_)));
    }

    #[test]
    fn control_codes_are_taken_out() {
        assert_eq!(line("a\x1b[31mred\x07\x7f\u{9b}b\0"), "a[31mredb");
        assert_eq!(line("one\r\ntwo\tthree\u{2028}four"), "one two three four");
        assert_eq!(line("zero\u{200b}width\u{feff}\u{e0041}"), "zerowidth");
        assert_eq!(line(&format!("a{}b", "\u{301}".repeat(99))).chars().count(), 10);
        let parted = ["\u{301}\0", "\u{301}\u{200b}", "\u{301}\u{34f}"];
        for marks in parted {
            assert_eq!(line(&format!("a{}b", marks.repeat(99))).chars().count(), 10, "{marks:?}");
        }
        assert_eq!(line("safe\u{202e}fdp.exe\u{2066}\u{200f}"), "safefdp.exe");
    }

    #[test]
    fn a_word_cannot_pass_for_what_stands_beside_it() {
        for plain in ["ann", "日本", "10.0.0.7", "2001:db8::/32", "x-y_z"] {
            assert_eq!(word(plain), plain);
        }
        assert_eq!(word(""), "\"\"");
        assert_eq!(word("ann left (quit)"), "\"ann left (quit)\"");
        assert_eq!(word("bo\n(uid 0): kick cy"), "\"bo (uid 0): kick cy\"");
        assert_eq!(word("a\"b"), "\"a\\\"b\"");
        assert_eq!(word("a\u{202e}b"), "ab");
    }
}
