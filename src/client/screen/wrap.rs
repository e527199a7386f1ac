//! Breaking text into rows of a certain width.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A cell shows a character with at most so many bytes of marks on it.
const MOST_GRAPHEME_BYTES: usize = 64;

/// A part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub link: bool,
}

/// Breaks `text` into rows of at most `width` cells, between words where that is possible. There is
/// at least one row.
pub fn wrap(text: &str, width: usize) -> Vec<Vec<Part>> {
    let width = width.max(2);
    let mut rows = Rows { rows: vec![Vec::new()], used: 0 };
    for word in text.split_inclusive(' ') {
        let link = is_link(word.trim());
        let bare = word.trim_end_matches(' ').width();
        if rows.used > 0 && rows.used + bare > width && bare <= width {
            rows.begin();
        }
        if rows.used + bare <= width {
            // The space at the end of a row is not needed, and must not begin another one.
            let fits = rows.used + word.width() <= width;
            rows.push(if fits { word } else { word.trim_end_matches(' ') }, link);
            continue;
        }
        for grapheme in word.graphemes(true) {
            let cells = grapheme.width();
            if rows.used + cells > width {
                rows.begin();
            }
            rows.push(shorten(grapheme), link);
        }
    }
    rows.rows
}

struct Rows {
    rows: Vec<Vec<Part>>,
    /// The cells of the last row that are taken.
    used: usize,
}

impl Rows {
    fn begin(&mut self) {
        self.rows.push(Vec::new());
        self.used = 0;
    }

    fn push(&mut self, text: &str, link: bool) {
        self.used += text.width();
        let Some(row) = self.rows.last_mut() else { return };
        match row.last_mut() {
            Some(part) if part.link == link => part.text.push_str(text),
            _ => row.push(Part { text: text.to_owned(), link }),
        }
    }
}

fn is_link(word: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        word.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && word.len() > scheme.len()
    })
}

/// A grapheme with any number of marks on it becomes one with a bearable number.
fn shorten(grapheme: &str) -> &str {
    if grapheme.len() <= MOST_GRAPHEME_BYTES {
        return grapheme;
    }
    let end = grapheme.char_indices().map(|(at, _)| at).take_while(|&at| at <= MOST_GRAPHEME_BYTES);
    &grapheme[..end.last().unwrap_or(0)]
}

/// The beginning of `text` in at most `width` cells, with an ellipsis where it was cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.graphemes(true).map(shorten).collect();
    }
    let mut used = 0;
    let room = width.saturating_sub(1);
    let fits = text.graphemes(true).take_while(|grapheme| {
        used += grapheme.width();
        used <= room
    });
    let mut cut: String = fits.map(shorten).collect();
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
        let rows = wrap("see https://example.org/ now", 40);
        let links: Vec<_> = rows[0].iter().map(|part| (part.text.trim(), part.link)).collect();
        assert_eq!(links, [("see", false), ("https://example.org/", true), ("now", false)]);
    }

    #[test]
    fn any_number_of_marks_takes_one_cell() {
        let marks = "a".to_owned() + &"\u{301}".repeat(4096);
        let rows = wrap(&format!("{marks}bcdefghij"), 4);
        assert!(rows.iter().flatten().all(|part| part.text.len() < 200), "{rows:?}");
        assert!(cut(&marks, 4).len() <= 66);
        assert_eq!(cut("alexandra", 5), "alex…");
    }
}
