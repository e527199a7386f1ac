//! The configuration: TOML text to a checked [`Config`], or every problem in it at once.
//!
//! etc/chatroomd.toml describes each option for the people who set them; its defaults are those of
//! [`Config::default`], and a test keeps the two equal.

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

/// The port that the chat has always had.
pub const DEFAULT_PORT: u16 = 53000;

/// The port for TLS that is expected where none is named.
pub const DEFAULT_TLS_PORT: u16 = 53001;

/// Everything that can be set.
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
    /// Addresses of the chat port.
    pub chat: Vec<SocketAddr>,
    /// Addresses of the port that speaks TLS. At least one of the two has an address.
    pub tls: Vec<SocketAddr>,
    /// The proxies whose connections begin with a header of the PROXY protocol.
    pub proxy_protocol: Vec<IpNet>,
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The file of the certificate in PEM, with those that lead to a root, if not in the usual place.
    pub certificate: Option<PathBuf>,
    /// The file of its key in PEM.
    pub key: Option<PathBuf>,
}

/// `[room]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomConfig {
    pub name: String,
    /// What comes before the request for a name.
    pub greeting: String,
    /// Shown to who joins, where it is not empty.
    pub topic: String,
}

/// `[access]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessConfig {
    pub mode: Mode,
    /// The file with the password of the room, if not in the usual place.
    pub password_file: Option<PathBuf>,
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whether what is said is stored on disk; else only the window in memory is kept.
    pub enabled: bool,
    pub durability: Durability,
    /// How many records are shown to who joins: 0 to 200.
    pub replay: usize,
    /// How long records are kept; zero is for ever.
    pub keep_for: Duration,
    /// How many bytes of disk they may take; 0 is no limit.
    pub keep_bytes: usize,
}

/// What a record survives once anybody has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power cut.
    #[default]
    Power,
    /// The end of the daemon, however sudden.
    Process,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at a time; 0 is no limit but that of the descriptors.
    pub connections: usize,
    /// The most connections from one IPv4 address or IPv6 /64; 0 is no limit.
    pub connections_per_address: usize,
    /// How many new connections may come from there in a minute; 0 is no limit.
    pub new_connections_per_minute: usize,
    /// How often somebody from there may join in a minute; 0 is no limit.
    pub joins_per_minute: usize,
    /// How many wrong passwords may come from there in a minute; 0 is no limit.
    pub wrong_passwords_per_minute: usize,
    /// How many messages a connection may send in a second; 0 is no limit. Who sends more is slowed.
    pub messages_per_second: usize,
    /// How many it may send together before that: at least 1.
    pub burst: usize,
    /// Whether the limits above hold for connections from this machine, too, which are all from one
    /// address. That of wrong passwords always does.
    pub loopback: bool,
    /// The most bytes of a message: 16 to 1 MiB.
    pub message_bytes: usize,
    /// About how many bytes the newest records may take in memory: 64 KiB to 4 GiB.
    pub window: usize,
}

/// `[timeouts]`; zero is never, where that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// To give a name.
    pub name: Duration,
    /// After which a connection over which the network has gone silent is taken for gone.
    pub silence: Duration,
    /// For which a reader may read nothing of what waits for it.
    pub stalled: Duration,
    /// For which the place of a JSON client is held whose connection is lost.
    pub hold: Duration,
    /// To say farewell to everybody at the end.
    pub grace: Duration,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admin {
    /// Where the admin socket is to be, if not in the runtime folder.
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
    /// Where they are served over HTTP: an address of this machine alone.
    pub listen: Option<SocketAddr>,
}

/// `[paths]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths {
    /// The folder of the history, if systemd gives none.
    pub state: Option<PathBuf>,
    /// The folder of the admin socket, if systemd gives none.
    pub runtime: Option<PathBuf>,
}

/// Something that is wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong where, and what would be right.
    pub message: String,
}

impl Listen {
    /// Whether a connection from this address has to begin with a header of the PROXY protocol.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxy_protocol.iter().any(|network| network.contains(&address))
    }
}

impl Config {
    /// Reads a configuration. What it leaves out has its default.
    ///
    /// # Errors
    /// Every problem that there is, in the order of the lines.
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

    /// The rules of the room that follow from this.
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
