//! Where the daemon's files are: its configuration, its runtime folder, its history.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chatroom::access::Mode;
use chatroom::admin;
use chatroom::config::Config;
use chatroom::secret::Secret;
use tracing::warn;

use crate::access::Access;
use crate::access::passwords::hash_now;
use crate::program::{variable, variable_os};
use crate::tls::{Pair, is_open};

/// The configuration file that is read where none is named.
pub const DEFAULT_CONFIG: &str = "/etc/chatroomd.toml";

/// The file that the configuration comes from: the named one, else the usual one if it is there.
pub fn config_file(named: Option<&Path>) -> Option<PathBuf> {
    let usual = Path::new(DEFAULT_CONFIG);
    named.or_else(|| usual.exists().then_some(usual)).map(Path::to_owned)
}

/// Reads the configuration.
///
/// # Errors
/// Every problem, as a line for a person. Nothing is wrong with having no file.
pub fn read_config(file: Option<&Path>) -> Result<Config, Vec<String>> {
    let Some(file) = file else { return Ok(Config::default()) };
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| vec![format!("cannot read the configuration {shown}: {error}")])?;
    Config::parse(&text)
        .map_err(|problems| problems.iter().map(|problem| format!("{shown}, {problem}")).collect())
}

/// Where the admin socket is to be. Makes the folder if need be, private to this user.
///
/// # Errors
/// The folder cannot be made, or belongs to somebody else.
pub fn admin_socket(config: &Config) -> anyhow::Result<PathBuf> {
    if let Some(socket) = &config.admin.socket {
        return Ok(socket.clone());
    }
    let uid = rustix::process::getuid().as_raw();
    let folder = admin::runtime_folder(variable, config.paths.runtime.as_deref(), uid);
    make_folder(&folder, 0o750, "[paths] runtime")?;
    let found = fs::symlink_metadata(&folder)?;
    if folder == admin::fallback_runtime_folder(uid) && (found.uid() != uid || !found.is_dir()) {
        bail!("{} belongs to somebody else; name a folder in [paths] runtime", folder.display());
    }
    Ok(folder.join(admin::SOCKET_NAME))
}

/// The folder of the history: systemd's, else the configured one, else the user's. Makes it if
/// need be, private to this user.
///
/// # Errors
/// It cannot be made, or there is no home to put it in.
pub fn state_folder(config: &Config) -> anyhow::Result<PathBuf> {
    let Some(folder) = admin::state_folder(variable, config.paths.state.as_deref()) else {
        bail!("there is no place for the history: name a folder in [paths] state");
    };
    make_folder(&folder, 0o700, "[paths] state")?;
    Ok(folder)
}

/// Where the certificate and its key are: where the configuration says, else among the credentials
/// that systemd gives, else in the folder of the history.
///
/// # Errors
/// There is no such folder.
pub fn certificate(config: &Config) -> anyhow::Result<Pair> {
    let usual = match credentials() {
        Some(folder) => folder,
        None => state_folder(config)?,
    };
    let or_usual = |file: &Option<PathBuf>, name| file.clone().unwrap_or_else(|| usual.join(name));
    Ok(Pair {
        certificate: or_usual(&config.tls.certificate, "certificate.pem"),
        key: or_usual(&config.tls.key, "key.pem"),
    })
}

/// Opens what is stored of who may come in and speak, in the folder of the history; where there is
/// none, it is in memory only.
///
/// # Errors
/// It cannot be read, or a password is needed for the room and there is none.
pub fn open_access(config: &Config) -> anyhow::Result<Access> {
    let folder = match state_folder(config) {
        Err(_) if !config.history.enabled => {
            warn!(
                event = "no-state",
                "cannot store accounts and bans, which are forgotten at the end: there is no \
                 [paths] state"
            );
            None
        }
        folder => Some(folder?),
    };
    let access = Access::open(folder.as_deref())?;
    let hash = room_password(config)?.map(|password| hash_now(&password)).transpose()?;
    // Nobody is in the room yet.
    access.set_room_hash(hash, drop);
    Ok(access)
}

/// The folder with the credentials that systemd gives the service (LoadCredential=).
pub fn credentials() -> Option<PathBuf> {
    variable_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Where the password of the room is, if one is needed: where the configuration says, else among the
/// credentials that systemd gives, else in the folder of the history.
///
/// # Errors
/// There is no such folder.
pub fn room_password_file(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    if config.access.mode != Mode::Password {
        return Ok(None);
    }
    Ok(Some(match (&config.access.password_file, credentials()) {
        (Some(file), _) => file.clone(),
        (None, Some(folder)) => folder.join("password"),
        (None, None) => state_folder(config)?.join("room-password"),
    }))
}

/// The password of the room, if one is needed.
///
/// # Errors
/// There is none where it should be, or it will not do.
pub fn room_password(config: &Config) -> anyhow::Result<Option<Secret>> {
    let Some(file) = room_password_file(config)? else { return Ok(None) };
    let shown = file.display();
    let password = fs::read_to_string(&file).with_context(|| {
        format!("cannot read the password of the room, {shown}; [access] password_file names it")
    })?;
    if is_open(&file) {
        warn!(
            event = "open-key",
            "anybody on this machine can read the password of the room, {shown}; chmod o= it"
        );
    }
    let password = Secret::of_line(password);
    if let Err(problem) = password.check_new() {
        bail!("the password of the room, {shown}, will not do: {problem}");
    }
    Ok(Some(password))
}

fn make_folder(folder: &Path, mode: u32, option: &str) -> anyhow::Result<()> {
    match DirBuilder::new().recursive(true).mode(mode).create(folder) {
        Ok(()) => Ok(()),
        Err(error) => {
            let shown = folder.display();
            let hint = format!("name a folder of yours in {option}");
            Err(error).with_context(|| format!("cannot make the folder {shown} ({hint})"))
        }
    }
}
