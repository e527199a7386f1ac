//! What this process has open, as the system says.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use procfs::ProcResult;
use procfs::net::TcpState;
use procfs::process::{FDTarget, Process};

/// What is appended to the path of an open file whose name is gone.
const DELETED: &str = " (deleted)";

/// Its open descriptors, as far as the doctor looks at them.
pub(super) struct Descriptors {
    /// The addresses at which it accepts connections.
    pub listening: Vec<SocketAddr>,
    /// Open files whose names are gone, or are those of other files now.
    deleted: Vec<PathBuf>,
}

impl Descriptors {
    /// Asks the system.
    ///
    /// # Errors
    /// It does not say.
    pub fn of_this_process() -> ProcResult<Descriptors> {
        let process = Process::myself()?;
        let (mut sockets, mut deleted) = (HashSet::new(), Vec::new());
        for descriptor in process.fd()? {
            // One that was closed meanwhile is not looked at.
            match descriptor.map(|descriptor| descriptor.target) {
                Ok(FDTarget::Socket(inode)) => drop(sockets.insert(inode)),
                Ok(FDTarget::Path(path)) => deleted.extend(without_name(&path)),
                _ => {}
            }
        }
        // A machine without IPv6 has no table for it.
        let entries = [process.tcp()?, process.tcp6().unwrap_or_default()].concat();
        let ours = entries
            .iter()
            .filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode));
        Ok(Descriptors { listening: ours.map(|entry| entry.local_address).collect(), deleted })
    }

    /// Whether a file that had this path is open, and the path is that of another file or of none.
    pub fn has_lost(&self, path: &Path) -> bool {
        self.deleted.iter().any(|deleted| deleted == path)
    }
}

/// The path that an open file had, if it has none any more.
fn without_name(target: &Path) -> Option<PathBuf> {
    target.to_str()?.strip_suffix(DELETED).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_is_open_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("file");
        let _file = File::create(&path).unwrap();
        let open = Descriptors::of_this_process().unwrap();
        assert!(open.listening.contains(&address), "{:?}", open.listening);
        assert!(!open.has_lost(&path));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another").unwrap();
        drop(listener);
        let open = Descriptors::of_this_process().unwrap();
        assert!(!open.listening.contains(&address), "{:?}", open.listening);
        assert!(open.has_lost(&path));
    }
}
