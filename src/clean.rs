//! Taking out of a text what could do harm on a terminal or in a log.
//!
//! It is used on the way in (by the room), and again where something is drawn or printed (by the
//! client and `chatctl`), so that neither has to trust the other.

use std::borrow::Cow;

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

/// `text` as one harmless line: line breaks and tabs become a space, other unsafe characters go.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let cleaned = text.chars().filter_map(|c| match c {
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if is_unsafe(c) => None,
        c => Some(c),
    });
    Cow::Owned(cleaned.collect())
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
        assert_eq!(line("safe\u{202e}fdp.exe\u{2066}\u{200f}"), "safefdp.exe");
    }
}
