//! The parts that the three programs share: the rules of a chat room, its wire formats, its
//! configuration and the protocol between `chatctl` and `chatroomd`.
//!
//! This library is pure. It has no runtime, sockets, files or clock: bytes, text and times are
//! passed in, and the results are data. Therefore, the rules can be tested without a network, and
//! the wire formats can be fuzzed without a daemon.
//!
//! ARCHITECTURE.md states the order in which the modules import each other.

pub mod access;
pub mod admin;
pub mod characters;
pub mod clean;
pub mod commands;
pub mod config;
pub mod confusables;
pub mod emoji;
pub mod fingerprint;
pub mod handover;
pub mod names;
pub mod permission;
pub mod room;
pub mod secret;
pub mod throttle;
pub mod unit;
pub mod wire;
pub mod xdg;
