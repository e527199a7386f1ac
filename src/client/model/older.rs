//! What was said before all that is shown, as far as the server keeps it.

use std::time::Duration;

use chatroom::wire::json::{Event, JsonRequest};
use chatroom::wire::text::end_of_history;

use super::{Model, Output, Phase, Show};

/// So many records are asked for at a time.
const AT_A_TIME: usize = 100;

/// Tells the answer from that to `/history`.
const ID: &str = "older";

/// Tells the answer to `/search`.
const SEARCH_ID: &str = "search";

/// How far back the talk is shown.
#[derive(Debug, Default)]
pub(super) struct Older {
    /// The oldest record that is shown, or the first that there was to show, and its epoch.
    pub(super) oldest: Option<(u32, u64)>,
    is_asked: bool,
    is_all: bool,
}

impl Older {
    /// Has joined: what follows begins at this record.
    pub(super) fn joined(&mut self, epoch: u32, next: u64) {
        self.is_asked = false;
        // Numbers of another epoch mean something else.
        if self.oldest.is_none_or(|(before, _)| before != epoch) {
            *self = Older { oldest: Some((epoch, next)), ..Older::default() };
        }
    }
}

impl Model {
    /// Asks for what was said before, unless it is on its way or there is nothing.
    pub(super) fn ask_older(&mut self, now: Duration) {
        let Some((_, oldest)) = self.older.oldest else { return };
        if self.phase == Phase::Joined && !self.older.is_asked && !self.older.is_all {
            self.older.is_asked = true;
            let (before, limit) = (Some(oldest), Some(AT_A_TIME));
            let id = Some(ID.to_owned());
            let request = JsonRequest::History { before, after: None, limit, search: None, id };
            self.send(request, now);
        }
    }

    /// Asks for the last lines, or the last with something in them.
    pub(super) fn ask_again(
        &mut self,
        limit: Option<usize>,
        search: Option<String>,
        now: Duration,
    ) {
        if self.phase != Phase::Joined {
            return self.status("Not connected just now.");
        }
        let id = search.is_some().then(|| SEARCH_ID.to_owned());
        self.send(JsonRequest::History { before: None, after: None, limit, search, id }, now);
    }

    /// Shows records of before: above all others if they were asked for by scrolling up.
    pub(super) fn history(&mut self, id: Option<&str>, records: &[Event<'static>], more: bool) {
        if id != Some(ID) {
            let end = end_of_history(records.len(), id == Some(SEARCH_ID), more);
            records.iter().for_each(|record| self.show_record(record));
            return self.status(&end);
        }
        self.older.is_asked = false;
        self.older.is_all = !more;
        if let (Some((_, oldest)), Some(first)) =
            (&mut self.older.oldest, records.first().and_then(Event::stamp))
        {
            *oldest = first.seq;
        }
        let before = self.outputs.len();
        records.iter().for_each(|record| self.show_record(record));
        let shows = self.outputs.drain(before..).filter_map(|output| match output {
            Output::Show(show) => Some(show),
            _ => None,
        });
        let shows = shows.collect();
        self.show(Show::Older(shows));
    }
}
