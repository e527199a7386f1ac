//! Connecting with TLS.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, crypto};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::link::explain;
use crate::trust::{Known, KnownServers, Verifier};

use chatroom::config::DEFAULT_TLS_PORT;
use chatroom::fingerprint::Fingerprint;

/// A connection, and a sentence on what was learned of the server, if it is news.
pub type Secured = (TlsStream<TcpStream>, Option<String>);

/// Why there is none.
pub enum Failure {
    /// It may be better the next time.
    Passing(String),
    /// The server is not who it should be, or that cannot be found out.
    Untrusted(String),
    /// The server speaks TLS where that was not asked for, or does not where it was.
    Misdirected(String),
}

/// Agrees on keys with the server at `address` over `stream`. If somebody has `told` what its
/// certificate is, only that counts.
///
/// # Errors
/// A sentence on why that failed.
pub async fn connect(
    address: &str,
    stream: TcpStream,
    told: Option<Fingerprint>,
) -> Result<Secured, Failure> {
    let servers = KnownServers::of_user();
    let before = match &servers {
        Some(servers) => servers.get(address).map_err(Failure::Untrusted)?,
        None => Known::Nothing,
    };
    let provider: Arc<crypto::CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = Arc::new(Verifier::new(provider.clone(), told.map_or(before, Known::Told)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Untrusted(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Failure::Untrusted(format!("{host} cannot be the name of a server")))?;
    let secured = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    match (secured, verifier.outcome()) {
        (_, Some(Err(problem))) => Err(Failure::Untrusted(problem)),
        (Err(error), _) => Err(no_agreement(address, &error)),
        (Ok(stream), Some(Ok(known))) if known != before => {
            let note = note(address, servers.as_ref(), known).map_err(Failure::Untrusted)?;
            Ok((stream, note))
        }
        (Ok(stream), _) => Ok((stream, None)),
    }
}

/// Why the two could not agree on keys.
fn no_agreement(address: &str, error: &io::Error) -> Failure {
    let reason = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match reason {
        // The first byte of what came does not begin a record of TLS.
        Some(rustls::Error::InvalidMessage(_)) => Failure::Misdirected(format!(
            "{address} does not speak TLS. Connect without --tls, or to the server's port for TLS, \
             which is usually {DEFAULT_TLS_PORT}"
        )),
        Some(reason) => Failure::Passing(format!("no agreement on TLS: {reason}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::Passing("the server closed it before TLS had begun".to_owned())
        }
        None => Failure::Passing(explain(error)),
    }
}

/// Remembers what is known now. Gives what a person should know of that.
fn note(
    address: &str,
    servers: Option<&KnownServers>,
    known: Known,
) -> Result<Option<String>, String> {
    let Some(servers) = servers else {
        return match known {
            Known::System => Ok(None),
            _ => Err("Nobody vouches for its certificate, and there is no place to remember it. \
                      Say with --fingerprint what it should be"
                .to_owned()),
        };
    };
    servers.note(address, known)?;
    Ok(match known {
        Known::Shown(fingerprint) => Some(format!(
            "Nobody vouches for the certificate of {address}. It is {fingerprint}; compare that with \
             what the operator says. From now on no other one is accepted there."
        )),
        _ => None,
    })
}
