//! The paths of the admin socket and of the daemon's state.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::xdg::state_home;

/// The name of the admin socket in the runtime folder.
pub const SOCKET_NAME: &str = "admin.sock";

/// The runtime folder of the service, and of root.
const SYSTEM_RUNTIME: &str = "/run/chatroomd";

/// The paths at which `chatctl` looks for the socket by default, the likeliest first. `env` looks
/// up an environment variable; `config` is the configuration of the service.
pub fn socket_candidates(
    env: impl Fn(&str) -> Option<String>,
    config: Option<&Config>,
) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        config.and_then(|it| it.admin.socket.clone()).into_iter().collect();
    let configured = config.and_then(|it| it.paths.runtime.clone());
    // systemd also sets its variable for the commands of the unit.
    let folders =
        [first_of_list(&env, "RUNTIME_DIRECTORY"), Some(SYSTEM_RUNTIME.into()), configured];
    places.extend(folders.into_iter().flatten().map(|folder| folder.join(SOCKET_NAME)));
    places.extend(user_runtime_folder(&env).map(|folder| folder.join(SOCKET_NAME)));
    places
}

/// The folder for the admin socket: the one that systemd provides, otherwise the configured one,
/// otherwise the user's.
///
/// If there is none (no session, no systemd, not root), it is a folder in `/tmp` named after the
/// user id, which the caller has to make private.
pub fn runtime_folder(
    env: impl Fn(&str) -> Option<String>,
    configured: Option<&Path>,
    uid: u32,
) -> PathBuf {
    first_of_list(&env, "RUNTIME_DIRECTORY")
        .or_else(|| configured.map(Path::to_owned))
        .or_else(|| user_runtime_folder(&env))
        .unwrap_or_else(|| match uid {
            0 => PathBuf::from(SYSTEM_RUNTIME),
            _ => fallback_runtime_folder(uid),
        })
}

/// The folder for data that outlives a restart: the one that systemd provides, otherwise the
/// configured one, otherwise the user's.
pub fn state_folder(
    env: impl Fn(&str) -> Option<String>,
    configured: Option<&Path>,
) -> Option<PathBuf> {
    first_of_list(&env, "STATE_DIRECTORY")
        .or_else(|| configured.map(Path::to_owned))
        .or_else(|| state_home(&env).map(|base| base.join("chatroomd")))
}

/// Returns the first folder of a list that systemd has separated with colons.
fn first_of_list(env: impl Fn(&str) -> Option<String>, name: &str) -> Option<PathBuf> {
    let list = env(name)?;
    list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
}

/// The folder in `/tmp` that replaces a runtime folder.
pub fn fallback_runtime_folder(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/chatroomd-{uid}"))
}

fn user_runtime_folder(env: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let base = env("XDG_RUNTIME_DIR").filter(|base| base.starts_with('/'))?;
    Some(Path::new(&base).join("chatroomd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |key| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_string())
    }

    #[test]
    fn the_daemon_and_chatctl_agree_on_the_place() {
        let session = env(&[("XDG_RUNTIME_DIR", "/run/user/7")]);
        let folder = runtime_folder(&session, None, 7);
        assert!(socket_candidates(&session, None).contains(&folder.join(SOCKET_NAME)));
        let bare = env(&[]);
        let folder = runtime_folder(&bare, None, 0);
        assert!(socket_candidates(&bare, None).contains(&folder.join(SOCKET_NAME)));
        let service = env(&[("RUNTIME_DIRECTORY", "/run/chat")]);
        let folder = runtime_folder(&service, None, 5);
        assert_eq!(socket_candidates(&service, None)[0], folder.join(SOCKET_NAME));
        let config = Config::parse("[paths]\nruntime = \"/r\"\n").unwrap();
        let folder = runtime_folder(&bare, config.paths.runtime.as_deref(), 5);
        assert!(socket_candidates(&bare, Some(&config)).contains(&folder.join(SOCKET_NAME)));
        let config = Config::parse("[admin]\nsocket = \"/r/a.sock\"\n").unwrap();
        assert_eq!(socket_candidates(&service, Some(&config))[0], Path::new("/r/a.sock"));
    }

    #[test]
    fn systemd_comes_before_the_configuration() {
        let service = env(&[("RUNTIME_DIRECTORY", "/run/chatroomd:/run/other")]);
        let configured = Some(Path::new("/somewhere"));
        assert_eq!(runtime_folder(&service, configured, 5), Path::new("/run/chatroomd"));
        assert_eq!(runtime_folder(env(&[]), configured, 5), Path::new("/somewhere"));
        assert_eq!(runtime_folder(env(&[]), None, 5), Path::new("/tmp/chatroomd-5"));
        let service = env(&[("STATE_DIRECTORY", "/var/lib/chatroomd:/x"), ("HOME", "/home/ann")]);
        assert_eq!(state_folder(&service, configured).unwrap(), Path::new("/var/lib/chatroomd"));
        let home = env(&[("HOME", "/home/ann")]);
        assert_eq!(state_folder(&home, configured).unwrap(), Path::new("/somewhere"));
        let of_home = Path::new("/home/ann/.local/state/chatroomd");
        assert_eq!(state_folder(&home, None).unwrap(), of_home);
        assert_eq!(state_folder(env(&[]), None), None);
    }
}
