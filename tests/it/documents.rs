//! The documents agree with the project: tests, benchmarks, files, links and versions exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chatroom::commands::{self, COMMANDS, Command, Request};
use chatroom::permission::{self, Denial, Role};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this extension.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|of_file| of_file == extension) {
            found.push(path);
        }
    }
}

/// Every document: the path in the project, and the text.
fn documents() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    ["docs", "packaging"].iter().for_each(|folder| files(&root().join(folder), "md", &mut paths));
    assert!(paths.len() >= 10, "only {} documents were found", paths.len());
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The `code` of a text outside fenced blocks.
fn code(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// Every test as `file::name`.
fn tests() -> Vec<String> {
    let mut sources = Vec::new();
    ["src", "tests"].iter().for_each(|folder| files(&root().join(folder), "rs", &mut sources));
    let mut all = Vec::new();
    for path in sources {
        let module = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let names = text.split("#[test]\n").skip(1);
        let names = names.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
        all.extend(names.map(|(name, _)| format!("{module}::{name}")));
    }
    assert!(all.len() > 200, "only {} tests were found", all.len());
    all
}

#[test]
fn every_command_for_a_test_or_benchmark_runs_something() {
    let all = tests();
    let mut commands = 0;
    for (document, text) in documents() {
        for span in code(&text) {
            if let Some(filters) = span.strip_prefix("cargo test ") {
                // Without this the second word is an error.
                let filters = filters.strip_prefix("-- ").unwrap_or(filters);
                if filters.starts_with('-') || filters.contains("NAME") {
                    continue;
                }
                commands += 1;
                assert!(
                    !filters.contains(' ') || span.contains("-- "),
                    "{document}: `{span}` does not run"
                );
                for filter in filters.split(' ') {
                    assert!(
                        all.iter().any(|test| test.contains(filter)),
                        "{document}: `{span}` runs nothing"
                    );
                }
            } else if let Some(name) = span.strip_prefix("cargo bench --bench ") {
                commands += 1;
                let of_file = root().join(format!("benches/{name}.rs"));
                let of_folder = root().join(format!("benches/{name}/main.rs"));
                assert!(
                    of_file.exists() || of_folder.exists(),
                    "{document}: there is no benchmark {name}"
                );
            }
        }
    }
    assert!(commands >= 30, "only {commands} commands were found");
}

#[test]
fn every_test_that_the_page_on_reliability_names_exists() {
    let all = tests();
    let text = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let mut names = 0;
    for span in code(&text) {
        if span.contains('_') && span.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            names += 1;
            let ending = format!("::{span}");
            assert!(all.iter().any(|test| test.ends_with(&ending)), "there is no test `{span}`");
        }
    }
    assert!(names >= 15, "only {names} tests are named");
}

/// The anchors of a document, as GitHub makes them from its headings.
fn anchors(text: &str) -> Vec<String> {
    let headings =
        text.split("```").step_by(2).flat_map(str::lines).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for (document, text) in documents() {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => root().join(&document),
                _ => folder.join(file),
            };
            assert!(path.exists(), "{document} links to {target}, which does not exist");
            if !anchor.is_empty() {
                let known = anchors(&fs::read_to_string(&path).unwrap());
                assert!(
                    known.iter().any(|heading| heading == anchor),
                    "{document} links to {target}, which is not among {known:?}"
                );
            }
        }
    }
    assert!(links >= 30, "only {links} links were found");
}

#[test]
fn every_file_that_is_named_for_contributors_exists() {
    let folders =
        ["src/", "tests/", "benches/", "examples/", "fuzz/", "packaging/", "etc/", "docs/", ".ci/"];
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let mut named = 0;
        for span in code(&text) {
            if folders.iter().any(|folder| span.starts_with(folder)) && !span.contains(' ') {
                named += 1;
                assert!(
                    root().join(span).exists(),
                    "{document} names {span}, which does not exist"
                );
            }
        }
        assert!(named >= 30, "{document} names only {named} files");
    }
}

/// The newest version that a list of changes has: `## 0.1.0 (2026-11-23)`.
#[test]
fn the_versions_agree() {
    let changes = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let released = changes
        .lines()
        .filter_map(|line| line.strip_prefix("## ")?.split_once(" ("))
        .next()
        .expect("no release in CHANGELOG.md")
        .0;
    assert_eq!(released, env!("CARGO_PKG_VERSION"), "CHANGELOG.md and Cargo.toml");
    let debian = fs::read_to_string(root().join("packaging/debian/changelog")).unwrap();
    assert!(
        debian.starts_with(&format!("chatroomd ({released}-")),
        "CHANGELOG.md and the Debian changelog"
    );
}

/// The rows of the tables in a document, between a heading and the next of the same level, each
/// with its cells.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let section = text.split_once(&format!("\n{heading}\n")).expect(heading).1;
    let level = heading.split_once(' ').unwrap().0;
    let section = section.split(&format!("\n{level} ")).next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let cells = |row: &str| -> Vec<String> {
        // A bar in a cell is written `\|`.
        let row = row.trim_matches('|').replace("\\|", "\0");
        row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
    };
    rows.map(cells).collect()
}

/// The tables of a section have a row for each of these commands, with its help, and no others.
#[track_caller]
fn check_commands(
    (document, heading, prefix): (&str, &str, char),
    commands: impl Iterator<Item = &'static Command>,
) {
    let rows = rows(document, heading);
    let documented = rows.iter().filter_map(|row| {
        let synopsis = row[0].strip_prefix('`')?.strip_suffix('`')?;
        Some((synopsis.to_owned(), row[1].clone())).filter(|_| synopsis.starts_with(prefix))
    });
    let documented: Vec<(String, String)> = documented.collect();
    let mut expected = BTreeSet::new();
    for command in commands {
        let synopsis = command.synopsis(prefix);
        let (_, effect) = documented
            .iter()
            .find(|(documented, _)| *documented == synopsis)
            .unwrap_or_else(|| panic!("{document}: no row for {synopsis}: {documented:?}"));
        assert!(effect.starts_with(command.help), "{document}: {synopsis}: {effect}");
        expected.insert(synopsis);
    }
    assert!(expected.len() > 10);
    for (synopsis, _) in documented {
        assert!(expected.contains(&synopsis), "{document} has {synopsis}, which does not exist");
    }
}

#[test]
fn the_tables_of_commands_agree_with_the_code() {
    check_commands(("docs/protocol.md", "### Commands", '!'), commands::in_text());
    check_commands(("docs/user-guide.md", "### Commands", '/'), commands::in_client());

    let rows = rows("docs/protocol.md", "### Requests");
    let mut documented = BTreeSet::new();
    for row in &rows {
        documented.extend(code(&row[0]).into_iter().map(str::to_owned));
    }
    let types = COMMANDS.iter().filter_map(Command::json_type);
    let acts = COMMANDS.iter().filter_map(|command| match command.request {
        Request::Act(name) => Some(name),
        _ => None,
    });
    let mut expected: BTreeSet<String> = types.chain(acts).map(str::to_owned).collect();
    // The heading of the table of acts.
    expected.insert("act".to_owned());
    assert_eq!(documented, expected);
}

#[test]
fn the_table_of_permissions_agrees_with_the_code() {
    let mut documented = BTreeSet::new();
    for row in rows("docs/security.md", "## Permissions").iter().skip(1) {
        for span in code(&row[1]) {
            let command = COMMANDS
                .iter()
                .find(|command| name(command) == span)
                .unwrap_or_else(|| panic!("there is no command {span}"));
            let roles = [Role::NotJoined, Role::Joined, Role::Muted, Role::Operator];
            for (role, cell) in roles.into_iter().zip(&row[2..]) {
                let expected = match permission::check(role, command.permission) {
                    Ok(()) => "yes",
                    Err(Denial::AlreadyJoined) => "already joined",
                    Err(_) => "no",
                };
                assert_eq!(cell, expected, "{span}, {role:?}");
            }
            documented.insert(span.to_owned());
        }
    }
    let on_the_server = COMMANDS.iter().filter(|it| it.request != Request::ClientOnly);
    assert_eq!(documented, on_the_server.map(name).collect());
}

/// A command as docs/security.md names it.
fn name(command: &Command) -> String {
    match (command.word, command.request) {
        ("", Request::Type(name) | Request::Act(name)) => name.to_owned(),
        // With a text it needs another permission.
        ("topic", _) => command.synopsis('!'),
        (word, _) => format!("!{word}"),
    }
}
