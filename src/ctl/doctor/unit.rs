//! What systemd says of a unit.

use std::collections::HashMap;
use std::process::Command;

/// The properties of a unit as systemd has it in force.
pub(super) struct Unit {
    pub name: &'static str,
    properties: HashMap<String, String>,
}

impl Unit {
    /// Asks systemd. None where it does not answer.
    pub fn ask(name: &'static str) -> Option<Unit> {
        let output = Command::new("systemctl").args(["show", name]).output().ok()?;
        output.status.success().then(|| Unit::of(name, &String::from_utf8_lossy(&output.stdout)))
    }

    /// A unit from lines as `ActiveState=active`. Of several lines with one name the last counts.
    pub fn of(name: &'static str, shown: &str) -> Unit {
        let lines = shown.lines().filter_map(|line| line.split_once('='));
        let properties = lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Unit { name, properties }
    }

    /// A property; the empty text where systemd does not show it.
    pub fn get(&self, name: &str) -> &str {
        self.properties.get(name).map_or("", String::as_str)
    }

    /// Whether systemd shows this property.
    pub fn shows(&self, name: &str) -> bool {
        self.properties.contains_key(name)
    }

    /// Whether a list of words, as `Requires=`, contains this one.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.get(name).split_whitespace().any(|other| other == word)
    }

    /// Whether there is such a unit.
    pub fn is_loaded(&self) -> bool {
        self.get("LoadState") == "loaded"
    }
}

/// The files of a unit in the order in which they count, as `systemctl cat` prints them.
pub(super) fn text(name: &str) -> Option<String> {
    let output = Command::new("systemctl").args(["cat", name]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
