//! The installed service: its folders, its user, its credentials. Commands that root runs at a terminal
//! look where the service looks, and write files that the service can read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, anyhow, bail};
use chatroom::unit::{Properties, credentials};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::program::variable_os;

const UNIT: &str = "chatroomd.service";

/// The user and the group if there is no unit.
const USER: &str = "chatroom";
/// The folder that contains those of `StateDirectory=`.
const STATE_FOLDERS: &str = "/var/lib";
const STATE_FOLDER: &str = "chatroomd";

/// The folders that `ProtectHome=` hides.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// The service as installed on this machine.
pub struct Service {
    /// The folder that systemd passes as `$STATE_DIRECTORY`.
    pub state: Option<PathBuf>,
    pub owner: Owner,
    /// The names of its credentials, and the files that systemd reads them from.
    pub credentials: Vec<(String, PathBuf)>,
    /// Whether it cannot see home folders.
    hides_homes: bool,
}

/// A user and its groups.
#[derive(Clone)]
pub struct Owner {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    groups: Vec<u32>,
}

impl Service {
    /// The installed service, if there is one, root runs this process, and systemd does not.
    ///
    /// # Errors
    /// The user of the service does not exist.
    pub fn find() -> anyhow::Result<Option<Service>> {
        let of_systemd = ["STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY"];
        if !geteuid().is_root() || of_systemd.into_iter().any(|name| variable_os(name).is_some()) {
            return Ok(None);
        }
        let properties = "LoadState,User,Group,StateDirectory,SupplementaryGroups,ProtectHome";
        let shown = output("systemctl", &["show", UNIT, "-p", properties]).unwrap_or_default();
        let shown = Properties::parse(&shown);
        let get = |name: &str| shown.value(name);
        if get("LoadState") == Some("loaded") {
            let state = get("StateDirectory").and_then(|list| list.split_whitespace().next());
            let text = output("systemctl", &["cat", UNIT]).unwrap_or_default();
            return Ok(Some(Service {
                state: state.map(|state| Path::new(STATE_FOLDERS).join(state)),
                owner: Owner::find(
                    get("User").unwrap_or("root"),
                    get("Group"),
                    get("SupplementaryGroups").unwrap_or_default(),
                )?,
                credentials: credentials(&text),
                hides_homes: get("ProtectHome").is_some_and(|value| value != "no"),
            }));
        }
        // systemd may not run, as in an image that is being built.
        Ok(Owner::find(USER, Some(USER), "").ok().map(|owner| Service {
            state: Some(Path::new(STATE_FOLDERS).join(STATE_FOLDER)),
            owner,
            credentials: Vec::new(),
            hides_homes: true,
        }))
    }

    /// Whether this path is hidden from the service, whatever its permissions are.
    pub fn hides(&self, path: &Path) -> bool {
        self.hides_homes && HOMES.iter().any(|home| path.starts_with(home))
    }
}

impl Owner {
    fn find(user: &str, group: Option<&str>, more_groups: &str) -> anyhow::Result<Owner> {
        let missing = || {
            format!("the user {user} of the service does not exist; `systemd-sysusers` creates it")
        };
        let id = |args: &[&str]| output("id", args).with_context(missing);
        let number = |text: &str| text.trim().parse::<u32>().with_context(missing);
        let gid = match group {
            Some(group) => group_id(group)?,
            None => number(&id(&["-g", user])?)?,
        };
        let groups = id(&["-G", user])?;
        let mut groups: Vec<u32> =
            groups.split_whitespace().filter_map(|group| group.parse().ok()).collect();
        groups.extend(more_groups.split_whitespace().filter_map(|group| group_id(group).ok()));
        Ok(Owner { name: user.to_owned(), uid: number(&id(&["-u", user])?)?, gid, groups })
    }

    /// Runs something with the rights of this user, on a thread of its own.
    ///
    /// # Errors
    /// The system does not permit that.
    pub fn act<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let act = || -> anyhow::Result<T> {
            let groups: Vec<Gid> = self.groups.iter().map(|&gid| Gid::from_raw(gid)).collect();
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            set_thread_groups(&groups)?;
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)?;
            Ok(work())
        };
        let outcome = thread::scope(|scope| scope.spawn(act).join());
        outcome.map_err(|_| anyhow!("the check as the user {} failed", self.name))?
    }
}

fn group_id(group: &str) -> anyhow::Result<u32> {
    if let Ok(gid) = group.parse() {
        return Ok(gid);
    }
    let entry = output("getent", &["group", group]).unwrap_or_default();
    match entry.split(':').nth(2).and_then(|gid| gid.parse().ok()) {
        Some(gid) => Ok(gid),
        None => {
            bail!("the group {group} of the service does not exist; `systemd-sysusers` creates it")
        }
    }
}

/// The output of a program, if it succeeds.
fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).env("SYSTEMD_COLORS", "0").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_hidden() {
        let owner = Owner { name: "nobody".into(), uid: 65534, gid: 65534, groups: Vec::new() };
        let mut service =
            Service { state: None, owner, credentials: Vec::new(), hides_homes: true };
        assert!(service.hides(Path::new("/root/key.pem")));
        assert!(!service.hides(Path::new("/rooted/key.pem")));
        service.hides_homes = false;
        assert!(!service.hides(Path::new("/root/key.pem")));
    }
}
