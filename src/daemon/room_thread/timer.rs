//! Requests that the room thread makes to itself later.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::WeakUnboundedSender;

use super::RoomRequest;

pub struct Timer {
    /// The room thread's own inbox. It does not keep the thread from ending.
    pub inbox: WeakUnboundedSender<RoomRequest>,
    pub runtime: Handle,
}

impl Timer {
    /// Submits a request after a time.
    pub fn submit_after(&self, time: Duration, request: RoomRequest) {
        let inbox = self.inbox.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(time).await;
            if let Some(inbox) = inbox.upgrade() {
                let _ = inbox.send(request);
            }
        });
    }
}
