//! Notifications to systemd, and the descriptors that it keeps. Without systemd, this does nothing.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec};
use sd_notify::NotifyState;
use tracing::warn;

use crate::program::variable_os;

/// The interval at which [`Starting`] asks for more time.
const EXTEND_EVERY: Duration = Duration::from_secs(10);

/// The maximum time for systemd to process a message.
const BARRIER: Duration = Duration::from_secs(5);

/// Reports that the daemon serves.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Reports that the configuration is being reloaded; [`ready`] has to follow.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => {
            warn!(event = "not-notified", %error, "cannot notify systemd of the reload: {error}");
        }
    }
}

/// Reports that the daemon stops.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("Saying farewell.")]);
}

/// Sets the status that `systemctl status` shows. Blocks while systemd does not read.
pub fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// The interval at which the watchdog has to be pinged, if systemd watches this process.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|within| within / 3)
}

/// Pings the watchdog.
pub fn ping() {
    notify(&[NotifyState::Watchdog]);
}

/// Asks systemd for more time until it is dropped, because opening a large history takes long.
pub struct Starting {
    _until: Option<mpsc::Sender<()>>,
}

impl Starting {
    /// Begins to ask for more time.
    pub fn begin() -> Starting {
        if !is_there() {
            return Starting { _until: None };
        }
        let (until, ended) = mpsc::channel::<()>();
        let ask = move || {
            while ended.recv_timeout(EXTEND_EVERY) == Err(RecvTimeoutError::Timeout) {
                let more = EXTEND_EVERY * 3;
                notify(&[NotifyState::ExtendTimeoutUsec(more.as_micros() as u32)]);
            }
        };
        // Without a thread, the time limit of the unit applies.
        let _ = std::thread::Builder::new().name("starting".to_owned()).spawn(ask);
        Starting { _until: Some(until) }
    }
}

/// Whether there is a systemd to notify.
pub fn is_there() -> bool {
    variable_os("NOTIFY_SOCKET").is_some()
}

/// Whether systemd really supervises this process. Then a start waits for causes that pass; otherwise
/// it fails at once, because someone at a terminal is waiting.
pub fn supervises() -> bool {
    let Some(socket) = variable_os("NOTIFY_SOCKET") else { return false };
    // A name that begins with @ is an abstract socket and not a file.
    socket.as_encoded_bytes().starts_with(b"@") || Path::new(&socket).exists()
}

/// Reports that the service is up, but waits for something before it can serve.
pub fn waiting(problem: &str) {
    let status = format!("DEGRADED: {problem}");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Reports that the start waits for a while.
pub fn put_off(status: &str, pause: Duration) {
    let more = (pause + EXTEND_EVERY).as_micros() as u32;
    notify(&[NotifyState::Status(status), NotifyState::ExtendTimeoutUsec(more)]);
}

/// Pings the watchdog, if there is one, until it is cancelled. For the time before anything is served
/// that could hang.
pub async fn ping_watchdog() {
    let Some(period) = watchdog_period() else { return };
    loop {
        ping();
        tokio::time::sleep(period).await;
    }
}

/// Has systemd keep descriptors under a name, for the next process of this service.
///
/// # Errors
/// systemd cannot be notified.
pub fn store(name: &str, descriptors: &[BorrowedFd<'_>]) -> anyhow::Result<()> {
    if !is_there() {
        return Ok(());
    }
    let states = [NotifyState::FdStore, NotifyState::FdName(name), NotifyState::Custom("FDPOLL=0")];
    sd_notify::notify_with_fds(&states, descriptors).context("systemd does not accept descriptors")
}

/// Has systemd drop the descriptors with this name.
pub fn remove(name: &str) {
    notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
}

/// Waits until systemd has processed everything that it was sent.
///
/// # Errors
/// That takes too long.
pub fn barrier() -> anyhow::Result<()> {
    if !is_there() {
        return Ok(());
    }
    let (ours, theirs) = rustix::pipe::pipe()?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()])
        .context("cannot ask systemd whether it is done")?;
    drop(theirs);
    let mut waiting = [PollFd::new(&ours, PollFlags::empty())];
    let seconds = Timespec { tv_sec: BARRIER.as_secs() as i64, tv_nsec: 0 };
    match rustix::event::poll(&mut waiting, Some(&seconds))? {
        0 => bail!("systemd was not done within {} s", BARRIER.as_secs()),
        _ => Ok(()),
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if !is_there() {
        return;
    }
    if let Err(error) = sd_notify::notify(states) {
        warn!(event = "not-notified", %error, "cannot notify systemd: {error}");
    }
}
