//! `chatroomd --check-config`: the configuration, and every file that the service would open with it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chatroom::admin;
use chatroom::config::Config;
use rustix::fs::{Access, access};

use crate::places::{Place, Places};
use crate::program::{cause, variable};
use crate::service::Service;
use crate::tls::Pair;
use crate::{files, folders};

/// What is looked at, and as whom.
pub struct Check<'c> {
    config: &'c Config,
    places: Places,
    service: Option<&'c Service>,
    problems: Vec<String>,
}

impl<'c> Check<'c> {
    /// Looks at everything. Gives what is wrong, a sentence each.
    pub fn all(config: &'c Config, service: Option<&'c Service>) -> Vec<String> {
        let places = match service {
            Some(service) => Places::of_service(service, config),
            None => Places::of_process(config),
        };
        let mut check = Check { config, places, service, problems: Vec::new() };
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
        let places = match self.places.certificate(self.config) {
            Ok(places) => places,
            Err(problem) => return self.problems.push(format!("{problem:#}")),
        };
        let before = self.problems.len();
        for (what, place) in ["certificate", "key"].into_iter().zip(&places) {
            self.readable(
                what,
                place,
                "[tls] names the files, and `chatroomd --make-certificate` makes them",
            );
        }
        let [Some(certificate), Some(key)] = places.map(|place| place.path().map(PathBuf::from))
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
        let place = match self.places.room_password(self.config) {
            Ok(Some(place)) => place,
            Ok(None) => return,
            Err(problem) => return self.problems.push(format!("{problem:#}")),
        };
        let before = self.problems.len();
        self.readable("password of the room", &place, "[access] password_file names it");
        if self.problems.len() == before
            && let Some(path) = place.path()
            && let Err(problem) = files::read_room_password(path)
        {
            self.problems.push(format!("{problem:#}"));
        }
    }

    /// The folder of the history, and what is in it.
    fn state_folder(&mut self) {
        let Some(folder) = self.places.state.clone() else {
            if self.config.history.enabled {
                let problem = "there is no place for the history: name a folder in [paths] state";
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
                    "the folder of the admin socket, {shown}, does not exist: make it, or name \
                     another place in [admin] socket"
                ));
            }
        } else if self.service.is_none() {
            let uid = rustix::process::getuid().as_raw();
            let folder = admin::runtime_folder(variable, self.config.paths.runtime.as_deref(), uid);
            self.writable("folder of the admin socket", &folder, "[paths] runtime names it");
        }
    }

    /// Whether a file can be read by those who read it.
    fn readable(&mut self, what: &str, place: &Place, hint: &str) {
        let (path, outcome) = match place {
            Place::Hidden => return,
            // systemd itself reads it.
            Place::Source(path) => (path, Ok(File::open(path).map(drop))),
            Place::At(path) => (path, self.act(|| File::open(path).map(drop))),
        };
        let (shown, user) = (path.display(), self.user());
        if let (Place::At(path), Some(service)) = (place, self.service)
            && service.hides(path)
        {
            return self.problems.push(format!(
                "the service cannot see the {what} {shown}, because it sees no homes \
                 (ProtectHome=). Move it, for example to /etc"
            ));
        }
        if let Err(error) = outcome.flatten_problem() {
            let by = if matches!(place, Place::Source(_)) { "systemd" } else { &user };
            self.problems.push(format!("{by} cannot read the {what} {shown}: {error}. {hint}"));
        }
    }

    /// Whether files can be made in a folder, or the folder itself can be made.
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
                .push(format!("{user} cannot write in the {what} {shown}: {error}. {hint}"));
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

/// An attempt that may not even have been made.
trait Attempt {
    /// Why it did not succeed, in either case.
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
