//! Growing pauses between starts that fail one after the other. systemd supports them only since
//! version 254, and its start limit would stop the service permanently.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::backoff::Backoff;
use crate::restart_state::RestartState;
use crate::systemd;

/// The number of failed starts in a row before there are pauses beyond that of the unit
/// (`RestartSec=`).
const WITHOUT_PAUSE: u32 = 5;

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// A start counts as successful after this time.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// Counts starts that fail.
pub struct Restarts(Arc<RestartState>);

impl Restarts {
    /// Counts this start. Waits first if too many before it have failed.
    pub async fn count(state: Arc<RestartState>) -> Restarts {
        let failed = state.failed_starts();
        state.set_failed_starts(failed.saturating_add(1));
        if let Some(pause) = pause_after(failed) {
            let seconds = pause.as_secs();
            warn!(
                event = "start-put-off",
                failed, "{failed} starts have failed; waiting {seconds} s"
            );
            let status =
                format!("{failed} starts in a row have failed; the next begins in {seconds} s.");
            systemd::put_off(&status, pause);
            tokio::time::sleep(pause).await;
        }
        Restarts(state)
    }

    /// Waits for a while, then notes that this start was successful.
    pub fn settle(&self) -> impl Future<Output = ()> + Send + 'static {
        let state = self.0.clone();
        async move {
            tokio::time::sleep(GOOD_AFTER).await;
            state.set_failed_starts(0);
        }
    }

    /// Notes that this process stops as it was told.
    pub fn forget(&self) {
        self.0.set_failed_starts(0);
    }
}

/// The time to wait after this number of failed starts.
fn pause_after(failed: u32) -> Option<Duration> {
    let mut backoff = Backoff::up_to(MAX_PAUSE);
    (WITHOUT_PAUSE..failed.min(WITHOUT_PAUSE + 10)).map(|_| backoff.next()).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_starts_come_at_once_and_the_others_after_growing_pauses() {
        let pauses: Vec<u64> =
            (0..13).map(|failed| pause_after(failed).map_or(0, |pause| pause.as_secs())).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause_after(u32::MAX).unwrap(), MAX_PAUSE);
    }
}
