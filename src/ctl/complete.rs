//! Shell completion: commands and options, and names from the running daemon.
//!
//! The completion script of the shell runs this program with a variable in the environment. Errors
//! are not reported: they would appear in the middle of the command line.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use chatroom::admin::{AccountRequest, AdminRequest, Reply};
use chatroom::clean;
use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, ValueCompleter};
use clap_complete::env::CompleteEnv;

use crate::args::for_people;
use crate::args::script::VARIABLE;
use crate::connection::AdminConnection;
use crate::program::{variable, variable_os};

/// The timeout for the daemon.
const PATIENCE: Duration = Duration::from_millis(500);

/// The number of messages that are offered for `redact`.
const MAX_MESSAGES: usize = 20;

/// The number of characters of a message that are shown.
const MAX_MESSAGE_CHARS: usize = 40;

/// Prints the candidates if a shell asks for them. Returns whether it does.
pub fn answer() -> bool {
    if variable_os(VARIABLE).is_none() {
        return false;
    }
    let here = env::current_dir().ok();
    let env = CompleteEnv::with_factory(command).var(VARIABLE);
    // Errors are not reported, see above.
    let _ = env.try_complete(env::args_os(), here.as_deref());
    true
}

/// The command line with the possible values of its arguments.
fn command() -> Command {
    let mut command = for_people();
    for (path, argument, values) in [
        ("kick", "name", Values::Users),
        ("rename", "name", Values::Users),
        ("ban", "target", Values::Users),
        ("mute", "target", Values::Users),
        ("unban", "target", Values::Sanctions("ban")),
        ("unmute", "target", Values::Sanctions("mute")),
        ("history", "from", Values::Users),
        ("redact", "user", Values::Users),
        ("redact", "targets", Values::Messages),
        ("slow", "time", Values::Words(&["off", "5s", "10s", "30s", "1min"])),
        ("account add", "name", Values::Users),
        ("account remove", "name", Values::Accounts),
        ("account password", "name", Values::Accounts),
        ("account lock", "name", Values::Accounts),
        ("account unlock", "name", Values::Accounts),
        ("account operator", "name", Values::Accounts),
    ] {
        let path: Vec<&str> = path.split(' ').collect();
        command = with(command, &path, argument, values);
    }
    if is_option(&current_word()) { command } else { without_options(command) }
}

/// Hides the options. They are offered only if the word begins with `-` or nothing else fits, so that
/// a single matching name is completed at once.
fn without_options(command: Command) -> Command {
    let hidden = |argument: Arg| {
        let is_option = !argument.is_positional();
        argument.hide(is_option)
    };
    command.mut_args(hidden).mut_subcommands(without_options)
}

fn is_option(word: &str) -> bool {
    word.starts_with('-')
}

/// The words of the command line.
fn words() -> Vec<OsString> {
    env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// The word that is being typed.
fn current_word() -> String {
    let words = words();
    let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok());
    let word = words.get(index.unwrap_or(words.len().saturating_sub(1)));
    word.map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The command with these values for an argument of the subcommand at this path.
fn with(command: Command, path: &[&str], argument: &str, values: Values) -> Command {
    match path {
        // `mut_arg` would move it after the others.
        [] => command.mut_args(|it| match it.get_id() == argument {
            true => it.add(ArgValueCompleter::new(values)),
            false => it,
        }),
        [first, rest @ ..] => command.mut_subcommand(first, |it| with(it, rest, argument, values)),
    }
}

/// The possible values of an argument.
#[derive(Clone, Copy)]
enum Values {
    Users,
    Accounts,
    /// The targets of bans or of mutes.
    Sanctions(&'static str),
    /// The numbers of messages.
    Messages,
    Words(&'static [&'static str]),
}

impl ValueCompleter for Values {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        let current = current.to_lowercase();
        let is_bash = variable_os("_CLAP_COMPLETE_COMP_TYPE").is_some();
        let all = self.all().unwrap_or_default().into_iter();
        all.filter_map(|(value, help)| {
            // The other shells quote by themselves.
            let shown = if is_bash { quote(&value) } else { value.clone() };
            let begins = |text: &str| text.to_lowercase().starts_with(&current);
            (begins(&value) || begins(&shown)).then(|| {
                CompletionCandidate::new(shown).help((!help.is_empty()).then(|| help.into()))
            })
        })
        .collect()
    }
}

impl Values {
    /// All values, each with a description.
    fn all(self) -> Option<Vec<(String, String)>> {
        let request = match self {
            Values::Words(words) => {
                return Some(words.iter().map(|word| (word.to_string(), String::new())).collect());
            }
            Values::Users => AdminRequest::Users,
            Values::Accounts => AdminRequest::Account { what: AccountRequest::List },
            Values::Sanctions(_) => AdminRequest::Bans,
            Values::Messages => AdminRequest::newest(MAX_MESSAGES),
        };
        let mut connection = AdminConnection::open(socket().as_deref(), PATIENCE).ok()?;
        Some(match (self, connection.ask(&request).ok()?) {
            (_, Reply::Users(users)) => {
                users.into_iter().map(|user| (user.name, user.address)).collect()
            }
            (_, Reply::Accounts(accounts)) => {
                let role = |is| if is { "operator" } else { "" }.to_owned();
                accounts.into_iter().map(|it| (it.name, role(it.operator))).collect()
            }
            (Values::Sanctions(kind), Reply::Bans(bans)) => {
                let of_kind = bans.into_iter().filter(|ban| ban.kind == kind);
                of_kind.map(|ban| (ban.target, ban.reason.unwrap_or_default())).collect()
            }
            (_, Reply::History(records, _)) => records.iter().rev().filter_map(message).collect(),
            _ => return None,
        })
    }
}

/// The number of a message and the beginning of its text.
fn message(record: &serde_json::Value) -> Option<(String, String)> {
    let is_said = matches!(record["type"].as_str()?, "message" | "action" | "notice" | "topic");
    let text: String = record["text"].as_str()?.chars().take(MAX_MESSAGE_CHARS).collect();
    let name = record["name"].as_str().unwrap_or("SERVER");
    let shown = clean::line(&format!("{name}: {text}")).into_owned();
    is_said.then(|| record["seq"].as_u64().map(|seq| (seq.to_string(), shown)))?
}

/// The socket that the command line or the environment names.
fn socket() -> Option<PathBuf> {
    let mut words = words().into_iter();
    while let Some(word) = words.next() {
        if word == "--socket" {
            return words.next().map(PathBuf::from);
        }
        if let Some(named) = word.to_str().and_then(|word| word.strip_prefix("--socket=")) {
            return Some(PathBuf::from(named));
        }
    }
    variable_os("CHATROOMD_SOCKET").map(PathBuf::from)
}

/// A word with everything escaped that has a meaning to bash. Users choose names, and a name must not
/// become a command.
fn quote(word: &str) -> String {
    let mut quoted = String::with_capacity(word.len());
    for character in word.chars() {
        if character.is_ascii()
            && !character.is_ascii_alphanumeric()
            && !"-_./:@%+,".contains(character)
        {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_a_command() {
        assert_eq!(quote("ann"), "ann");
        assert_eq!(quote("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(quote("$(id)`;|&*~'\"\\é"), "\\$\\(id\\)\\`\\;\\|\\&\\*\\~\\'\\\"\\\\é");
    }

    #[test]
    fn every_value_that_is_completed_is_there() {
        command().build();
    }
}
