//! A client's connection: TCP, or TLS over it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

pub struct Wire {
    pub stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

/// The TLS configuration of a client of a server with this certificate.
pub fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Wire {
    pub fn connect(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Wire {
        let stream = TcpStream::connect(address).unwrap();
        let name = "localhost".try_into().unwrap();
        let tls = tls.map(|config| Box::new(ClientConnection::new(config, name).unwrap()));
        Wire { stream, tls }
    }

    /// Sends all of it at once.
    pub fn send(&mut self, bytes: &[u8]) {
        let Some(tls) = &mut self.tls else {
            let sent = self.stream.write(bytes).unwrap();
            assert_eq!(sent, bytes.len(), "a sender is slower than what it may have on the way");
            return;
        };
        tls.writer().write_all(bytes).unwrap();
        while tls.wants_write() {
            tls.write_tls(&mut self.stream).unwrap();
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            tls.read_tls(&mut self.stream)?;
            tls.process_new_packets().unwrap();
            while tls.wants_write() {
                tls.write_tls(&mut self.stream)?;
            }
        }
    }
}
