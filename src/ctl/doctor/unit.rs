//! A unit as systemd shows it.

use std::process::Command;

use chatroom::unit::Properties;

/// The properties of a unit as systemd has loaded it.
pub(super) struct Unit {
    pub name: &'static str,
    properties: Properties,
}

impl Unit {
    /// Asks systemd. None if it does not answer.
    pub fn ask(name: &'static str) -> Option<Unit> {
        systemctl("show", name).map(|shown| Unit::of(name, &shown))
    }

    /// Parses a unit from the output of `systemctl show`.
    pub fn of(name: &'static str, shown: &str) -> Unit {
        Unit { name, properties: Properties::parse(shown) }
    }

    /// A property. Empty if systemd does not show it.
    pub fn get(&self, name: &str) -> &str {
        self.properties.get(name)
    }

    /// Whether systemd shows this property.
    pub fn shows(&self, name: &str) -> bool {
        self.properties.shows(name)
    }

    /// Whether a list of words such as `Requires=` contains this word.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.get(name).split_whitespace().any(|other| other == word)
    }

    /// Whether the unit exists and is valid.
    pub fn is_loaded(&self) -> bool {
        self.get("LoadState") == "loaded"
    }
}

/// The files of a unit in the order in which they apply, as `systemctl cat` prints them.
pub(super) fn text(name: &str) -> Option<String> {
    systemctl("cat", name)
}

/// The output of `systemctl`, if it succeeds.
fn systemctl(verb: &str, unit: &str) -> Option<String> {
    let output = Command::new("systemctl").args([verb, unit]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
