//! Reloads the configuration while the room is open, and reports what has changed.

mod report;

use std::path::Path;
use std::sync::Arc;

use chatroom::admin::{PasswordInForce, Reloaded};
use chatroom::config::{Config, Difference};
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::backoff::Backoff;
use crate::faults::Part;
use crate::room_thread::RoomRequest;
use crate::shared::Shared;
use crate::tls::Identity;
use crate::{files, limits, logging, status_line, systemd};

pub use report::{certificate_in_force, log_certificate, without_effect};

/// Reloads the configuration, and reports the configuration in force afterwards. With
/// `is_activated`, systemd has opened the ports.
///
/// # Errors
/// All problems, a sentence each. Then nothing has changed.
pub async fn reload(
    shared: &Shared,
    file: Option<&Path>,
    is_activated: bool,
) -> Result<Reloaded, Vec<String>> {
    systemd::reloading();
    // There may be a file now, even if there was none at the start.
    let file = files::config_file(file);
    let outcome = match read_all(file.as_deref(), shared.identity().is_some()) {
        Ok(loaded) => put_in_force(shared, loaded).await,
        Err(problems) => Err(problems),
    };
    let outcome = outcome.map(|mut reloaded| {
        reloaded.file = file;
        report::complete(&mut reloaded, shared, is_activated);
        reloaded
    });
    match &outcome {
        Ok(reloaded) => report::log(reloaded),
        Err(problems) => {
            problems.iter().for_each(|problem| error!(event = "reload-failed", "{problem}"));
            error!(event = "reload-failed", "the previous configuration stays in force");
        }
    }
    systemd::ready(&status_line::describe(shared));
    outcome
}

/// The configuration, with the contents of the files that it names.
struct LoadedFiles {
    config: Config,
    text: String,
    identity: Option<Identity>,
    room_password: Option<Secret>,
}

fn read_all(file: Option<&Path>, speaks_tls: bool) -> Result<LoadedFiles, Vec<String>> {
    let (config, text) = files::read_config_text(file)?;
    // A broken certificate must not replace a good one.
    let problem = |error: anyhow::Error| vec![format!("{error:#}")];
    let identity =
        identity(&config, speaks_tls || !config.listen.tls.is_empty()).map_err(problem)?;
    let room_password = files::room_password(&config).map_err(problem)?;
    Ok(LoadedFiles { config, text, identity, room_password })
}

async fn put_in_force(shared: &Shared, loaded: LoadedFiles) -> Result<Reloaded, Vec<String>> {
    let LoadedFiles { mut config, text, identity, room_password } = loaded;
    let file = files::room_password_file(&config).map_err(|error| vec![format!("{error:#}")])?;
    let changed = set_room_password(shared, room_password)
        .await
        .map_err(|refusal| vec![refusal.to_string()])?;
    let mut reloaded = Reloaded {
        room_password: file.map(|file| PasswordInForce { file, changed }),
        ..Reloaded::default()
    };
    let before = shared.identity();
    // A TLS port that the new configuration does not have stays open until a restart.
    if let Some(identity) = identity {
        shared.set_identity(identity);
    }
    let is_same = |new: &Identity| before.as_ref().is_some_and(|before| before.is_same(new));
    reloaded.certificate =
        shared.identity().map(|new| certificate_in_force(&new, Some(!is_same(&new))));
    let wanted = config.limits.connections;
    limits::fit_to_descriptors(&mut config);
    let most = config.limits.connections;
    if wanted > most {
        reloaded.notes.push(format!(
            "[limits] connections = {wanted} is more than the limit of open files allows; {most} \
             are in force. Raise LimitNOFILE= of the service."
        ));
    }
    reloaded.changed = changed_now(shared, &config);
    reloaded.needs_restart = needs_restart(shared.started(), &config);
    logging::set_level(config.log.level);
    let config = Arc::new(config);
    shared.set_config(config.clone());
    shared.restart_state.set_configuration(&text);
    // Parts that wait for something try again at once.
    for part in [Part::Configuration, Part::RoomPassword] {
        shared.faults.clear(&part);
    }
    shared.faults.retry_now();
    shared.room.submit(RoomRequest::Configure(config));
    Ok(reloaded)
}

/// The options that change without a restart.
fn changed_now(shared: &Shared, new: &Config) -> Vec<Difference> {
    let mut old = Config::clone(&shared.config());
    // An administrator may have set another level in the meantime.
    old.log.level = logging::level();
    let mut changed = old.differences(new);
    changed.retain(|difference| !difference.needs_restart());
    changed
}

/// Sets the room password. Returns whether it is a different one than before.
async fn set_room_password(shared: &Shared, password: Option<Secret>) -> Result<bool, Refusal> {
    let access = &shared.access;
    let before = access.access_state().room_hash.clone();
    let hash = match password {
        Some(password) => Some(access.passwords.hash_if_new(before.clone(), password).await?),
        None => None,
    };
    let changed = hash != before;
    if changed {
        access.set_room_hash(hash, |access_state, change| {
            let (reply, _) = oneshot::channel();
            shared.room.submit(RoomRequest::Access { access_state, change, reply });
        });
    }
    Ok(changed)
}

/// Tries to read the room password until that succeeds, and puts it in force.
pub async fn password_later(shared: Arc<Shared>) {
    let mut backoff = Backoff::while_running();
    loop {
        shared.faults.pause(backoff.next()).await;
        let Ok(password) = files::room_password(&shared.config()) else { continue };
        if set_room_password(&shared, password).await.is_ok() {
            shared.faults.clear(&Part::RoomPassword);
            return info!(event = "recovered", "the room password was read");
        }
    }
}

/// The certificate, if one is needed.
///
/// # Errors
/// It cannot be read or used.
pub fn identity(config: &Config, is_needed: bool) -> anyhow::Result<Option<Identity>> {
    is_needed.then(|| files::certificate(config)?.load()).transpose()
}

/// The changes since the process `started` that only a restart applies.
pub fn needs_restart(started: &Config, new: &Config) -> Vec<Difference> {
    let mut waiting = started.differences(new);
    waiting.retain(Difference::needs_restart);
    waiting
}
