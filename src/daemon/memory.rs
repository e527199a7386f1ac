//! Giving memory back to the system.
//!
//! What a crowd has needed is free when they are gone, but the allocator of glibc keeps it: between
//! pieces that live long it finds no end from which to shrink. So it is told to look for whole pages.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tracing::debug;

use crate::raw;
use crate::shared::Shared;

/// How often. It takes some milliseconds, in which who needs memory waits.
const EVERY: Duration = Duration::from_secs(60);

/// Gives back what is free, now and then, if anybody has come or gone meanwhile.
pub async fn give_back(shared: Arc<Shared>) {
    let state = || (shared.connections.accepted(), *shared.connections.count().borrow());
    let mut before = state();
    loop {
        tokio::time::sleep(EVERY).await;
        let now = state();
        if now == before {
            continue;
        }
        before = now;
        let given = spawn_blocking(|| {
            let start = std::time::Instant::now();
            raw::give_back_memory();
            debug!("gave free memory back in {:?}", start.elapsed());
        });
        if given.await.is_err() {
            return;
        }
    }
}
