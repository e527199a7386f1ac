//! Files that only the user of the daemon may read, whatever the umask is.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use rustix::fs::OFlags;

/// The mode of what is private.
pub const MODE: u32 = 0o600;

/// Opens a file to read and write, and makes it if it is not there. One that others could read is
/// made private. A link is not followed.
///
/// # Errors
/// A sentence on why not, with whose file it is where that is the reason.
pub fn open(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    // What is in it stays.
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options.open(path).and_then(|file| make_private(&file).map(|()| file)).with_context(|| {
        let shown = path.display();
        match path.metadata().map(|found| found.uid()) {
            Ok(owner) if owner != rustix::process::geteuid().as_raw() => format!(
                "cannot open {shown}, which belongs to another user (uid {owner}); `chown` gives it \
                 to the user of chatroomd"
            ),
            _ => format!("cannot open {shown}"),
        }
    })
}

/// Lets nobody but the owner read a file.
fn make_private(file: &File) -> io::Result<()> {
    match file.metadata()?.permissions().mode() & 0o777 {
        MODE => Ok(()),
        _ => file.set_permissions(Permissions::from_mode(MODE)),
    }
}
