//! Signals, as orders to the daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook_tokio::Signals;
use tokio::sync::mpsc;
use tracing::info;

use crate::control::Control;

/// Whether SIGTERM has arrived, known before `control` is read.
pub struct Terminated(Arc<AtomicBool>);

impl Terminated {
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Handles signals from now on: they become orders in `control`.
///
/// # Errors
/// The handlers cannot be installed.
pub fn forward(control: mpsc::UnboundedSender<Control>) -> anyhow::Result<Terminated> {
    let terminated = Arc::new(AtomicBool::new(false));
    flag::register(SIGTERM, terminated.clone()).context("cannot install the signal handlers")?;
    let mut signals =
        Signals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot install the signal handlers")?;
    tokio::spawn(async move {
        while let Some(signal) = signals.next().await {
            let (name, order) = match signal {
                SIGHUP => ("SIGHUP", Control::Reload { reply: None }),
                SIGINT => ("SIGINT", shutdown()),
                _ => ("SIGTERM", shutdown()),
            };
            info!(event = "signal", signal = name, "received {name}");
            if control.send(order).is_err() {
                return;
            }
        }
    });
    Ok(Terminated(terminated))
}

fn shutdown() -> Control {
    Control::Shutdown { after: Duration::ZERO, message: None, reply: None }
}
