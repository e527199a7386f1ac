//! The result of a reload, as data and as lines for the operator.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Difference;

/// The result of a reload. Everything in it was checked after the reload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reloaded {
    /// The file that was read; none if the defaults are in force.
    pub file: Option<PathBuf>,
    /// The options that this reload applied.
    pub changed: Vec<Difference>,
    /// The options that need a restart. `old` is the value in force.
    pub needs_restart: Vec<Difference>,
    /// The certificate in force; none without TLS.
    pub certificate: Option<CertificateInForce>,
    /// The password of the room; none if the room needs none.
    pub room_password: Option<PasswordInForce>,
    /// Further notes for the operator, each as a sentence.
    pub notes: Vec<String>,
}

/// The certificate that TLS clients are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateInForce {
    /// Its subject, or if that is empty the names in it.
    pub subject: String,
    /// The end of its validity, if it can be read.
    pub ends: Option<Timestamp>,
    /// SHA-256, as `openssl x509 -fingerprint -sha256` prints it.
    pub fingerprint: String,
    pub file: PathBuf,
    /// Whether a reload has changed the certificate or its chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
}

/// The source of the room password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordInForce {
    pub file: PathBuf,
    pub changed: bool,
}

impl Reloaded {
    /// The report for the operator, in lines.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.summary()];
        lines.extend(self.changed.iter().map(in_force));
        lines.extend(self.needs_restart.iter().map(waits));
        lines.extend(self.certificate.as_ref().map(CertificateInForce::line));
        lines.extend(self.room_password.as_ref().map(PasswordInForce::line));
        lines.extend(self.notes.iter().map(|note| format!("Note: {note}")));
        lines
    }

    /// The source of the configuration, and how many options differ.
    pub fn summary(&self) -> String {
        let place = match &self.file {
            Some(file) => format!("Read the configuration again ({})", file.display()),
            None => "Read the configuration again (no file: the defaults are in force)".to_owned(),
        };
        let options = |count: usize| match count {
            1 => "1 option".to_owned(),
            count => format!("{count} options"),
        };
        match (self.changed.len(), self.needs_restart.len()) {
            (0, 0) => format!("{place}: no option has changed."),
            (changed, 0) => format!("{place}: {} changed, now in force.", options(changed)),
            (0, waiting) => format!("{place}: nothing changed yet; {} a restart.", need(waiting)),
            (changed, waiting) => {
                format!(
                    "{place}: {} changed, now in force; {} a restart.",
                    options(changed),
                    need(waiting)
                )
            }
        }
    }
}

fn need(count: usize) -> String {
    match count {
        1 => "1 option needs".to_owned(),
        count => format!("{count} options need"),
    }
}

/// The line for an option that a reload has applied.
pub fn in_force(change: &Difference) -> String {
    let Difference { option, old, new } = change;
    format!("{option} is now {new} (was {old}).")
}

/// The line for an option that needs a restart.
pub fn waits(change: &Difference) -> String {
    let Difference { option, old, new } = change;
    format!(
        "{option} = {new} needs a restart: `systemctl restart chatroomd`. Still in force: {old}."
    )
}

impl CertificateInForce {
    /// The line for the certificate: its identity, and whether it is new.
    pub fn line(&self) -> String {
        let changed = match self.changed {
            Some(true) => "changed",
            Some(false) => "unchanged",
            None => "in force",
        };
        let ends = match self.ends {
            Some(ends) => format!("valid until {}", ends.strftime("%Y-%m-%d %H:%M UTC")),
            None => "end of validity unknown".to_owned(),
        };
        let (file, fingerprint) = (self.file.display(), &self.fingerprint);
        format!("Certificate {changed}: {}, {ends}, {fingerprint}, from {file}.", self.subject)
    }
}

impl PasswordInForce {
    /// The line for the password: its source, and whether it is new.
    pub fn line(&self) -> String {
        let changed = if self.changed { "changed" } else { "unchanged" };
        format!("Room password {changed}: from {}.", self.file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(option: &str) -> Difference {
        Difference { option: option.to_owned(), old: "1".to_owned(), new: "2".to_owned() }
    }

    #[test]
    fn what_was_loaded_is_said_line_by_line() {
        let report = Reloaded {
            file: Some("/etc/chatroomd.toml".into()),
            changed: vec![difference("[limits] burst")],
            needs_restart: vec![difference("[metrics] listen"), difference("[room] name")],
            certificate: Some(CertificateInForce {
                subject: "CN=chat.example".to_owned(),
                ends: Some(Timestamp::UNIX_EPOCH),
                fingerprint: "sha256:00".to_owned(),
                file: "/c.pem".into(),
                changed: Some(false),
            }),
            room_password: Some(PasswordInForce { file: "/p".into(), changed: true }),
            notes: vec!["Something.".to_owned()],
        };
        let expect = [
            "Read the configuration again (/etc/chatroomd.toml): 1 option changed, now in force; 2 options need a restart.",
            "[limits] burst is now 2 (was 1).",
            "[metrics] listen = 2 needs a restart: `systemctl restart chatroomd`. Still in force: 1.",
            "[room] name = 2 needs a restart: `systemctl restart chatroomd`. Still in force: 1.",
            "Certificate unchanged: CN=chat.example, valid until 1970-01-01 00:00 UTC, sha256:00, from /c.pem.",
            "Room password changed: from /p.",
            "Note: Something.",
        ];
        assert_eq!(report.lines(), expect);
        let nothing = Reloaded::default();
        let said = "Read the configuration again (no file: the defaults are in force): no option has changed.";
        assert_eq!(nothing.lines(), [said]);
    }
}
