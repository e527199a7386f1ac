//! The history for the operator: reading it, and copying it.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chatroom::access::is_no_name;
use chatroom::admin::{AdminRequest, Reply};
use chatroom::room::{Record, Refusal, Seq};
use chatroom::wire::json::record_event;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::Operator;
use super::commands::refused;
use crate::control::failed;
use crate::store::history_reader::{MAX_SEARCH_BYTES, Selected, Selection, Unread};
use crate::store::{self};

/// The time for which a request that waits for a new record is kept waiting.
const WAIT: Duration = Duration::from_secs(3);

/// The pause between two looks in that time.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The maximum number of records of one reply, which says whether there are more.
const MAX_RECORDS: usize = 1000;

/// Held while a copy is made.
static COPYING: Mutex<()> = Mutex::const_new(());

impl Operator {
    pub(super) async fn show_history(&self, request: AdminRequest) -> Reply {
        let AdminRequest::History { after, before, since, until, from, grep, limit, wait } =
            request
        else {
            return failed("that is no question for the history");
        };
        let limit = limit.min(MAX_RECORDS);
        // Such a name may have been used before the rules became stricter.
        let no_name = from.as_deref().and_then(is_no_name);
        let (after, before) = (after.map(Seq), before.map(Seq));
        let selection = Selection { after, before, since, until, from, grep, limit, max_bytes: 0 };
        let start = Instant::now();
        loop {
            let room = self.overview.shared.window.room.clone();
            let make = move |(records, more): Selected| {
                (records.is_empty(), as_reply(&room, &records, more))
            };
            match self.overview.shared.history_reader.select(selection.clone(), make).await {
                Err(unread) => return Self::explain(unread),
                Ok((true, _)) if no_name.is_some() => {
                    return refused(&Refusal::BadRequest(no_name.unwrap_or_default()));
                }
                Ok((true, _)) if wait && start.elapsed() < WAIT => sleep(LOOK_EVERY).await,
                Ok((_, reply)) => return reply,
            }
        }
    }

    fn explain(unread: Unread) -> Reply {
        match unread {
            Unread::Busy => refused(&Refusal::SearchesBusy),
            Unread::TooLong => refused(&Refusal::SearchTooLong { limit: MAX_SEARCH_BYTES }),
            Unread::Failed(problem) => failed(&problem),
        }
    }

    /// Makes a consistent copy of the history while the room is running.
    pub(super) async fn back_up(&self) -> (Reply, Option<File>) {
        let Some(database) = self.overview.database.clone() else {
            return (failed("there is no history on disk: [history] enabled is false"), None);
        };
        // One at a time, because they write the same file.
        let _turn = COPYING.lock().await;
        let copied = spawn_blocking(move || copy(&database)).await;
        match copied.context("the copy was broken off").and_then(|copied| copied) {
            Ok((file, length)) => (Reply::Backup(length), Some(file)),
            Err(error) => (failed(&format!("there is no backup: {error:#}")), None),
        }
    }
}

fn as_reply(room: &str, records: &[Record], more: bool) -> Reply {
    let values = records
        .iter()
        .map(|record| serde_json::to_value(record_event(room, record, None, false)))
        .collect::<Result<Vec<_>, _>>();
    match values {
        Ok(values) => Reply::History(values, more),
        Err(error) => failed(&format!("the history cannot be shown: {error}")),
    }
}

/// Copies the history into a file without a name. Returns it with its length.
fn copy(database: &Path) -> anyhow::Result<(File, u64)> {
    let path = database.with_extension("backup");
    // A copy that was interrupted may be there.
    let _ = fs::remove_file(&path);
    let copied = store::copy(database, &path);
    let file = File::open(&path);
    let _ = fs::remove_file(&path);
    copied?;
    let file = file?;
    let length = file.metadata()?.len();
    Ok((file, length))
}
