//! Facts about a certificate that the certificate states itself.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// The name by which operators recognize a certificate, and the time for which it is valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The subject, or if that is empty, the names that the certificate is for.
    pub subject: String,
    /// The beginning and the end of its validity, if they can be read.
    pub begins: Option<Timestamp>,
    pub ends: Option<Timestamp>,
}

impl Facts {
    /// Reads a certificate, and leaves out what cannot be decoded. rustls decides whether it is valid.
    pub fn of(certificate: &CertificateDer<'_>) -> Facts {
        let Ok(certificate) = Certificate::from_der(certificate) else {
            return Facts { subject: "unknown subject".to_owned(), ..Facts::default() };
        };
        let certificate = certificate.tbs_certificate();
        let subject = certificate.subject().to_string();
        let subject = if subject.is_empty() { names(certificate) } else { subject };
        let validity = certificate.validity();
        Facts {
            subject: chatroom::clean::line(&subject).into_owned(),
            begins: timestamp(&validity.not_before),
            ends: timestamp(&validity.not_after),
        }
    }
}

fn timestamp(time: &Time) -> Option<Timestamp> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    Timestamp::from_second(seconds).ok()
}

/// The hosts and addresses that a certificate is for.
fn names(certificate: &x509_cert::TbsCertificate) -> String {
    let Ok(Some((_, SubjectAltName(names)))) = certificate.get_extension::<SubjectAltName>() else {
        return "no subject".to_owned();
    };
    let names: Vec<String> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.to_string()),
            GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
            _ => None,
        })
        .collect();
    names.join(", ")
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(v6).map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn facts(subject: Option<&str>) -> Facts {
        let names = vec!["chat.example".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = subject {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.not_before = rcgen::date_time_ymd(2020, 1, 2);
        params.not_after = rcgen::date_time_ymd(2030, 3, 4);
        Facts::of(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn subject_and_validity_are_read() {
        let facts = facts(Some("chat.example"));
        assert_eq!(facts.subject, "CN=chat.example");
        assert_eq!(facts.begins.unwrap().to_string(), "2020-01-02T00:00:00Z");
        assert_eq!(facts.ends.unwrap().to_string(), "2030-03-04T00:00:00Z");
    }

    #[test]
    fn without_a_subject_the_names_are_said() {
        assert_eq!(facts(None).subject, "chat.example, 127.0.0.1, ::1");
        let garbage = CertificateDer::from(vec![1, 2, 3]);
        assert_eq!(Facts::of(&garbage).ends, None);
    }

    #[test]
    fn a_subject_cannot_act_on_a_terminal() {
        let subject = facts(Some("a\u{1b}[2J")).subject;
        assert!(!subject.contains('\u{1b}'), "{subject:?}");
    }
}
