//! Checks whether the configuration file matches the configuration in force.

use std::path::Path;

use chatroom::admin::Finding;
use chatroom::config::{Config, Difference};

use crate::overview::Overview;
use crate::reload::{needs_restart, without_effect};
use crate::{files, limits, logging};

const AREA: &str = "configuration";

/// Compares the file with the configuration in force. Returns the configuration in the file, if it
/// is valid.
pub(super) fn examine(overview: &Overview) -> (Option<Config>, Vec<Finding>) {
    let Some(file) = files::config_file(overview.config_file.as_deref()) else {
        let what = format!("there is no {}; the defaults are in force", files::DEFAULT_CONFIG);
        return (None, compare(overview, &Config::default(), "the defaults", what));
    };
    let shown = file.display().to_string();
    match files::read_config(Some(&file)) {
        Ok(written) => {
            let what = format!("{shown} is valid and in force");
            let mut findings = compare(overview, &written, &shown, what);
            findings.extend(writable(&file));
            (Some(written), findings)
        }
        Err(problems) => {
            let what = format!("the file is invalid: {}", problems.join("; "));
            let advice = format!("Correct {shown}, then `chatctl reload`.");
            (None, vec![Finding::problem(AREA, what, advice)])
        }
    }
}

fn compare(
    overview: &Overview,
    written: &Config,
    shown: &str,
    all_is_well: String,
) -> Vec<Finding> {
    let shared = &overview.shared;
    let mut findings = Vec::new();
    for difference in needs_restart(shared.started(), written) {
        let Difference { option, old, new } = &difference;
        let what = format!("{option} is {new} in {shown}, but {old} is in force");
        findings.push(match without_effect(option, overview.is_activated) {
            Some(why) => Finding::note(AREA, what, why),
            None => {
                let advice =
                    "`systemctl restart chatroomd` applies it, and keeps plain connections.";
                Finding::problem(AREA, what, advice)
            }
        });
    }
    let in_force = shared.config();
    // In force is the number of connections that the system allows.
    let mut fitted = written.clone();
    fitted.limits.connections = limits::fitted(written.limits.connections);
    let mut waiting = in_force.differences(&fitted);
    waiting.retain(|difference| !difference.needs_restart());
    for Difference { option, old, new } in &waiting {
        let what = format!("{option} is {new} in {shown}, but {old} is in force");
        findings.push(Finding::problem(AREA, what, "`chatctl reload` applies it."));
    }
    let level = logging::level();
    if level != in_force.log.level {
        let what = format!("the log level is {level}, but {} is configured", in_force.log.level);
        let advice =
            "It was set with `chatctl log-level`; `chatctl reload` restores the configured one.";
        findings.push(Finding::note(AREA, what, advice));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, all_is_well));
    }
    findings
}

/// A user who can write the file controls the service.
fn writable(file: &Path) -> Option<Finding> {
    let mode = super::mode_of(file).filter(|mode| mode & 0o002 != 0)?;
    let shown = file.display();
    let what = format!("any user of this machine can change {shown} (mode {mode:o})");
    Some(Finding::problem(AREA, what, format!("chmod o-w {shown}")))
}
