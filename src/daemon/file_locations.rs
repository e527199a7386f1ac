//! The places in which this process, or the installed service, expects the daemon's files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use chatroom::access::Mode;
use chatroom::admin;
use chatroom::config::Config;

use crate::program::{variable, variable_os};
use crate::service::Service;
use crate::tls::Pair;

/// Names of the credentials, and of the files in the state folder.
const CERTIFICATE: [&str; 2] = ["certificate.pem"; 2];
const KEY: [&str; 2] = ["key.pem"; 2];
const PASSWORD: [&str; 2] = ["password", "room-password"];

/// The places that are searched for files.
pub struct FileLocations {
    /// The state folder.
    pub state: Option<PathBuf>,
    credentials: Credentials,
}

/// The credentials that systemd provides.
enum Credentials {
    /// The folder with the credentials of this process.
    Folder(PathBuf),
    /// The names of the service's credentials, and the files that systemd reads them from.
    Sources(Vec<(String, PathBuf)>),
    /// There may be credentials, but only the main process of the service can see them.
    Hidden,
    None,
}

/// The place in which a file is expected.
pub enum FileLocation {
    At(PathBuf),
    /// The file is a credential, which systemd reads from here.
    Source(PathBuf),
    /// The file may be a credential that this process cannot see.
    Hidden,
}

impl FileLocations {
    /// The locations of this process.
    pub fn of_process(config: &Config) -> FileLocations {
        let folder = variable_os("CREDENTIALS_DIRECTORY");
        let credentials = match folder.map(PathBuf::from) {
            // systemd 252 sets the variable for an ExecReload=, too, but without access to the folder.
            Some(folder) if fs::read_dir(&folder).is_err() && is_control_process() => {
                Credentials::Hidden
            }
            Some(folder) => Credentials::Folder(folder),
            None if main_process_has_credentials() => Credentials::Hidden,
            None => Credentials::None,
        };
        FileLocations {
            state: admin::state_folder(variable, config.paths.state.as_deref()),
            credentials,
        }
    }

    /// The locations of the installed service.
    pub fn of_service(service: &Service, config: &Config) -> FileLocations {
        FileLocations {
            state: service.state.clone().or_else(|| config.paths.state.clone()),
            credentials: Credentials::Sources(service.credentials.clone()),
        }
    }

    /// The certificate and its key: where the configuration says, else among the credentials, else in
    /// the state folder.
    ///
    /// # Errors
    /// There is no state folder.
    pub fn certificate(&self, config: &Config) -> anyhow::Result<[FileLocation; 2]> {
        let certificate = self.find(config.tls.certificate.as_deref(), CERTIFICATE)?;
        Ok([certificate, self.find(config.tls.key.as_deref(), KEY)?])
    }

    /// The files of the certificate and its key.
    ///
    /// # Errors
    /// There is no state folder, or this process cannot see them.
    pub fn pair(&self, config: &Config) -> anyhow::Result<Pair> {
        let [certificate, key] = self.certificate(config)?;
        match (certificate.path(), key.path()) {
            (Some(certificate), Some(key)) => {
                Ok(Pair { certificate: certificate.to_owned(), key: key.to_owned() })
            }
            _ => bail!("only the service itself can see its credentials"),
        }
    }

    /// The file of the room password, if one is needed.
    ///
    /// # Errors
    /// There is no state folder.
    pub fn room_password(&self, config: &Config) -> anyhow::Result<Option<FileLocation>> {
        match config.access.mode {
            Mode::Password => self.find(config.access.password_file.as_deref(), PASSWORD).map(Some),
            Mode::Open | Mode::Accounts => Ok(None),
        }
    }

    fn find(
        &self,
        configured: Option<&Path>,
        [name, in_state]: [&str; 2],
    ) -> anyhow::Result<FileLocation> {
        if let Some(file) = configured {
            return Ok(FileLocation::At(file.to_owned()));
        }
        match &self.credentials {
            Credentials::Hidden => return Ok(FileLocation::Hidden),
            Credentials::Folder(folder) if folder.join(name).exists() => {
                return Ok(FileLocation::At(folder.join(name)));
            }
            Credentials::Sources(sources) => {
                if let Some((_, source)) = sources.iter().find(|(other, _)| other == name) {
                    return Ok(FileLocation::Source(source.clone()));
                }
            }
            Credentials::Folder(_) | Credentials::None => {}
        }
        match &self.state {
            Some(folder) => Ok(FileLocation::At(folder.join(in_state))),
            None => bail!("there is no folder for {name}: name one in [paths] state"),
        }
    }
}

impl FileLocation {
    /// The file, if this process can see it.
    pub fn path(&self) -> Option<&Path> {
        match self {
            FileLocation::At(path) | FileLocation::Source(path) => Some(path),
            FileLocation::Hidden => None,
        }
    }
}

/// Whether systemd runs this process beside the main process of the service, as an `ExecReload=`.
fn is_control_process() -> bool {
    variable_os("MAINPID").is_some()
}

/// Whether the main process of the service has credentials.
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
        let mut places = FileLocations {
            state: Some("/state".into()),
            credentials: Credentials::Folder(folder.path().to_owned()),
        };
        let mut config = Config::default();
        config.access.mode = Mode::Password;
        let found = |places: &FileLocations, config: &Config| {
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
