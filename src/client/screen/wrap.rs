//! Breaking text into rows of a certain width.

use std::rc::Rc;

use chatroom::clean;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::links;

/// The longest character with its marks, in bytes.
const MAX_GRAPHEME_BYTES: usize = 64;

/// The longest text, in bytes: the longest message that a room can allow.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// The same for names and short phrases.
const MAX_NAME_BYTES: usize = 1024;

/// The minimum number of cells of a link for which a row must have room.
const MIN_LINK: usize = 16;

/// A part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    /// The target, if it is a link or a part of one.
    pub link: Option<Rc<str>>,
}

/// Breaks `text` into rows of at most `width` cells, between words if possible. There is at least one
/// row.
pub fn wrap(text: &str, width: usize) -> Vec<Vec<Part>> {
    let width = width.max(2);
    let mut rows = Rows { rows: vec![Vec::new()], used: 0 };
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ').width();
        let is_too_long = rows.used > 0 && rows.used + bare > width;
        if is_too_long && (bare <= width || rows.begins_better(word, bare, width)) {
            rows.begin();
        }
        if rows.used + bare <= width {
            // A space at the end of a row is dropped, and must not begin another row.
            let fits = rows.used + word.width() <= width;
            let word = if fits { word } else { word.trim_end_matches(' ') };
            pieces(word).for_each(|(piece, link)| rows.push(piece, link.as_ref()));
            continue;
        }
        for (piece, link) in pieces(word) {
            for grapheme in piece.graphemes(true) {
                if rows.used + grapheme.width() > width {
                    rows.begin();
                }
                rows.push(grapheme, link.as_ref());
            }
        }
    }
    rows.rows
}

struct Rows {
    rows: Vec<Vec<Part>>,
    /// The number of cells of the last row that are used.
    used: usize,
}

impl Rows {
    /// Whether a link that is longer than a row should begin on the next one: because it takes no more
    /// rows that way, or because hardly any of it fits on this one.
    fn begins_better(&self, word: &str, bare: usize, width: usize) -> bool {
        let rest = width.saturating_sub(self.used);
        let here = bare.saturating_sub(rest).div_ceil(width);
        let is_better = bare.div_ceil(width) <= here || rest < MIN_LINK;
        is_better && links::find(word).is_some()
    }

    fn begin(&mut self) {
        self.rows.push(Vec::new());
        self.used = 0;
    }

    fn push(&mut self, text: &str, link: Option<&Rc<str>>) {
        self.used += text.width();
        let Some(row) = self.rows.last_mut() else { return };
        match row.last_mut() {
            Some(part) if part.link.as_ref() == link => part.text.push_str(text),
            _ => row.push(Part { text: text.to_owned(), link: link.cloned() }),
        }
    }
}

/// The parts of a word, each with its target if it is a link.
fn pieces(word: &str) -> impl Iterator<Item = (&str, Option<Rc<str>>)> {
    let link = links::find(word).unwrap_or_default();
    let target = (!link.is_empty()).then(|| Rc::from(&word[link.clone()]));
    let all =
        [(&word[..link.start], None), (&word[link.clone()], target), (&word[link.end..], None)];
    all.into_iter().filter(|(piece, _)| !piece.is_empty())
}

/// Drops excessive marks from a character.
fn shorten(grapheme: &str) -> &str {
    if grapheme.len() <= MAX_GRAPHEME_BYTES {
        return grapheme;
    }
    let end = grapheme.char_indices().map(|(at, _)| at).take_while(|&at| at <= MAX_GRAPHEME_BYTES);
    &grapheme[..end.last().unwrap_or(0)]
}

/// `text` as one line that is safe to draw: without control characters, without excessive marks, and not
/// longer than a message can be.
pub fn harmless(text: &str) -> String {
    harmless_within(text, MAX_TEXT_BYTES)
}

/// The same for a name or a short phrase.
pub fn harmless_name(text: &str) -> String {
    harmless_within(text, MAX_NAME_BYTES)
}

fn harmless_within(text: &str, most_bytes: usize) -> String {
    let end = (0..=most_bytes.min(text.len())).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let line = clean::line(&text[..end]);
    match line.is_ascii() {
        true => line.into_owned(),
        false => clean::drawable(&line).graphemes(true).map(shorten).collect(),
    }
}

/// The beginning of `text` in at most `width` cells, with an ellipsis if it was cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let room = width.saturating_sub(1);
    let fits = text.graphemes(true).take_while(|grapheme| {
        used += grapheme.width();
        used <= room
    });
    let mut cut: String = fits.collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, width: usize, expect: &[&str]) {
        let rows = wrap(text, width);
        let rows: Vec<String> =
            rows.iter().map(|row| row.iter().map(|part| &*part.text).collect()).collect();
        assert_eq!(rows, expect);
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        check("one two three", 8, &["one two ", "three"]);
        check("one two three", 7, &["one two", "three"]);
        check("incomprehensible", 6, &["incomp", "rehens", "ible"]);
        check("", 6, &[""]);
        check("日本語だよ", 5, &["日本", "語だ", "よ"]);
        check("a 👩‍🚀👩‍🚀👩‍🚀", 4, &["a 👩‍🚀", "👩‍🚀👩‍🚀"]);
    }

    #[test]
    fn links_are_told_apart() {
        let links = |rows: &[Vec<Part>]| -> Vec<(String, bool)> {
            let parts = rows.iter().flatten();
            parts.map(|part| (part.text.clone(), part.link.is_some())).collect()
        };
        let own = |text: &str, link| (text.to_owned(), link);
        assert_eq!(
            links(&wrap("see (https://example.org/) now", 40)),
            [own("see (", false), own("https://example.org/", true), own(") now", false)]
        );
        let broken = wrap("https://example.org/", 12);
        assert_eq!(links(&broken), [own("https://exam", true), own("ple.org/", true)]);
        assert_eq!(broken[0][0].link, broken[1][0].link);
        check("longer words https://e.org", 14, &["longer words ", "https://e.org"]);
        check("hello https://example.org/ab", 20, &["hello ", "https://example.org/", "ab"]);
        check("now https://example.org/ab/cd", 20, &["now https://example.", "org/ab/cd"]);
    }

    #[test]
    fn any_number_of_marks_takes_one_cell() {
        let marks = "a".to_owned() + &"\u{301}".repeat(4096);
        let text = harmless(&format!("{marks}b\x1b\n"));
        assert!(text.len() < 70 && text.ends_with("b "), "{text:?}");
        assert_eq!(harmless(&"é".repeat(MAX_TEXT_BYTES)).len(), MAX_TEXT_BYTES);
        assert_eq!(cut("alexandra", 5), "alex…");
    }
}
