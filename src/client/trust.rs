//! Whether a server is the expected one: because the system trusts its certificate, or because it shows
//! the same certificate as before.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chatroom::fingerprint::Fingerprint;
use chatroom::xdg::state_home;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::program;

/// Knowledge about a server before connecting to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Nothing,
    /// The system has trusted its certificate.
    System,
    /// It has shown this certificate, which the system does not trust.
    Shown(Fingerprint),
    /// The user has named this certificate.
    Expected(Fingerprint),
}

/// Decides whether to trust the certificate that a server has shown, given the stored information
/// about the server and the verdict of the system. Returns the information to store.
///
/// # Errors
/// Why the certificate is not trusted, and what to do.
fn decide(known: Known, shown: Fingerprint, system: Result<(), String>) -> Result<Known, String> {
    let accept = |why: &str| {
        format!(
            "{why} Someone may be intercepting the connection. If you know that {shown} is right, join \
             once with --fingerprint {shown}"
        )
    };
    match (known, system) {
        (Known::Expected(expected), _) if expected == shown => Ok(Known::Shown(shown)),
        (Known::Expected(expected), _) => {
            Err(format!("The server shows the certificate {shown}, not {expected}"))
        }
        (_, Ok(())) => Ok(Known::System),
        (Known::Nothing, Err(_)) => Ok(Known::Shown(shown)),
        (Known::Shown(before), Err(_)) if before == shown => Ok(known),
        (Known::Shown(before), Err(_)) => {
            Err(accept(&format!("Its certificate is {shown} now; it was {before} before.")))
        }
        (Known::System, Err(problem)) => {
            Err(accept(&format!("The system no longer trusts its certificate ({problem}).")))
        }
    }
}

/// Verifies the certificate of one server, and records the outcome.
#[derive(Debug)]
pub struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None if the system has no root certificates.
    system: Option<rustls_platform_verifier::Verifier>,
    known: Known,
    outcome: Mutex<Option<Result<Known, String>>>,
}

impl Verifier {
    pub fn new(provider: Arc<CryptoProvider>, known: Known) -> Verifier {
        let system = rustls_platform_verifier::Verifier::new(provider.clone()).ok();
        Verifier { provider, system, known, outcome: Mutex::new(None) }
    }

    /// The decision, once the server has shown a certificate.
    pub fn outcome(&self) -> Option<Result<Known, String>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let system = match &self.system {
            Some(system) => system
                .verify_server_cert(certificate, intermediates, name, ocsp, now)
                .map(|_| ())
                .map_err(|error| error.to_string()),
            None => Err("it has no root certificates".to_owned()),
        };
        let outcome = decide(self.known, Fingerprint::of(certificate), system);
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome.clone());
        outcome.map(|_| ServerCertVerified::assertion()).map_err(Error::General)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The file that remembers the certificates of servers: one line each. The last line about a server
/// counts.
pub struct KnownServers {
    file: PathBuf,
}

impl KnownServers {
    /// The user's own; none if the user has no home.
    pub fn of_user() -> Option<KnownServers> {
        let state = state_home(program::variable)?;
        Some(KnownServers { file: state.join("chatroom/known_servers") })
    }

    /// Looks up the server at an address.
    ///
    /// # Errors
    /// The file cannot be read, or its entry for the server is invalid.
    pub fn get(&self, address: &str) -> Result<Known, String> {
        let shown = self.file.display();
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::Nothing),
            Err(error) => return Err(format!("{shown}: {error}")),
        };
        let of_address = |line: &str| -> Option<String> {
            let (known, what) = line.split_once(' ')?;
            (known == address).then(|| what.trim().to_owned())
        };
        match text.lines().filter_map(of_address).next_back().as_deref() {
            None => Ok(Known::Nothing),
            Some("system") => Ok(Known::System),
            Some(what) => what
                .parse()
                .map(Known::Shown)
                .map_err(|error| format!("{shown}: `{what}` is invalid: {error}")),
        }
    }

    /// Stores the information about the server at an address.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, address: &str, known: Known) -> Result<(), String> {
        let what = match known {
            Known::Nothing => return Ok(()),
            Known::System => "system".to_owned(),
            Known::Shown(fingerprint) | Known::Expected(fingerprint) => fingerprint.to_string(),
        };
        let write = || {
            if let Some(folder) = self.file.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).mode(0o600).open(&self.file)?;
            // In one write, since other clients may append at the same time.
            file.write_all(format!("{address} {what}\n").as_bytes())
        };
        write().map_err(|error: io::Error| format!("{}: {error}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_to_stay_who_it_was() {
        let (one, other) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        let unknown = || Err("unknown issuer".to_owned());
        assert_eq!(decide(Known::Nothing, one, Ok(())), Ok(Known::System));
        assert_eq!(decide(Known::Nothing, one, unknown()), Ok(Known::Shown(one)));
        assert_eq!(decide(Known::Shown(one), one, unknown()), Ok(Known::Shown(one)));
        assert_eq!(decide(Known::Shown(one), other, Ok(())), Ok(Known::System));
        let changed = decide(Known::Shown(one), other, unknown()).unwrap_err();
        assert!(changed.contains(&format!("--fingerprint {other}")), "{changed}");
        let lost = decide(Known::System, one, unknown()).unwrap_err();
        assert!(lost.contains("no longer trusts its certificate (unknown issuer)"), "{lost}");
        assert_eq!(decide(Known::Expected(one), one, unknown()), Ok(Known::Shown(one)));
        assert!(
            decide(Known::Expected(one), other, Ok(())).is_err(),
            "even if the system trusts it"
        );
    }

    #[test]
    fn what_is_known_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let servers = KnownServers { file: folder.path().join("deep/er/known") };
        assert_eq!(servers.get("a:1"), Ok(Known::Nothing));
        let shown = Known::Shown(Fingerprint::of(b"1"));
        servers.note("a:1", Known::System).unwrap();
        servers.note("a:1", shown).unwrap();
        servers.note("a:10", Known::System).unwrap();
        assert_eq!((servers.get("a:1"), servers.get("a:10")), (Ok(shown), Ok(Known::System)));
        fs::write(&servers.file, "a:1 nonsense\n").unwrap();
        assert!(servers.get("a:1").unwrap_err().contains("`nonsense` is invalid"));
    }
}
