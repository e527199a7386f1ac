//! Tables: columns that are aligned and fit the terminal.

use std::borrow::Cow;
use std::io;

use chatroom::clean;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::program;

const GAP: usize = 2;
const ELLIPSIS: &str = "…";

/// The width of the terminal in columns: `COLUMNS`, otherwise the width that the terminal reports.
/// None if the output is not a terminal.
pub fn terminal_width() -> Option<usize> {
    let columns = program::variable("COLUMNS").and_then(|columns| columns.parse().ok());
    columns.filter(|&columns| columns > 0).or_else(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
    })
}

/// A column of a table.
pub struct Column {
    head: &'static str,
    /// The width to which its cells may be shortened.
    least: usize,
    /// In which order columns are left out if there is no room. The highest number is first. Columns
    /// from 2 on are left out before any cell is shortened, 1 if shortening is not enough, 0 never.
    dispensable: u8,
}

impl Column {
    /// A column whose cells are shown whole.
    pub const fn new(head: &'static str) -> Column {
        Column { head, least: usize::MAX, dispensable: 0 }
    }

    /// A column whose cells may be shortened to this width.
    pub const fn flexible(head: &'static str, least: usize) -> Column {
        Column { head, least, dispensable: 0 }
    }

    /// A column that is left out if there is no room.
    pub const fn dispensable(self, rank: u8) -> Column {
        Column { dispensable: rank, ..self }
    }
}

/// A table with headings, at most `width` wide. Control codes are removed.
pub fn table<const N: usize>(
    columns: &[Column; N],
    rows: &[[String; N]],
    width: Option<usize>,
) -> String {
    let heads = columns.each_ref().map(|column| column.head.to_owned());
    let cleaned = |row: &[String; N]| row.each_ref().map(|cell| clean::shown(cell).into_owned());
    let rows: Vec<[String; N]> = [heads].iter().chain(rows).map(cleaned).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let shown = fit(columns, &mut widths, width);
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for index in shown.iter().copied() {
            let cell = shorten(&row[index], widths[index]);
            let pad = widths[index] - cell.width() + GAP;
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        let line = line.trim_end();
        text.push_str(&width.map_or(Cow::Borrowed(line), |width| shorten(line, width)));
        text.push('\n');
    }
    text
}

/// Shrinks the columns to fit, and returns the indices of those that there is room for.
fn fit(columns: &[Column], widths: &mut [usize], width: Option<usize>) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let Some(width) = width else { return shown };
    let least: Vec<usize> = (0..columns.len()).map(|i| widths[i].min(columns[i].least)).collect();
    // The least important column first.
    let leave_out = |shown: &mut Vec<usize>, rank: u8| {
        let last = shown.iter().copied().max_by_key(|&i| columns[i].dispensable);
        let last = last.filter(|&i| columns[i].dispensable >= rank);
        shown.retain(|&i| Some(i) != last);
        last.is_some()
    };
    let total = |shown: &[usize], widths: &[usize]| {
        shown.iter().map(|&i| widths[i] + GAP).sum::<usize>().saturating_sub(GAP)
    };
    while total(&shown, widths) > width && leave_out(&mut shown, 2) {}
    while total(&shown, &least) > width && leave_out(&mut shown, 1) {}
    while total(&shown, widths) > width {
        let widest = shown.iter().copied().filter(|&i| widths[i] > least[i]);
        match widest.max_by_key(|&i| widths[i] - least[i]) {
            Some(widest) => widths[widest] -= 1,
            None => break,
        }
    }
    shown
}

/// The text, or its beginning and an ellipsis if it is wider than `width`.
pub fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(ELLIPSIS.width());
    let mut end = 0;
    for (start, character) in text.grapheme_indices(true) {
        let next = start + character.len();
        if text[..next].width() > room {
            break;
        }
        end = next;
    }
    Cow::Owned(if width == 0 { String::new() } else { format!("{}{ELLIPSIS}", &text[..end]) })
}

/// One name and value on each line. A long value continues on the next line.
pub fn pairs(rows: &[(&str, String)], width: Option<usize>) -> String {
    let names = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let room = width.map(|width| width.saturating_sub(names + GAP).max(20));
    let mut text = String::new();
    for (name, value) in rows {
        let value = clean::shown(value);
        let mut name = *name;
        for line in wrap(&value, room) {
            let line = format!("{name:<names$}  {line}");
            text.push_str(line.trim_end());
            text.push('\n');
            name = "";
        }
    }
    text
}

/// Breaks the text at spaces into lines of at most this width, as far as possible.
fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if width.is_none_or(|width| line.width() + 1 + word.width() <= width) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::flexible("NAME", 6),
        Column::new("SINCE"),
        Column::flexible("ADDRESS", 8),
        Column::new("OUT").dispensable(1),
    ];

    fn rows() -> [[String; 4]; 2] {
        let row = |cells: [&str; 4]| cells.map(str::to_owned);
        [
            row(["日本日本日本日本", "21:04:05", "[2001:db8::1234:5678:9abc]:53000", "10 B"]),
            row(["ann\x1b[2J", "21:04", "10.0.0.7:5", "2.0 KiB"]),
        ]
    }

    #[test]
    fn without_a_width_everything_is_shown_in_columns() {
        let shown = table(&COLUMNS, &rows(), None);
        let lines: Vec<&str> = shown.lines().collect();
        let column = |line: &str, part: &str| line[..line.find(part).unwrap()].width();
        assert_eq!(column(lines[1], "[2001"), column(lines[2], "10.0"), "{shown}");
        assert!(shown.contains(":53000  10 B") && !shown.contains('\x1b'), "{shown}");
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        for width in 1..80 {
            let shown = table(&COLUMNS, &rows(), Some(width));
            assert_eq!(shown.lines().count(), 3);
            shown.lines().for_each(|line| assert!(line.width() <= width, "{width}: {shown}"));
            assert_eq!(shown.contains("OUT"), width >= 6 + 8 + 8 + 7 + 3 * GAP, "{shown}");
        }
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(shorten("four", 4), "four");
        assert_eq!(shorten("fives", 4), "fiv…");
        // A wide character is not cut in half.
        assert_eq!(shorten("日本語", 4), "日…");
        assert_eq!(shorten("日本語", 1), "…");
        assert_eq!(shorten("日本語", 0), "");
    }

    #[test]
    fn values_go_on_below() {
        let rows = [("room", "den".to_owned()), ("listening", "10.0.0.1:1, 10.0.0.2:1".to_owned())];
        assert_eq!(
            pairs(&rows, Some(20)),
            "room       den\nlistening  10.0.0.1:1,\n           10.0.0.2:1\n"
        );
        assert!(pairs(&rows, None).ends_with("listening  10.0.0.1:1, 10.0.0.2:1\n"));
    }
}
