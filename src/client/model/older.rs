//! Older messages, which are loaded a page at a time as the user scrolls up.

use chatroom::wire::json::JsonRequest;

/// The number of records of a page.
const PAGE: usize = 100;

/// The id of requests for a page. The answer to `/history` does not have it.
const ID: &str = "older";

/// How far back the messages are shown.
#[derive(Debug, Default)]
pub(super) struct OlderMessages {
    /// The epoch and number of the oldest record that is shown, or of the first that there was to show.
    oldest: Option<(u32, u64)>,
    is_requested: bool,
    /// Whether there is nothing older.
    is_complete: bool,
}

/// Whether an answer with this id is a page.
pub(super) fn is_page(id: Option<&str>) -> bool {
    id == Some(ID)
}

impl OlderMessages {
    /// The client has joined: the records that follow begin with this one.
    pub(super) fn joined(&mut self, epoch: u32, next: u64) {
        self.is_requested = false;
        // Numbers of another epoch mean other records.
        if self.oldest.is_none_or(|(before, _)| before != epoch) {
            *self = OlderMessages { oldest: Some((epoch, next)), ..OlderMessages::default() };
        }
    }

    /// The request for the next page, unless it is on its way or there is none.
    pub(super) fn request(&mut self) -> Option<JsonRequest> {
        let (_, oldest) = self.oldest.filter(|_| !self.is_requested && !self.is_complete)?;
        self.is_requested = true;
        let (before, limit, id) = (Some(oldest), Some(PAGE), Some(ID.to_owned()));
        Some(JsonRequest::History { before, after: None, limit, search: None, id })
    }

    /// A page came: the number of its first record, and whether there are more before it.
    pub(super) fn received(&mut self, first: Option<u64>, more: bool) {
        self.is_requested = false;
        self.is_complete = !more;
        if let (Some((_, oldest)), Some(first)) = (&mut self.oldest, first) {
            *oldest = first;
        }
    }
}
