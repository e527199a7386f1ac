//! Reading a typed line.

use std::borrow::Cow;
use std::iter;

use chatroom::access::ModerationAction;
use chatroom::commands;
use chatroom::wire::text::{self, TextRequest};

/// The output of `!help` in the line-by-line view.
pub fn help() -> Vec<String> {
    let header = format!("{} Commands, with ! or /:", commands::HELP_INTRO);
    let users = commands::for_all_users().map(|command| command.help_row('!'));
    let last = ["Ctrl-D and Ctrl-C leave, too.".to_owned(), commands::operators_line()];
    iter::once(header).chain(users).chain(last).collect()
}

/// The meaning of a line that was typed or came from a pipe.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Nothing,
    Quit,
    Help,
    Who,
    /// The newest records, as many as this.
    History(usize),
    /// The newest records whose text contains this.
    Search(String),
    /// Show the topic.
    Topic,
    Moderate(ModerationAction),
    Say {
        text: String,
        action: bool,
    },
    Direct {
        to: String,
        text: String,
    },
    /// A command that is wrong or incomplete; the sentence says why.
    Mistake(String),
}

/// Returns a line in its canonical form: the word of a command with a slash and in lower case, and
/// nothing after a word that takes no arguments.
pub fn spelled(line: &str) -> Cow<'_, str> {
    let line = line.trim_end();
    if !line.starts_with('/') || line.starts_with("//") {
        return Cow::Borrowed(line);
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let word = word.to_lowercase();
    match rest.is_empty() || commands::stands_alone(&word[1..]) {
        true => Cow::Owned(word),
        false => Cow::Owned(format!("{word} {rest}")),
    }
}

impl Command {
    /// Reads a line. From a pipe, every line but `!quit` and `/quit` is sent as a message.
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
        let (request, prefix) = match line.strip_prefix('/') {
            // `//` sends a line that begins with a slash.
            Some(rest) if rest.starts_with('/') => return say(rest),
            Some(rest) => match text::parse_command(rest) {
                Some(request) => (request, '/'),
                None => {
                    let word = line.split_whitespace().next().unwrap_or(line);
                    return Command::Mistake(format!(
                        "There is no command {word}. /help lists the commands; // sends a line \
                         that begins with a slash."
                    ));
                }
            },
            None => (text::parse(line), '!'),
        };
        match request {
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
            TextRequest::Incomplete(mistake) => Command::Mistake(mistake.sentence(prefix)),
            TextRequest::KeepAlive => Command::Nothing,
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
        let mistake = "Usage: /me TEXT - describe an action, as in: /me waves".to_owned();
        assert_eq!(Command::parse("/me", true), Command::Mistake(mistake));
        assert_eq!(Command::parse("  ", true), Command::Nothing);
    }
}
