//! What the two sides of a connection wait for: something to write, space for answers, and that the
//! room has taken their requests.

use std::future::poll_fn;
use std::task::Poll;

use chatroom::room::Seq;
use chatroom::wire::Answer;

use super::Outlet;
use super::state::State;

/// So many requests of one connection may be on their way to the room.
const IN_FLIGHT: u8 = 32;

impl Outlet {
    /// Keeps space for an answer that the connection itself did not ask for, if there is any.
    pub fn promise(&self) -> bool {
        let mut state = self.state();
        let has_space = state.has_space();
        state.promised += usize::from(has_space);
        has_space
    }

    /// Answers with what was promised.
    pub fn keep_promise(&self, after: Seq, answer: &Answer) {
        let mut state = self.state();
        state.promised = state.promised.saturating_sub(1);
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

    /// Waits until not too many requests are on their way to the room, and counts one more.
    pub async fn begin_request(&self) {
        self.until(|state| {
            let may_begin = state.in_flight < IN_FLIGHT;
            state.in_flight += u8::from(may_begin);
            may_begin
        })
        .await;
    }

    /// One request has arrived in the room.
    pub fn end_request(&self) {
        let mut state = self.state();
        let was_full = state.in_flight == IN_FLIGHT;
        state.in_flight = state.in_flight.saturating_sub(1);
        drop(state);
        if was_full {
            self.wake();
        }
    }

    /// Gives the space back that was kept for an answer.
    pub fn break_promise(&self) {
        let mut state = self.state();
        state.promised = state.promised.saturating_sub(1);
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
