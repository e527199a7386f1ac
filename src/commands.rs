//! The table of the commands that a user can send to the room, one row for each command.
//!
//! Everything that lists commands is derived from it: the words that the text dialect and the
//! client recognize, the types of JSON requests, the permissions, the help texts and the
//! completion. A test compares the tables in docs/ with it.

use crate::access::ModerationAction;
use crate::permission::Permission;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    pub id: CommandId,
    /// The word that users type after `!`, or in the client also after `/`. Empty where there is
    /// none.
    pub word: &'static str,
    /// The arguments after the word, as help texts show them.
    pub arguments: &'static str,
    pub permission: Permission,
    pub request: Request,
    /// The effect of the command, as help texts describe it.
    pub help: &'static str,
    /// Arguments for the example in a usage message.
    pub example: &'static str,
}

/// The way in which a command reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// As a JSON request of this type, and in the text dialect if the command has a word.
    Type(&'static str),
    /// As this `act` of the JSON request `moderate`, and in the text dialect if the command has a word.
    Act(&'static str),
    /// In the text dialect only: JSON clients know the answer.
    TextOnly,
    /// Not at all: the full-screen client carries it out.
    ClientOnly,
}

/// The commands, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandId {
    KeepAlive,
    Join,
    Say,
    Who,
    Direct,
    Action,
    History,
    Search,
    Topic,
    Ignore,
    Clear,
    Help,
    Quit,
    SetTopic,
    Kick,
    Ban,
    Mute,
    Unban,
    Unmute,
    Rename,
    Slow,
}

#[rustfmt::skip]
pub const COMMANDS: [Command; 21] = {
    use CommandId as Id;
    use Permission as Needs;
    use Request::{Act, ClientOnly, TextOnly, Type};
    [
        row(Id::KeepAlive, "", "", Needs::KeepAlive, Type("ping"), "keep the connection open", ""),
        row(Id::Join, "", "", Needs::Join, Type("hello"), "join, or resume a session", ""),
        row(Id::Say, "", "", Needs::Speak, Type("say"), "send a message", ""),
        row(Id::Who, "who", "", Needs::Look, Type("who"), "list the users in the room", ""),
        row(Id::Direct, "msg", "NAME TEXT", Needs::Direct, Type("direct"), "send a direct message", "ann hello"),
        row(Id::Action, "me", "TEXT", Needs::Speak, Type("say"), "describe an action", "waves"),
        row(Id::History, "history", "[N]", Needs::History, Type("history"), "show the last N lines again, 1 to 200", "50"),
        row(Id::Search, "search", "TEXT", Needs::History, Type("history"), "show the last lines that contain TEXT", "tea"),
        row(Id::Topic, "topic", "", Needs::Look, TextOnly, "show the topic", ""),
        row(Id::Ignore, "ignore", "NAME", Needs::Help, ClientOnly, "hide a user's messages, or show them again", "bo"),
        row(Id::Clear, "clear", "", Needs::Help, ClientOnly, "clear the screen", ""),
        row(Id::Help, "help", "", Needs::Help, TextOnly, "list the commands", ""),
        row(Id::Quit, "quit", "", Needs::Quit, Type("quit"), "leave", ""),
        row(Id::SetTopic, "topic", "TEXT", Needs::Moderate, Act("topic"), "set the topic", "Tea at five"),
        row(Id::Kick, "kick", "NAME [REASON]", Needs::Moderate, Act("kick"), "remove a user, who can join again", "bo too loud"),
        row(Id::Ban, "ban", "NAME|ADDRESS [TIME] [REASON]", Needs::Moderate, Act("ban"), "keep out a name or an address", "bo 10 min too loud"),
        row(Id::Mute, "mute", "NAME|ADDRESS [TIME] [REASON]", Needs::Moderate, Act("mute"), "let a user read but not speak", "bo 10 min too loud"),
        row(Id::Unban, "unban", "NAME|ADDRESS", Needs::Moderate, Act("unban"), "lift a ban", "bo"),
        row(Id::Unmute, "unmute", "NAME|ADDRESS", Needs::Moderate, Act("unmute"), "lift a mute", "bo"),
        row(Id::Rename, "", "", Needs::Moderate, Act("rename"), "give a user another name", ""),
        row(Id::Slow, "", "", Needs::Moderate, Act("slow"), "turn slow mode on or off", ""),
    ]
};

const fn row(
    id: CommandId,
    word: &'static str,
    arguments: &'static str,
    permission: Permission,
    request: Request,
    help: &'static str,
    example: &'static str,
) -> Command {
    Command { id, word, arguments, permission, request, help, example }
}

impl CommandId {
    /// The row of the table.
    pub fn command(self) -> &'static Command {
        &COMMANDS[self as usize]
    }

    pub fn permission(self) -> Permission {
        self.command().permission
    }
}

impl From<&ModerationAction> for CommandId {
    fn from(action: &ModerationAction) -> CommandId {
        match action {
            ModerationAction::Kick { .. } => CommandId::Kick,
            ModerationAction::Ban { .. } => CommandId::Ban,
            ModerationAction::Unban { .. } => CommandId::Unban,
            ModerationAction::Mute { .. } => CommandId::Mute,
            ModerationAction::Unmute { .. } => CommandId::Unmute,
            ModerationAction::Topic { .. } => CommandId::SetTopic,
            ModerationAction::Rename { .. } => CommandId::Rename,
            ModerationAction::Slow { .. } => CommandId::Slow,
        }
    }
}

/// The first sentence of a help text.
pub const HELP_INTRO: &str = "Everything you type is sent to everyone in the room.";

impl Command {
    /// The command as users type it, for example `!msg NAME TEXT`.
    pub fn synopsis(&self, prefix: char) -> String {
        format!("{prefix}{} {}", self.word, self.arguments).trim_end().to_owned()
    }

    /// The command and what it does, as a row of the client's help.
    pub fn help_row(&self, prefix: char) -> String {
        format!("  {:<15}  {}", self.synopsis(prefix), self.help)
    }

    /// The answer to a command without the arguments that it needs.
    pub fn usage(&self, prefix: char) -> String {
        let (synopsis, Command { word, help, example, .. }) = (self.synopsis(prefix), self);
        format!("Usage: {synopsis} - {help}, as in: {prefix}{word} {example}")
    }

    pub fn is_for_operators(&self) -> bool {
        self.permission == Permission::Moderate
    }

    /// The type of the JSON request that carries the command.
    pub fn json_type(&self) -> Option<&'static str> {
        match self.request {
            Request::Type(name) => Some(name),
            Request::Act(_) => Some("moderate"),
            Request::TextOnly | Request::ClientOnly => None,
        }
    }
}

/// The commands that the client has.
pub fn in_client() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(|command| !command.word.is_empty())
}

/// The commands that the text dialect has.
pub fn in_text() -> impl Iterator<Item = &'static Command> {
    in_client().filter(|command| command.request != Request::ClientOnly)
}

/// The commands that the text dialect has for all users.
pub fn for_all_users() -> impl Iterator<Item = &'static Command> {
    in_text().filter(|command| !command.is_for_operators())
}

/// The first command of the text dialect with this word.
pub fn find(word: &str) -> Option<&'static Command> {
    in_text().find(|command| command.word == word)
}

/// Whether there is a command with this word, and none with it has arguments.
pub fn stands_alone(word: &str) -> bool {
    let mut found = in_client().filter(|command| command.word == word).peekable();
    found.peek().is_some() && found.all(|command| command.arguments.is_empty())
}

/// The last line of a help text: the commands that only operators have.
pub fn operators_line() -> String {
    let operators = in_text().filter(|command| command.is_for_operators());
    let synopses: Vec<String> = operators.map(|command| command.synopsis('!')).collect();
    format!("For operators: {}", synopses.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_at_the_place_of_its_id() {
        for (index, command) in COMMANDS.iter().enumerate() {
            assert_eq!(command.id as usize, index, "{command:?}");
        }
    }

    #[test]
    fn a_command_with_arguments_has_an_example() {
        for command in COMMANDS {
            assert_eq!(command.arguments.is_empty(), command.example.is_empty(), "{command:?}");
        }
    }

    #[test]
    fn only_some_words_stand_alone() {
        let alone: Vec<&str> =
            in_client().map(|command| command.word).filter(|word| stands_alone(word)).collect();
        assert_eq!(alone, ["who", "clear", "help", "quit"]);
    }
}
