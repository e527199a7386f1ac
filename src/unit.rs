//! Parsers for the output of `systemctl show` and `systemctl cat` about a unit.

use std::collections::HashMap;
use std::path::PathBuf;

/// The properties of a unit, parsed from lines such as `ActiveState=active`.
#[derive(Debug, Default)]
pub struct Properties(HashMap<String, String>);

impl Properties {
    /// Parses the output of `systemctl show`. If a name appears on several lines, the last one
    /// counts.
    pub fn parse(shown: &str) -> Properties {
        let lines = shown.lines().filter_map(|line| line.split_once('='));
        Properties(lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// The value of a property, empty if systemd does not show the property.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The value of a property, unless it is empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// Whether systemd shows this property.
    pub fn shows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The credentials that a unit with its drop-ins loads from files, each with its file; `systemctl
/// show` does not print them. An entry without a file refers to a credential of the whole machine
/// and is left out.
pub fn credentials(text: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for value in text.lines().filter_map(|line| line.trim().strip_prefix("LoadCredential=")) {
        match value.split_once(':') {
            Some((name, source)) if source.trim().starts_with('/') => {
                let name = name.trim();
                // A later assignment replaces an earlier one of the same name.
                found.retain(|(other, _)| other != name);
                found.push((name.to_owned(), PathBuf::from(source.trim())));
            }
            // An empty value resets the list.
            None if value.trim().is_empty() => found.clear(),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read() {
        let shown = "User=chatroom\nGroup=\nStateDirectory=chatroomd other\nLoadState=loaded\n";
        let properties = Properties::parse(shown);
        assert_eq!(properties.value("User"), Some("chatroom"));
        assert_eq!(properties.value("Group"), None);
        assert_eq!(properties.value("State"), None);
        assert_eq!((properties.get("Group"), properties.get("State")), ("", ""));
        assert!(properties.shows("Group") && !properties.shows("State"));
    }

    #[track_caller]
    fn check_credentials(text: &str, expect: &[(&str, &str)]) {
        let found = credentials(text);
        let found: Vec<_> =
            found.iter().map(|(name, file)| (name.as_str(), file.to_str().unwrap())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn credentials_are_read_from_the_text_of_a_unit() {
        check_credentials(
            "# /etc/systemd/system/chatroomd.service.d/a.conf\n[Service]\n\
             LoadCredential=key.pem:/old\nLoadCredential=\nLoadCredential=key.pem:/new\n\
             LoadCredential=inherited\nLoadCredential=password:/etc/a:b\n",
            &[("key.pem", "/new"), ("password", "/etc/a:b")],
        );
        check_credentials(
            "LoadCredential=old:/old\n# a.conf\n[Service]\nLoadCredential=\n\
             LoadCredential=certificate.pem:/etc/c.pem\n LoadCredential=system-wide\n\
             #LoadCredential=no:/no\nLoadCredential=other:system-wide\n",
            &[("certificate.pem", "/etc/c.pem")],
        );
        check_credentials("LoadCredential=a:/1\nLoadCredential=a:/2\n", &[("a", "/2")]);
    }
}
