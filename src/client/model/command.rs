//! What a typed line means.

use std::borrow::Cow;

use chatroom::access::ModerationAction;
use chatroom::wire::text::{self, TextRequest};

/// What `!help` shows.
pub const HELP: &[&str] = &[
    "Whatever you type is said to everybody. These are commands, with ! or with /:",
    "  !who             who is here",
    "  !msg NAME TEXT   say something to one person only",
    "  !me TEXT         say what you do",
    "  !history N       the last N lines again",
    "  !search TEXT     the last lines with TEXT in them",
    "  !topic           what the room is about",
    "  !quit            leave (or Ctrl-D, Ctrl-C)",
    "For operators: !topic TEXT, !kick NAME [WHY], !ban and !mute NAME [TIME] [WHY], !unban, !unmute",
];

/// A line that was typed, or came from a pipe.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Nothing,
    Quit,
    Help,
    Who,
    /// So many of the last lines.
    History(usize),
    /// The last lines with this in them.
    Search(String),
    /// What the room is about.
    Topic,
    /// What an operator does.
    Moderate(ModerationAction),
    Say {
        text: String,
        action: bool,
    },
    Direct {
        to: String,
        text: String,
    },
    /// It cannot be meant as it stands; the sentence says why.
    Mistake(String),
}

/// A line as it is understood: how a command with a slash is spelled does not matter, nor what
/// stands behind one that needs nothing there.
pub fn spelled(line: &str) -> Cow<'_, str> {
    let line = line.trim_end();
    if !line.starts_with('/') || line.starts_with("//") {
        return Cow::Borrowed(line);
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let word = word.to_lowercase();
    Cow::Owned(match &*word {
        "/quit" | "/help" | "/who" => word,
        _ if rest.is_empty() => word,
        _ => format!("{word} {rest}"),
    })
}

impl Command {
    /// Understands a line. From a pipe, all but the wish to leave is said as it is.
    pub fn parse(line: &str, interactive: bool) -> Command {
        let line = if interactive { &*spelled(line) } else { line.trim_end() };
        if matches!(line, "!quit" | "/quit") {
            return Command::Quit;
        }
        if line.trim().is_empty() {
            return Command::Nothing;
        }
        let say = |text: &str| Command::Say { text: text.to_owned(), action: false };
        if !interactive {
            return say(line);
        }
        // A slash is a bang on another keyboard; `//` says something that begins with a slash.
        let banged = match line.strip_prefix('/') {
            Some(rest) if rest.starts_with('/') => return say(rest),
            Some(rest) => format!("!{rest}"),
            None => line.to_owned(),
        };
        match text::parse(&banged) {
            TextRequest::Quit => Command::Quit,
            TextRequest::Help => Command::Help,
            TextRequest::Who => Command::Who,
            TextRequest::History(lines) => Command::History(lines),
            TextRequest::Search(text) => Command::Search(text.to_owned()),
            TextRequest::Topic => Command::Topic,
            TextRequest::Moderate(action) => Command::Moderate(*action),
            TextRequest::Action(text) => Command::Say { text: text.to_owned(), action: true },
            TextRequest::Direct { to, text } => {
                Command::Direct { to: to.to_owned(), text: text.to_owned() }
            }
            TextRequest::Incomplete(sentence) if line.starts_with('/') => {
                Command::Mistake(sentence.replace('!', "/"))
            }
            TextRequest::Incomplete(sentence) => Command::Mistake(sentence.to_owned()),
            TextRequest::KeepAlive => Command::Nothing,
            TextRequest::Say(_) if line.starts_with('/') => {
                let word = line.split_whitespace().next().unwrap_or(line);
                Command::Mistake(format!(
                    "There is no command {word}. /help shows all; // says a line with a slash."
                ))
            }
            TextRequest::Say(_) => say(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str) -> Command {
        Command::Say { text: text.to_owned(), action: false }
    }

    #[test]
    fn a_person_has_commands_and_a_pipe_has_words() {
        assert_eq!(Command::parse("/who", true), Command::Who);
        assert_eq!(Command::parse("!who", true), Command::Who);
        assert_eq!(Command::parse("/usr is full", false), say("/usr is full"));
        assert_eq!(Command::parse("//usr is full", true), say("/usr is full"));
        assert!(matches!(Command::parse("/usr is full", true), Command::Mistake(_)));
        assert_eq!(Command::parse("!wow", true), say("!wow"));
        assert_eq!(
            Command::parse("/me waves", true),
            Command::Say { text: "waves".to_owned(), action: true }
        );
        assert_eq!(Command::parse("!quit", false), Command::Quit);
        assert_eq!(Command::parse("/quit for today", true), Command::Quit);
        assert_eq!(Command::parse("/Who is here", true), Command::Who);
        assert_eq!(Command::parse("/ME waves", true), Command::parse("/me waves", true));
        let mistake = "Write /me and what you do, as in: /me waves".to_owned();
        assert_eq!(Command::parse("/me", true), Command::Mistake(mistake));
        assert_eq!(Command::parse("  ", true), Command::Nothing);
    }
}
