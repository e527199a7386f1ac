//! Where lines of the log go.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::os::linux::fs::MetadataExt;

use tracing::Dispatch;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt;

use super::kinds::KINDS;

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
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colour)
        .with_target(false);
    Dispatch::new(tracing_subscriber::registry().with(lines))
}

/// systemd says in `$JOURNAL_STREAM` which device and inode the journal is (systemd.exec(5)).
fn is_stderr_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino())
}
