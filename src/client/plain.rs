//! The plain view: prints line by line, for pipes and simple terminals.

use std::io::{self, IsTerminal, Write};

use anstyle::{Ansi256Color, Color, Style};
use chatroom::clean;
use chatroom::names::Name;
use chatroom::room::RecordKind;
use chatroom::wire::record_text;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::model::Show;
use crate::palette::Colours;
use crate::program::variable;
use crate::report::{rows, tell, width_of};

/// The standard output, and how lines look there.
pub struct Plain {
    colours: Colours,
    /// Whether the output is a terminal: then times are shown, and everything goes to the same place.
    terminal: bool,
    zone: TimeZone,
    /// The settings of the terminal before typed text was hidden.
    before: Option<Termios>,
}

impl Plain {
    /// A view on the standard output.
    pub fn new() -> Plain {
        let terminal = io::stdout().is_terminal();
        let colours = if terminal { Colours::of_environment(variable) } else { Colours::None };
        Plain { colours, terminal, zone: TimeZone::system(), before: None }
    }

    /// Shows something.
    ///
    /// # Errors
    /// The standard output cannot be written. Errors of standard error are ignored.
    pub fn show(&mut self, show: &Show) -> io::Result<()> {
        if let Show::AskPassword { .. } = show {
            self.hide_typed(true);
        }
        let Some(line) = self.line(show) else { return Ok(()) };
        match show {
            // In a pipe, only messages go to the standard output.
            Show::Status(text) | Show::Parting(text) if !self.terminal => {
                tell(text);
                Ok(())
            }
            Show::AskName { .. } | Show::AskPassword { .. } if self.terminal => {
                write!(io::stdout(), "{line}").and_then(|()| io::stdout().flush())
            }
            Show::AskName { .. } | Show::AskPassword { .. } => {
                let _ = write!(io::stderr(), "{line}");
                Ok(())
            }
            _ => writeln!(io::stdout(), "{line}"),
        }
    }

    /// Has the terminal show the user's typing, or hide it if it can be a password.
    pub fn hide_typed(&mut self, hide: bool) {
        match &self.before {
            None if hide => self.hide(),
            Some(_) if !hide => self.show_typed(),
            _ => {}
        }
    }

    /// A line was typed. Returns whether it was hidden; its line end was hidden, too, and is printed now.
    pub fn was_hidden(&self) -> bool {
        if self.before.is_some() {
            // If this fails, showing the next message fails, too.
            let _ = writeln!(io::stdout());
        }
        self.before.is_some()
    }

    fn hide(&mut self) {
        let Ok(before) = tcgetattr(io::stdin()) else { return };
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        if tcsetattr(io::stdin(), OptionalActions::Now, &hidden).is_ok() {
            self.before = Some(before);
        }
    }

    /// Has the terminal show the user's typing.
    pub fn show_typed(&mut self) {
        if let Some(before) = self.before.take() {
            // This only fails if the terminal is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }

    /// The line that is printed; none if the terminal shows the text already, or only the full-screen view
    /// needs it.
    fn line(&self, show: &Show) -> Option<String> {
        let dim = Style::new().dimmed();
        let of_room = |time: &str, earlier: bool, text: &str| {
            let text = format!("-- {}", clean::shown(text));
            format!("{}{}", self.time(time, earlier), self.styled(dim, &text))
        };
        Some(match show {
            Show::Own { .. }
            | Show::Stored { .. }
            | Show::NotStored { .. }
            | Show::Here { .. }
            | Show::Older(_) => return None,
            Show::Joined { time, earlier, name } => {
                let kind = RecordKind::Joined { name: Name::from_store(name) };
                of_room(time, *earlier, &record_text(&kind).to_string())
            }
            Show::Left { time, earlier, name, how } => {
                let kind = RecordKind::Left { name: Name::from_store(name), how: how.clone() };
                of_room(time, *earlier, &record_text(&kind).to_string())
            }
            Show::Message { time, earlier, name, text } => {
                let time = self.time(time, *earlier);
                format!("{time}{}: {}", self.name(name), clean::shown(text))
            }
            Show::Action { time, earlier, name, text } => {
                let time = self.time(time, *earlier);
                format!("{time}* {} {}", self.name(name), clean::shown(text))
            }
            Show::Private { time, name, text } => {
                let text = clean::shown(text);
                format!("{}[private] {}: {text}", self.time(time, false), self.name(name))
            }
            Show::Room { time, earlier, text } => of_room(time, *earlier, text),
            Show::Status(text) | Show::Parting(text) => {
                let rows = rows(text, width_of(&io::stdout()).filter(|_| self.terminal));
                let rows: Vec<_> = rows.iter().map(|row| self.styled(dim, row)).collect();
                rows.join("\n")
            }
            Show::AskName { default: Some(name) } => {
                format!("Your name [{}]: ", clean::shown(name))
            }
            Show::AskName { default: None } => "Your name: ".to_owned(),
            Show::AskPassword { name } => format!("Password for {}: ", clean::shown(name)),
            Show::Renamed { time, earlier, name, to } => {
                let to = Box::new(Name::from_store(to));
                let kind = RecordKind::Renamed { name: Name::from_store(name), to };
                of_room(time, *earlier, &record_text(&kind).to_string())
            }
        })
    }

    /// The time of a record, on a terminal only; with the date if the record is from earlier.
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

    /// A name in its colour.
    fn name(&self, name: &str) -> String {
        let colour = self.colours.of_name(name).map(|index| {
            let colour = Ansi256Color(index);
            colour.into_ansi().map_or(Color::from(colour), Color::from)
        });
        self.styled(Style::new().bold().fg_color(colour), &clean::shown(name))
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.colours {
            Colours::None => text.to_owned(),
            _ => format!("{style}{text}{style:#}"),
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
        let pipe =
            Plain { colours: Colours::None, terminal: false, zone: TimeZone::UTC, before: None };
        assert_eq!(pipe.line(&message("hi")).unwrap(), "ann: hi");
        let no_colour =
            Plain { colours: Colours::None, terminal: true, zone: TimeZone::UTC, before: None };
        assert_eq!(no_colour.line(&message("hi")).unwrap(), "21:04 ann: hi");
        let terminal =
            Plain { colours: Colours::Sixteen, terminal: true, zone: TimeZone::UTC, before: None };
        let line = terminal.line(&message("hi")).unwrap();
        assert!(line.contains("\x1b[1m") && line.ends_with(": hi"), "{line:?}");
        assert_eq!(terminal.name("ann"), terminal.name("ann"));
    }

    #[test]
    fn nothing_of_a_hostile_server_reaches_the_terminal() {
        let pipe =
            Plain { colours: Colours::None, terminal: true, zone: TimeZone::UTC, before: None };
        let line = pipe.line(&message("\x1b]0;owned\x07\u{202e}\r\nx"));
        assert_eq!(line.unwrap(), "21:04 ann: ]0;owned x");
        let padded = format!("ok.{}[SERVER]: gone", "\u{2003}\t".repeat(34));
        assert_eq!(pipe.line(&message(&padded)).unwrap(), "21:04 ann: ok.\u{2003}[SERVER]: gone");
    }
}
