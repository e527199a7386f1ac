//! Files that only the daemon's user can read, whatever the umask is.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use rustix::fs::OFlags;

/// The mode of private files.
pub const MODE: u32 = 0o600;

/// Opens a file to read and write, and creates it if it does not exist. Makes a file private that
/// others can read. Does not follow a link.
///
/// # Errors
/// A sentence that says why not, and to whom the file belongs if that is the reason.
pub fn open(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    // Existing content stays.
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

/// Makes a file readable for its owner only.
fn make_private(file: &File) -> io::Result<()> {
    match file.metadata()?.permissions().mode() & 0o777 {
        MODE => Ok(()),
        _ => file.set_permissions(Permissions::from_mode(MODE)),
    }
}
