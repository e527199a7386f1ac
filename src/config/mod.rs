//! The configuration: from TOML text to a checked [`Config`], or to the list of all its problems.
//!
//! etc/chatroomd.toml describes the options for administrators. A test compares its defaults with
//! [`Config::default`].

mod defaults;
mod level;
mod networks;
mod options;
mod reader;
mod values;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
pub use level::Level;
pub use options::{Difference, RESTART_ONLY};
use reader::Document;

use crate::access::Mode;
use crate::room::Policy;

/// The default port.
pub const DEFAULT_PORT: u16 = 53000;

/// The default port for TLS, for clients.
pub const DEFAULT_TLS_PORT: u16 = 53001;

/// All options.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    pub listen: Listen,
    pub tls: Tls,
    pub room: RoomConfig,
    pub history: History,
    pub access: AccessConfig,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub admin: Admin,
    pub log: Log,
    pub metrics: Metrics,
    pub paths: Paths,
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Addresses of the plain port.
    pub chat: Vec<SocketAddr>,
    /// Addresses of the TLS port. At least one of the two has an address.
    pub tls: Vec<SocketAddr>,
    /// The proxies whose connections begin with a PROXY protocol header.
    pub proxy_protocol: Vec<IpNet>,
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The PEM file of the certificate and its intermediate certificates, if not in the default place.
    pub certificate: Option<PathBuf>,
    /// The PEM file of the key.
    pub key: Option<PathBuf>,
}

/// `[room]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomConfig {
    pub name: String,
    /// The text before the prompt for a name.
    pub greeting: String,
    /// The topic, which is shown to users who join unless it is empty.
    pub topic: String,
}

/// `[access]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessConfig {
    pub mode: Mode,
    /// The file with the room password, if not in the default place.
    pub password_file: Option<PathBuf>,
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whether messages are stored on disk. Otherwise, only the window in memory is kept.
    pub enabled: bool,
    pub durability: Durability,
    /// The number of records that are shown to users who join: 0 to 200.
    pub replay: usize,
    /// The time for which records are kept. Zero is forever.
    pub keep_for: Duration,
    /// The maximum size of the records on disk. 0 is no limit.
    pub keep_bytes: usize,
}

/// The failures that a record survives once it has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The record survives a power failure.
    #[default]
    Power,
    /// The record survives a crash of the daemon.
    Process,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of connections. 0 is as many as the limit on open files allows.
    pub connections: usize,
    /// The maximum number of connections from an address block. 0 is no limit, here and below.
    pub connections_per_address: usize,
    /// The maximum number of new connections from an address block per minute.
    pub new_connections_per_minute: usize,
    /// The maximum number of joins from an address block per minute.
    pub joins_per_minute: usize,
    /// The maximum number of wrong passwords from an address block per minute.
    pub wrong_passwords_per_minute: usize,
    /// The maximum number of messages of a connection per second. A faster sender is slowed down.
    pub messages_per_second: usize,
    /// The number of messages, at least 1, that a connection can send at once before that limit
    /// applies.
    pub burst: usize,
    /// Whether the limits above, except `connections`, also apply to connections from this machine,
    /// which all have one address. The limit on wrong passwords always applies.
    pub loopback: bool,
    /// The maximum size of a message: 16 bytes to 1 MiB.
    pub message_bytes: usize,
    /// The approximate size of the newest records in memory: 64 KiB to 4 GiB.
    pub window: usize,
}

/// `[timeouts]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// The time within which a new connection has to give a name.
    pub name: Duration,
    /// The time without network traffic after which a connection counts as lost.
    pub silence: Duration,
    /// The time for which a client can read nothing while messages wait for it.
    pub stalled: Duration,
    /// The time for which the place of a JSON client is held after its connection is lost.
    pub hold: Duration,
    /// The time to wait at shutdown until all clients have read the farewell.
    pub grace: Duration,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admin {
    /// The path of the admin socket, if not in the runtime folder.
    pub socket: Option<PathBuf>,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    pub level: Level,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// The loopback address on which metrics are served over HTTP.
    pub listen: Option<SocketAddr>,
}

/// `[paths]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths {
    /// The state folder, if systemd does not provide one.
    pub state: Option<PathBuf>,
    /// The runtime folder, if systemd does not provide one.
    pub runtime: Option<PathBuf>,
}

/// A problem in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The error, and what would be valid.
    pub message: String,
}

impl Listen {
    /// Whether a connection from this address must begin with a PROXY protocol header.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxy_protocol.iter().any(|network| network.contains(&address))
    }
}

impl Config {
    /// Parses a configuration. Missing options have their defaults.
    ///
    /// # Errors
    /// All problems, in the order of the lines.
    pub fn parse(text: &str) -> Result<Config, Vec<Problem>> {
        let mut config = Config::default();
        let mut document = Document::parse(text.trim_start_matches('\u{feff}'));
        document.section("listen", |section| {
            section.take("chat", values::addresses, &mut config.listen.chat);
            section.take("tls", values::addresses, &mut config.listen.tls);
            section.take("proxy_protocol", networks::trusted, &mut config.listen.proxy_protocol);
            let Listen { chat, tls, .. } = &config.listen;
            if chat.is_empty() && tls.is_empty() {
                section.complain("chat", "at least one address is needed here or in `tls`");
            }
        });
        document.section("tls", |section| {
            section.take("certificate", values::path, &mut config.tls.certificate);
            section.take("key", values::path, &mut config.tls.key);
        });
        document.section("room", |section| {
            section.take("name", values::word, &mut config.room.name);
            section.take("greeting", values::line, &mut config.room.greeting);
            section.take("topic", values::line, &mut config.room.topic);
        });
        document.section("history", |section| {
            let history = &mut config.history;
            section.take("enabled", values::flag, &mut history.enabled);
            section.take("durability", values::durability, &mut history.durability);
            section.take("replay", |v| values::count(v, 0, 200), &mut history.replay);
            section.take("keep_for", |v| values::duration(v, 0, 1 << 32), &mut history.keep_for);
            section.take("keep_bytes", |v| values::size(v, 0, 1 << 50), &mut history.keep_bytes);
        });
        document.section("access", |section| {
            section.take("mode", values::mode, &mut config.access.mode);
            section.take("password_file", values::path, &mut config.access.password_file);
        });
        document.section("limits", |section| {
            let limits = &mut config.limits;
            section.take(
                "connections",
                |v| values::count(v, 0, 1_000_000),
                &mut limits.connections,
            );
            for (key, place) in [
                ("connections_per_address", &mut limits.connections_per_address),
                ("new_connections_per_minute", &mut limits.new_connections_per_minute),
                ("joins_per_minute", &mut limits.joins_per_minute),
                ("wrong_passwords_per_minute", &mut limits.wrong_passwords_per_minute),
                ("messages_per_second", &mut limits.messages_per_second),
            ] {
                section.take(key, |v| values::count(v, 0, 1_000_000), place);
            }
            section.take("burst", |v| values::count(v, 1, 1_000_000), &mut limits.burst);
            section.take("loopback", values::flag, &mut limits.loopback);
            section.take(
                "message_bytes",
                |v| values::size(v, 16, 1 << 20),
                &mut limits.message_bytes,
            );
            section.take("window", |v| values::size(v, 64 << 10, 4 << 30), &mut limits.window);
        });
        document.section("timeouts", |section| {
            let timeouts = &mut config.timeouts;
            section.take("name", |v| values::duration(v, 1, 86_400), &mut timeouts.name);
            section.take("silence", |v| values::duration(v, 3, 86_400), &mut timeouts.silence);
            section.take("stalled", |v| values::duration(v, 1, 86_400), &mut timeouts.stalled);
            section.take("hold", |v| values::duration(v, 0, 86_400), &mut timeouts.hold);
            section.take("grace", |v| values::duration(v, 0, 25), &mut timeouts.grace);
        });
        document.section("admin", |section| {
            section.take("socket", values::path, &mut config.admin.socket);
        });
        document.section("log", |section| {
            section.take("level", values::level, &mut config.log.level);
        });
        document.section("metrics", |section| {
            section.take("listen", values::loopback, &mut config.metrics.listen);
        });
        document.section("paths", |section| {
            section.take("state", values::path, &mut config.paths.state);
            section.take("runtime", values::path, &mut config.paths.runtime);
        });
        document.finish().map(|()| config)
    }

    /// The rules of the room that follow from the configuration.
    pub fn policy(&self) -> Policy {
        Policy { message_bytes: self.limits.message_bytes }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

#[cfg(test)]
mod tests;
