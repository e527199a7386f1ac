//! Reads certificates, and makes self-signed ones.

mod facts;

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use chatroom::fingerprint::Fingerprint;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::warn;

pub use facts::Facts;

use crate::service::Owner;

/// The files of a certificate and its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A certificate in use.
#[derive(Clone)]
pub struct Identity {
    pub config: Arc<ServerConfig>,
    pub fingerprint: Fingerprint,
    /// Of the certificate with its intermediate certificates.
    chain: Fingerprint,
    pub facts: Facts,
    pub files: Pair,
}

impl Identity {
    /// Whether clients are shown the same certificates.
    pub fn is_same(&self, other: &Identity) -> bool {
        self.chain == other.chain
    }
}

impl Pair {
    /// Reads both files.
    ///
    /// # Errors
    /// A sentence that says which file is wrong, why, and what to do.
    pub fn load(&self) -> anyhow::Result<Identity> {
        let Pair { certificate, key } = self;
        let shown = certificate.display();
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| explain("certificate", certificate, &error))?;
        let Some(first) = chain.first() else {
            bail!("there is no certificate in {shown}: it should begin with BEGIN CERTIFICATE");
        };
        let (fingerprint, facts) = (Fingerprint::of(first), Facts::of(first));
        let whole: Vec<u8> =
            chain.iter().flat_map(|certificate| certificate.as_ref()).copied().collect();
        let whole = Fingerprint::of(&whole);
        let secret =
            PrivateKeyDer::from_pem_file(key).map_err(|error| explain("key", key, &error))?;
        warn_if_open(key);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|error| {
                let key = key.display();
                anyhow!("the certificate {shown} and the key {key} do not match: {error}")
            })?;
        let config = Arc::new(config);
        Ok(Identity { config, fingerprint, chain: whole, facts, files: self.clone() })
    }

    /// Makes a new key and a self-signed certificate for these names, which are host names or IP
    /// addresses. Replaces existing files. The new ones belong to `owner`.
    ///
    /// # Errors
    /// One of the files cannot be written, or a name cannot be in a certificate.
    pub fn make(&self, names: Vec<String>, owner: Option<&Owner>) -> anyhow::Result<Fingerprint> {
        let first = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names).context("this name cannot be used")?;
        params.distinguished_name.push(DnType::CommonName, first);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        // Both are written before either replaces an existing file.
        let new_key = write_beside(&self.key, 0o600, &key.serialize_pem(), owner)?;
        let new_certificate = write_beside(&self.certificate, 0o644, &certificate.pem(), owner)?;
        put(&new_key, &self.key)?;
        put(&new_certificate, &self.certificate)?;
        Ok(Fingerprint::of(certificate.der()))
    }
}

fn explain(what: &str, path: &Path, error: &pem::Error) -> anyhow::Error {
    let shown = path.display();
    let cause = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "the file contains none in PEM".to_owned(),
        other => other.to_string(),
    };
    anyhow!(
        "cannot read the {what} {shown}: {cause}. [tls] names the files; `chatroomd \
         --make-certificate` makes them"
    )
}

/// Whether any user of this machine can read a file.
pub fn is_open(key: &Path) -> bool {
    key.metadata().is_ok_and(|found| found.permissions().mode() & 0o007 != 0)
}

fn warn_if_open(key: &Path) {
    if is_open(key) {
        let shown = key.display();
        warn!(
            event = "open-key",
            "any user of this machine can read the key {shown}; `chmod o=` prevents that"
        );
    }
}

/// Writes the new content beside the file that it will replace. The mode does not depend on the umask.
fn write_beside(
    path: &Path,
    mode: u32,
    text: &str,
    owner: Option<&Owner>,
) -> anyhow::Result<PathBuf> {
    let new = path.with_added_extension("new");
    // An interrupted attempt may have left a file.
    let _ = fs::remove_file(&new);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        if let Some(owner) = owner {
            fchown(&file, Some(owner.uid), Some(owner.gid))?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(new)
}

fn put(new: &Path, path: &Path) -> anyhow::Result<()> {
    fs::rename(new, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(folder: &Path, name: &str) -> Pair {
        let file = |kind| folder.join(format!("{name}-{kind}.pem"));
        Pair { certificate: file("certificate"), key: file("key") }
    }

    #[track_caller]
    fn check_refused(pair: &Pair, expect: &[&str]) {
        let error = pair.load().map(|_| ()).unwrap_err().to_string();
        assert!(expect.iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn what_is_made_can_be_used_and_takes_the_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let made = pair(folder.path(), "a");
        let fingerprint = made.make(vec!["localhost".into(), "127.0.0.1".into()], None).unwrap();
        let loaded = made.load().unwrap();
        assert_eq!(loaded.fingerprint, fingerprint);
        // rcgen's default is the end of the year 4095.
        assert_eq!(loaded.facts.ends.unwrap().to_string(), "4096-01-01T00:00:00Z");
        assert_eq!(made.key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = made.make(vec!["localhost".into()], None).unwrap();
        assert_ne!(again, fingerprint);
        assert_eq!(made.load().unwrap().fingerprint, again);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn a_wrong_pair_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (pair(folder.path(), "a"), pair(folder.path(), "b"));
        check_refused(&one, &["cannot read the certificate", "a-certificate.pem: No such file"]);
        one.make(vec!["localhost".into()], None).unwrap();
        other.make(vec!["localhost".into()], None).unwrap();
        let crossed = Pair { key: other.key.clone(), ..one.clone() };
        check_refused(&crossed, &["a-certificate.pem", "b-key.pem", "do not match"]);
        fs::write(&one.certificate, "hello").unwrap();
        check_refused(&one, &["there is no certificate in"]);
    }
}
