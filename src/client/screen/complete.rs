//! Completing names and commands.

use ratatui_textarea::CursorMove;
use unicode_width::UnicodeWidthStr;

use super::Screen;

/// The commands, as they are completed and explained.
pub const COMMANDS: &[(&str, &str)] = &[
    ("/help", "this"),
    ("/who", "who is here"),
    ("/msg", "NAME TEXT: say something to one person only"),
    ("/me", "TEXT: say what you do"),
    ("/history", "N: the last N lines again"),
    ("/search", "TEXT: the last lines with TEXT in them"),
    ("/ignore", "NAME: hide what somebody says, or show it again"),
    ("/topic", "what the room is about (operators: TEXT)"),
    ("/clear", "an empty screen"),
    ("/quit", "leave (or !quit, Ctrl-D, Ctrl-C)"),
    ("/kick", "NAME [WHY]: remove somebody (operators only)"),
    ("/ban", "NAME [TIME] [WHY]: keep out, as /ban bo 10min rude"),
    ("/mute", "NAME [TIME] [WHY]: let somebody listen only"),
    ("/unban", "NAME: take that back; so does /unmute"),
    ("/unmute", "NAME: let somebody speak again"),
];

impl Screen {
    /// Completes the word before the cursor, as far as it is certain.
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
                let fits = COMMANDS.iter().filter(|(command, _)| command[1..].starts_with(bare));
                fits.map(|(command, _)| (*command).to_owned()).collect()
            }
            false => {
                let folded = chatroom::names::fold(&word);
                let fits = self.people.range(folded.clone()..);
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

/// What all of them begin with, in the spelling of the first.
fn common_beginning(found: &[String]) -> Option<String> {
    let first = found.first()?;
    let is_common = |end: usize| {
        let head = chatroom::names::fold(&first[..end]);
        found.iter().all(|other| chatroom::names::fold(other).starts_with(&head))
    };
    let ends = first.char_indices().map(|(at, c)| at + c.len_utf8());
    Some(ends.take_while(|&end| is_common(end)).last().map_or("", |end| &first[..end]).to_owned())
}
