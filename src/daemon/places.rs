//! Where the daemon's files are expected: in this process, or by the service that is installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use chatroom::access::Mode;
use chatroom::admin;
use chatroom::config::Config;

use crate::program::{variable, variable_os};
use crate::service::Service;
use crate::tls::Pair;

/// Names among the credentials and in the folder of the history.
const CERTIFICATE: [&str; 2] = ["certificate.pem"; 2];
const KEY: [&str; 2] = ["key.pem"; 2];
const PASSWORD: [&str; 2] = ["password", "room-password"];

/// The folders in which files are looked for.
pub struct Places {
    /// The folder of the history.
    pub state: Option<PathBuf>,
    credentials: Credentials,
}

/// The credentials that systemd gives.
enum Credentials {
    /// Those of this process.
    Folder(PathBuf),
    /// The files that systemd reads them from, for the service.
    Sources(Vec<(String, PathBuf)>),
    /// There are some, but only the main process of the service sees them.
    Hidden,
    None,
}

/// A file that is looked for.
pub enum Place {
    At(PathBuf),
    /// It is one of the credentials: systemd reads it from there.
    Source(PathBuf),
    /// It may be one of the credentials, which cannot be looked at from here.
    Hidden,
}

impl Places {
    /// Those of this process.
    pub fn of_process(config: &Config) -> Places {
        let folder = variable_os("CREDENTIALS_DIRECTORY");
        let credentials = match folder.map(PathBuf::from) {
            // systemd 252 names it to an ExecReload=, too, but does not let it look.
            Some(folder) if fs::read_dir(&folder).is_err() && is_control_process() => {
                Credentials::Hidden
            }
            Some(folder) => Credentials::Folder(folder),
            None if main_process_has_credentials() => Credentials::Hidden,
            None => Credentials::None,
        };
        Places { state: admin::state_folder(variable, config.paths.state.as_deref()), credentials }
    }

    /// Those of the installed service.
    pub fn of_service(service: &Service, config: &Config) -> Places {
        Places {
            state: service.state.clone().or_else(|| config.paths.state.clone()),
            credentials: Credentials::Sources(service.credentials.clone()),
        }
    }

    /// Where the certificate and its key are: where the configuration says, else among the
    /// credentials, else in the folder of the history.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn certificate(&self, config: &Config) -> anyhow::Result<[Place; 2]> {
        let certificate = self.find(config.tls.certificate.as_deref(), CERTIFICATE)?;
        Ok([certificate, self.find(config.tls.key.as_deref(), KEY)?])
    }

    /// The files of the certificate and its key.
    ///
    /// # Errors
    /// There is no such folder, or they cannot be looked at from here.
    pub fn pair(&self, config: &Config) -> anyhow::Result<Pair> {
        let [certificate, key] = self.certificate(config)?;
        match (certificate.path(), key.path()) {
            (Some(certificate), Some(key)) => {
                Ok(Pair { certificate: certificate.to_owned(), key: key.to_owned() })
            }
            _ => bail!("only the service itself sees its credentials"),
        }
    }

    /// Where the password of the room is, if one is needed.
    ///
    /// # Errors
    /// There is no folder for it.
    pub fn room_password(&self, config: &Config) -> anyhow::Result<Option<Place>> {
        match config.access.mode {
            Mode::Password => self.find(config.access.password_file.as_deref(), PASSWORD).map(Some),
            Mode::Open | Mode::Accounts => Ok(None),
        }
    }

    fn find(
        &self,
        configured: Option<&Path>,
        [name, in_state]: [&str; 2],
    ) -> anyhow::Result<Place> {
        if let Some(file) = configured {
            return Ok(Place::At(file.to_owned()));
        }
        match &self.credentials {
            Credentials::Hidden => return Ok(Place::Hidden),
            Credentials::Folder(folder) if folder.join(name).exists() => {
                return Ok(Place::At(folder.join(name)));
            }
            Credentials::Sources(sources) => {
                if let Some((_, source)) = sources.iter().find(|(other, _)| other == name) {
                    return Ok(Place::Source(source.clone()));
                }
            }
            Credentials::Folder(_) | Credentials::None => {}
        }
        match &self.state {
            Some(folder) => Ok(Place::At(folder.join(in_state))),
            None => bail!("there is no folder for {name}: name one in [paths] state"),
        }
    }
}

impl Place {
    /// The file, if it can be looked at.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Place::At(path) | Place::Source(path) => Some(path),
            Place::Hidden => None,
        }
    }
}

/// Whether systemd runs this beside the main process of the service, as an `ExecReload=`.
fn is_control_process() -> bool {
    variable_os("MAINPID").is_some()
}

/// Whether the main process, beside which this one runs, has credentials.
fn main_process_has_credentials() -> bool {
    let Some(pid) = variable("MAINPID") else { return false };
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|entry| entry.starts_with(b"CREDENTIALS_DIRECTORY="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_comes_before_the_folder_and_the_configuration_before_both() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), "secret").unwrap();
        let mut places = Places {
            state: Some("/state".into()),
            credentials: Credentials::Folder(folder.path().to_owned()),
        };
        let mut config = Config::default();
        config.access.mode = Mode::Password;
        let found = |places: &Places, config: &Config| {
            let pair = places.pair(config).unwrap();
            let password = places.room_password(config).unwrap().unwrap();
            (pair.certificate, pair.key, password.path().unwrap().to_owned())
        };
        // One credential does not hide the files beside the others.
        let password = folder.path().join("password");
        assert_eq!(
            found(&places, &config),
            ("/state/certificate.pem".into(), "/state/key.pem".into(), password)
        );
        places.credentials = Credentials::Sources(vec![("key.pem".into(), "/etc/key".into())]);
        config.tls.certificate = Some("/etc/certificate".into());
        assert_eq!(
            found(&places, &config),
            ("/etc/certificate".into(), "/etc/key".into(), "/state/room-password".into())
        );
        places.credentials = Credentials::Hidden;
        assert!(places.pair(&config).is_err());
    }
}
