//! The modules of the library and of each program import each other in one direction, and the library
//! is pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Only the programs may use these: files, sockets, clocks, threads, the environment, a runtime.
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

const ORDER: &str =
    "In the daemon, a module imports only modules of the lines above its own:\n\n```\n";

/// The top-level modules of a crate, each with its code.
type Modules = BTreeMap<String, String>;

/// For each module, the other modules that it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of the crate with this root file. Modules that exist only in tests are left out.
fn modules(root: &str) -> Modules {
    let root = project().join("src").join(root);
    let text = fs::read_to_string(&root).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut modules = Modules::new();
    for (at, line) in lines.iter().enumerate() {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else {
            continue;
        };
        let attributes: Vec<&str> =
            lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).copied().collect();
        if attributes.contains(&"#[cfg(test)]") {
            continue;
        }
        let path = attributes.iter().find_map(|line| line.strip_prefix("#[path = \""));
        let file = match path {
            Some(path) => path.trim_end_matches("\"]").to_owned(),
            None => format!("{name}.rs"),
        };
        let folder = root.parent().unwrap();
        let mut code = String::new();
        for path in [folder.join(file), folder.join(name)].iter().filter(|path| path.exists()) {
            read_code(path, &mut code);
        }
        assert!(!code.is_empty(), "{name} in {} has no code", root.display());
        modules.insert(name.to_owned(), code);
    }
    assert!(modules.len() > 10, "only {} modules found in {}", modules.len(), root.display());
    modules
}

/// Appends the code in a file or folder, without comments and tests.
fn read_code(path: &Path, code: &mut String) {
    if path.file_stem().is_some_and(|stem| stem == "tests") {
        return;
    }
    if path.is_dir() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| read_code(entry, code));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.for_each(|line| *code += &format!("{line}\n"));
    }
}

fn imports(modules: &Modules) -> Imports {
    let of_module = |(name, code): (&String, &String)| {
        let paths = code.split("crate::").skip(1).flat_map(first_names);
        let imported = paths.filter(|other| other != name && modules.contains_key(other));
        (name.clone(), imported.collect())
    };
    modules.iter().map(of_module).collect()
}

/// The names with which a path begins: one, or several in braces.
fn first_names(path: &str) -> Vec<String> {
    let first = |path: &str| {
        path.trim_start()
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap()
            .to_owned()
    };
    let Some(list) = path.strip_prefix('{') else { return vec![first(path)] };
    let mut names = vec![first(list)];
    let mut depth = 1;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(first(&list[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The modules that import each other, or lie between such.
fn cycle(mut imports: Imports) -> Vec<String> {
    loop {
        let imported: BTreeSet<String> = imports.values().flatten().cloned().collect();
        let before = imports.len();
        imports.retain(|name, imports| !imports.is_empty() && imported.contains(name));
        if imports.len() == before {
            return imports.into_keys().collect();
        }
        let left: BTreeSet<String> = imports.keys().cloned().collect();
        imports.values_mut().for_each(|imports| imports.retain(|name| left.contains(name)));
    }
}

#[test]
fn modules_form_no_import_cycle() {
    for root in ["lib.rs", "daemon/main.rs", "ctl/main.rs", "client/main.rs"] {
        let imports = imports(&modules(root));
        let count: usize = imports.values().map(BTreeSet::len).sum();
        assert!(count >= 10, "only {count} imports found in {root}");
        let cycle = cycle(imports);
        assert!(cycle.is_empty(), "these modules of {root} import each other: {cycle:?}");
    }
}

#[test]
fn the_daemon_imports_in_the_order_of_the_architecture_page() {
    let page = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let (_, order) = page.split_once(ORDER).expect("ARCHITECTURE.md has no order of the daemon");
    let (order, _) = order.split_once("```").unwrap();
    let mut line_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, line) in order.lines().enumerate() {
        for name in line.split_whitespace() {
            assert!(line_of.insert(name, number).is_none(), "{name} is twice in the order");
        }
    }
    let modules = modules("daemon/main.rs");
    let listed: Vec<&str> = line_of.keys().copied().collect();
    let existing: Vec<&str> = modules.keys().map(String::as_str).collect();
    assert_eq!(listed, existing, "the order in ARCHITECTURE.md does not list the daemon's modules");
    for (name, imports) in imports(&modules) {
        for import in imports {
            assert!(
                line_of[import.as_str()] < line_of[name.as_str()],
                "{name} imports {import}, which is not above it in ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn names_in_braces_are_recognised() {
    assert_eq!(first_names("access::Access;\nuse x"), ["access"]);
    assert_eq!(first_names("{a, b::{self, c},\n    d}; {e, f}"), ["a", "b", "d"]);
}

#[test]
fn a_cycle_is_found_without_the_modules_beside_it() {
    let imports = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "")].map(|(name, import)| {
        let imports = Some(import).filter(|import| !import.is_empty());
        (name.to_owned(), imports.into_iter().map(str::to_owned).collect())
    });
    assert_eq!(cycle(Imports::from(imports)), ["b", "c"]);
}

#[test]
fn the_library_is_pure() {
    for (name, code) in modules("lib.rs") {
        for word in IMPURE {
            assert!(!code.contains(word), "the module {name} of the library uses {word}");
        }
    }
}
