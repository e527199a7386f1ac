//! What the two sides of a connection wait for: something to write, space for answers, and that the
//! room has taken their requests.

use std::future::poll_fn;
use std::task::Poll;

use chatroom::room::Seq;
use chatroom::wire::Answer;

use super::state::State;
use super::{ClientConnection, OUTBOX_BYTES};

/// So many requests of one connection may be on their way to the room.
const IN_FLIGHT: u8 = 32;

impl ClientConnection {
    /// Keeps space for an answer of about so many bytes that the connection itself did not ask for,
    /// if there is any.
    pub fn reserve(&self, bytes: usize) -> bool {
        let mut state = self.state();
        let has_space = state.has_space();
        if has_space {
            state.reserved += 1;
            state.reserved_bytes += bytes;
        }
        has_space
    }

    /// Answers with what was reserved.
    pub fn fulfil(&self, after: Seq, answer: &Answer, bytes: usize) {
        let mut state = self.state();
        state.settle(bytes);
        state.push(after, answer);
        drop(state);
        self.wake();
    }

    /// Waits until there is space for answers, or no need of it any more.
    pub async fn until_space(&self) {
        self.until(|state| state.has_space() || state.is_stopping()).await;
    }

    /// Waits until the connection is to end, or to be handed over.
    pub async fn until_stopping(&self) {
        self.until(|state| state.is_stopping()).await;
    }

    /// Waits until the connection is to end.
    pub async fn until_ending(&self) {
        self.until(|state| state.ending.is_some()).await;
    }

    /// Waits until not too many requests are on their way to the room, nor too many bytes of what
    /// they will be answered with, and counts one more.
    pub async fn begin_request(&self, answer_bytes: usize) {
        self.until(|state| {
            let bytes = state.in_flight_bytes.saturating_add(answer_bytes);
            let may_begin =
                state.in_flight == 0 || state.in_flight < IN_FLIGHT && bytes <= OUTBOX_BYTES;
            if may_begin {
                state.in_flight += 1;
                state.in_flight_bytes = bytes;
            }
            state.waits_to_ask = !may_begin;
            may_begin
        })
        .await;
    }

    /// One request has arrived in the room. Its bytes count until all of them have.
    pub fn end_request(&self) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if state.in_flight == 0 {
            state.in_flight_bytes = 0;
        }
        let is_waited_for = std::mem::take(&mut state.waits_to_ask);
        drop(state);
        if is_waited_for {
            self.wake();
        }
    }

    /// Gives the space back that was kept for an answer of so many bytes.
    pub fn release_reserved(&self, bytes: usize) {
        self.state().settle(bytes);
    }

    /// Says that there may be something to write.
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

    /// Waits for a change of the state. All that wait for one are parts of the same task, so that
    /// one waker is enough for all of them: each looks whether it was meant.
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
