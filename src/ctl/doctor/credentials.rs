//! Checks whether the credentials that systemd passed to the service are still the current ones.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use chatroom::admin::Finding;
use chatroom::unit::credentials;

use super::unit;

const AREA: &str = "credentials";

/// The folder with the credentials of the service.
const PASSED: &str = "/run/credentials/chatroomd.service";

/// Checks the credentials that the unit names. A running daemon has been passed them.
pub(super) fn examine(service: &str, runs: bool) -> Vec<Finding> {
    let text = unit::text(service).unwrap_or_default();
    let passed = runs.then_some(Path::new(PASSED));
    let named = credentials(&text);
    let mut findings: Vec<Finding> =
        named.iter().filter_map(|(name, source)| judge(name, source, passed)).collect();
    if findings.is_empty() && !named.is_empty() {
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let what = match runs {
            true => format!("the service has the current ones: {}", names.join(", ")),
            false => format!("all files exist: {}", names.join(", ")),
        };
        findings.push(Finding::ok(AREA, what));
    }
    findings.dedup();
    findings
}

fn judge(name: &str, source: &Path, passed: Option<&Path>) -> Option<Finding> {
    let shown = source.display();
    let as_root =
        |what: String| Finding::note(AREA, what, "Run it as root: `sudo chatctl doctor`.");
    let now = match fs::read(source) {
        Ok(now) => now,
        // systemd passes a folder as a whole.
        Err(error) if error.kind() == ErrorKind::IsADirectory => return None,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Some(as_root("cannot check whether they are current".to_owned()));
        }
        Err(error) => {
            let what =
                format!("{name}: cannot read {shown}: {error}; the service cannot be started");
            let advice = format!("Create {shown}, or correct LoadCredential= in the unit.");
            return Some(Finding::problem(AREA, what, advice));
        }
    };
    let advice = "`systemctl restart chatroomd` passes it on without dropping connections (TLS clients \
                  reconnect); a reload does not pass it on.";
    match fs::read(passed?.join(name)) {
        Ok(then) if then == now => None,
        Ok(_) => {
            let what = format!("{name}: {shown} has changed since it was passed to the service");
            Some(Finding::problem(AREA, what, advice))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Some(as_root("cannot check whether they are current".to_owned()))
        }
        Err(_) => {
            let what = format!("{name}: {shown} was not passed to the running service");
            Some(Finding::problem(AREA, what, advice))
        }
    }
}

#[cfg(test)]
mod tests {
    use chatroom::admin::Verdict;

    use super::*;

    #[test]
    fn a_renewed_credential_is_told_from_the_one_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let (source, passed) = (folder.path().join("source"), folder.path().join("run"));
        fs::create_dir(&passed).unwrap();
        let judge = |runs: bool| judge("key.pem", &source, runs.then_some(passed.as_path()));
        assert!(judge(false).is_some_and(|it| it.what.contains("cannot be started")));
        fs::write(&source, "one").unwrap();
        assert_eq!(judge(false), None);
        assert!(judge(true).is_some_and(|it| it.what.contains("was not passed")));
        fs::write(passed.join("key.pem"), "one").unwrap();
        assert_eq!(judge(true), None);
        fs::write(&source, "two").unwrap();
        let found = judge(true).unwrap();
        assert_eq!(found.verdict, Verdict::Problem);
        assert!(found.advice.unwrap().contains("systemctl restart chatroomd"));
    }
}
