//! Finds and reads the daemon's files: configuration, folders, certificate, room password.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chatroom::admin;
use chatroom::config::Config;
use chatroom::secret::Secret;
use tracing::warn;

use crate::access::Access;
use crate::access::passwords::hash_now;
use crate::file_locations::{FileLocation, FileLocations};
use crate::program::{variable, variable_os};
use crate::restart_state::RestartState;
use crate::service::Owner;
use crate::tls::{Pair, is_open};
use crate::transient;

/// The configuration file that is read if none is named.
pub const DEFAULT_CONFIG: &str = "/etc/chatroomd.toml";

/// The mode of the admin socket: only the daemon's user and group can connect.
pub const ADMIN_SOCKET_MODE: u32 = 0o660;

/// The files that the daemon writes in its state folder. Not all of them exist all the time.
pub const IN_STATE: [&str; 7] = [
    "history.sqlite",
    "history.sqlite-wal",
    "history.sqlite-shm",
    "access.sqlite",
    "access.sqlite-wal",
    "access.sqlite-shm",
    "lock",
];

/// The configuration file: the named one, else the default one if it exists.
pub fn config_file(named: Option<&Path>) -> Option<PathBuf> {
    let usual = Path::new(DEFAULT_CONFIG);
    named.or_else(|| usual.exists().then_some(usual)).map(Path::to_owned)
}

/// Reads the configuration. Without a file, that is the default configuration.
///
/// # Errors
/// All problems, a sentence each.
pub fn read_config(file: Option<&Path>) -> Result<Config, Vec<String>> {
    read_config_text(file).map(|(config, _)| config)
}

/// As [`read_config`], with the text of the file.
///
/// # Errors
/// As [`read_config`].
pub fn read_config_text(file: Option<&Path>) -> Result<(Config, String), Vec<String>> {
    let Some(file) = file else { return Ok((Config::default(), String::new())) };
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| vec![format!("cannot read the configuration {shown}: {error}")])?;
    match Config::parse(&text) {
        Ok(config) => Ok((config, text)),
        Err(problems) => {
            Err(problems.iter().map(|problem| format!("{shown}, {problem}")).collect())
        }
    }
}

/// The configuration of the previous process, with its text, if it was kept.
pub fn previous_config(state: &RestartState) -> Option<(Config, String)> {
    let text = state.configuration()?;
    Some((Config::parse(&text).ok()?, text))
}

/// Whether a file cannot be read for a reason that can pass by itself.
pub fn cannot_be_read_now(file: &Path) -> bool {
    File::open(file).is_err_and(|error| transient::is_transient_io(&error))
}

/// The path of the admin socket. Creates its folder if necessary, private to this user.
///
/// # Errors
/// The folder cannot be created, or belongs to another user.
pub fn admin_socket(config: &Config) -> anyhow::Result<PathBuf> {
    if let Some(socket) = &config.admin.socket {
        return Ok(socket.clone());
    }
    let uid = rustix::process::getuid().as_raw();
    let folder = admin::runtime_folder(variable, config.paths.runtime.as_deref(), uid);
    make_folder(&folder, 0o750, "[paths] runtime")?;
    let found = fs::symlink_metadata(&folder)?;
    if folder == admin::fallback_runtime_folder(uid) && (found.uid() != uid || !found.is_dir()) {
        bail!("{} belongs to another user; name a folder in [paths] runtime", folder.display());
    }
    Ok(folder.join(admin::SOCKET_NAME))
}

/// The state folder: systemd's, else the configured one, else one in the user's home. Creates it if
/// necessary, private to this user.
///
/// # Errors
/// It cannot be created, or there is no home folder.
pub fn state_folder(config: &Config) -> anyhow::Result<PathBuf> {
    let Some(folder) = admin::state_folder(variable, config.paths.state.as_deref()) else {
        bail!("there is no state folder: name one in [paths] state");
    };
    make_folder(&folder, 0o700, "[paths] state")?;
    Ok(folder)
}

/// Creates a state folder, private to its owner.
///
/// # Errors
/// It cannot be created.
pub fn make_state_folder(folder: &Path, owner: Option<&Owner>) -> anyhow::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    make_folder(folder, 0o700, "[paths] state")?;
    if let Some(owner) = owner {
        let shown = folder.display();
        chown(folder, Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("cannot give {shown} to the user {}", owner.name))?;
    }
    Ok(())
}

/// The files of the certificate and its key, as [`FileLocations::certificate`].
///
/// # Errors
/// There is no state folder.
pub fn certificate(config: &Config) -> anyhow::Result<Pair> {
    FileLocations::of_process(config).pair(config)
}

/// Opens the access data in the state folder. Without one, and without a history, they are in
/// memory only. If the room password is needed and cannot be read, the second value says why; users
/// cannot join with it then.
///
/// # Errors
/// The access data cannot be read.
pub fn open_access(config: &Config) -> anyhow::Result<(Access, Option<anyhow::Error>)> {
    let folder = match state_folder(config) {
        Err(_) if !config.history.enabled => {
            warn!(
                event = "no-state",
                "cannot store accounts and bans, which will be lost at the end: there is no state \
                 folder ([paths] state)"
            );
            None
        }
        folder => Some(folder?),
    };
    let access = Access::open(folder.as_deref()).map_err(|error| match &folder {
        Some(folder) => transient::with_cause(error, folder),
        None => error,
    })?;
    let hash = room_password(config)
        .and_then(|password| password.map(|password| hash_now(&password)).transpose());
    let (hash, problem) = match hash {
        Ok(hash) => (hash, None),
        Err(problem) => (None, Some(problem)),
    };
    // The room is still empty.
    access.set_room_hash(hash, |_, _| {});
    Ok((access, problem))
}

/// The folder with the credentials that systemd provides (LoadCredential=).
pub fn credentials() -> Option<PathBuf> {
    variable_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// The file of the room password, if one is needed: where the configuration says, else among the
/// credentials, else in the state folder.
///
/// # Errors
/// There is no state folder.
pub fn room_password_file(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    let place = FileLocations::of_process(config).room_password(config)?;
    Ok(place.as_ref().and_then(FileLocation::path).map(Path::to_owned))
}

/// The room password, if one is needed.
///
/// # Errors
/// It cannot be read, or is not a valid password.
pub fn room_password(config: &Config) -> anyhow::Result<Option<Secret>> {
    room_password_file(config)?.as_deref().map(read_room_password).transpose()
}

/// Reads the room password from a file.
///
/// # Errors
/// It cannot be read, or is not a valid password.
pub fn read_room_password(file: &Path) -> anyhow::Result<Secret> {
    let shown = file.display();
    let password = fs::read_to_string(file).with_context(|| {
        format!("cannot read the room password, {shown}; [access] password_file names it")
    })?;
    if is_open(file) {
        warn!(
            event = "open-key",
            "any user of this machine can read the room password, {shown}; `chmod o=` prevents that"
        );
    }
    let password = Secret::of_line(password);
    if let Err(problem) = password.check_new() {
        bail!("the room password, {shown}, cannot be used: {problem}");
    }
    Ok(password)
}

fn make_folder(folder: &Path, mode: u32, option: &str) -> anyhow::Result<()> {
    let is_new = !folder.exists();
    let made = DirBuilder::new().recursive(true).mode(mode).create(folder).and_then(|()| {
        // The umask may have removed permissions.
        if is_new { fs::set_permissions(folder, Permissions::from_mode(mode)) } else { Ok(()) }
    });
    match made {
        Ok(()) => Ok(()),
        Err(error) => {
            let shown = folder.display();
            let hint = format!("name a folder of this user in {option}");
            Err(error).with_context(|| format!("cannot create the folder {shown} ({hint})"))
        }
    }
}
