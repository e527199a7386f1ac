//! Where lines of the log go.

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
    /// A way to the journal for each kind of event, made when it is first needed: what is the same in
    /// all events of a kind belongs to the way.
    by_event: HashMap<&'static str, Dispatch>,
}

impl Sink {
    /// Finds out which it is.
    pub fn open() -> Sink {
        let journal = if is_stderr_the_journal() { to_journal(None).ok() } else { None };
        let is_journal = journal.is_some();
        Sink { general: journal.unwrap_or_else(to_stderr), is_journal, by_event: HashMap::new() }
    }

    /// Whether it is the journal, where fields stand apart from the message.
    pub fn is_journal(&self) -> bool {
        self.is_journal
    }

    /// The way for an event of that name.
    pub fn of(&mut self, event: Option<&str>) -> &Dispatch {
        let kind = KINDS.iter().find(|(name, ..)| self.is_journal && Some(*name) == event);
        let Some(&(name, id, priority)) = kind else { return &self.general };
        let general = &self.general;
        self.by_event
            .entry(name)
            // Without a descriptor for it, the line does without its id.
            .or_insert_with(|| to_journal(Some((id, priority))).unwrap_or_else(|_| general.clone()))
    }
}

/// All that has a kind has one priority; else that of its level.
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

/// Standard error, which may be full or closed: then a line is lost, and counted.
struct Stderr;

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            HAS_FAILED.store(true, Relaxed);
        }
        // An error would be told to standard error, with a macro that panics.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a line could not be written since this was asked last.
pub fn has_failed() -> bool {
    HAS_FAILED.swap(false, Relaxed)
}

/// systemd says in `$JOURNAL_STREAM` which device and inode the journal is (systemd.exec(5)).
fn is_stderr_the_journal() -> bool {
    let Some(stream) = variable("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino())
}
