//! Moves files out of the way. Nothing is ever deleted.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Moves files of the state folder into a new folder in it, which is named after the time. Ignores files
/// that do not exist. Returns the new folder, or `None` if there was nothing to move.
///
/// # Errors
/// The folder cannot be created, or a file cannot be moved.
pub(super) fn set_aside(files: &[PathBuf], now: Timestamp) -> io::Result<Option<PathBuf>> {
    let files: Vec<&PathBuf> =
        files.iter().filter(|file| file.symlink_metadata().is_ok()).collect();
    let Some(parent) = files.first().and_then(|file| file.parent()) else { return Ok(None) };
    let folder = make_folder(parent, now)?;
    for file in files {
        if let Some(name) = file.file_name() {
            fs::rename(file, folder.join(name))?;
        }
    }
    sync(&folder)?;
    sync(parent)?;
    Ok(Some(folder))
}

fn make_folder(parent: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let name = format!("set-aside-{}", now.strftime("%Y-%m-%dT%H%M%SZ"));
    for number in 1.. {
        let name = if number == 1 { name.clone() } else { format!("{name}-{number}") };
        let folder = parent.join(name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Syncs the names in a folder to the disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
