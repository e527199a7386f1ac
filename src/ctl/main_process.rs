//! The admin socket of a process, found among its open sockets. systemd passes the process id of
//! the service (`$MAINPID`) to the unit's commands. The configuration may have changed since the
//! start and name another socket.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// The flags in `/proc/net/unix` of a socket that accepts connections.
const ACCEPTS: &str = "00010000";

/// The paths of the Unix sockets at which this process accepts connections.
pub fn sockets(pid: Option<String>) -> Vec<PathBuf> {
    let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { return Vec::new() };
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let inodes: HashSet<String> = targets.filter_map(|it| inode(it.to_str()?)).collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    paths(&table, &inodes)
}

/// The inode in `socket:[1234]`.
fn inode(target: &str) -> Option<String> {
    Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
}

/// The paths of the sockets with these inodes that accept connections. Each line of the table has a
/// number, references, a protocol, flags, a type, a state, an inode and a path.
fn paths(table: &str, inodes: &HashSet<String>) -> Vec<PathBuf> {
    let path = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, flags, _, _, inode, path] = words[..] else { return None };
        let is_it = flags == ACCEPTS && inodes.contains(inode) && path.starts_with('/');
        is_it.then(|| PathBuf::from(path))
    };
    table.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_socket_that_accepts_is_found_by_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let ours = || sockets(Some(std::process::id().to_string()));
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        assert_eq!(ours().iter().filter(|it| **it == path).count(), 1);
        drop(listener);
        assert!(!ours().contains(&path));
        assert!(sockets(Some("nonsense".to_owned())).is_empty() && sockets(None).is_empty());
    }
}
