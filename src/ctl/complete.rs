//! What Tab offers: commands and options, and names from the running daemon.
//!
//! The script of a shell asks this program with a variable in the environment. Whatever goes wrong
//! is not said, for it would stand in the middle of the line that is being typed.

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

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// So many messages are offered to be redacted.
const MESSAGES: usize = 20;

/// So many characters of a message are shown.
const SHOWN: usize = 40;

/// Gives what is asked for, if a shell asks.
pub fn answer() -> bool {
    if variable_os(VARIABLE).is_none() {
        return false;
    }
    let here = env::current_dir().ok();
    let env = CompleteEnv::with_factory(command).var(VARIABLE);
    // See above.
    let _ = env.try_complete(env::args_os(), here.as_deref());
    true
}

/// The command line, with what each of its values can be.
fn command() -> Command {
    let mut command = for_people();
    for (path, argument, what) in [
        ("kick", "name", What::Users),
        ("rename", "name", What::Users),
        ("ban", "target", What::Users),
        ("mute", "target", What::Users),
        ("unban", "target", What::Sanctions("ban")),
        ("unmute", "target", What::Sanctions("mute")),
        ("history", "from", What::Users),
        ("redact", "user", What::Users),
        ("redact", "targets", What::Messages),
        ("slow", "time", What::Words(&["off", "5s", "10s", "30s", "1min"])),
        ("account add", "name", What::Users),
        ("account remove", "name", What::Accounts),
        ("account password", "name", What::Accounts),
        ("account lock", "name", What::Accounts),
        ("account unlock", "name", What::Accounts),
        ("account operator", "name", What::Accounts),
    ] {
        let path: Vec<&str> = path.split(' ').collect();
        command = with(command, &path, argument, what);
    }
    if is_option(&current_word()) { command } else { without_options(command) }
}

/// Options are offered where one is begun, or where there is nothing else: with a name alone, Tab
/// completes it at once.
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

/// The words on the line.
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

/// The command, of which an argument of a subcommand is completed so.
fn with(command: Command, path: &[&str], argument: &str, what: What) -> Command {
    match path {
        // `mut_arg` would put it behind the others.
        [] => command.mut_args(|it| match it.get_id() == argument {
            true => it.add(ArgValueCompleter::new(what)),
            false => it,
        }),
        [first, rest @ ..] => command.mut_subcommand(first, |it| with(it, rest, argument, what)),
    }
}

/// What a value can be.
#[derive(Clone, Copy)]
enum What {
    Users,
    Accounts,
    /// What a ban or a mute is against.
    Sanctions(&'static str),
    /// The numbers of messages.
    Messages,
    Words(&'static [&'static str]),
}

impl ValueCompleter for What {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        let current = current.to_lowercase();
        let is_bash = variable_os("_CLAP_COMPLETE_COMP_TYPE").is_some();
        let all = self.all().unwrap_or_default().into_iter();
        all.filter_map(|(value, help)| {
            // The other shells put their own quotes around what has to have some.
            let shown = if is_bash { quote(&value) } else { value.clone() };
            let begins = |text: &str| text.to_lowercase().starts_with(&current);
            (begins(&value) || begins(&shown)).then(|| {
                CompletionCandidate::new(shown).help((!help.is_empty()).then(|| help.into()))
            })
        })
        .collect()
    }
}

impl What {
    /// All of them, each with what is to be said of it.
    fn all(self) -> Option<Vec<(String, String)>> {
        let request = match self {
            What::Words(words) => {
                return Some(words.iter().map(|word| (word.to_string(), String::new())).collect());
            }
            What::Users => AdminRequest::Users,
            What::Accounts => AdminRequest::Account { what: AccountRequest::List },
            What::Sanctions(_) => AdminRequest::Bans,
            What::Messages => AdminRequest::newest(MESSAGES),
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
            (What::Sanctions(kind), Reply::Bans(bans)) => {
                let of_kind = bans.into_iter().filter(|ban| ban.kind == kind);
                of_kind.map(|ban| (ban.target, ban.reason.unwrap_or_default())).collect()
            }
            (_, Reply::History(records, _)) => records.iter().rev().filter_map(message).collect(),
            _ => return None,
        })
    }
}

/// The number of a message, and how it begins.
fn message(record: &serde_json::Value) -> Option<(String, String)> {
    let is_said = matches!(record["type"].as_str()?, "message" | "action" | "notice" | "topic");
    let text: String = record["text"].as_str()?.chars().take(SHOWN).collect();
    let name = record["name"].as_str().unwrap_or("SERVER");
    let shown = clean::line(&format!("{name}: {text}")).into_owned();
    is_said.then(|| record["seq"].as_u64().map(|seq| (seq.to_string(), shown)))?
}

/// The socket that is named on the line, else in the environment.
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

/// A word as it stands on the command line of bash: whatever means something there is escaped. A
/// name that somebody has chosen must not become a command.
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
