//! The notes in the report of a reload, and the report in the journal.

use chatroom::admin::{self, CertificateInForce, Reloaded};
use chatroom::config::Difference;
use jiff::Timestamp;
use tracing::{info, warn};

use crate::files;
use crate::program::variable;
use crate::shared::Shared;
use crate::tls::Identity;

/// The certificate of an identity, for the report.
pub fn certificate_in_force(identity: &Identity, changed: Option<bool>) -> CertificateInForce {
    CertificateInForce {
        subject: identity.facts.subject.clone(),
        ends: identity.facts.ends,
        fingerprint: identity.fingerprint.to_string(),
        file: identity.files.certificate.clone(),
        changed,
    }
}

/// Adds notes to a report, and removes differences that have no effect even after a restart.
pub(super) fn complete(reloaded: &mut Reloaded, shared: &Shared, is_activated: bool) {
    let why = |difference: &Difference| without_effect(&difference.option, is_activated);
    reloaded.notes.extend(reloaded.needs_restart.iter().filter_map(why));
    reloaded.needs_restart.retain(|difference| why(difference).is_none());
    let has_changed =
        |option: &str| reloaded.changed.iter().any(|difference| difference.option == option);
    if has_changed("[room] topic") && shared.access.access_state().topic.is_some() {
        reloaded.notes.push(
            "An operator has set another topic, which stays in force; `chatctl topic --clear` \
             restores the configured one."
                .to_owned(),
        );
    }
    if ["[timeouts] silence", "[timeouts] stalled"].into_iter().any(has_changed) {
        reloaded.notes.push(
            "[timeouts] silence and stalled apply in full only to new connections.".to_owned(),
        );
    }
    if let Some(certificate) = &reloaded.certificate {
        reloaded.notes.extend(validity(certificate, Timestamp::now()));
    }
    reloaded.notes.extend(credentials(reloaded));
}

/// The reason why an option has no effect even after a restart, if that is so.
pub fn without_effect(option: &str, is_activated: bool) -> Option<String> {
    let folder = |directive: &str, folder: String| {
        format!("{option} has no effect: systemd gives the service {folder} ({directive}=).")
    };
    match option {
        "[listen] chat" | "[listen] tls" if is_activated => Some(format!(
            "{option} has no effect: systemd opens the ports that chatroomd.socket names."
        )),
        "[paths] state" => variable("STATE_DIRECTORY").map(|it| folder("StateDirectory", it)),
        "[paths] runtime" => variable("RUNTIME_DIRECTORY").map(|it| folder("RuntimeDirectory", it)),
        _ => None,
    }
}

/// A note if the certificate has expired.
fn validity(certificate: &CertificateInForce, now: Timestamp) -> Option<String> {
    certificate.ends.filter(|ends| *ends < now)?;
    Some("The certificate has expired: clients refuse it. Renew it and reload again.".to_owned())
}

/// A note if something unchanged is a credential, because a reload does not see renewed credentials.
fn credentials(reloaded: &Reloaded) -> Option<String> {
    let folder = files::credentials()?;
    let certificate = reloaded.certificate.as_ref();
    let is_old_certificate =
        certificate.is_some_and(|it| it.changed == Some(false) && it.file.starts_with(&folder));
    let password = reloaded.room_password.as_ref();
    let is_old_password = password.is_some_and(|it| !it.changed && it.file.starts_with(&folder));
    let what = match (is_old_certificate, is_old_password) {
        (true, true) => "The certificate and the room password are credentials",
        (true, false) => "The certificate is a credential",
        (false, true) => "The room password is a credential",
        (false, false) => return None,
    };
    Some(format!(
        "{what} of the service (LoadCredential=), which systemd reads when the service starts. After a \
         renewal, `systemctl restart chatroomd` loads it and keeps plain connections (TLS clients \
         reconnect by themselves)."
    ))
}

/// Writes a report to the journal.
pub(super) fn log(reloaded: &Reloaded) {
    let names =
        |all: &[Difference]| all.iter().map(|it| it.option.as_str()).collect::<Vec<_>>().join(", ");
    let (changed, waiting) = (names(&reloaded.changed), names(&reloaded.needs_restart));
    let file = reloaded.file.as_ref().map(|file| file.display().to_string());
    let summary = in_the_log(&reloaded.summary());
    let message = match changed.as_str() {
        "" => summary,
        changed => format!("{summary} Changed: {changed}"),
    };
    info!(event = "reloaded", file, changed, needs_restart = waiting, "{message}");
    for difference in &reloaded.needs_restart {
        let Difference { option, old, new } = difference;
        warn!(event = "needs-restart", option, old, new, "{}", admin::waits(difference));
    }
    reloaded.certificate.iter().for_each(log_certificate);
    if let Some(password) = &reloaded.room_password {
        let (file, changed) = (password.file.display().to_string(), password.changed);
        let line = in_the_log(&password.line());
        info!(event = "room-password", file, changed, "{line}");
    }
    for note in &reloaded.notes {
        info!(event = "reload-note", "{}", in_the_log(note));
    }
}

/// Logs which certificate is in force.
pub fn log_certificate(certificate: &CertificateInForce) {
    let CertificateInForce { subject, ends, fingerprint, file, changed } = certificate;
    let (file, ends) = (file.display().to_string(), ends.map(|ends| ends.to_string()));
    let line = in_the_log(&certificate.line());
    info!(event = "certificate", subject, ends, fingerprint, file, changed, "{line}");
}

/// A sentence with a lower-case beginning, as in other log messages.
fn in_the_log(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_socket_activation_overrides_has_no_effect() {
        assert!(
            without_effect("[listen] chat", true).is_some_and(|it| it.contains("systemd opens"))
        );
        assert_eq!(without_effect("[listen] chat", false), None);
        assert_eq!(without_effect("[room] name", true), None);
    }

    #[test]
    fn an_expired_certificate_is_said() {
        let certificate = |ends: i64| CertificateInForce {
            subject: String::new(),
            ends: Timestamp::from_second(ends).ok(),
            fingerprint: String::new(),
            file: "/c.pem".into(),
            changed: Some(true),
        };
        let now = Timestamp::from_second(1000).unwrap();
        assert!(validity(&certificate(999), now).is_some_and(|said| said.contains("has expired")));
        assert_eq!(validity(&certificate(1001), now), None);
    }
}
