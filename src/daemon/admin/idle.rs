//! Idle connections to the admin socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// The connections that can be closed for a new one.
#[derive(Default)]
pub struct Idle {
    /// The one that has been idle longest first.
    all: Mutex<VecDeque<oneshot::Sender<()>>>,
    /// Notified when there is another one.
    more: Notify,
}

impl Idle {
    /// Waits until this connection has to be closed. It counts as idle while this waits.
    pub async fn wait(&self) {
        let (send_away, sent_away) = oneshot::channel();
        {
            let mut all = self.all();
            // Connections that got a request in the meantime are not idle.
            all.retain(|other| !other.is_closed());
            all.push_back(send_away);
        }
        self.more.notify_one();
        let _ = sent_away.await;
    }

    /// Returns a permit. If there is none left, closes the connection that has been idle longest.
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

    /// Closes the connection that has been idle longest. Returns false if none is idle.
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
