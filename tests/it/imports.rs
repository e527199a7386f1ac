//! The library is pure, and its modules import each other in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What only the programs may use: files, sockets, clocks, threads, the environment, a runtime.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "std::net::Tcp",
    "std::os::unix::net",
    "io::stdin",
    "io::stdout",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "tokio",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a module and of those in it, without comments and tests.
fn code(path: &Path, code_of: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            code(&entry.unwrap().path(), code_of);
        }
    } else if path.extension().is_some_and(|it| it == "rs") && path.file_stem().unwrap() != "tests"
    {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.for_each(|line| *code_of += &format!("{line}\n"));
    }
}

/// The modules of the library, each with its code.
fn modules() -> BTreeMap<String, String> {
    let library = fs::read_to_string(source().join("lib.rs")).unwrap();
    let names = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let with_code = |name: &str| {
        let mut text = String::new();
        [source().join(format!("{name}.rs")), source().join(name)]
            .iter()
            .filter(|path| path.exists())
            .for_each(|path| code(path, &mut text));
        assert!(!text.is_empty(), "{name} has no code");
        (name.to_owned(), text)
    };
    let modules: BTreeMap<String, String> = names.map(with_code).collect();
    assert!(modules.len() > 10, "only {} modules were found", modules.len());
    modules
}

/// The other modules that a module imports.
fn imports(of: &str, code: &str, modules: &BTreeMap<String, String>) -> BTreeSet<String> {
    let named = code.split("crate::").skip(1).map(|rest| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
    });
    named.filter(|name| name != of && modules.contains_key(name)).collect()
}

#[test]
fn the_modules_of_the_library_form_no_cycle() {
    let modules = modules();
    let mut left: BTreeMap<&String, BTreeSet<String>> =
        modules.iter().map(|(name, code)| (name, imports(name, code, &modules))).collect();
    assert!(left.values().any(|imports| !imports.is_empty()), "no import was found");
    // Those that import nothing that is left are taken out, one by one.
    while let Some(name) =
        left.iter().find(|(_, imports)| imports.is_empty()).map(|(name, _)| (*name).clone())
    {
        left.remove(&name);
        for imports in left.values_mut() {
            imports.remove(&name);
        }
    }
    assert!(left.is_empty(), "these import each other: {left:?}");
}

#[test]
fn the_library_is_pure() {
    for (name, code) in modules() {
        for word in IMPURE {
            assert!(!code.contains(word), "the module {name} of the library uses {word}");
        }
    }
}
