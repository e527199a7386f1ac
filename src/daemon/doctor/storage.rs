//! The history: whether it is intact and private, and whether there is space for it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use chatroom::admin::Finding;
use chatroom::config::{Config, Durability};

use super::mode_of;
use super::process::Descriptors;
use crate::files;
use crate::overview::Overview;
use crate::store::{self, Integrity};

const AREA: &str = "store";

/// The maximum time of the check of the history. An administrator waits for it.
const CHECK_TIME: Duration = Duration::from_secs(2);

/// Less free space than this is a problem.
const MIN_SPACE: u64 = 64 << 20;

pub(super) fn examine(
    overview: &Overview,
    config: &Config,
    open: Option<&Descriptors>,
) -> Vec<Finding> {
    let mut findings = history(overview, config);
    let folder = match &overview.database {
        Some(database) => database.parent().map(Path::to_owned),
        None => files::state_folder(overview.shared.started()).ok(),
    };
    if let Some(folder) = folder {
        findings.extend(private(&folder));
        for file in files::IN_STATE.map(|name| folder.join(name)) {
            findings.extend(open.and_then(|open| lost(&file, open)));
            findings.extend(foreign(&file));
        }
    }
    findings
}

fn history(overview: &Overview, config: &Config) -> Vec<Finding> {
    let Some(database) = &overview.database else {
        let advice = "`enabled` in [history] stores them on disk.";
        return vec![Finding::note(AREA, "messages are only kept in memory", advice)];
    };
    if overview.shared.room.is_degraded() {
        let what = "messages are refused, because they cannot be stored";
        let advice = "The journal says why. Free some space; the room continues by itself.";
        return vec![Finding::problem(AREA, what, advice)];
    }
    let folder = database.parent().unwrap_or(database);
    let durability = overview.shared.started().history.durability;
    let mut findings = vec![whole(database, durability), space(folder, config)];
    findings.extend(held(overview, database));
    findings
}

/// Reports an open file that was removed or replaced: data written to it is lost when the process
/// ends.
fn lost(file: &Path, open: &Descriptors) -> Option<Finding> {
    let shown = file.display();
    open.has_lost(file).then(|| {
        let what = format!(
            "{shown} was removed or replaced while chatroomd runs: messages since then are \
             lost with the next restart"
        );
        let advice = "`systemctl restart chatroomd` continues with the file that is there now. \
                      Restore backups only while chatroomd is stopped.";
        Finding::problem(AREA, what, advice)
    })
}

/// A file that belongs to another user, as after a copy by root.
fn foreign(file: &Path) -> Option<Finding> {
    let (owner, own) = (file.metadata().ok()?.uid(), rustix::process::geteuid().as_raw());
    let shown = file.display();
    (owner != own).then(|| {
        let what = format!("{shown} belongs to user {owner}, but chatroomd runs as user {own}");
        let advice = format!("chown {own} {shown}; otherwise the next start may fail.");
        Finding::problem(AREA, what, advice)
    })
}

fn whole(database: &Path, durability: Durability) -> Finding {
    let shown = database.display();
    let safe = match durability {
        Durability::Power => "survives a power cut",
        Durability::Process => "survives a crash, but not a power cut",
    };
    let size = ByteSize::b(store::size(database).0).display().iec();
    match store::check(database, CHECK_TIME) {
        Ok(Integrity::Whole) => {
            Finding::ok(AREA, format!("{shown} is intact ({size}); what it contains {safe}"))
        }
        Ok(Integrity::Unfinished) => {
            let what =
                format!("{shown} is too large ({size}) to be checked while the room is open");
            let advice = format!("`sqlite3 {shown} 'PRAGMA quick_check'` checks it.");
            Finding::note(AREA, what, advice)
        }
        Err(error) => {
            let what = format!("{shown} cannot be checked: {error}");
            Finding::problem(AREA, what, "Check that the disk is mounted and not full.")
        }
        Ok(Integrity::Damaged(problem)) => {
            let what = format!("{shown} is damaged: {problem}");
            let advice = "docs/history.md shows how to save what can be read, and how to continue.";
            Finding::problem(AREA, what, advice)
        }
    }
}

fn space(folder: &Path, config: &Config) -> Finding {
    let shown = folder.display();
    let free = match rustix::fs::statvfs(folder) {
        Ok(found) => found.f_bavail * found.f_frsize,
        Err(error) => {
            let what = format!("cannot find out how much space {shown} has: {error}");
            return Finding::problem(AREA, what, "Check that the disk is mounted.");
        }
    };
    let shown_free = ByteSize::b(free).display().iec();
    let most = config.history.keep_bytes as u64;
    if free < MIN_SPACE {
        let what = format!("{shown} has only {shown_free} of free space");
        Finding::problem(AREA, what, "Free some space, or lower `keep_bytes` in [history].")
    } else if most > free {
        let most = ByteSize::b(most).display().iec();
        let what =
            format!("{shown} has {shown_free} of free space, and the history may grow to {most}");
        Finding::note(AREA, what, "Free some space, or lower `keep_bytes` in [history].")
    } else {
        Finding::ok(AREA, format!("{shown} has {shown_free} of free space"))
    }
}

/// Whether another process keeps the write-ahead log from shrinking.
fn held(overview: &Overview, database: &Path) -> Option<Finding> {
    let log = overview.shared.room.counts().log.get()?;
    log.is_blocked().then(|| {
        let size = ByteSize::b(store::size(database).1).display().iec();
        let what = format!(
            "another process is reading the history and keeps its write-ahead log ({size}) from \
             shrinking"
        );
        let advice = format!("`fuser -v {}` names it; stop it.", database.display());
        Finding::note(AREA, what, advice)
    })
}

fn private(folder: &Path) -> Option<Finding> {
    let mode = mode_of(folder).filter(|mode| mode & 0o077 != 0)?;
    let shown = folder.display();
    let what =
        format!("other users can read {shown} (mode {mode:o}), which contains password hashes");
    Some(Finding::problem(AREA, what, format!("chmod go= {shown}")))
}
