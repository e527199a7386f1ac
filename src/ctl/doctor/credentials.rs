//! Credentials: whether what systemd has handed over is what their files contain now.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use chatroom::admin::Finding;
use chatroom::unit::credentials;

use super::unit;

const AREA: &str = "credentials";

/// Where systemd puts those of the service.
const HANDED_OVER: &str = "/run/credentials/chatroomd.service";

/// Looks at those that the unit names. Where the daemon runs, it has been handed them.
pub(super) fn examine(service: &str, runs: bool) -> Vec<Finding> {
    let text = unit::text(service).unwrap_or_default();
    let handed_over = runs.then_some(Path::new(HANDED_OVER));
    let named = credentials(&text);
    let mut findings: Vec<Finding> =
        named.iter().filter_map(|(name, source)| judge(name, source, handed_over)).collect();
    if findings.is_empty() && !named.is_empty() {
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let what = match runs {
            true => format!("the service has the present ones: {}", names.join(", ")),
            false => format!("their files are there: {}", names.join(", ")),
        };
        findings.push(Finding::ok(AREA, what));
    }
    findings.dedup();
    findings
}

fn judge(name: &str, source: &Path, handed_over: Option<&Path>) -> Option<Finding> {
    let shown = source.display();
    let as_root = |what: String| Finding::note(AREA, what, "Look as root: `sudo chatctl doctor`.");
    let now = match fs::read(source) {
        Ok(now) => now,
        // A folder is handed over as a whole.
        Err(error) if error.kind() == ErrorKind::IsADirectory => return None,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Some(as_root("whether they are the present ones cannot be seen".to_owned()));
        }
        Err(error) => {
            let what =
                format!("{name}: cannot read {shown}: {error}; the service cannot be started");
            let advice = format!("Put {shown} there, or correct LoadCredential= in the unit.");
            return Some(Finding::problem(AREA, what, advice));
        }
    };
    let advice = "`systemctl restart chatroomd` hands it over, and disconnects nobody (TLS clients \
                  reconnect); a reload does not.";
    match fs::read(handed_over?.join(name)) {
        Ok(then) if then == now => None,
        Ok(_) => {
            let what = format!("{name}: {shown} is another one than the service was handed");
            Some(Finding::problem(AREA, what, advice))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Some(as_root("whether they are the present ones cannot be seen".to_owned()))
        }
        Err(_) => {
            let what = format!("{name}: the running service was not handed {shown}");
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
        let (source, handed_over) = (folder.path().join("source"), folder.path().join("run"));
        fs::create_dir(&handed_over).unwrap();
        let judge = |runs: bool| judge("key.pem", &source, runs.then_some(handed_over.as_path()));
        assert!(judge(false).is_some_and(|it| it.what.contains("cannot be started")));
        fs::write(&source, "one").unwrap();
        assert_eq!(judge(false), None);
        assert!(judge(true).is_some_and(|it| it.what.contains("was not handed")));
        fs::write(handed_over.join("key.pem"), "one").unwrap();
        assert_eq!(judge(true), None);
        fs::write(&source, "two").unwrap();
        let found = judge(true).unwrap();
        assert_eq!(found.verdict, Verdict::Problem);
        assert!(found.advice.unwrap().contains("systemctl restart chatroomd"));
    }
}
