//! The line that `systemctl status` shows.

use std::sync::Arc;
use std::time::Duration;

use chatroom::wire::people_here;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::shared::Shared;
use crate::systemd;

/// The shortest time between two updates.
const MIN_PERIOD: Duration = Duration::from_secs(1);

/// The longest time for which the number of messages is out of date.
const MESSAGES_PERIOD: Duration = Duration::from_secs(10);

/// The status line now.
pub fn describe(shared: &Shared) -> String {
    let room = &shared.room;
    let people = match *room.people().borrow() {
        0 => "Nobody is here".to_owned(),
        people => people_here(people),
    };
    let people = match room.messages() {
        0 => format!("{people}."),
        1 => format!("{people}, 1 message since the start."),
        messages => format!("{people}, {messages} messages since the start."),
    };
    let mut problems = Vec::new();
    if room.is_degraded() {
        problems.push("messages are refused, they cannot be stored".to_owned());
    }
    problems.extend(shared.faults.all());
    match problems.is_empty() {
        true => people,
        false => format!("DEGRADED: {}. {people}", problems.join("; ")),
    }
}

/// Keeps the status line up to date until it is cancelled.
pub async fn keep_current(shared: Arc<Shared>) {
    let (mut people, mut faults) = (shared.room.people(), shared.faults.watch());
    let mut told_last = String::new();
    loop {
        // A message alone does not wake this task; the timeout updates their number.
        let changed = async {
            tokio::select! {
                changed = people.changed() => changed.is_ok(),
                changed = faults.changed() => changed.is_ok(),
            }
        };
        if let Ok(false) = timeout(MESSAGES_PERIOD, changed).await {
            return;
        }
        people.mark_unchanged();
        faults.mark_unchanged();
        let status = describe(&shared);
        if status == told_last {
            continue;
        }
        told_last.clone_from(&status);
        // If systemd does not read, this waits, and the chat does not.
        let told = spawn_blocking(move || systemd::status(&status)).await;
        if told.is_err() {
            return;
        }
        tokio::time::sleep(MIN_PERIOD).await;
    }
}
