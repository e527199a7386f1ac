//! Operators' connections over which nothing is asked at present.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// Those that can be sent away for somebody who has something to ask.
#[derive(Default)]
pub struct Idle {
    /// The longest silent first.
    all: Mutex<VecDeque<oneshot::Sender<()>>>,
    /// Told when there is one more.
    more: Notify,
}

impl Idle {
    /// Waits until this connection has to go. It counts as silent for as long as this is waited for.
    pub async fn wait(&self) {
        let (send_away, sent_away) = oneshot::channel();
        {
            let mut all = self.all();
            // Those that were asked something meanwhile wait no more.
            all.retain(|other| !other.is_closed());
            all.push_back(send_away);
        }
        self.more.notify_one();
        let _ = sent_away.await;
    }

    /// Gives one of the places; if there is none, who has been silent for longest leaves theirs.
    pub async fn make_room(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(place) = places.clone().try_acquire_owned() {
                return Some(place);
            }
            if self.send_away() {
                return places.clone().acquire_owned().await.ok();
            }
            tokio::select! {
                place = places.clone().acquire_owned() => return place.ok(),
                () = self.more.notified() => {}
            }
        }
    }

    /// Sends away who has been silent for longest. Gives false if nobody is.
    fn send_away(&self) -> bool {
        let mut all = self.all();
        while let Some(longest) = all.pop_front() {
            if longest.send(()).is_ok() {
                return true;
            }
        }
        false
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
