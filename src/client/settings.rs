//! Combines the command line with the user's settings.

use std::net::IpAddr;

use chatroom::config::{DEFAULT_PORT, DEFAULT_TLS_PORT};
use chatroom::secret::Secret;

use crate::args::{Args, address, checked_address};
use crate::preferences::Preferences;
use crate::transport::Security;

impl Args {
    /// Fills in the values that are not on the command line from the user's settings, otherwise
    /// with the defaults.
    ///
    /// # Errors
    /// The problem with the settings.
    pub fn complete(&mut self, preferences: &Preferences) -> Result<(), String> {
        // Settings about a server are only for the server that the file names.
        if self.address.is_none() {
            let of_file = |option: &str| format!("{option} in client.toml");
            if let Some(fingerprint) = &preferences.fingerprint {
                let fingerprint = fingerprint.parse();
                let fingerprint =
                    fingerprint.map_err(|error| format!("{}: {error}", of_file("fingerprint")))?;
                self.fingerprint = self.fingerprint.or(Some(fingerprint));
            }
            self.tls |= preferences.tls == Some(true);
            self.address = preferences.address.clone();
            if let Some(address) = &self.address {
                checked_address(address)
                    .map_err(|error| format!("{}: {error}", of_file("address")))?;
            }
        }
        let port = match self.security() {
            Security::None => DEFAULT_PORT,
            Security::Tls { .. } => DEFAULT_TLS_PORT,
        };
        self.address = Some(address(self.address.as_deref().unwrap_or("127.0.0.1"), port)?);
        self.name = self.name.take().or_else(|| preferences.name.clone());
        self.attempts = self.attempts.or(preferences.attempts).or(Some(5));
        self.no_bell |= preferences.bell == Some(false);
        self.plain |= preferences.plain == Some(true);
        Ok(())
    }

    /// Whether a password is safe from eavesdropping on the way to the server.
    pub fn is_private(&self) -> bool {
        let address = self.address.as_deref().unwrap_or_default();
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        self.security() != Security::None || is_loopback || host == "localhost"
    }

    /// The password from the file of `--password-file`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn password(&self) -> Result<Option<Secret>, String> {
        let Some(file) = &self.password_file else { return Ok(None) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read the password in {}: {error}", file.display()))?;
        Ok(Some(Secret::of_line(text)))
    }

    /// How to protect the connection.
    pub fn security(&self) -> Security {
        match (self.tls, self.fingerprint) {
            (false, None) => Security::None,
            (_, expected) => Security::Tls { expected },
        }
    }
}
