//! What systemd is told. Without systemd all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::health::Health;
use crate::room_thread::RoomHandle;

/// The number of people is told at most this often.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// The daemon listens.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] has to follow.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => warn!(%error, "cannot tell systemd the time"),
    }
}

/// The daemon ends.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("Saying farewell.")]);
}

/// What `systemctl status` shows.
pub fn status_line(room: &RoomHandle) -> String {
    let people = match *room.people().borrow() {
        0 => "Nobody is here.".to_owned(),
        1 => "1 person is here.".to_owned(),
        people => format!("{people} people are here."),
    };
    match room.is_degraded() {
        true => format!("DEGRADED: messages are refused, they cannot be stored. {people}"),
        false => people,
    }
}

/// Keeps the status line true.
pub async fn keep_status(room: RoomHandle) {
    let mut people = room.people();
    while people.changed().await.is_ok() {
        people.mark_unchanged();
        let status = status_line(&room);
        // Where systemd does not take it in, this waits, and the chat does not.
        let told = spawn_blocking(move || notify(&[NotifyState::Status(&status)])).await;
        if told.is_err() {
            return;
        }
        tokio::time::sleep(STATUS_EVERY).await;
    }
}

/// Pings the watchdog, if there is one, as long as everything that serves the chat answers.
pub async fn keep_watchdog(health: Health) {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    loop {
        tokio::time::sleep(within / 3).await;
        // Where something does not answer, this waits, no ping is sent, and systemd acts.
        if health.check().await {
            let told = spawn_blocking(|| notify(&[NotifyState::Watchdog])).await;
            if told.is_err() {
                return;
            }
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "cannot notify systemd");
    }
}
