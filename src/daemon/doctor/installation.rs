//! Compares the installed files with those that this process was started from.

use std::fs;
use std::path::Path;

use chatroom::admin::Finding;

use crate::unit_files::UnitFiles;

const RESTART: &str = "`systemctl restart chatroomd` applies it, and keeps plain connections.";

pub(super) fn examine(unit_files: &UnitFiles) -> Vec<Finding> {
    let mut findings: Vec<Finding> = program().into_iter().collect();
    let changed = unit_files.changed();
    if !changed.is_empty() {
        let shown: Vec<String> = changed.iter().map(|path| path.display().to_string()).collect();
        let what =
            format!("the unit has changed since this process was started: {}", shown.join(", "));
        let advice = format!("`systemctl daemon-reload`, then {RESTART}");
        findings.push(Finding::problem("service", what, advice));
    }
    findings
}

/// Whether the installed program is not the one that runs.
fn program() -> Option<Finding> {
    const AREA: &str = "program";
    const RUNNING: &str = "/proc/self/exe";
    let path = fs::read_link(RUNNING).ok()?;
    let path = path.to_str()?.strip_suffix(" (deleted)").map(Path::new)?;
    let shown = path.display();
    match (fs::read(path), fs::read(RUNNING)) {
        (Ok(installed), Ok(running)) if installed == running => None,
        (Ok(_), _) => {
            let what = format!("{shown} was replaced, and the previous program still runs");
            Some(Finding::problem(AREA, what, RESTART))
        }
        (Err(error), _) => {
            let what = format!("the running program {shown} is not installed any more: {error}");
            let advice = "Install it again; a restart would fail.";
            Some(Finding::problem(AREA, what, advice))
        }
    }
}
