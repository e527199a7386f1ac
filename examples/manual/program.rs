//! The manual page of a program.

use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

pub const DAEMON: &[(&str, &str)] = &[
    ("/etc/chatroomd.toml", "The configuration file; see chatroomd.toml(5)."),
    ("/var/lib/chatroomd", "The history, accounts and bans of the service."),
    (
        "/run/chatroomd/admin.sock",
        "The admin socket, to which chatctl(1) connects. Members of the group chatroom have access.",
    ),
];

pub const CTL: &[(&str, &str)] = &[
    ("$CHATROOMD_SOCKET", "The admin socket, if --socket does not name it."),
    (
        "/run/chatroomd/admin.sock",
        "The default admin socket. If it is missing, the one in the user's runtime folder is used.",
    ),
];

pub const CLIENT: &[(&str, &str)] = &[
    ("~/.config/chatroom/client.toml", "Preferences, as described above."),
    (
        "~/.local/state/chatroom",
        "Sessions, with which the client continues after it was killed, and known certificates.",
    ),
    ("$NO_COLOR", "If set, the output has no colours."),
];

/// The heading of the examples below a help text.
const EXAMPLES: &str = "Examples:";

/// The beginning of the paragraph on the exit status.
const STATUS: &str = "Exit status:";

/// The page, in roff.
///
/// # Errors
/// None in practice: the page is written to memory.
pub fn page(
    command: &Command,
    section: &str,
    files: &[(&str, &str)],
    see: &str,
) -> io::Result<String> {
    let man = Man::new(command.clone())
        .title(command.get_name().to_uppercase())
        .section(section)
        .date("")
        .source(format!("chatroomd {}", env!("CARGO_PKG_VERSION")))
        .manual("Chat server");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut rest = Roff::new();
    if command.has_subcommands() {
        rest.control("SH", ["COMMANDS"]);
        commands(&mut rest, command);
    }
    let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, more) = without_examples(&more);
    if !examples.is_empty() {
        rest.control("SH", ["EXAMPLES"]);
        verbatim(&mut rest, &examples);
    }
    let (status, notes): (Vec<&str>, Vec<&str>) =
        more.into_iter().partition(|paragraph| paragraph.starts_with(STATUS));
    if !notes.is_empty() {
        rest.control("SH", ["NOTES"]);
    }
    for note in notes {
        rest.control("PP", []).text([roman(one_line(note))]);
    }
    status.iter().for_each(|status| exit_status(&mut rest, &status[STATUS.len()..]));
    rest.control("SH", ["FILES AND ENVIRONMENT"]);
    for (file, what) in files {
        rest.control("TP", []).text([italic(*file)]).text([roman(*what)]);
    }
    page.extend_from_slice(rest.to_roff().as_bytes());
    page.extend_from_slice(format!(".SH \"SEE ALSO\"\n{see}\n").as_bytes());
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Writes every command with its arguments.
fn commands(roff: &mut Roff, parent: &Command) {
    for command in
        parent.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help")
    {
        if command.has_subcommands() {
            commands(roff, command);
            continue;
        }
        let mut usage = command.get_bin_name().unwrap_or_default().to_owned();
        let (options, values): (Vec<&Arg>, Vec<&Arg>) =
            arguments(command).partition(|argument| !argument.is_positional());
        usage += if options.is_empty() { "" } else { " [OPTIONS]" };
        values.iter().for_each(|value| usage += &format!(" {value}"));
        roff.control("TP", []).text([bold(usage)]).text([roman(about(command))]);
        roff.control("RS", []);
        for argument in values.into_iter().chain(options) {
            let Some(help) = argument.get_help() else { continue };
            roff.control("TP", []).text([term(argument)]).text([roman(help.to_string())]);
        }
        let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (examples, _) = without_examples(&more);
        if !examples.is_empty() {
            roff.control("PP", []).text([roman("For example:")]);
            verbatim(roff, &examples);
        }
        roff.control("RE", []);
    }
}

/// The lines of the examples below a help text, and the other paragraphs there.
fn without_examples(more: &str) -> (Vec<&str>, Vec<&str>) {
    let (examples, others): (Vec<&str>, Vec<&str>) =
        more.split("\n\n").partition(|paragraph| paragraph.starts_with(EXAMPLES));
    let lines = examples.iter().flat_map(|text| text.lines().skip(1)).map(str::trim).collect();
    (lines, others.into_iter().filter(|paragraph| !paragraph.is_empty()).collect())
}

/// Writes lines as they are typed.
fn verbatim(roff: &mut Roff, lines: &[&str]) {
    roff.control("PP", []).control("RS", ["4"]).control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []).control("RE", []);
}

/// The arguments of the command, without the global options.
fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    let general = ["help", "version", "socket", "timeout", "json"];
    command
        .get_arguments()
        .filter(move |it| !it.is_hide_set() && !general.contains(&it.get_id().as_str()))
}

fn term(argument: &Arg) -> Inline {
    bold(argument.to_string())
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// Writes a list from a text such as "0 done, 1 refused".
fn exit_status(roff: &mut Roff, text: &str) {
    roff.control("SH", ["EXIT STATUS"]);
    let text = one_line(text);
    // If the list has semicolons, a comma is part of an explanation.
    let between = if text.contains(';') { ';' } else { ',' };
    let mut all: Vec<(String, String)> = Vec::new();
    for part in text.split(between) {
        let part = part.trim().trim_end_matches('.');
        let own = part.split_once(' ').filter(|(status, _)| status.parse::<u8>().is_ok());
        if let Some((status, meaning)) = own {
            all.push((status.to_owned(), meaning.to_owned()));
        } else if let Some((_, meaning)) = all.last_mut() {
            *meaning += &format!("{between} {part}");
        }
    }
    for (status, meaning) in all {
        roff.control("TP", []).text([bold(status)]).text([roman(meaning)]);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
