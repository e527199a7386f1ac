//! Assembles the next write: records from the log, with the answers between them.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use chatroom::room::{Found, Seq};
use chatroom::wire::{Answer, Batch};

use super::outbox::{Content, OutboxEntry};
use super::state::{Lifecycle, State, Written};
use crate::window::Window;

/// The approximate number of bytes that are assembled for one write.
const PIECE: usize = 64 * 1024;

/// The approximate number of bytes of a list of users that are encoded at a time.
const LIST_PIECE: usize = 16 * 1024;

/// Bytes for one write, and the kind of each part of them.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// The end of each part.
    parts: Vec<(usize, Part)>,
}

#[derive(Clone, Copy)]
enum Part {
    Answer,
    /// A part of a list of users, up to the user with this index.
    People(usize),
    Record(Seq),
}

thread_local! {
    /// Pumping never waits, so one piece per thread is enough for all connections.
    static PIECE_OF_THREAD: RefCell<Piece> = RefCell::default();
}

/// Writes the next piece.
pub(super) fn write_piece(
    state: &mut State,
    window: &Window,
    write: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<Written> {
    if let Some(batch) = whole_batch(state, window) {
        write_batch(state, &batch, write)?;
        return Ok(Written::Some);
    }
    PIECE_OF_THREAD.with_borrow_mut(|piece| {
        piece.bytes.clear();
        piece.parts.clear();
        let behind = assemble(state, window, piece);
        if piece.parts.is_empty() {
            return Ok(behind.map_or(Written::Nothing, |(from, end)| Written::Behind(from, end)));
        }
        // There are no bytes if only records come next that are not echoed.
        let written = if piece.bytes.is_empty() { 0 } else { write(&piece.bytes)? };
        advance(state, piece, written);
        Ok(Written::Some)
    })
}

/// The newest batch, if it can be written unchanged.
fn whole_batch(state: &State, window: &Window) -> Option<Arc<Batch>> {
    let Found::Batch(batch) = window.newest_at(state.cursor()?) else { return None };
    is_whole(state, &batch).then_some(batch)
}

/// The usual case: the connection has been shown everything before this newest batch, and is shown
/// the batch like all others. Then the shared bytes are written as they are.
pub(super) fn is_whole(state: &State, batch: &Batch) -> bool {
    let Some(place) = &state.place else { return false };
    place.cursor == batch.first()
        && state.tail.is_empty()
        && state.outbox.get(0).is_none_or(|entry| entry.after.next() >= batch.end())
        && matches!(state.lifecycle, Lifecycle::Open)
        && place.replay_until.is_none_or(|until| place.cursor > until)
        && batch.is_foreign_to(state.session)
}

/// Writes a whole batch, as far as `write` takes it, and returns how many bytes that was.
pub(super) fn write_batch(
    state: &mut State,
    batch: &Batch,
    write: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let encoded = batch.encoded(state.dialect);
    let written = write(encoded.bytes())?;
    let cursor = if written == encoded.bytes().len() {
        batch.end()
    } else {
        let (begun, rest) = encoded.split_at(written);
        state.tail = rest.to_vec();
        Seq(batch.first().0 + begun)
    };
    state.delivered += cursor.0 - batch.first().0;
    state.move_to(cursor);
    Ok(written)
}

/// Fills the piece. Returns the range of records that it needs next and that the window no longer
/// has, from the one number to before the other.
fn assemble(state: &State, window: &Window, piece: &mut Piece) -> Option<(Seq, Seq)> {
    let mut cursor = state.cursor();
    let mut answers = 0;
    while piece.bytes.len() < PIECE {
        if let Some(entry) = state.outbox.get(answers).filter(|entry| entry.is_due(cursor)) {
            if entry.alone && !piece.parts.is_empty() {
                break;
            }
            match &entry.content {
                Content::Bytes(bytes) => piece.bytes.extend_from_slice(bytes),
                Content::People(list) => {
                    if let Some(next) = list.append(LIST_PIECE, &mut piece.bytes) {
                        piece.end(Part::People(next));
                        break;
                    }
                }
            }
            piece.end(Part::Answer);
            answers += 1;
            if entry.alone {
                break;
            }
            continue;
        }
        let Some(at) = cursor else { break };
        let stop = stop(state, answers);
        if at >= stop {
            break;
        }
        match find(state, window, at) {
            Found::End => break,
            Found::Missed(first) => return Some((at, first)),
            Found::Batch(batch) => {
                let end = batch.end().min(stop);
                cursor = Some(piece.push_records(state, window, &batch, at, end));
            }
        }
    }
    None
}

fn find(state: &State, window: &Window, cursor: Seq) -> Found<Batch> {
    match state.place.as_ref().and_then(|place| place.backfilled.as_ref()) {
        Some(backfilled) if (backfilled.first()..backfilled.end()).contains(&cursor) => {
            Found::Batch(backfilled.clone())
        }
        _ => window.at(cursor),
    }
}

/// The record before which something else comes: an answer, or the end.
fn stop(state: &State, answers: usize) -> Seq {
    let answer = state.outbox.get(answers).map(|entry| entry.after.next());
    let last = state.lifecycle.last().map(Seq::next);
    answer.into_iter().chain(last).min().unwrap_or(Seq(u64::MAX))
}

/// Continues at `first`, and tells the client that the records from `cursor` on were missed.
pub(super) fn skip(state: &mut State, window: &Window, cursor: Seq, first: Seq) {
    let gap = Answer::Gap {
        room: window.room.clone(),
        epoch: window.epoch,
        from: cursor,
        to: first.previous(),
    };
    let bytes = state.dialect.encode_answer(&gap);
    state.outbox.push_front(OutboxEntry::bytes(cursor.previous(), false, bytes));
    state.move_to(first);
}

impl Piece {
    /// Notes the kind of the part that was appended last.
    fn end(&mut self, part: Part) {
        self.parts.push((self.bytes.len(), part));
    }

    /// Adds records from `from` to before `end`, or up to the size of a piece. Returns the next one.
    fn push_records(
        &mut self,
        state: &State,
        window: &Window,
        batch: &Batch,
        from: Seq,
        end: Seq,
    ) -> Seq {
        let replay_until = state.place.as_ref().and_then(|place| place.replay_until);
        let mut seq = from;
        while seq < end && self.bytes.len() < PIECE {
            let is_replay = replay_until.is_some_and(|until| seq <= until);
            let zone = is_replay.then_some(&window.zone);
            batch.append_for(state.session, state.dialect, zone, seq, &mut self.bytes);
            self.end(Part::Record(seq));
            seq = seq.next();
        }
        seq
    }
}

/// Notes that the first `written` bytes of a piece are written.
fn advance(state: &mut State, piece: &Piece, written: usize) {
    let mut start = 0;
    for &(end, part) in &piece.parts {
        if start >= written && end > written {
            break;
        }
        match part {
            Part::Answer => state.outbox.pop(),
            Part::People(next) => state.outbox.pass_people(next),
            Part::Record(seq) => {
                state.move_to(seq.next());
                // A record that is not echoed has no bytes.
                state.delivered += u64::from(end > start);
            }
        }
        if end > written {
            state.tail = piece.bytes[written..end].to_vec();
            break;
        }
        start = end;
    }
    state.outbox.shrink();
    if let Some(place) = &mut state.place
        && place.backfilled.as_ref().is_some_and(|backfilled| place.cursor >= backfilled.end())
    {
        place.backfilled = None;
    }
}
