//! The sockets and files that this process has open, as the system reports them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use procfs::ProcResult;
use procfs::net::TcpState;
use procfs::process::{FDTarget, Process};

/// Follows the path of an open file that was removed.
const DELETED: &str = " (deleted)";

/// The open descriptors that the doctor checks.
pub(super) struct Descriptors {
    /// The addresses on which the process listens.
    pub listening: Vec<SocketAddr>,
    /// The paths of open files that were removed or replaced.
    deleted: Vec<PathBuf>,
}

impl Descriptors {
    /// Asks the system.
    ///
    /// # Errors
    /// The system's reason.
    pub fn of_this_process() -> ProcResult<Descriptors> {
        let process = Process::myself()?;
        let (mut sockets, mut deleted) = (HashSet::new(), Vec::new());
        for descriptor in process.fd()? {
            // A descriptor may have been closed in the meantime.
            match descriptor.map(|descriptor| descriptor.target) {
                Ok(FDTarget::Socket(inode)) => drop(sockets.insert(inode)),
                Ok(FDTarget::Path(path)) => deleted.extend(without_name(&path)),
                _ => {}
            }
        }
        // Without IPv6 there is no such table.
        let entries = [process.tcp()?, process.tcp6().unwrap_or_default()].concat();
        let ours = entries
            .iter()
            .filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode));
        Ok(Descriptors { listening: ours.map(|entry| entry.local_address).collect(), deleted })
    }

    /// Whether a file that had this path is open, and was removed or replaced.
    pub fn has_lost(&self, path: &Path) -> bool {
        self.deleted.iter().any(|deleted| deleted == path)
    }
}

/// The former path of an open file that was removed.
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
