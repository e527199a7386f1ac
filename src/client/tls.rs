//! Connecting with TLS.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, crypto};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::transport::{ConnectError, explain};
use crate::trust::{Known, KnownServers, Verifier};

use chatroom::config::DEFAULT_TLS_PORT;
use chatroom::fingerprint::Fingerprint;

/// A connection, and a sentence about the identity of the server, if that is news.
pub type Secured = (TlsStream<TcpStream>, Option<String>);

/// Makes a TLS connection over `stream` to the server at `address`. If a certificate is `expected`, no
/// other is accepted.
///
/// # Errors
/// Why that failed.
pub async fn connect(
    address: &str,
    stream: TcpStream,
    expected: Option<Fingerprint>,
) -> Result<Secured, ConnectError> {
    let servers = KnownServers::of_user();
    let before = match &servers {
        Some(servers) => servers.get(address).map_err(ConnectError::Untrusted)?,
        None => Known::Nothing,
    };
    let provider: Arc<crypto::CryptoProvider> = Arc::new(ring::default_provider());
    let verifier =
        Arc::new(Verifier::new(provider.clone(), expected.map_or(before, Known::Expected)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::Untrusted(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone())
        .map_err(|_| ConnectError::Untrusted(format!("{host} is not a valid server name")))?;
    let secured = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    match (secured, verifier.outcome()) {
        (_, Some(Err(problem))) => Err(ConnectError::Untrusted(problem)),
        (Err(error), _) => Err(no_agreement(address, &error)),
        (Ok(stream), Some(Ok(known))) if known != before => {
            let note = note(address, servers.as_ref(), known).map_err(ConnectError::Untrusted)?;
            Ok((stream, note))
        }
        (Ok(stream), _) => Ok((stream, None)),
    }
}

/// The reason why the handshake failed.
fn no_agreement(address: &str, error: &io::Error) -> ConnectError {
    let reason = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match reason {
        // The first byte from the server does not begin a TLS record.
        Some(rustls::Error::InvalidMessage(_)) => ConnectError::WrongProtocol(format!(
            "{address} does not speak TLS. Connect without --tls, or to the server's port for TLS, \
             which is usually {DEFAULT_TLS_PORT}"
        )),
        Some(reason) => ConnectError::Transient(format!("the TLS handshake failed: {reason}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => ConnectError::Transient(
            "the server closed the connection before TLS had begun".to_owned(),
        ),
        None => ConnectError::Transient(explain(error)),
    }
}

/// Remembers the current information about the server. Returns a note for the user, if there is
/// anything to know.
fn note(
    address: &str,
    servers: Option<&KnownServers>,
    known: Known,
) -> Result<Option<String>, String> {
    let Some(servers) = servers else {
        return match known {
            Known::System => Ok(None),
            _ => Err(
                "The system does not trust its certificate, and there is no place to remember it. \
                      Name the expected certificate with --fingerprint"
                    .to_owned(),
            ),
        };
    };
    servers.note(address, known)?;
    Ok(match known {
        Known::Shown(fingerprint) => Some(format!(
            "The system does not trust the certificate of {address}: {fingerprint}. Compare it with the \
             fingerprint that the operator has published. From now on, no other certificate is accepted \
             there."
        )),
        _ => None,
    })
}
