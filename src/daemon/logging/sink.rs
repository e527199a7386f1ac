//! The destinations of log lines.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::os::linux::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tracing::Dispatch;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt;

use super::kinds::KINDS;
use crate::program::{variable, variable_os};

/// The journal if standard error is connected to it, else standard error.
pub struct Sink {
    general: Dispatch,
    is_journal: bool,
    /// A subscriber for each kind of event, made when it is first needed. The fields that all events of
    /// a kind have in common belong to the subscriber.
    by_event: HashMap<&'static str, Dispatch>,
}

impl Sink {
    /// Finds out which of the two to use.
    pub fn open() -> Sink {
        let journal = if is_stderr_the_journal() { to_journal(None).ok() } else { None };
        let is_journal = journal.is_some();
        Sink { general: journal.unwrap_or_else(to_stderr), is_journal, by_event: HashMap::new() }
    }

    /// Whether it is the journal, where fields are separate from the message.
    pub fn is_journal(&self) -> bool {
        self.is_journal
    }

    /// The subscriber for an event with this name.
    pub fn of(&mut self, event: Option<&str>) -> &Dispatch {
        let kind = KINDS.iter().find(|(name, ..)| self.is_journal && Some(*name) == event);
        let Some(&(name, id, priority)) = kind else { return &self.general };
        let general = &self.general;
        self.by_event
            .entry(name)
            // Without a file descriptor for its own subscriber, the line has no id.
            .or_insert_with(|| to_journal(Some((id, priority))).unwrap_or_else(|_| general.clone()))
    }
}

/// Events of a kind have the priority of the kind, other events that of their level.
fn to_journal(kind: Option<(&str, Priority)>) -> io::Result<Dispatch> {
    let priorities = match kind {
        Some((_, priority)) => PriorityMappings {
            error: priority,
            warn: priority,
            info: priority,
            debug: priority,
            trace: priority,
        },
        None => PriorityMappings {
            error: Priority::Error,
            warn: Priority::Warning,
            info: Priority::Informational,
            debug: Priority::Debug,
            trace: Priority::Debug,
        },
    };
    let journal = tracing_journald::layer()?
        .with_field_prefix(Some("CHATROOM".to_owned()))
        .with_syslog_identifier("chatroomd".to_owned())
        .with_priority_mappings(priorities)
        .with_custom_fields(kind.map(|(id, _)| ("MESSAGE_ID", id)));
    Ok(Dispatch::new(tracing_subscriber::registry().with(journal)))
}

fn to_stderr() -> Dispatch {
    let colour = io::stderr().is_terminal() && variable_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Stderr)
        .with_ansi(colour)
        .with_target(false);
    Dispatch::new(tracing_subscriber::registry().with(lines))
}

/// Standard error. If it is full or closed, lines are dropped and counted.
struct Stderr;

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            HAS_FAILED.store(true, Relaxed);
        }
        // If this returned an error, it would be printed to standard error, with a macro that panics.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a line was dropped since the last call.
pub fn has_failed() -> bool {
    HAS_FAILED.swap(false, Relaxed)
}

/// Whether standard error is the journal. `$JOURNAL_STREAM` has its device and inode (systemd.exec(5)).
fn is_stderr_the_journal() -> bool {
    let Some(stream) = variable("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino())
}
