//! The metrics, as OpenMetrics text: https://prometheus.io/docs/specs/om/open_metrics_spec/

mod counter_map;
mod http;
mod process;

use std::collections::BTreeMap;
use std::fmt;

use chatroom::admin::Status;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use counter_map::CounterMap;
pub use http::serve_all;

/// The buckets of time histograms: 50 µs, each 2.5 times the one before, up to 1.9 s.
const TIMES: (f64, f64, u16) = (50e-6, 2.5, 12);

/// The durations of parts of the work, in seconds.
pub struct Times {
    /// To store a batch of records.
    pub store: Histogram,
    /// The time to write a batch to all connections that are not behind.
    pub delivery: Histogram,
}

impl Default for Times {
    fn default() -> Times {
        let (first, factor, count) = TIMES;
        let histogram = || Histogram::new(exponential_buckets(first, factor, count));
        Times { store: histogram(), delivery: histogram() }
    }
}

/// Totals over all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes that were read.
    pub received: u64,
    /// Bytes that were written.
    pub sent: u64,
    /// Records that were written, counted for each connection.
    pub deliveries: u64,
}

impl Totals {
    /// Adds totals. Only differences are used, so this wraps.
    pub fn add(&mut self, other: Totals) {
        self.received = self.received.wrapping_add(other.received);
        self.sent = self.sent.wrapping_add(other.sent);
        self.deliveries = self.deliveries.wrapping_add(other.deliveries);
    }

    /// Subtracts totals.
    pub fn subtract(&mut self, other: Totals) {
        self.received = self.received.wrapping_sub(other.received);
        self.sent = self.sent.wrapping_sub(other.sent);
        self.deliveries = self.deliveries.wrapping_sub(other.deliveries);
    }
}

/// How far the connections are behind the newest record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Connections to which something is still to be written.
    pub connections: u64,
    /// The maximum number of records that are to be written to one of them.
    pub records: u64,
}

/// The values in the metrics in addition to the status.
pub struct Measured<'m> {
    pub totals: Totals,
    pub lag: Lag,
    /// Requests of users that were refused, by the code of the refusal.
    pub refusals: BTreeMap<String, u64>,
    pub times: &'m Times,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: String,
}

/// The metrics as text.
///
/// # Errors
/// Never, because writing to a string does not fail.
pub fn text(status: &Status, measured: &Measured<'_>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    room(&mut registry, status, measured);
    connections(&mut registry, status, measured);
    storage(&mut registry, status, measured);
    process::add(&mut registry, status);
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

fn room(registry: &mut Registry, status: &Status, measured: &Measured<'_>) {
    let version = vec![("version", status.version.clone()), ("room", status.room.clone())];
    registry.register("chatroom_build", "Version and room", Info::new(version));
    gauge(registry, "chatroom_people", "Users in the room", status.people as u64);
    counter(registry, "chatroom_messages", "Messages and actions", status.messages);
    let help = "Records written to connections, counted once for each connection";
    counter(registry, "chatroom_deliveries", help, measured.totals.deliveries);
    let help = "Requests of users that were refused, by the code of the refusal";
    by_reason(registry, "chatroom_refusals", help, &measured.refusals);
    let help = "How often a connection was slowed because it sent too fast";
    counter(registry, "chatroom_slowed", help, status.slowed);
    let help = "Whether messages are refused because they cannot be stored";
    gauge(registry, "chatroom_degraded", help, status.degraded.into());
    let help = "The most records that are still to be written to one connection";
    gauge(registry, "chatroom_lag_records", help, measured.lag.records);
    let help = "Connections to which records are still to be written";
    gauge(registry, "chatroom_connections_behind", help, measured.lag.connections);
    let help = "The time to write a batch of records to all connections that are not behind";
    let times = measured.times.delivery.clone();
    registry.register_with_unit("chatroom_delivery", help, Unit::Seconds, times);
}

fn connections(registry: &mut Registry, status: &Status, measured: &Measured<'_>) {
    let count = status.connections as u64;
    gauge(registry, "chatroom_connections", "Connections, with or without a name", count);
    let help = "The maximum number of connections; 0 is no limit";
    gauge(registry, "chatroom_connections_limit", help, status.connections_limit as u64);
    let help = "Connections that were accepted";
    counter(registry, "chatroom_connections_accepted", help, status.accepted);
    let help = "Connections that ended or were turned away, by reason";
    by_reason(registry, "chatroom_connections_closed", help, &status.ended);
    let Totals { received, sent, .. } = measured.totals;
    bytes_counter(registry, "chatroom_received", "Bytes read from all connections", received);
    bytes_counter(registry, "chatroom_sent", "Bytes written to all connections", sent);
    let waiting = status.limited.len() as u64;
    gauge(
        registry,
        "chatroom_limited_addresses",
        "Addresses that are over a rate limit and have to wait",
        waiting,
    );
}

fn storage(registry: &mut Registry, status: &Status, measured: &Measured<'_>) {
    let help = "The time to store a batch of records";
    let times = measured.times.store.clone();
    registry.register_with_unit("chatroom_store", help, Unit::Seconds, times);
    let help = "The number of the newest record";
    gauge(registry, "chatroom_newest_record", help, status.seq);
    let help = "Size of the history on disk";
    bytes_gauge(registry, "chatroom_history", help, status.history_bytes);
    let help = "Size of its write-ahead log, which is a part of it";
    bytes_gauge(registry, "chatroom_history_log", help, status.wal_bytes);
    let help = "Whether another process keeps the write-ahead log from shrinking";
    gauge(registry, "chatroom_history_log_held", help, status.wal_held.into());
    let help = "Size of the newest records in memory";
    bytes_gauge(registry, "chatroom_window", help, status.window_bytes as u64);
    let help = "Maximum size of the newest records in memory";
    bytes_gauge(registry, "chatroom_window_limit", help, status.window_limit as u64);
    let help = "Lines of the log that were dropped because the journal did not accept them";
    counter(registry, "chatroom_log_lines_dropped", help, status.log_lines_dropped);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, counted(value));
}

fn bytes_counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register_with_unit(name, help, Unit::Bytes, counted(value));
}

fn by_reason(registry: &mut Registry, name: &str, help: &str, counts: &BTreeMap<String, u64>) {
    let family = Family::<Reason, Counter>::default();
    for (reason, &count) in counts {
        family.get_or_create(&Reason { reason: reason.clone() }).inc_by(count);
    }
    registry.register(name, help, family);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, measured(value));
}

fn bytes_gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register_with_unit(name, help, Unit::Bytes, measured(value));
}

fn counted(value: u64) -> Counter {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    counter
}

fn measured(value: u64) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}
