//! How long the disk itself takes: what is stored before it is shown waits for it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is tried.
const EVERY: Duration = Duration::from_millis(100);

/// Writes a little now and then, beside the daemon.
#[derive(Clone, Default)]
pub struct Disk {
    /// The longest time that it took lately, in microseconds.
    slowest: Arc<AtomicU64>,
}

impl Disk {
    /// Begins to try the disk of a folder.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn watch(folder: &Path) -> anyhow::Result<Disk> {
        let mut file = File::create(folder.join("disk"))?;
        let disk = Disk::default();
        let slowest = disk.slowest.clone();
        thread::spawn(move || {
            loop {
                let start = Instant::now();
                if file.write_all(b"x").and_then(|()| file.sync_data()).is_err() {
                    return;
                }
                slowest.fetch_max(start.elapsed().as_micros() as u64, Relaxed);
                thread::sleep(EVERY);
            }
        });
        Ok(disk)
    }

    /// The longest time since the last call.
    pub fn slowest(&self) -> Duration {
        Duration::from_micros(self.slowest.swap(0, Relaxed))
    }
}
