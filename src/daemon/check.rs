//! `chatroomd --check-config`: checks the configuration and every file that the service opens with it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chatroom::admin;
use chatroom::config::Config;
use rustix::fs::{Access, access};

use crate::file_locations::{FileLocation, FileLocations};
use crate::program::{cause, variable};
use crate::service::Service;
use crate::tls::Pair;
use crate::{files, folders};

/// A check on behalf of the service, or of this process.
pub struct Check<'c> {
    config: &'c Config,
    locations: FileLocations,
    service: Option<&'c Service>,
    problems: Vec<String>,
}

impl<'c> Check<'c> {
    /// Checks everything. Returns all problems, a sentence each.
    pub fn all(config: &'c Config, service: Option<&'c Service>) -> Vec<String> {
        let locations = match service {
            Some(service) => FileLocations::of_service(service, config),
            None => FileLocations::of_process(config),
        };
        let mut check = Check { config, locations, service, problems: Vec::new() };
        check.state_folder();
        check.certificate();
        check.room_password();
        check.admin_socket();
        check.problems
    }

    fn certificate(&mut self) {
        if self.config.listen.tls.is_empty() {
            return;
        }
        let locations = match self.locations.certificate(self.config) {
            Ok(locations) => locations,
            Err(problem) => return self.problems.push(format!("{problem:#}")),
        };
        let before = self.problems.len();
        for (what, location) in ["certificate", "key"].into_iter().zip(&locations) {
            self.readable(
                what,
                location,
                "[tls] names the files, and `chatroomd --make-certificate` makes them",
            );
        }
        let [Some(certificate), Some(key)] =
            locations.map(|location| location.path().map(PathBuf::from))
        else {
            return;
        };
        if self.problems.len() == before
            && let Err(problem) = (Pair { certificate, key }).load()
        {
            self.problems.push(format!("{problem:#}"));
        }
    }

    fn room_password(&mut self) {
        let location = match self.locations.room_password(self.config) {
            Ok(Some(location)) => location,
            Ok(None) => return,
            Err(problem) => return self.problems.push(format!("{problem:#}")),
        };
        let before = self.problems.len();
        self.readable("room password", &location, "[access] password_file names it");
        if self.problems.len() == before
            && let Some(path) = location.path()
            && let Err(problem) = files::read_room_password(path)
        {
            self.problems.push(format!("{problem:#}"));
        }
    }

    /// The state folder, and the files in it.
    fn state_folder(&mut self) {
        let Some(folder) = self.locations.state.clone() else {
            if self.config.history.enabled {
                let problem = "there is no state folder: name one in [paths] state";
                self.problems.push(problem.to_owned());
            }
            return;
        };
        let is_made_by_systemd =
            self.service.is_some_and(|service| service.state.as_ref() == Some(&folder));
        if folder.exists() || !is_made_by_systemd {
            self.writable("state folder", &folder, "[paths] state names it");
        }
        if folder.is_dir() {
            let outcome = self.act(|| folders::check_state(&folder));
            if let Err(problem) = outcome.and_then(|outcome| outcome) {
                self.problems.push(format!("{problem:#}"));
            }
        }
        for name in files::IN_STATE {
            let path = folder.join(name);
            let outcome = self.act(|| match access(&path, Access::READ_OK | Access::WRITE_OK) {
                Err(rustix::io::Errno::NOENT) => Ok(()),
                outcome => outcome.map_err(io::Error::from),
            });
            if let Err(error) = outcome.flatten_problem() {
                let (shown, user) = (path.display(), self.user());
                self.problems.push(format!(
                    "{user} cannot read and write {shown}: {error}. `chown {user}: {shown}`"
                ));
            }
        }
    }

    fn admin_socket(&mut self) {
        if let Some(socket) = self.config.admin.socket.clone() {
            let folder = socket.parent().unwrap_or(Path::new("/")).to_owned();
            if folder.exists() {
                self.writable("folder of the admin socket", &folder, "[admin] socket names it");
            } else {
                let shown = folder.display();
                self.problems.push(format!(
                    "the folder of the admin socket, {shown}, does not exist: create it, or name \
                     another path in [admin] socket"
                ));
            }
        } else if self.service.is_none() {
            let uid = rustix::process::getuid().as_raw();
            let folder = admin::runtime_folder(variable, self.config.paths.runtime.as_deref(), uid);
            self.writable("folder of the admin socket", &folder, "[paths] runtime names it");
        }
    }

    /// Checks that a file can be read by the service, or by systemd if it is a credential.
    fn readable(&mut self, what: &str, location: &FileLocation, hint: &str) {
        let (path, outcome) = match location {
            FileLocation::Hidden => return,
            // systemd reads it, as root.
            FileLocation::Source(path) => (path, Ok(File::open(path).map(drop))),
            FileLocation::At(path) => (path, self.act(|| File::open(path).map(drop))),
        };
        let (shown, user) = (path.display(), self.user());
        if let (FileLocation::At(path), Some(service)) = (location, self.service)
            && service.hides(path)
        {
            return self.problems.push(format!(
                "the service cannot see the {what} {shown}, because it sees no homes \
                 (ProtectHome=). Move it, for example to /etc"
            ));
        }
        if let Err(error) = outcome.flatten_problem() {
            let by = if matches!(location, FileLocation::Source(_)) { "systemd" } else { &user };
            self.problems.push(format!("{by} cannot read the {what} {shown}: {error}. {hint}"));
        }
    }

    /// Checks that files can be created in a folder, or that the folder itself can be created.
    fn writable(&mut self, what: &str, folder: &Path, hint: &str) {
        let existing = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(folder);
        let allowed = Access::WRITE_OK | Access::EXEC_OK;
        let outcome = match existing.is_dir() {
            true => self.act(|| access(existing, allowed).map_err(io::Error::from)),
            false => Ok(Err(io::Error::from(rustix::io::Errno::NOTDIR))),
        };
        if let Err(error) = outcome.flatten_problem() {
            let (shown, user) = (folder.display(), self.user());
            self.problems
                .push(format!("{user} cannot write to the {what} {shown}: {error}. {hint}"));
        }
    }

    fn act<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        match self.service {
            Some(service) => service.owner.act(work),
            None => Ok(work()),
        }
    }

    fn user(&self) -> String {
        self.service.map_or_else(|| "chatroomd".to_owned(), |service| service.owner.name.clone())
    }
}

/// The outcome of an attempt that may not have been made.
trait Attempt {
    /// Returns the reason why the attempt failed or was not made.
    fn flatten_problem(self) -> Result<(), String>;
}

impl Attempt for anyhow::Result<io::Result<()>> {
    fn flatten_problem(self) -> Result<(), String> {
        match self {
            Ok(outcome) => outcome.map_err(|error| cause(&error)),
            Err(problem) => Err(format!("{problem:#}")),
        }
    }
}
