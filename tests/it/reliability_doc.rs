//! The tests that docs/reliability.md names are there.

use std::fs;
use std::path::Path;

/// Every test as `file::name`.
fn tests(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = path.file_stem().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("#[test]\n").skip(1);
            let names = names.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            found.extend(names.map(|(name, _)| format!("{module}::{name}")));
        }
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    ["src", "tests"].iter().for_each(|folder| tests(&root.join(folder), &mut all));
    assert!(all.len() > 200, "only {} tests were found", all.len());
    let document = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let (mut commands, mut names) = (0, 0);
    for span in document.split('`').skip(1).step_by(2) {
        if let Some(filters) = span.strip_prefix("cargo test ") {
            // Without this the second word is an error.
            let filters = filters.strip_prefix("-- ").unwrap_or(filters);
            if filters.starts_with('-') {
                continue;
            }
            commands += 1;
            assert!(!filters.contains(' ') || span.contains("-- "), "`{span}` does not run");
            for filter in filters.split(' ') {
                assert!(all.iter().any(|test| test.contains(filter)), "`{span}` runs nothing");
            }
        } else if span.contains('_') && span.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            names += 1;
            let ending = format!("::{span}");
            assert!(all.iter().any(|test| test.ends_with(&ending)), "there is no test `{span}`");
        }
    }
    assert!(commands >= 10 && names >= 15, "{commands} commands and {names} tests are named");
}
