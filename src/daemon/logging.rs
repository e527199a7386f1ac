//! The log: to the journal, with fields, if standard error is connected to it, else to standard error.
//!
//! Writing to either can block (a stopped journal, a full pipe), and the chat must not wait for it. So
//! an event is copied into a bounded queue, and a thread writes it. Events that do not fit are dropped
//! and counted.

mod kinds;
mod sink;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use chatroom::config::Level;
use tracing::dispatcher::with_default;
use tracing::field::{Field, Value, Visit, debug};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, warn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::program::complain;
use sink::Sink;

/// The maximum number of events that wait to be written.
const QUEUE: usize = 4096;

/// The maximum number of fields of an event; more are left out.
const MAX_FIELDS: usize = 16;

/// The time for which the program waits at its end until the last lines are written.
const FLUSH_TIME: Duration = Duration::from_secs(1);

static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The queue to the thread that writes.
pub struct Logging(SyncSender<Queued>);

enum Queued {
    Event(&'static Metadata<'static>, Vec<(Field, Owned)>),
    Flush(SyncSender<()>),
}

/// The value of a field, copied for the queue.
enum Owned {
    Text(String),
    Unsigned(u64),
    Signed(i64),
    Bool(bool),
}

/// Starts logging for the whole process.
pub fn start(level: Level) -> Logging {
    set_level(level);
    let (sender, receiver) = sync_channel(QUEUE);
    let mut sink = Sink::open();
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&mut sink, &receiver))
        .map_or_else(|error| complain(format_args!("cannot start the log: {error}")), drop);
    let subscriber = tracing_subscriber::registry().with(QueueLayer(sender.clone()));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        complain("logging was started twice");
    }
    Logging(sender)
}

/// Sets the log level.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Relaxed);
}

/// The log level.
pub fn level() -> Level {
    Level::ALL[usize::from(LEVEL.load(Relaxed)).min(Level::ALL.len() - 1)]
}

/// The number of lines that have been dropped.
pub fn dropped() -> u64 {
    DROPPED.load(Relaxed)
}

impl Drop for Logging {
    /// Waits, for a bounded time, until everything that was logged is written.
    fn drop(&mut self) {
        let start = Instant::now();
        let (done, wait) = sync_channel(1);
        // The queue may be full of lines about the last connections.
        while let Err(TrySendError::Full(_)) = self.0.try_send(Queued::Flush(done.clone())) {
            if start.elapsed() > FLUSH_TIME {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _ = wait.recv_timeout(FLUSH_TIME);
    }
}

fn write_all(sink: &mut Sink, queue: &Receiver<Queued>) {
    let mut told = 0;
    while let Ok(queued) = queue.recv() {
        match queued {
            Queued::Event(metadata, values) => {
                let quotes = !sink.is_journal();
                with_default(sink.of(event(&values)), || write(metadata, &values, quotes));
                if sink::has_failed() {
                    DROPPED.fetch_add(1, Relaxed);
                }
            }
            Queued::Flush(done) => drop(done.try_send(())),
        }
        let dropped = dropped();
        if dropped > told {
            let lines = dropped - told;
            let tell = || {
                warn!(event = "lines-dropped", lines, "dropped {lines} lines of the log");
            };
            with_default(sink.of(Some("lines-dropped")), tell);
            // If this line is dropped too, a later one reports the total.
            if !sink::has_failed() {
                told = dropped;
            }
        }
    }
}

/// The name of the event, which is the field `event`.
fn event(values: &[(Field, Owned)]) -> Option<&str> {
    values.iter().find_map(|(field, value)| match value {
        Owned::Text(text) if field.name() == "event" => Some(text.as_str()),
        _ => None,
    })
}

/// Emits the event again, for the subscriber of this thread. If the fields are on one line with the
/// message, their texts are quoted, so that a text cannot pass for another field.
fn write(metadata: &'static Metadata<'static>, values: &[(Field, Owned)], quotes: bool) {
    let texts: Vec<_> =
        values.iter().map(|(field, value)| debug(Shown::of(field, value, quotes))).collect();
    let Some(first) = metadata.fields().iter().next() else { return };
    let mut all: [(&Field, Option<&dyn Value>); MAX_FIELDS] = [(&first, None); MAX_FIELDS];
    for ((place, (field, owned)), text) in all.iter_mut().zip(values).zip(&texts) {
        let value: &dyn Value = match (owned, text) {
            (Owned::Unsigned(number), _) => number,
            (Owned::Signed(number), _) => number,
            (Owned::Bool(flag), _) => flag,
            (Owned::Text(_), text) => text,
        };
        *place = (field, Some(value));
    }
    Event::dispatch(metadata, &metadata.fields().value_set(&all));
}

/// The text of a field, quoted if necessary.
struct Shown<'a> {
    text: &'a str,
    quoted: bool,
}

impl<'a> Shown<'a> {
    fn of(field: &Field, value: &'a Owned, quotes: bool) -> Shown<'a> {
        let text = if let Owned::Text(text) = value { text.as_str() } else { "" };
        // For readability the message is not quoted, unless it contains something like a field.
        let is_plain = field.name() == "message" && !text.contains('=');
        Shown { text, quoted: quotes && !is_plain }
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted { fmt::Debug::fmt(self.text, f) } else { f.write_str(self.text) }
    }
}

struct QueueLayer(SyncSender<Queued>);

impl<S: Subscriber> Layer<S> for QueueLayer {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // The level can change at any time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let highest = match level() {
            Level::Error => tracing::Level::ERROR,
            Level::Warn => tracing::Level::WARN,
            Level::Info => tracing::Level::INFO,
            Level::Debug => tracing::Level::DEBUG,
            Level::Trace => tracing::Level::TRACE,
        };
        *metadata.level() <= highest
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        if let Err(TrySendError::Full(_)) =
            self.0.try_send(Queued::Event(event.metadata(), fields.0))
        {
            DROPPED.fetch_add(1, Relaxed);
        }
    }
}

struct Fields(Vec<(Field, Owned)>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Text that users chose must not control the terminal of an administrator who reads the
        // log.
        self.0.push((field.clone(), Owned::Text(chatroom::clean::shown(value).into_owned())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.clone(), Owned::Unsigned(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.clone(), Owned::Signed(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.clone(), Owned::Bool(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
