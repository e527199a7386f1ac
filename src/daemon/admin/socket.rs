//! The admin socket as a file.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use tokio::net::UnixListener;

use crate::files::ADMIN_SOCKET_MODE;
use crate::folders;

/// The socket's file, removed when this is dropped.
pub struct AdminSocket {
    path: PathBuf,
}

impl AdminSocket {
    /// Opens the socket. The dead socket of a former daemon is replaced.
    ///
    /// # Errors
    /// Another daemon serves it, something else is in its place, or it cannot be made.
    pub fn open(path: &Path) -> anyhow::Result<(AdminSocket, UnixListener)> {
        let shown = path.display();
        folders::check_runtime(path.parent().unwrap_or(Path::new("/")))?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(|error| {
            let hint = "set [admin] socket or [paths] runtime to a place where this user may write";
            anyhow!("cannot make the admin socket {shown}: {error} ({hint})")
        })?;
        fs::set_permissions(path, Permissions::from_mode(ADMIN_SOCKET_MODE))
            .with_context(|| format!("cannot set the permissions of the admin socket {shown}"))?;
        Ok((AdminSocket { path: path.to_owned() }, listener))
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // An error is ignored, because the file can already be gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a dead socket, and nothing else. A link is not followed.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.with_context(|| format!("cannot look at {shown}"))?,
    };
    if !found.file_type().is_socket() {
        bail!("{shown} is in the way of the admin socket, and it is not a socket. Move it away");
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).with_context(|| format!("cannot remove the old socket {shown}"))
        }
        _ => bail!(
            "another chatroomd serves the admin socket {shown}. Stop it, or give this one its own \
             [admin] socket"
        ),
    }
}
