//! What systemd is told. Without systemd all of this does nothing.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec};
use sd_notify::NotifyState;
use tracing::warn;

use crate::program::variable_os;

/// How often more time is asked for.
const EXTEND_EVERY: Duration = Duration::from_secs(10);

/// How long the manager may take to do what it was told.
const BARRIER: Duration = Duration::from_secs(5);

/// The daemon listens.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] has to follow.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => {
            warn!(event = "not-notified", %error, "cannot tell systemd of the reload: {error}");
        }
    }
}

/// The daemon ends.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("Saying farewell.")]);
}

/// Sets the status that `systemctl status` shows. Blocks while systemd does not read.
pub fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// How often the watchdog has to be pinged, if systemd watches this process.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|within| within / 3)
}

/// Pings the watchdog.
pub fn ping() {
    notify(&[NotifyState::Watchdog]);
}

/// While this is there, the manager is asked for more time: a large history takes long to open.
pub struct Starting {
    _until: Option<mpsc::Sender<()>>,
}

impl Starting {
    /// Begins to ask.
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
        // Without a thread for that, the time is what the unit says.
        let _ = std::thread::Builder::new().name("starting".to_owned()).spawn(ask);
        Starting { _until: Some(until) }
    }
}

/// Whether there is a manager that is told things.
pub fn is_there() -> bool {
    variable_os("NOTIFY_SOCKET").is_some()
}

/// Whether that manager really listens. Then a start that meets a passing cause waits for its end;
/// a person at a terminal is told at once.
pub fn supervises() -> bool {
    let Some(socket) = variable_os("NOTIFY_SOCKET") else { return false };
    // An abstract socket, which begins with @, is no file.
    socket.as_encoded_bytes().starts_with(b"@") || Path::new(&socket).exists()
}

/// The service is up, but waits for something before it can serve.
pub fn waiting(problem: &str) {
    let status = format!("DEGRADED: {problem}");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The start is put off for a while.
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

/// Has the manager keep descriptors under a name, for this service's next process.
///
/// # Errors
/// It cannot be told.
pub fn store(name: &str, descriptors: &[BorrowedFd<'_>]) -> anyhow::Result<()> {
    if !is_there() {
        return Ok(());
    }
    let states = [NotifyState::FdStore, NotifyState::FdName(name), NotifyState::Custom("FDPOLL=0")];
    sd_notify::notify_with_fds(&states, descriptors).context("systemd does not take descriptors")
}

/// Has it keep nothing under that name any more.
pub fn remove(name: &str) {
    notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
}

/// Waits until it has done everything that it was told.
///
/// # Errors
/// It does not do so in time.
pub fn barrier() -> anyhow::Result<()> {
    if !is_there() {
        return Ok(());
    }
    let (ours, theirs) = rustix::pipe::pipe()?;
    sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()])
        .context("systemd cannot be asked whether it is done")?;
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
