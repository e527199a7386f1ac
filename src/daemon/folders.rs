//! Checks that other users of this machine cannot put files into the daemon's folders.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};

/// The permission of the group and of others to write.
const WRITABLE: u32 = 0o022;

/// In a folder with this bit, users can only remove their own files.
const STICKY: u32 = 0o1000;

/// Checks that only this user and root can write to the state folder.
///
/// # Errors
/// A sentence that says who else can, and what to do about it.
pub fn check_state(folder: &Path) -> anyhow::Result<()> {
    let found = check_owner(folder, "the state folder", "[paths] state")?;
    refuse_writable(folder, &found, "the state folder", "[paths] state", 0)
}

/// The same for the folder of the admin socket, which can also be a folder such as /tmp.
///
/// # Errors
/// As for [`check_state`].
pub fn check_runtime(folder: &Path) -> anyhow::Result<()> {
    const WHAT: &str = "the folder of the admin socket";
    const OPTION: &str = "[paths] runtime or [admin] socket";
    // The path of the socket may have no folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let found = check_owner(folder, WHAT, OPTION)?;
    refuse_writable(folder, &found, WHAT, OPTION, STICKY)
}

/// Checks that a folder, and a link to it, belongs to this user or to root.
fn check_owner(folder: &Path, what: &str, option: &str) -> anyhow::Result<Metadata> {
    let shown = folder.display();
    let look = || format!("cannot examine {what} {shown}");
    let found = fs::metadata(folder).with_context(look)?;
    let link = fs::symlink_metadata(folder).with_context(look)?;
    let own = rustix::process::geteuid().as_raw();
    for uid in [link.uid(), found.uid()] {
        if uid != own && uid != 0 {
            bail!(
                "{what} {shown} belongs to another user (uid {uid}). Give it to the user of \
                 chatroomd with `chown {own} {shown}`, or name another folder in {option}"
            );
        }
    }
    Ok(found)
}

fn refuse_writable(
    folder: &Path,
    found: &Metadata,
    what: &str,
    option: &str,
    unless: u32,
) -> anyhow::Result<()> {
    let mode = found.permissions().mode() & 0o7777;
    if mode & WRITABLE == 0 || mode & unless != 0 {
        return Ok(());
    }
    let shown = folder.display();
    bail!(
        "other users can write to {what} {shown} (mode {mode:o}). Prevent that with `chmod go-w \
         {shown}`, or name another folder in {option}"
    );
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use std::fs::Permissions;

    use super::*;

    #[track_caller]
    fn check(mode: u32, is_state: bool, is_runtime: bool) {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        let folder = folder.path().join("of the daemon");
        fs::create_dir(&folder).unwrap();
        symlink(&folder, &link).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        for path in [&folder, &link] {
            assert_eq!(check_state(path).is_ok(), is_state, "{mode:o}");
            assert_eq!(check_runtime(path).is_ok(), is_runtime, "{mode:o}");
        }
    }

    #[test]
    fn others_may_look_but_not_write() {
        check(0o700, true, true);
        check(0o755, true, true);
        check(0o775, false, false);
        check(0o757, false, false);
        check(0o1777, false, true);
    }

    #[test]
    fn the_sentence_says_how_to_mend_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let problem = check_state(folder.path()).unwrap_err().to_string();
        let chmod = format!("`chmod go-w {}`", folder.path().display());
        assert!(problem.contains(&chmod) && problem.contains("[paths] state"), "{problem}");
        let problem = check_runtime(Path::new("/proc/nonexistent")).unwrap_err().to_string();
        assert!(problem.contains("cannot examine"), "{problem}");
    }
}
