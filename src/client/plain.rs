//! Line by line: what is shown goes below what was shown, as in a pipe or with `nc`.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use chatroom::clean;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::Show;

/// Colours for names: those that can be read on light and on dark.
const NAME_COLOURS: &[AnsiColor] = &[
    AnsiColor::Red,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Magenta,
    AnsiColor::Cyan,
];

/// Where lines go and how they look there.
pub struct Plain {
    colour: bool,
    /// Whether a person looks at the output, so that times are shown and all goes to one place.
    terminal: bool,
    zone: TimeZone,
}

impl Plain {
    /// For the standard output as it is.
    pub fn new() -> Plain {
        let terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Plain { colour: terminal && !no_colour, terminal, zone: TimeZone::system() }
    }

    /// Shows something.
    ///
    /// # Errors
    /// Nobody reads the output any more.
    pub fn show(&self, show: &Show) -> io::Result<()> {
        let line = self.line(show);
        match show {
            // What is not the room's talk must not get between it in a pipe.
            Show::Status(_) if !self.terminal => writeln!(io::stderr(), "{line}"),
            Show::AskName { .. } if self.terminal => {
                write!(io::stdout(), "{line}").and_then(|()| io::stdout().flush())
            }
            Show::AskName { .. } => write!(io::stderr(), "{line}"),
            _ => writeln!(io::stdout(), "{line}"),
        }
    }

    fn line(&self, show: &Show) -> String {
        let dim = Style::new().dimmed();
        match show {
            Show::Message { time, earlier, name, text } => {
                let time = self.time(time, *earlier);
                format!("{time}{}: {}", self.name(name), clean::line(text))
            }
            Show::Action { time, earlier, name, text } => {
                let time = self.time(time, *earlier);
                format!("{time}* {} {}", self.name(name), clean::line(text))
            }
            Show::Private { time, name, text } => {
                let text = clean::line(text);
                format!("{}[private] {}: {text}", self.time(time, false), self.name(name))
            }
            Show::Room { time, earlier, text } => {
                let text = format!("-- {}", clean::line(text));
                format!("{}{}", self.time(time, *earlier), self.styled(dim, &text))
            }
            Show::Status(text) => self.styled(dim, &clean::line(text)),
            Show::AskName { default: Some(name) } => {
                format!("Your name [{}]: ", clean::line(name))
            }
            Show::AskName { default: None } => "Your name: ".to_owned(),
        }
    }

    /// The time of day of a record, for a person; with the date for what was said earlier.
    fn time(&self, time: &str, earlier: bool) -> String {
        let format = if earlier { "%Y-%m-%d %H:%M " } else { "%H:%M " };
        match time.parse::<Timestamp>() {
            Ok(time) if self.terminal => {
                let time = time.to_zoned(self.zone.clone()).strftime(format).to_string();
                self.styled(Style::new().dimmed(), &time)
            }
            _ => String::new(),
        }
    }

    /// A name in the colour that it always has.
    fn name(&self, name: &str) -> String {
        let sum = chatroom::names::fold(name)
            .bytes()
            .fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let colour = NAME_COLOURS[sum as usize % NAME_COLOURS.len()];
        self.styled(Style::new().bold().fg_color(Some(colour.into())), &clean::line(name))
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.colour {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Show {
        Show::Message {
            time: "2026-11-22T21:04:05.123Z".to_owned(),
            earlier: false,
            name: "ann".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_pipe_gets_words_and_a_terminal_gets_times_and_colours() {
        let pipe = Plain { colour: false, terminal: false, zone: TimeZone::UTC };
        assert_eq!(pipe.line(&message("hi")), "ann: hi");
        let no_colour = Plain { colour: false, terminal: true, zone: TimeZone::UTC };
        assert_eq!(no_colour.line(&message("hi")), "21:04 ann: hi");
        let terminal = Plain { colour: true, terminal: true, zone: TimeZone::UTC };
        let line = terminal.line(&message("hi"));
        assert!(line.contains("\x1b[1m") && line.ends_with(": hi"), "{line:?}");
        assert_eq!(terminal.name("ann"), terminal.name("ann"));
    }

    #[test]
    fn nothing_of_a_hostile_server_reaches_the_terminal() {
        let pipe = Plain { colour: false, terminal: true, zone: TimeZone::UTC };
        let line = pipe.line(&message("\x1b]0;owned\x07\u{202e}\r\nx"));
        assert_eq!(line, "21:04 ann: ]0;owned x");
    }
}
