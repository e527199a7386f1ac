//! The default configuration.

use std::net::SocketAddr;
use std::time::Duration;

use super::{DEFAULT_PORT, Durability, History, Limits, Listen, RoomConfig, Timeouts};

impl Default for Listen {
    fn default() -> Listen {
        Listen {
            chat: vec![SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT))],
            tls: Vec::new(),
            proxy_protocol: Vec::new(),
        }
    }
}

impl Default for RoomConfig {
    fn default() -> RoomConfig {
        RoomConfig { name: "lobby".into(), greeting: "Hi!".into(), topic: String::new() }
    }
}

impl Default for History {
    fn default() -> History {
        History {
            enabled: true,
            durability: Durability::Power,
            replay: 20,
            keep_for: Duration::ZERO,
            keep_bytes: 1 << 30,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_000,
            // This is enough for a school or an office behind one address.
            connections_per_address: 200,
            new_connections_per_minute: 240,
            joins_per_minute: 120,
            wrong_passwords_per_minute: 5,
            messages_per_second: 10,
            burst: 50,
            loopback: false,
            message_bytes: 4096,
            window: 16 << 20,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            name: Duration::from_secs(60),
            silence: Duration::from_secs(30),
            stalled: Duration::from_secs(120),
            hold: Duration::from_secs(120),
            grace: Duration::from_secs(5),
        }
    }
}
