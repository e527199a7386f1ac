//! Sentences of the client itself on the standard error output, wrapped to the width of the terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use chatroom::clean;
use rustix::termios::tcgetwinsize;

use crate::screen::wrap;

/// Prints a text to standard error. A failure is ignored, because it cannot be reported anywhere.
pub fn tell(text: impl Display) {
    let error = io::stderr();
    for line in rows(&text.to_string(), width_of(&error)) {
        let _ = writeln!(&error, "{line}");
    }
}

/// The width of an output in columns; none if it is not a terminal.
pub fn width_of(output: &(impl AsFd + IsTerminal)) -> Option<usize> {
    let size = tcgetwinsize(output.as_fd()).ok().filter(|_| output.is_terminal())?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Breaks a text, which may have several lines, into rows of a terminal of this width. Without a width,
/// lines stay whole.
pub fn rows(text: &str, width: Option<usize>) -> Vec<String> {
    let lines = text.lines().map(clean::shown);
    let Some(width) = width else { return lines.map(String::from).collect() };
    let wrapped = lines.flat_map(|line| wrap::wrap(&line, width));
    let row = |parts: Vec<wrap::Part>| {
        let row: String = parts.into_iter().map(|part| part.text).collect();
        row.trim_end().to_owned()
    };
    wrapped.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_cut_at_the_edge() {
        let text = "Not joined: host does not speak TLS. Connect without --tls.\nBye.";
        let expect = ["Not joined: host does", "not speak TLS. Connect", "without --tls.", "Bye."];
        assert_eq!(rows(text, Some(22)), expect);
        assert_eq!(rows(text, None).len(), 2);
        assert_eq!(rows("a\x1b[2Jb", None), ["a[2Jb"], "only text reaches the terminal");
    }
}
