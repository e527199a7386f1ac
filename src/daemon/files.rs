//! Where the daemon's files are: its configuration, its runtime folder, its history.

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
use crate::places::{Place, Places};
use crate::program::{variable, variable_os};
use crate::restart_state::RestartState;
use crate::service::Owner;
use crate::tls::{Pair, is_open};
use crate::transient;

/// The configuration file that is read where none is named.
pub const DEFAULT_CONFIG: &str = "/etc/chatroomd.toml";

/// The mode of the admin socket: only the daemon's user and group can connect.
pub const ADMIN_SOCKET_MODE: u32 = 0o660;

/// What the daemon writes in its state folder. Not all of it is there at any time.
pub const IN_STATE: [&str; 7] = [
    "history.sqlite",
    "history.sqlite-wal",
    "history.sqlite-shm",
    "access.sqlite",
    "access.sqlite-wal",
    "access.sqlite-shm",
    "lock",
];

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
    read_config_text(file).map(|(config, _)| config)
}

/// Reads the configuration, and gives its text, too. Without a file that is the empty text.
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

/// Whether the file cannot be read for a reason that can pass by itself.
pub fn cannot_be_read_now(file: &Path) -> bool {
    File::open(file).is_err_and(|error| transient::is_transient_io(&error))
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

/// Makes a folder for what is stored, private to its owner.
///
/// # Errors
/// It cannot be made.
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

/// Where the certificate and its key are: where the configuration says, else among the credentials
/// that systemd gives, else in the folder of the history.
///
/// # Errors
/// There is no such folder.
pub fn certificate(config: &Config) -> anyhow::Result<Pair> {
    Places::of_process(config).pair(config)
}

/// Opens what is stored of who may come in and speak, in the folder of the history; where there is
/// none, it is in memory only. Gives also why the password of the room is not known, if it is needed
/// and cannot be read; then nobody is let in with it.
///
/// # Errors
/// It cannot be read.
pub fn open_access(config: &Config) -> anyhow::Result<(Access, Option<anyhow::Error>)> {
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
    // Nobody is in the room yet.
    access.set_room_hash(hash, drop);
    Ok((access, problem))
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
    let place = Places::of_process(config).room_password(config)?;
    Ok(place.as_ref().and_then(Place::path).map(Path::to_owned))
}

/// The password of the room, if one is needed.
///
/// # Errors
/// There is none where it should be, or it will not do.
pub fn room_password(config: &Config) -> anyhow::Result<Option<Secret>> {
    room_password_file(config)?.as_deref().map(read_room_password).transpose()
}

/// Reads the password of the room from a file.
///
/// # Errors
/// It cannot be read, or cannot be a password.
pub fn read_room_password(file: &Path) -> anyhow::Result<Secret> {
    let shown = file.display();
    let password = fs::read_to_string(file).with_context(|| {
        format!("cannot read the password of the room, {shown}; [access] password_file names it")
    })?;
    if is_open(file) {
        warn!(
            event = "open-key",
            "anybody on this machine can read the password of the room, {shown}; chmod o= it"
        );
    }
    let password = Secret::of_line(password);
    if let Err(problem) = password.check_new() {
        bail!("the password of the room, {shown}, will not do: {problem}");
    }
    Ok(password)
}

fn make_folder(folder: &Path, mode: u32, option: &str) -> anyhow::Result<()> {
    let is_new = !folder.exists();
    let made = DirBuilder::new().recursive(true).mode(mode).create(folder).and_then(|()| {
        // Whatever the umask is.
        if is_new { fs::set_permissions(folder, Permissions::from_mode(mode)) } else { Ok(()) }
    });
    match made {
        Ok(()) => Ok(()),
        Err(error) => {
            let shown = folder.display();
            let hint = format!("name a folder of yours in {option}");
            Err(error).with_context(|| format!("cannot make the folder {shown} ({hint})"))
        }
    }
}
