//! The files of this service's systemd unit, and which of them have changed since the start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use chatroom::fingerprint::Fingerprint;

use crate::systemd;

/// The folders that can contain unit files.
const UNIT_FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The files of the unit at the start of this process, each with the fingerprint of its content.
pub struct UnitFiles {
    /// `None` if systemd does not run this process.
    unit: Option<String>,
    folders: Vec<PathBuf>,
    found: BTreeMap<PathBuf, Fingerprint>,
}

impl UnitFiles {
    /// Reads the files, if systemd runs this process.
    pub fn look() -> UnitFiles {
        let unit = systemd::is_there().then(|| unit_of_this_process().unwrap_or_default());
        let unit = unit.filter(|unit| !unit.is_empty());
        UnitFiles::of(unit, UNIT_FOLDERS.map(PathBuf::from).to_vec())
    }

    fn of(unit: Option<String>, folders: Vec<PathBuf>) -> UnitFiles {
        let mut files = UnitFiles { unit, folders, found: BTreeMap::new() };
        files.found = files.now();
        files
    }

    fn now(&self) -> BTreeMap<PathBuf, Fingerprint> {
        let Some(unit) = &self.unit else { return BTreeMap::new() };
        let mut paths = BTreeSet::new();
        for folder in &self.folders {
            // On most systems /lib is a link to /usr/lib.
            let Ok(folder) = folder.canonicalize() else { continue };
            paths.insert(folder.join(unit));
            let drop_ins = fs::read_dir(folder.join(format!("{unit}.d"))).into_iter().flatten();
            let drop_ins = drop_ins.filter_map(|entry| Some(entry.ok()?.path()));
            paths.extend(drop_ins.filter(|path| path.extension().is_some_and(|it| it == "conf")));
        }
        let read = |path: PathBuf| fs::read(&path).ok().map(|text| (path, Fingerprint::of(&text)));
        paths.into_iter().filter_map(read).collect()
    }

    /// The files that were changed, added or removed since the start.
    pub fn changed(&self) -> Vec<PathBuf> {
        let now = self.now();
        let all: BTreeSet<&PathBuf> = self.found.keys().chain(now.keys()).collect();
        all.into_iter().filter(|path| self.found.get(*path) != now.get(*path)).cloned().collect()
    }
}

/// The unit in which systemd runs this process, which is the last part of its control group.
fn unit_of_this_process() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    unit_in(&groups).map(str::to_owned)
}

fn unit_in(groups: &str) -> Option<&str> {
    let last_parts = groups.lines().filter_map(|line| line.rsplit('/').next());
    last_parts.into_iter().find(|part| part.ends_with(".service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_found_in_the_control_group() {
        let hybrid =
            "12:pids:/system.slice/chatroomd.service\n0::/system.slice/chatroomd.service\n";
        assert_eq!(unit_in(hybrid), Some("chatroomd.service"));
        assert_eq!(unit_in("0::/user.slice/session-1.scope\n"), None);
    }

    #[test]
    fn a_drop_in_that_comes_changes_or_goes_is_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap();
        let drop_ins = folder.join("chatroomd.service.d");
        fs::create_dir(&drop_ins).unwrap();
        let (unit, old) = (folder.join("chatroomd.service"), drop_ins.join("old.conf"));
        fs::write(&unit, "[Service]\n").unwrap();
        fs::write(&old, "[Service]\nNice=1\n").unwrap();
        let look = || {
            let missing = folder.join("nowhere");
            UnitFiles::of(Some("chatroomd.service".to_owned()), vec![folder.clone(), missing])
        };
        let files = look();
        assert_eq!(files.changed(), [] as [PathBuf; 0]);
        let new = drop_ins.join("new.conf");
        fs::write(&new, "[Service]\nProtectHome=no\n").unwrap();
        fs::write(drop_ins.join("notes.txt"), "no drop-in").unwrap();
        assert_eq!(files.changed(), std::slice::from_ref(&new));
        fs::write(&unit, "[Service]\nUser=ann\n").unwrap();
        fs::remove_dir_all(&drop_ins).unwrap();
        assert_eq!(files.changed(), [unit, old]);
        assert_eq!(look().changed(), [] as [PathBuf; 0]);
        // Without systemd there is no unit.
        assert_eq!(UnitFiles::of(None, vec![folder]).changed(), [] as [PathBuf; 0]);
    }
}
