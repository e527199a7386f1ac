//! Saving a backup that the daemon sends.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::connection::AdminConnection;
use crate::failure::Failure;

/// Writes a backup of this length to a new file, completely or not at all.
///
/// # Errors
/// The file exists or cannot be written, or the daemon does not send the backup.
pub fn save(connection: &mut AdminConnection, length: u64, file: &Path) -> Result<String, Failure> {
    let shown = file.display().to_string();
    let fail = |error: io::Error| Failure::File(shown.clone(), error);
    // A backup is as private as the history, whatever the umask is.
    let mut copy =
        File::options().write(true).create_new(true).mode(0o600).open(file).map_err(fail)?;
    let outcome = connection
        .receive(length, |piece| copy.write_all(piece).map_err(fail))
        .and_then(|()| copy.sync_all().map_err(fail));
    if outcome.is_err() {
        // Part of a backup is worse than none.
        let _ = std::fs::remove_file(file);
    }
    outcome?;
    Ok(format!("Wrote {length} bytes to {shown}.\n"))
}
