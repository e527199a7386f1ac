//! Links that can be clicked: the terminal is told where a link begins and where it leads
//! ([OSC 8](https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda)).

use std::fmt::Write as _;
use std::num::NonZeroU16;
use std::rc::Rc;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Position;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

/// Some terminals do not accept longer ones.
const MAX_BYTES: usize = 2000;

/// A row of the talk.
#[derive(Debug, Default)]
pub struct Row {
    pub line: Line<'static>,
    pub links: Vec<Link>,
}

/// A link, or the part of it in one row.
#[derive(Debug)]
pub struct Link {
    /// The number of cells before it.
    pub column: usize,
    pub text: String,
    pub target: Rc<str>,
    /// The same for all parts of one link.
    pub id: u64,
}

impl From<Line<'static>> for Row {
    fn from(line: Line<'static>) -> Row {
        Row { line, links: Vec::new() }
    }
}

impl Link {
    /// Turns the text that is drawn at `row` into a link. All of it goes into its first cell, which counts
    /// as wide as the link, so that the terminal gets it in one piece or not at all.
    pub fn draw(&self, buffer: &mut Buffer, row: Position) {
        let width = self.text.width() as u16;
        let (Some(cells), Some(target)) = (NonZeroU16::new(width), escape(&self.target)) else {
            return;
        };
        let at = Position::new(row.x + self.column as u16, row.y);
        let ends_inside = at.x.saturating_add(width) <= buffer.area.right();
        let Some(cell) = buffer.cell_mut(at).filter(|_| ends_inside) else { return };
        let Link { id, text, .. } = self;
        cell.set_symbol(&format!("\x1b]8;id={id};{target}\x1b\\{text}\x1b]8;;\x1b\\"));
        cell.set_diff_option(CellDiffOption::ForcedWidth(cells));
    }
}

/// The target with everything escaped that is not printable ASCII, which must not be in the sequence.
fn escape(target: &str) -> Option<String> {
    let mut escaped = String::with_capacity(target.len());
    for byte in target.bytes() {
        match byte {
            b'!'..=b'~' => escaped.push(char::from(byte)),
            _ => write!(escaped, "%{byte:02X}").ok()?,
        }
    }
    (escaped.len() <= MAX_BYTES).then_some(escaped)
}

/// The range of the link in a word, without a bracket or quote before it and without the
/// punctuation after it.
pub fn find(word: &str) -> Option<std::ops::Range<usize>> {
    let start = word.find(|c: char| c.is_ascii_alphanumeric())?;
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        let beginning = word[start..].get(..scheme.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
    })?;
    let mut link = word[start..].trim_end();
    loop {
        let shorter = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '"', '\'', '>', ']']);
        // A bracket that was opened in the link belongs to it.
        let count = |c| shorter.matches(c).count();
        let shorter = match shorter.strip_suffix(')') {
            Some(without) if count(')') > count('(') => without,
            _ => shorter,
        };
        if shorter.len() == link.len() {
            break;
        }
        link = shorter;
    }
    (link.len() > scheme.len()).then_some(start..start + link.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expect: Option<&str>) {
        assert_eq!(find(word).map(|range| &word[range]), expect);
    }

    #[test]
    fn a_link_ends_before_the_sentence_does() {
        check("https://example.org/", Some("https://example.org/"));
        check("(https://example.org/a,", Some("https://example.org/a"));
        check("<HTTP://example.org>.", Some("HTTP://example.org"));
        check("https://example.org/a_(b)", Some("https://example.org/a_(b)"));
        check("(https://example.org/a_(b)).", Some("https://example.org/a_(b)"));
        check("\u{201c}https://example.org/日本\u{201d}", Some("https://example.org/日本\u{201d}"));
        check("https://", None);
        check("https://...", None);
        check("xhttps://example.org", None);
        check("no link", None);
        check("", None);
    }

    #[test]
    fn a_terminal_is_told_nothing_but_printable_ascii() {
        assert_eq!(escape("https://x.org/a b"), Some("https://x.org/a%20b".to_owned()));
        assert_eq!(escape("https://x.org/é;\u{7}"), Some("https://x.org/%C3%A9;%07".to_owned()));
        assert_eq!(escape(&"x".repeat(2001)), None);
    }
}
