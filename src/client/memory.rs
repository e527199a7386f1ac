//! The file in which a session is kept between two runs of the client.

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

use crate::model::Kept;
use crate::program;

/// Where sessions are kept.
#[derive(Debug, Clone)]
pub enum Place {
    File(PathBuf),
    /// A file for each server and name in a folder.
    Folder(PathBuf),
}

impl Place {
    /// The place for a user, in their state folder. None for who has no home.
    pub fn of_user() -> Option<Place> {
        let state = state_home(program::variable)?;
        Some(Place::Folder(state.join("chatroom")))
    }

    fn file(&self, address: &str, name: &str) -> PathBuf {
        match self {
            Place::File(file) => file.clone(),
            Place::Folder(folder) => {
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

/// The file of one session, which no other client uses meanwhile.
pub struct Memory {
    file: PathBuf,
    /// Held until this is dropped.
    _lock: File,
}

impl Memory {
    /// Opens the file for a name at a server, and reads what is kept in it.
    ///
    /// # Errors
    /// Another client uses it, it cannot be read, or it is none of ours.
    pub fn open(
        place: &Place,
        address: &str,
        name: &str,
    ) -> anyhow::Result<(Memory, Option<Kept>)> {
        let file = place.file(address, name);
        if let (Place::Folder(_), Some(folder)) = (place, file.parent()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let lock = open_own(&file.with_added_extension("lock"), private().create(true))?;
        if lock.try_lock().is_err() {
            bail!("another chatroom-client uses it");
        }
        let kept = match open_own(&file, OpenOptions::new().read(true)) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                let kept = serde_json::from_slice(&bytes);
                Some(kept.context("it is damaged; remove it to begin anew")?)
            }
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(error),
        };
        Ok((Memory { file, _lock: lock }, kept))
    }

    /// Where it is, to tell.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Keeps something in the place of what was kept. It is on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written; what was kept before is kept on.
    pub fn keep(&self, kept: &Kept) -> io::Result<()> {
        let new = self.file.with_added_extension("new");
        // Whatever is there was left behind, or put there: it is not written into, nor followed.
        remove(&new)?;
        let mut file = private().create_new(true).open(&new)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        file.sync_data()?;
        fs::rename(&new, &self.file)
    }

    /// Keeps nothing any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(&self) -> io::Result<()> {
        remove(&self.file)
    }
}

/// Removes a file, if it is there.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// For files that nobody else may read: the token in them is a secret.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Opens a file that nobody else can have put there or can write to, in whatever folder it is.
fn open_own(path: &Path, options: &mut OpenOptions) -> anyhow::Result<File> {
    let shown = path.display();
    // What waits for a writer is no file, and not waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => {
            anyhow!("{shown} is a symbolic link, which is not followed; remove it")
        }
        _ => error.into(),
    })?;
    let found = file.metadata()?;
    let (own, uid, mode) = (geteuid().as_raw(), found.uid(), found.mode());
    if !found.is_file() {
        bail!("{shown} is no file; remove it, or name another one");
    }
    if uid != own {
        bail!("{shown} belongs to another user (uid {uid}); remove it, or name another file");
    }
    if mode & 0o022 != 0 {
        bail!(
            "other users can write to {shown}; remove it if you do not trust it, else `chmod go-w` it"
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
    fn what_is_kept_is_there_again_for_the_same_name_and_private() {
        let folder = tempfile::TempDir::new().unwrap();
        let place = Place::Folder(folder.path().join("deep/er"));
        let (memory, kept) = Memory::open(&place, "host:1", "Ann").unwrap();
        assert_eq!(kept, None);
        memory.keep(&Kept::default()).unwrap();
        assert_eq!(fs::metadata(memory.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Memory::open(&place, "host:1", "ann").is_err(), "one client at a time");
        drop(memory);
        let (memory, kept) = Memory::open(&place, "host:1", "ann").unwrap();
        assert_eq!(kept, Some(Kept::default()));
        assert_eq!(Memory::open(&place, "host:2", "ann").unwrap().1, None);
        memory.forget().unwrap();
        memory.forget().unwrap();
        drop(memory);
        assert_eq!(Memory::open(&place, "host:1", "ann").unwrap().1, None);
    }
}
