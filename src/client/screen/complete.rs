//! Completing names and commands.

use std::collections::BTreeSet;

use chatroom::commands;
use ratatui_textarea::CursorMove;
use unicode_width::UnicodeWidthStr;

use super::Screen;

impl Screen {
    /// Completes the word before the cursor as far as all candidates agree.
    pub(super) fn complete(&mut self) {
        let (row, column) = {
            let cursor = self.editor.area().cursor();
            (cursor.0, cursor.1)
        };
        let Some(line) = self.editor.lines().into_iter().nth(row) else { return };
        let before: String = line.chars().take(column).collect();
        let start = before.rfind(' ').map_or(0, |space| space + 1);
        let word = before[start..].trim_start_matches('@').to_owned();
        if word.is_empty() {
            return;
        }
        let is_command = start == 0 && row == 0 && word.starts_with(['/', '!']);
        let found: Vec<String> = match is_command {
            true => {
                let bare = &word[1..];
                let words = commands::in_client().map(|command| command.word);
                let fits = words.filter(|word| word.starts_with(bare));
                let fits: BTreeSet<&str> = fits.collect();
                fits.into_iter().map(|word| format!("/{word}")).collect()
            }
            false => {
                let folded = chatroom::names::fold(&word);
                let fits = self.presence.people.range(folded.clone()..);
                let fits = fits.take_while(|(key, _)| key.starts_with(&folded));
                fits.map(|(_, name)| name.clone()).collect()
            }
        };
        let Some(common) = common_beginning(&found) else { return };
        let end = match (&found[..], is_command, start) {
            ([_], false, 0) => ": ",
            ([_], ..) => " ",
            _ => "",
        };
        if end.is_empty() && common.width() <= word.width() {
            return;
        }
        let length = word.chars().count();
        self.editor.change(|area| {
            for _ in 0..length {
                area.delete_char();
            }
            area.insert_str(common + end);
            area.move_cursor(CursorMove::Forward);
        });
    }
}

/// The longest common beginning, in the spelling of the first.
fn common_beginning(found: &[String]) -> Option<String> {
    let first = found.first()?;
    let is_common = |end: usize| {
        let head = chatroom::names::fold(&first[..end]);
        found.iter().all(|other| chatroom::names::fold(other).starts_with(&head))
    };
    let ends = first.char_indices().map(|(at, c)| at + c.len_utf8());
    Some(ends.take_while(|&end| is_common(end)).last().map_or("", |end| &first[..end]).to_owned())
}
