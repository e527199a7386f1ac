//! The file that holds a session between two runs of the client.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use chatroom::xdg::state_home;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;
use sha2::{Digest, Sha256};

use crate::model::SavedSession;
use crate::program;

/// The place in which sessions are saved.
#[derive(Debug, Clone)]
pub enum SessionLocation {
    File(PathBuf),
    /// A file for each server and name in a folder.
    Folder(PathBuf),
}

impl SessionLocation {
    /// The user's own folder for state; none if the user has no home.
    pub fn of_user() -> Option<SessionLocation> {
        let state = state_home(program::variable)?;
        Some(SessionLocation::Folder(state.join("chatroom")))
    }

    fn file(&self, address: &str, name: &str) -> PathBuf {
        match self {
            SessionLocation::File(file) => file.clone(),
            SessionLocation::Folder(folder) => {
                let of = format!("{address}\n{}", chatroom::names::fold(name));
                let hash = Sha256::digest(of)
                    .iter()
                    .take(8)
                    .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
                folder.join(format!("{hash}.json"))
            }
        }
    }
}

/// The file of one session. No other client can use it at the same time.
pub struct SessionFile {
    file: PathBuf,
    /// Held until this is dropped.
    _lock: File,
}

impl SessionFile {
    /// Opens the file for a name at a server, and loads the session from it.
    ///
    /// # Errors
    /// Another client uses the file, it cannot be read, or it cannot be trusted.
    pub fn open(
        location: &SessionLocation,
        address: &str,
        name: &str,
    ) -> anyhow::Result<(SessionFile, Option<SavedSession>)> {
        let file = location.file(address, name);
        if let (SessionLocation::Folder(_), Some(folder)) = (location, file.parent()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let lock = open_own(&file.with_added_extension("lock"), private().create(true))?;
        if lock.try_lock().is_err() {
            bail!("another chatroom-client is using it");
        }
        let session = match open_own(&file, OpenOptions::new().read(true)) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                let session = serde_json::from_slice(&bytes);
                Some(session.context("it is damaged; remove it to start afresh")?)
            }
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(error),
        };
        Ok((SessionFile { file, _lock: lock }, session))
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Saves a session in place of the one before. It is on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written. The session that was saved before is still there.
    pub fn save(&self, session: &SavedSession) -> io::Result<()> {
        let new = self.file.with_added_extension("new");
        // An old file, or one that another user has put there, is neither written to nor followed.
        remove(&new)?;
        let mut file = private().create_new(true).open(&new)?;
        file.write_all(&serde_json::to_vec(session)?)?;
        file.sync_data()?;
        fs::rename(&new, &self.file)
    }

    /// Deletes the saved session.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn delete(&self) -> io::Result<()> {
        remove(&self.file)
    }
}

/// Removes a file if it exists.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Options for files that only the user can read: the token in them is a secret.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Opens a file, unless another user can have put it there or can write to it.
fn open_own(path: &Path, options: &mut OpenOptions) -> anyhow::Result<File> {
    let shown = path.display();
    // Does not wait if a named pipe is there.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => {
            anyhow!("{shown} is a symbolic link and is not followed; remove it")
        }
        _ => error.into(),
    })?;
    let found = file.metadata()?;
    let (own, uid, mode) = (geteuid().as_raw(), found.uid(), found.mode());
    if !found.is_file() {
        bail!("{shown} is not a regular file; remove it, or name another file");
    }
    if uid != own {
        bail!("{shown} belongs to another user (uid {uid}); remove it, or name another file");
    }
    if mode & 0o022 != 0 {
        bail!(
            "other users can write to {shown}; remove it, or if you trust its contents, run `chmod go-w` on it"
        );
    }
    Ok(file)
}

fn is_missing(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_saved_session_is_loaded_for_the_same_name_and_private() {
        let folder = tempfile::TempDir::new().unwrap();
        let location = SessionLocation::Folder(folder.path().join("deep/er"));
        let (file, session) = SessionFile::open(&location, "host:1", "Ann").unwrap();
        assert_eq!(session, None);
        file.save(&SavedSession::default()).unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(SessionFile::open(&location, "host:1", "ann").is_err(), "one client at a time");
        drop(file);
        let (file, session) = SessionFile::open(&location, "host:1", "ann").unwrap();
        assert_eq!(session, Some(SavedSession::default()));
        assert_eq!(SessionFile::open(&location, "host:2", "ann").unwrap().1, None);
        file.delete().unwrap();
        file.delete().unwrap();
        drop(file);
        assert_eq!(SessionFile::open(&location, "host:1", "ann").unwrap().1, None);
    }
}
