//! Waiting by the reader and the writer of a connection: for data to write, for space for answers,
//! and for requests that the room has not taken yet.

use std::future::poll_fn;
use std::task::Poll;

use chatroom::room::Seq;
use chatroom::wire::Answer;

use super::state::State;
use super::{ClientConnection, outbox};

/// The maximum number of requests of one connection that are on their way to the room.
const MAX_IN_FLIGHT: u8 = 32;

/// The requests that are on their way to the room.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    count: u8,
    /// The approximate number of bytes of their answers.
    bytes: usize,
    /// Whether the connection's task waits for them to become fewer.
    is_waited_for: bool,
}

impl InFlight {
    /// Counts one more request, if there is room for it and its answer.
    fn begin(&mut self, answer_bytes: usize) -> bool {
        let bytes = self.bytes.saturating_add(answer_bytes);
        let has_room = self.count == 0 || self.count < MAX_IN_FLIGHT && bytes <= outbox::MAX_BYTES;
        if has_room {
            self.count += 1;
            self.bytes = bytes;
        }
        self.is_waited_for = !has_room;
        has_room
    }

    /// One request is done. Returns whether the connection's task waits for that. The bytes count
    /// until all requests are done, as it is not known which one this was.
    fn end(&mut self) -> bool {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            self.bytes = 0;
        }
        std::mem::take(&mut self.is_waited_for)
    }
}

impl ClientConnection {
    /// Reserves space for an answer of about this number of bytes that this connection did not ask
    /// for, if there is any.
    pub fn reserve(&self, bytes: usize) -> bool {
        self.state().outbox.reserve(bytes)
    }

    /// Sends the answer for which space was kept.
    pub fn fulfil(&self, after: Seq, answer: &Answer, bytes: usize) {
        let mut state = self.state();
        state.outbox.release(bytes);
        state.push(after, answer);
        drop(state);
        self.wake();
    }

    /// Waits until there is space for answers, or the connection is to end or to be handed over.
    pub async fn until_space(&self) {
        self.until(|state| state.outbox.has_space() || state.is_stopping()).await;
    }

    /// Waits until the connection is to end, or to be handed over.
    pub async fn until_stopping(&self) {
        self.until(|state| state.is_stopping()).await;
    }

    /// Waits until the connection is to end.
    pub async fn until_ending(&self) {
        self.until(|state| state.lifecycle.reason().is_some()).await;
    }

    /// Waits until few enough requests, and few enough bytes of their answers, are on their way, and
    /// counts one more.
    pub async fn begin_request(&self, answer_bytes: usize) {
        self.until(|state| state.in_flight.begin(answer_bytes)).await;
    }

    /// The room has taken one request.
    pub fn end_request(&self) {
        let is_waited_for = self.state().in_flight.end();
        if is_waited_for {
            self.wake();
        }
    }

    /// Releases the space that was reserved for an answer of this number of bytes.
    pub fn release_reserved(&self, bytes: usize) {
        self.state().outbox.release(bytes);
    }

    /// Tells the connection's task that there may be something to write.
    pub fn wake(&self) {
        let mut state = self.state();
        state.is_woken = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until there may be something to write.
    pub fn woken(&self) -> impl Future<Output = ()> {
        self.until(|state| std::mem::take(&mut state.is_woken))
    }

    /// Waits until the state is as wanted. Everything that waits is part of the same task, so one
    /// waker is enough: each part checks its own condition.
    fn until(&self, mut is_so: impl FnMut(&mut State) -> bool) -> impl Future<Output = ()> {
        poll_fn(move |context| {
            let mut state = self.state();
            if is_so(&mut state) {
                return Poll::Ready(());
            }
            match &mut state.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        })
    }
}
