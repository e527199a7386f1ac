//! Gives memory back to the system.
//!
//! glibc's allocator shrinks only from the end of its heap, where something often lives long. So after
//! many clients have left, it keeps their memory until it is told to release free pages.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tracing::debug;

use crate::raw;
use crate::shared::Shared;

/// The interval. Returning memory takes some milliseconds, during which allocations wait.
const EVERY: Duration = Duration::from_secs(60);

/// Returns free memory to the system from time to time, if clients have come or gone since the last
/// time.
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
