//! All options with their values, for comparing two configurations.

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Config, Durability};
use crate::access::Mode;

/// The options that only take effect after a restart, as they are shown to operators.
pub const RESTART_ONLY: [&str; 9] = [
    "[listen] chat",
    "[listen] tls",
    "[room] name",
    "[history] enabled",
    "[history] durability",
    "[admin] socket",
    "[metrics] listen",
    "[paths] state",
    "[paths] runtime",
];

/// An option that has different values in two configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The option with its section, such as `[room] topic`.
    pub option: String,
    /// The earlier value, as TOML.
    pub old: String,
    /// The later value, as TOML.
    pub new: String,
}

impl Difference {
    /// Whether the new value only takes effect after a restart.
    pub fn needs_restart(&self) -> bool {
        RESTART_ONLY.contains(&self.option.as_str())
    }
}

impl Config {
    /// Each option with its value as TOML, in the order of etc/chatroomd.toml.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let Config { listen, tls, room, history, access, limits, timeouts, .. } = self;
        vec![
            ("[listen] chat", list(&listen.chat)),
            ("[listen] tls", list(&listen.tls)),
            ("[listen] proxy_protocol", networks(&listen.proxy_protocol)),
            ("[tls] certificate", path(&tls.certificate)),
            ("[tls] key", path(&tls.key)),
            ("[room] name", quoted(&room.name)),
            ("[room] greeting", quoted(&room.greeting)),
            ("[room] topic", quoted(&room.topic)),
            ("[history] enabled", history.enabled.to_string()),
            ("[history] durability", durability(history.durability)),
            ("[history] replay", history.replay.to_string()),
            ("[history] keep_for", time(history.keep_for)),
            ("[history] keep_bytes", size(history.keep_bytes)),
            ("[access] mode", mode(access.mode)),
            ("[access] password_file", path(&access.password_file)),
            ("[limits] connections", limits.connections.to_string()),
            ("[limits] connections_per_address", limits.connections_per_address.to_string()),
            ("[limits] new_connections_per_minute", limits.new_connections_per_minute.to_string()),
            ("[limits] joins_per_minute", limits.joins_per_minute.to_string()),
            ("[limits] wrong_passwords_per_minute", limits.wrong_passwords_per_minute.to_string()),
            ("[limits] messages_per_second", limits.messages_per_second.to_string()),
            ("[limits] burst", limits.burst.to_string()),
            ("[limits] loopback", limits.loopback.to_string()),
            ("[limits] message_bytes", size(limits.message_bytes)),
            ("[limits] window", size(limits.window)),
            ("[timeouts] name", time(timeouts.name)),
            ("[timeouts] silence", time(timeouts.silence)),
            ("[timeouts] stalled", time(timeouts.stalled)),
            ("[timeouts] hold", time(timeouts.hold)),
            ("[timeouts] grace", time(timeouts.grace)),
            ("[admin] socket", path(&self.admin.socket)),
            ("[log] level", quoted(self.log.level.as_str())),
            (
                "[metrics] listen",
                quoted(&self.metrics.listen.map_or_else(String::new, |it| it.to_string())),
            ),
            ("[paths] state", path(&self.paths.state)),
            ("[paths] runtime", path(&self.paths.runtime)),
        ]
    }

    /// The options whose values differ in `new`, in the order of etc/chatroomd.toml.
    pub fn differences(&self, new: &Config) -> Vec<Difference> {
        let pairs = self.options().into_iter().zip(new.options());
        let changed = pairs.filter(|((_, old), (_, new))| old != new);
        changed
            .map(|((option, old), (_, new))| Difference { option: option.to_owned(), old, new })
            .collect()
    }
}

/// Formats a TOML string. None of these texts contains control characters, which would require more
/// escapes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn list(items: &[impl ToString + Debug]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

fn networks(networks: &[IpNet]) -> String {
    list(&networks.iter().map(crate::access::show_network).collect::<Vec<_>>())
}

fn path(path: &Option<PathBuf>) -> String {
    quoted(&path.as_ref().map_or_else(String::new, |path| path.display().to_string()))
}

fn time(time: Duration) -> String {
    match time.subsec_millis() {
        0 => quoted(&format!("{} s", time.as_secs())),
        _ => quoted(&format!("{} ms", time.as_millis())),
    }
}

fn size(bytes: usize) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => quoted(&format!("{} {name}", bytes / unit)),
        None => bytes.to_string(),
    }
}

fn durability(durability: Durability) -> String {
    quoted(match durability {
        Durability::Power => "power",
        Durability::Process => "process",
    })
}

fn mode(mode: Mode) -> String {
    quoted(match mode {
        Mode::Open => "open",
        Mode::Password => "password",
        Mode::Accounts => "accounts",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../etc/chatroomd.toml");

    /// The options of the shipped file in order, and whether their description ends with the note
    /// that a restart is required.
    fn described() -> Vec<(String, bool)> {
        let (mut options, mut section, mut text) = (Vec::new(), "", String::new());
        for line in SHIPPED.lines() {
            let assigned = line.trim_start_matches(['#', ' ']).split_once(" = ");
            match assigned
                .filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            {
                _ if line.starts_with('[') => (section, text) = (line, String::new()),
                Some((key, _)) => {
                    options.push((format!("{section} {key}"), text.contains("Needs a restart")));
                    text.clear();
                }
                None => text.push_str(&format!("{} ", line.trim_start_matches(['#', ' ']))),
            }
        }
        options
    }

    #[test]
    fn every_option_is_compared_and_says_when_it_needs_a_restart() {
        let ours: Vec<(String, bool)> = Config::default()
            .options()
            .into_iter()
            .map(|(option, _)| (option.to_owned(), RESTART_ONLY.contains(&option)))
            .collect();
        assert_eq!(described(), ours);
    }

    #[test]
    fn a_value_is_shown_as_it_would_be_written() {
        let text = "[limits]\nwindow = \"3 MiB\"\nmessage_bytes = 1000\n[room]\ntopic = \"a \\\"b\\\"\"\n\
                    [timeouts]\nhold = \"2 min\"\n[listen]\nchat = [\"[::1]:5\", \"127.0.0.1:5\"]\n";
        let config = Config::parse(text).unwrap();
        let mut again = String::new();
        for (option, value) in config.options() {
            let (section, key) = option.split_once(' ').unwrap();
            if !again.contains(&format!("{section}\n")) {
                again.push_str(&format!("{section}\n"));
            }
            again.push_str(&format!("{key} = {value}\n"));
        }
        assert_eq!(Config::parse(&again), Ok(config), "{again}");
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let old = Config::default();
        let new =
            Config::parse("[room]\ntopic = \"Tea\"\n[metrics]\nlisten = \"[::1]:9\"\n").unwrap();
        let different = old.differences(&new);
        let shown: Vec<(&str, &str, &str, bool)> = different
            .iter()
            .map(|it| (it.option.as_str(), it.old.as_str(), it.new.as_str(), it.needs_restart()))
            .collect();
        let topic = ("[room] topic", "\"\"", "\"Tea\"", false);
        assert_eq!(shown, [topic, ("[metrics] listen", "\"\"", "\"[::1]:9\"", true)]);
        assert_eq!(old.differences(&old), []);
    }
}
