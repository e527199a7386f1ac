//! The certificate: the one in force, and the one on disk.

use chatroom::admin::Finding;
use chatroom::config::Config;
use jiff::{SignedDuration, Timestamp};

use crate::files;
use crate::overview::Overview;
use crate::tls::{Identity, is_open};

const AREA: &str = "certificate";

/// The number of days before its expiry within which a certificate is reported.
const DAYS_LEFT: i64 = 14;

/// Checks both. `written` is the configuration in the file, if it is valid.
pub(super) fn examine(
    overview: &Overview,
    written: Option<&Config>,
    now: Timestamp,
) -> Vec<Finding> {
    let in_force = overview.shared.identity();
    let config = written.cloned().unwrap_or_else(|| (*overview.shared.config()).clone());
    if in_force.is_none() && config.listen.tls.is_empty() {
        return Vec::new();
    }
    let on_disk = files::certificate(&config).and_then(|pair| pair.load());
    let mut findings = Vec::new();
    match (&in_force, &on_disk) {
        (_, Err(problem)) => {
            let what = match &in_force {
                Some(_) => format!("{problem:#}; a restart loses the one in force"),
                None => format!("{problem:#}"),
            };
            let advice = "Put a certificate and its key there, then `chatctl reload`.";
            findings.push(Finding::problem(AREA, what, advice));
        }
        (Some(in_force), Ok(on_disk)) if !in_force.is_same(on_disk) => {
            findings.push(differs(in_force, on_disk));
        }
        _ => {}
    }
    if let Some(identity) = in_force.as_ref().or(on_disk.as_ref().ok()) {
        findings.extend(open_key(identity));
        findings.push(validity(identity, now));
    }
    findings
}

fn differs(in_force: &Identity, on_disk: &Identity) -> Finding {
    let shown = on_disk.files.certificate.display();
    let describe = |it: &Identity| format!("{} ({})", it.facts.subject, it.fingerprint);
    let what = format!(
        "{shown} is not the certificate in force: on disk: {}, in force: {}",
        describe(on_disk),
        describe(in_force)
    );
    Finding::problem(AREA, what, "`chatctl reload` applies the one on disk.")
}

fn open_key(identity: &Identity) -> Option<Finding> {
    let key = &identity.files.key;
    let shown = key.display();
    is_open(key).then(|| {
        let what = format!("any user of this machine can read the key {shown}");
        Finding::problem(
            AREA,
            what,
            format!("chmod o= {shown}, and make a new key and certificate."),
        )
    })
}

fn validity(identity: &Identity, now: Timestamp) -> Finding {
    let shown = identity.files.certificate.display();
    let facts = &identity.facts;
    if let Some(begins) = facts.begins.filter(|begins| *begins > now) {
        let what = format!(
            "{shown} is not valid before {}; clients refuse it",
            begins.strftime("%Y-%m-%d")
        );
        return Finding::problem(AREA, what, "Is the clock right? `timedatectl` shows it.");
    }
    let Some(ends) = facts.ends else {
        return Finding::note(
            AREA,
            format!("it is not known when {shown} expires"),
            "Check it with openssl.",
        );
    };
    let left = ends.duration_since(now);
    let day = ends.strftime("%Y-%m-%d");
    let advice = match files::credentials() {
        Some(folder) if identity.files.certificate.starts_with(&folder) => {
            "Renew the credential's source, then `systemctl restart chatroomd`.".to_owned()
        }
        _ => format!("Renew {shown}, then `chatctl reload`."),
    };
    if left.is_negative() {
        Finding::problem(AREA, format!("{shown} expired on {day}; clients refuse it"), advice)
    } else if left < SignedDuration::from_hours(DAYS_LEFT * 24) {
        Finding::problem(AREA, format!("{shown} expires on {day}"), advice)
    } else {
        Finding::ok(AREA, format!("{shown} is valid until {day}"))
    }
}
