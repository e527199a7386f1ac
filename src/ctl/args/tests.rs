use clap::{Command, FromArgMatches};

use super::help::GROUPS;
use super::*;

/// Every command with its path, without hidden ones.
fn all_commands() -> Vec<(String, Command)> {
    fn add(path: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        for command in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            let path = format!("{path} {}", command.get_name());
            add(&path, command, all);
            all.push((path, command.clone()));
        }
    }
    let mut all = Vec::new();
    add("chatctl", &command(), &mut all);
    all
}

/// Splits a line as a shell does: words in double quotes stay together.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        match index % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

#[test]
fn the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn every_command_is_in_one_group() {
    let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
    let mut visible = vec!["help".to_owned()];
    let all = command();
    let shown = all.get_subcommands().filter(|it| !it.is_hide_set());
    visible.extend(shown.map(|command| command.get_name().to_owned()));
    grouped.sort_unstable();
    visible.sort_unstable();
    assert_eq!(grouped, visible);
}

#[test]
fn help_is_imperative_and_fits_a_terminal() {
    for (path, command) in all_commands() {
        let about = command.get_about().unwrap().to_string();
        assert!(!about.ends_with('.') && about.len() <= 64, "{path}: {about}");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{path} {argument} has no help");
            assert!(!help.ends_with('.') || help.ends_with("..."), "{path} {argument}: {help}");
        }
    }
}

#[test]
fn whatever_takes_arguments_has_examples_that_work() {
    for (path, mut of_path) in all_commands() {
        let own = of_path.get_arguments().filter(|it| !it.is_global_set()).count();
        let help = of_path.render_help().to_string();
        let examples = help.split_once("Examples:\n").map_or("", |(_, examples)| examples);
        if own == 0 || of_path.has_subcommands() {
            continue;
        }
        assert!(!examples.is_empty(), "{path} has no example");
        for example in examples.lines() {
            let line = example.trim().trim_start_matches("source <(").trim_end_matches(')');
            let line = line.split(" > ").next().unwrap();
            assert!(line.starts_with(&path), "{line:?} is no example of {path}");
            let matches = command().try_get_matches_from(words(line));
            assert!(Args::from_arg_matches(&matches.unwrap()).is_ok(), "{line}");
        }
    }
}

#[test]
fn options_of_all_commands_come_last_under_a_heading_of_their_own() {
    let mut all = command();
    all.build();
    let history = all.find_subcommand_mut("history").unwrap().render_help().to_string();
    let place = |part: &str| history.find(part).unwrap_or_else(|| panic!("{part}: {history}"));
    let order =
        ["--from", "--follow", "Global options:", "--socket", "--timeout", "--json", "--help"];
    assert!(order.windows(2).all(|two| place(two[0]) < place(two[1])), "{history}");
    let whole = all.render_help().to_string();
    assert!(whole.starts_with("Administer a running chatroomd\n\nUsage: chatctl "), "{whole}");
    let shown = whole.split_once("Exit status").unwrap().0;
    assert!(shown.lines().all(|line| line.len() <= 80 || line.contains("--socket")), "{whole}");
}

#[test]
fn the_program_says_its_own_name() {
    assert_eq!(command().render_version(), format!("chatctl {}\n", env!("CARGO_PKG_VERSION")));
    let error = command().try_get_matches_from(["/usr/bin/chatctl", "usrs"]).unwrap_err();
    assert!(error.to_string().contains("Usage: chatctl "), "{error}");
}
