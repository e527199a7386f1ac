//! The history: whether it is whole, private, and has space.

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
use crate::store::{self, Checked};

const AREA: &str = "store";

/// How long looking through a history may take. An operator waits for it.
const CHECK_TIME: Duration = Duration::from_secs(2);

/// With less space than this it will not take long.
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
        let advice = "`enabled` in [history] keeps it on disk.";
        return vec![Finding::note(AREA, "what is said is only kept in memory", advice)];
    };
    if overview.shared.room.is_degraded() {
        let what = "messages are refused, for they cannot be stored";
        let advice = "The journal says why. Make space; the room goes on by itself.";
        return vec![Finding::problem(AREA, what, advice)];
    }
    let folder = database.parent().unwrap_or(database);
    let durability = overview.shared.started().history.durability;
    let mut findings = vec![whole(database, durability), space(folder, config)];
    findings.extend(held(overview, database));
    findings
}

/// A file that is open under a path that is not its own any more: what is written is lost with the
/// end of the process.
fn lost(file: &Path, open: &Descriptors) -> Option<Finding> {
    let shown = file.display();
    open.has_lost(file).then(|| {
        let what = format!(
            "{shown} was removed or replaced while chatroomd runs: what is stored from then on is lost \
             with the next restart"
        );
        let advice = "`systemctl restart chatroomd` goes on with what has that name now; restore a \
                      backup only while it is stopped.";
        Finding::problem(AREA, what, advice)
    })
}

/// A file that belongs to somebody else, as after a copy by root.
fn foreign(file: &Path) -> Option<Finding> {
    let (owner, own) = (file.metadata().ok()?.uid(), rustix::process::geteuid().as_raw());
    let shown = file.display();
    (owner != own).then(|| {
        let what = format!("{shown} belongs to user {owner}, and chatroomd runs as user {own}");
        let advice = format!("chown {own} {shown}; else the next start may fail.");
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
        Ok(Checked::Whole) => {
            Finding::ok(AREA, format!("{shown} is whole ({size}); what is in it {safe}"))
        }
        Ok(Checked::Unfinished) => {
            let what = format!("{shown} is too large ({size}) to look through while people talk");
            let advice = format!("`sqlite3 {shown} 'PRAGMA quick_check'` looks through it.");
            Finding::note(AREA, what, advice)
        }
        Err(error) => {
            let what = format!("{shown} cannot be looked through: {error}");
            Finding::problem(AREA, what, "Is the disk there, and not full?")
        }
        Ok(Checked::Damaged(problem)) => {
            let what = format!("{shown} is damaged: {problem}");
            let advice = "docs/history.md says how to save what can be read, and how to go on.";
            Finding::problem(AREA, what, advice)
        }
    }
}

fn space(folder: &Path, config: &Config) -> Finding {
    let shown = folder.display();
    let free = match rustix::fs::statvfs(folder) {
        Ok(found) => found.f_bavail * found.f_frsize,
        Err(error) => {
            let what = format!("the space in {shown} is not known: {error}");
            return Finding::problem(AREA, what, "Is the disk there?");
        }
    };
    let shown_free = ByteSize::b(free).display().iec();
    let most = config.history.keep_bytes as u64;
    if free < MIN_SPACE {
        let what = format!("{shown} has only {shown_free} left");
        Finding::problem(AREA, what, "Make space, or lower `keep_bytes` in [history].")
    } else if most > free {
        let most = ByteSize::b(most).display().iec();
        let what = format!("{shown} has {shown_free} left, and the history may grow to {most}");
        Finding::note(AREA, what, "Make space, or lower `keep_bytes` in [history].")
    } else {
        Finding::ok(AREA, format!("{shown} has {shown_free} left"))
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
        let advice = format!("`fuser -v {}` names it; end it.", database.display());
        Finding::note(AREA, what, advice)
    })
}

fn private(folder: &Path) -> Option<Finding> {
    let mode = mode_of(folder).filter(|mode| mode & 0o077 != 0)?;
    let shown = folder.display();
    let what = format!("others can look into {shown} (mode {mode:o}), where passwords are kept");
    Some(Finding::problem(AREA, what, format!("chmod go= {shown}")))
}
