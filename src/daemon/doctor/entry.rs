//! Checks of the credentials that users need to join: the room password and the accounts.

use std::path::Path;

use chatroom::access::Mode;
use chatroom::admin::Finding;
use chatroom::config::Config;

use super::mode_of;
use crate::access::passwords;
use crate::files;
use crate::overview::Overview;

const AREA: &str = "access";

/// Checks the credentials that are needed to join. `written` is the configuration in the file, if
/// it is valid.
pub(super) fn examine(overview: &Overview, written: Option<&Config>) -> Vec<Finding> {
    let config = written.cloned().unwrap_or_else(|| (*overview.shared.config()).clone());
    let access_state = overview.shared.access.access_state();
    match config.access.mode {
        Mode::Open => Vec::new(),
        Mode::Accounts if access_state.accounts().next().is_none() => {
            let what = "nobody can join: `mode` is \"accounts\", and there are no accounts";
            vec![Finding::problem(AREA, what, "`chatctl account add NAME` creates one.")]
        }
        Mode::Accounts => Vec::new(),
        Mode::Password => password(&config, access_state.room_hash.as_deref()),
    }
}

fn password(config: &Config, in_force: Option<&str>) -> Vec<Finding> {
    let (file, password) = match (files::room_password_file(config), files::room_password(config)) {
        (Ok(Some(file)), Ok(Some(password))) => (file, password),
        (Err(problem), _) | (_, Err(problem)) => {
            let advice = "Put it there, then `chatctl reload`.";
            return vec![Finding::problem(AREA, format!("{problem:#}"), advice)];
        }
        _ => return Vec::new(),
    };
    let shown = file.display();
    let mut findings = vec![match in_force {
        Some(hash) if passwords::is_of(hash, &password) => {
            Finding::ok(AREA, format!("the room password in force is the one in {shown}"))
        }
        _ => {
            let what = format!("the room password in force is not the one in {shown}");
            Finding::problem(AREA, what, "`chatctl reload` applies it.")
        }
    }];
    findings.extend(readable(&file));
    findings
}

fn readable(file: &Path) -> Option<Finding> {
    let mode = mode_of(file).filter(|mode| mode & 0o007 != 0)?;
    let shown = file.display();
    let what =
        format!("any user of this machine can read the room password, {shown} (mode {mode:o})");
    Some(Finding::problem(AREA, what, format!("chmod o= {shown}, and choose another password.")))
}
