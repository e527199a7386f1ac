//! `chatctl watch`: sends records from a cursor in the log, like to any reader, and the events of
//! connections.

use std::time::Duration;

use chatroom::admin::{AdminRequest, Reply, Watched};
use chatroom::room::{Found, Record, Seq};
use chatroom::wire::json::{encode_record, push_line};
use chatroom::wire::{Batch, Dialect};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::Operator;
use crate::control::failed;
use crate::shared::Shared;
use crate::watchers::{MAX_WATCHERS, Watcher};

/// After this time without anything else, a watcher is told that the daemon is still running.
const ALIVE: Duration = Duration::from_secs(5);

impl Operator {
    /// Serves a watcher until one of the two sides ends.
    pub(super) async fn watch(
        &self,
        request: &AdminRequest,
        input: &mut (impl AsyncRead + Unpin),
        output: OwnedWriteHalf,
    ) {
        let shared = &self.overview.shared;
        let mut output = Output { output, bytes: Vec::new() };
        let Some(watcher) = shared.watchers.admit() else {
            let problem = format!("{MAX_WATCHERS} others watch already; end one of these first");
            push_line(&failed(&problem), &mut output.bytes);
            let _ = output.send().await;
            return;
        };
        let mut watch = Watch::begin(shared, request, &mut output.bytes);
        tokio::select! {
            // A watcher sends nothing more, and closes the connection at the end.
            () = until_closed(input) => {}
            // Writing fails once the watcher is gone.
            _ = watch.run(watcher, &mut output) => {}
        }
    }
}

async fn until_closed(input: &mut (impl AsyncRead + Unpin)) {
    let mut piece = [0; 256];
    while let Ok(1..) = input.read(&mut piece).await {}
}

/// Lines on their way to a watcher.
struct Output {
    output: OwnedWriteHalf,
    bytes: Vec<u8>,
}

impl Output {
    fn push(&mut self, event: &Watched) {
        push_line(event, &mut self.bytes);
    }

    /// Waits until everything is written.
    async fn send(&mut self) -> std::io::Result<()> {
        let sent = self.output.write_all(&self.bytes).await;
        self.bytes.clear();
        sent
    }
}

struct Watch<'w> {
    shared: &'w Shared,
    /// The next record to show.
    cursor: Seq,
}

impl<'w> Watch<'w> {
    /// Answers the request.
    fn begin(shared: &'w Shared, request: &AdminRequest, out: &mut Vec<u8>) -> Watch<'w> {
        let (room, epoch) = (shared.window.room.clone(), shared.window.epoch);
        let next = shared.window.last().next();
        let (after, of_epoch) = match request {
            AdminRequest::Watch { after, epoch } => (after.map(Seq), *epoch),
            _ => (None, None),
        };
        let after = after.filter(|after| *after < next);
        let is_known = of_epoch.is_none_or(|of_epoch| of_epoch == epoch);
        let cursor = after.filter(|_| is_known).map_or(next, Seq::next);
        push_line(&Reply::Watching { room, epoch, seq: cursor.previous().0 }, out);
        if let Some(after) = after.filter(|_| !is_known) {
            // The end of that epoch may have been lost, so its numbers may mean other records now.
            let missed = (after.next().0, next.previous().0);
            push_line(&Watched::missed_records(missed.0, missed.1, Timestamp::now()), out);
        }
        Watch { shared, cursor }
    }

    /// Sends the available events, and waits for more.
    ///
    /// # Errors
    /// The watcher is gone.
    async fn run(&mut self, mut watcher: Watcher<'_>, output: &mut Output) -> std::io::Result<()> {
        let mut published = self.shared.window.published();
        loop {
            published.mark_unchanged();
            while self.next_records(output).await {
                output.send().await?;
            }
            output.send().await?;
            tokio::select! {
                // The events of a connection come before the records that follow from them.
                biased;
                event = watcher.events.recv() => match event {
                    Ok(event) => output.push(&event),
                    Err(RecvError::Lagged(count)) => {
                        output.push(&Watched::missed_connections(count, Timestamp::now()));
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                _ = published.changed() => {}
                _ = watcher.ending.changed() => {
                    let ending = *watcher.ending.borrow_and_update();
                    while let Ok(event) = watcher.events.try_recv() {
                        output.push(&event);
                    }
                    while self.next_records(output).await {
                        output.send().await?;
                    }
                    output.push(&Watched::Ending { handed_over: ending == Some(true) });
                    return output.send().await;
                }
                () = sleep_until(Instant::now() + ALIVE) => output.push(&Watched::Alive),
            }
        }
    }

    /// Puts the next records into the output. Returns false if there are none.
    async fn next_records(&mut self, output: &mut Output) -> bool {
        match self.shared.window.at(self.cursor) {
            Found::End => return false,
            Found::Batch(batch) => self.push_batch(&batch, output),
            Found::Missed(first) => match self.shared.history_reader.feed(self.cursor, first).await
            {
                Ok(records) if !records.is_empty() => self.push_all(&records, output),
                // They are no longer kept, or cannot be read.
                _ => self.skip_to(first, output),
            },
        }
        true
    }

    fn push_batch(&mut self, batch: &Batch, output: &mut Output) {
        if batch.first() == self.cursor {
            output.bytes.extend_from_slice(batch.encoded(Dialect::Json).bytes());
        } else {
            let skipped = (self.cursor.0 - batch.first().0) as usize;
            batch.records()[skipped..].iter().for_each(|record| self.push(record, output));
        }
        self.cursor = batch.end();
    }

    fn push_all(&mut self, records: &[Record], output: &mut Output) {
        for record in records {
            if record.seq > self.cursor {
                self.skip_to(record.seq, output);
            }
            self.push(record, output);
            self.cursor = record.seq.next();
        }
    }

    fn push(&self, record: &Record, output: &mut Output) {
        encode_record(&self.shared.window.room, record, None, false, &mut output.bytes);
    }

    fn skip_to(&mut self, next: Seq, output: &mut Output) {
        let missed = Watched::missed_records(self.cursor.0, next.previous().0, Timestamp::now());
        output.push(&missed);
        self.cursor = next;
    }
}
