//! The help text, with the commands in groups.

use std::fmt::Write;

use clap::builder::{StyledStr, Styles};
use clap::{Command, CommandFactory};

use super::Args;

/// The groups of commands, in the order in which they are shown.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("The room", &["users", "watch", "history", "say", "topic", "slow"]),
    (
        "Moderation",
        &["kick", "ban", "unban", "mute", "unmute", "bans", "rename", "redact", "account", "audit"],
    ),
    (
        "The daemon",
        &["status", "doctor", "ping", "metrics", "log-level", "reload", "backup", "shutdown"],
    ),
    ("The command line", &["completions", "help"]),
];

/// The whole command line.
pub fn command() -> Command {
    let command = Args::command();
    let template = template(&command);
    command.help_template(template)
}

/// The command line without hidden commands, for manual pages and completion.
pub fn for_people() -> Command {
    let all = command();
    let commands = all.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new("chatctl")
        .bin_name("chatctl")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .about(all.get_about().cloned().unwrap_or_default())
        .after_help(all.get_after_help().cloned().unwrap_or_default())
        .args(all.get_arguments().cloned())
        .subcommands(commands.cloned())
}

/// The template of the main help text. clap has no other way to group subcommands.
fn template(command: &Command) -> StyledStr {
    let styles = Styles::default();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (title, names) in GROUPS {
        let _ = write!(text, "\n{header}{title}:{header:#}\n");
        for name in names {
            let _ = writeln!(text, "  {literal}{name:<13}{literal:#}{}", about(command, name));
        }
    }
    let _ = write!(text, "\n{header}Global options:{header:#}\n{{options}}{{after-help}}");
    text.into()
}

fn about(command: &Command, name: &str) -> String {
    let about = command.find_subcommand(name).and_then(Command::get_about);
    // clap itself adds the command `help`, later.
    about.map_or_else(|| "Show the help of a command".to_owned(), ToString::to_string)
}
