//! The folders for a user's files according to the XDG Base Directory Specification.

use std::path::PathBuf;

/// The folder for data that persists between runs: `$XDG_STATE_HOME`, otherwise `~/.local/state`.
/// None if the user has no home. A path that is not absolute is ignored.
pub fn state_home(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    home(env, "XDG_STATE_HOME", ".local/state")
}

/// The folder for the user's settings: `$XDG_CONFIG_HOME`, otherwise `~/.config`. None if the user
/// has no home. A path that is not absolute is ignored.
pub fn config_home(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    home(env, "XDG_CONFIG_HOME", ".config")
}

fn home(env: impl Fn(&str) -> Option<String>, name: &str, in_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| env(name).filter(|path| path.starts_with('/')).map(PathBuf::from);
    absolute(name).or_else(|| absolute("HOME").map(|home| home.join(in_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_home_is_absolute() {
        let of = |xdg: &'static str, home: &'static str| {
            state_home(|name| Some(if name == "HOME" { home } else { xdg }.to_owned()))
        };
        assert_eq!(of("/x", "/h"), Some("/x".into()));
        assert_eq!(of("", "/h"), Some("/h/.local/state".into()));
        assert_eq!(of("x", "/h"), Some("/h/.local/state".into()));
        assert_eq!(of("", ""), None);
        let env = |name: &str| (name == "HOME").then(|| "/h".to_owned());
        assert_eq!(config_home(env), Some("/h/.config".into()));
    }
}
