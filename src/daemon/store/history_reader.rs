//! Reads records from the disk, or, without a store, from the window in memory.
//!
//! There are three threads: one backfills connections that are behind, one reads pages of history, and
//! one searches ([`super::search`]), which can take long and must not delay the others. The first two
//! answer one small query after the other. The threads also encode what they have found, so that the
//! thread that serves all connections only passes it on.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::{io, thread};

use chatroom::admin::MessagesBy;
use chatroom::names;
use chatroom::room::{Record, Seq};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::error;

use super::open_reader;
use super::query::{Query, Reply, Source, answer_all};
use super::search::{self, Scan, SearchSlots};
pub use super::selection::{Selected, Selection};
use crate::window::Window;

/// The maximum size of a page of history, because a client can request pages and not read them.
pub const MAX_PAGE_BYTES: usize = 128 * 1024;

/// The maximum size of a text to search for.
pub const MAX_SEARCH_BYTES: usize = 512;

/// The reason why nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// Too many searches are in progress.
    Busy,
    /// The text to search for is longer than [`MAX_SEARCH_BYTES`].
    TooLong,
    /// The store failed. The log has the details.
    Failed(String),
}

/// Sends queries to the threads that read.
pub struct HistoryReader {
    /// `None` without a store.
    feed: Option<Sender<Query>>,
    pages: Sender<Query>,
    search: Sender<Query>,
    slots: SearchSlots,
}

impl HistoryReader {
    /// Reads from a store.
    ///
    /// # Errors
    /// The file cannot be opened, or a thread cannot be started.
    pub fn on_disk(path: &Path) -> anyhow::Result<HistoryReader> {
        let start = |name: &str| -> anyhow::Result<Sender<Query>> {
            Ok(start_reader(name, Source::Disk(open_reader(path)?))?)
        };
        let (feed, pages) = (Some(start("feed")?), start("pages")?);
        Ok(HistoryReader::with(feed, pages, Source::Disk(open_reader(path)?))?)
    }

    /// Reads from the window, without a store.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn in_memory(window: Arc<Window>) -> io::Result<HistoryReader> {
        let pages = start_reader("pages", Source::Window(window.clone()))?;
        HistoryReader::with(None, pages, Source::Window(window))
    }

    fn with(
        feed: Option<Sender<Query>>,
        pages: Sender<Query>,
        source: Source,
    ) -> io::Result<HistoryReader> {
        let (search, queries) = channel();
        spawn("search", move || search::answer_all(&source, &queries))?;
        Ok(HistoryReader { feed, pages, search, slots: SearchSlots::default() })
    }

    /// The next records for a connection that is behind the window. Without a store there are none,
    /// because what has left the window is gone.
    pub async fn feed(&self, from: Seq, end: Seq) -> Result<Vec<Record>, String> {
        let Some(feed) = &self.feed else { return Ok(Vec::new()) };
        let (reply, answer) = oneshot::channel();
        feed.send(Query::From(from, end, reply)).map_err(|_| GONE.to_owned())?;
        answer.await.map_err(|_| GONE.to_owned())?
    }

    /// Selects records and converts them with `make`, on one of the threads.
    ///
    /// # Errors
    /// Nothing could be read.
    pub async fn select<T: Send + 'static>(
        &self,
        selection: Selection,
        make: impl FnOnce(Selected) -> T + Send + 'static,
    ) -> Result<T, Unread> {
        if selection.grep.as_ref().is_some_and(|grep| grep.len() > MAX_SEARCH_BYTES) {
            return Err(Unread::TooLong);
        }
        let (reply, answer) = Reply::new(make);
        let (thread, query) = if selection.is_long() {
            let slot = self.slots.take().ok_or(Unread::Busy)?;
            (&self.search, Query::Search(Box::new(Scan::new(selection)), slot, reply))
        } else {
            (&self.pages, Query::Select(selection, reply))
        };
        let made = match thread.send(query) {
            Ok(()) => answer.await.unwrap_or_else(|| Err(GONE.to_owned())),
            Err(_) => Err(GONE.to_owned()),
        };
        made.map_err(|problem| {
            error!(event = "store-failed", "{problem}");
            Unread::Failed(problem)
        })
    }

    /// The numbers of the messages of a user, in a bounded part of the history.
    ///
    /// # Errors
    /// A sentence that says why the store cannot be read.
    pub async fn messages_by(
        &self,
        name: String,
        since: Option<Timestamp>,
        after: Seq,
    ) -> Result<MessagesBy, String> {
        let (reply, answer) = oneshot::channel();
        let query = Query::MessagesBy(names::fold(&name), since, after, reply);
        self.pages.send(query).map_err(|_| GONE.to_owned())?;
        answer.await.map_err(|_| GONE.to_owned())?
    }
}

const GONE: &str = "the history cannot be read any more; restart chatroomd";

fn start_reader(name: &str, source: Source) -> io::Result<Sender<Query>> {
    let (sender, queries) = channel();
    spawn(name, move || answer_all(&source, &queries))?;
    Ok(sender)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}
