//! Parses the lines of text clients into requests.

use crate::access::{ModerationAction, parse_time};
use crate::commands::{self, CommandId};

/// The number of records that `!history` and `!search` show if none is given.
pub const USUAL_HISTORY: usize = 20;

/// The largest number of records that can be asked for at a time.
pub const MAX_HISTORY: usize = 200;

/// The request that a line of a user in the room makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextRequest<'a> {
    KeepAlive,
    Quit,
    Help,
    Who,
    Action(&'a str),
    /// The newest records, as many as this.
    History(usize),
    /// The newest records whose text contains this.
    Search(&'a str),
    Direct {
        to: &'a str,
        text: &'a str,
    },
    /// Show the topic.
    Topic,
    Moderate(Box<ModerationAction>),
    Incomplete(Mistake),
    Say(&'a str),
}

/// The reason why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Arguments are missing or invalid.
    Usage(CommandId),
    /// The argument in the place of the time is not a time.
    Time(CommandId),
    /// The command begins with `/`, as in other chats.
    Slash,
}

impl Mistake {
    /// The sentence for the user, with commands as they are typed there: with `!` or `/`.
    pub fn sentence(self, prefix: char) -> String {
        match self {
            Mistake::Usage(id) => id.command().usage(prefix),
            Mistake::Time(id) => {
                let (word, example) = (id.command().word, id.command().example);
                format!(
                    "Nothing was done: write a time with its unit, as in {prefix}{word} {example}. \
                     A reason cannot begin with a number."
                )
            }
            Mistake::Slash => {
                "Commands begin with ! here, as in !who. That was not sent to anybody.".to_owned()
            }
        }
    }
}

impl TextRequest<'_> {
    /// The row of the table of commands that it belongs to.
    pub fn command(&self) -> CommandId {
        match self {
            TextRequest::KeepAlive => CommandId::KeepAlive,
            TextRequest::Quit => CommandId::Quit,
            // A mistake is answered with help.
            TextRequest::Help | TextRequest::Incomplete(_) => CommandId::Help,
            TextRequest::Who => CommandId::Who,
            TextRequest::Action(_) => CommandId::Action,
            TextRequest::History(_) => CommandId::History,
            TextRequest::Search(_) => CommandId::Search,
            TextRequest::Direct { .. } => CommandId::Direct,
            TextRequest::Topic => CommandId::Topic,
            TextRequest::Moderate(action) => CommandId::from(&**action),
            TextRequest::Say(_) => CommandId::Say,
        }
    }
}

/// Reads a line. An unknown `!word` is an ordinary message.
pub fn parse(line: &str) -> TextRequest<'_> {
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("&", "")) => TextRequest::KeepAlive,
        Some(("!", rest)) => parse_command(rest).unwrap_or(TextRequest::Say(line)),
        Some(("/", rest)) if commands::find(split_word(rest).0).is_some() => {
            TextRequest::Incomplete(Mistake::Slash)
        }
        _ => TextRequest::Say(line),
    }
}

/// Reads a command without the `!` or `/` before it. None if there is no such command.
pub fn parse_command(line: &str) -> Option<TextRequest<'_>> {
    let (word, rest) = split_word(line);
    Some(match (commands::find(word)?.id, rest) {
        (CommandId::Quit, "") => TextRequest::Quit,
        (CommandId::Help, "") => TextRequest::Help,
        (CommandId::Who, "") => TextRequest::Who,
        (CommandId::Topic, "") => TextRequest::Topic,
        (CommandId::History, "") => TextRequest::History(USUAL_HISTORY),
        (id, "") => TextRequest::Incomplete(Mistake::Usage(id)),
        (CommandId::Action, text) => TextRequest::Action(text),
        (CommandId::Search, text) => TextRequest::Search(text),
        (id @ CommandId::History, number) => match number.parse() {
            Ok(number @ 1..=MAX_HISTORY) => TextRequest::History(number),
            _ => TextRequest::Incomplete(Mistake::Usage(id)),
        },
        (id @ CommandId::Direct, rest) => match rest.split_once(' ') {
            // There is no white space at the end of the line, so this is not empty.
            Some((to, text)) => TextRequest::Direct { to, text: text.trim_start() },
            None => TextRequest::Incomplete(Mistake::Usage(id)),
        },
        (CommandId::Topic | CommandId::SetTopic, text) => {
            moderate(ModerationAction::Topic { text: text.to_owned() })
        }
        (CommandId::Kick, rest) => {
            let (name, reason) = first_word(rest);
            moderate(ModerationAction::Kick { name, reason })
        }
        (id @ (CommandId::Ban | CommandId::Mute), rest) => match sanction(rest) {
            Some((target, seconds, reason)) => moderate(match id {
                CommandId::Ban => ModerationAction::Ban { target, seconds, reason },
                _ => ModerationAction::Mute { target, seconds, reason },
            }),
            None => TextRequest::Incomplete(Mistake::Time(id)),
        },
        (CommandId::Unban, target) => {
            moderate(ModerationAction::Unban { target: target.to_owned() })
        }
        (CommandId::Unmute, target) => {
            moderate(ModerationAction::Unmute { target: target.to_owned() })
        }
        // Words with arguments that they do not take, and commands that have no word here.
        (
            CommandId::Quit
            | CommandId::Help
            | CommandId::Who
            | CommandId::KeepAlive
            | CommandId::Join
            | CommandId::Say
            | CommandId::Ignore
            | CommandId::Clear
            | CommandId::Rename
            | CommandId::Slow,
            _,
        ) => return None,
    })
}

/// The first word, and the rest.
fn split_word(line: &str) -> (&str, &str) {
    line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim_start()))
}

fn moderate(action: ModerationAction) -> TextRequest<'static> {
    TextRequest::Moderate(Box::new(action))
}

/// The first word, and the rest, unless it is empty.
fn first_word(text: &str) -> (String, Option<String>) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word.to_owned(), Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty()))
}

/// A target, a number of seconds, and a reason. None if the word in the place of the time is not a
/// time: if it were taken for a reason, the sanction would be permanent.
fn sanction(text: &str) -> Option<(String, Option<u64>, Option<String>)> {
    let (target, rest) = first_word(text);
    let Some(rest) = rest else { return Some((target, None, None)) };
    let named = ["--for ", "--for=", "for "].iter().find_map(|word| rest.strip_prefix(word));
    let time = match named.map(str::trim_start) {
        Some(time) if rest.starts_with("--") || begins_like_time(time) => time,
        _ if rest.starts_with("--") => return None,
        _ if begins_like_time(&rest) => &rest,
        _ => return Some((target, None, Some(rest))),
    };
    let seconds = |time: &str| parse_time(time).ok().map(|time| time.as_secs());
    let (first, behind) = first_word(time);
    let (second, last) = behind.as_deref().map(first_word).unwrap_or_default();
    // A time may be two words: "5 min", "1h 30min".
    let (seconds, reason) = match (seconds(&format!("{first} {second}")), seconds(&first)) {
        (Some(time), _) if !second.is_empty() => (time, last),
        (_, Some(time)) => (time, behind),
        _ => return None,
    };
    let is_reason = reason.as_ref().is_none_or(|reason| !begins_like_time(reason));
    is_reason.then_some((target, Some(seconds), reason))
}

/// Whether this is meant as a time: `10`, `-5 min`, `½ h`, `.5h`, `PT10M`.
fn begins_like_time(text: &str) -> bool {
    let number = text.trim_start_matches(['+', '-', '.', ',']);
    let iso = text.strip_prefix(['P', 'p']).map(|it| it.strip_prefix(['T', 't']).unwrap_or(it));
    [Some(number), iso].into_iter().flatten().any(|it| it.starts_with(char::is_numeric))
}

#[cfg(test)]
mod tests;
