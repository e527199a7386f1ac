//! Reading the configuration again while people talk.

use std::path::Path;
use std::sync::Arc;

use chatroom::access::Change;
use chatroom::config::Config;
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::room_thread::Submission;
use crate::shared::Shared;
use crate::tls::Identity;
use crate::{files, limits, logging, systemd};

/// Reads the configuration again, and gives what needs a restart.
///
/// # Errors
/// What is wrong with it, each as a sentence. Everything is as it was then.
pub async fn reload(shared: &Shared, file: Option<&Path>) -> Result<Vec<String>, Vec<String>> {
    systemd::reloading();
    let outcome = match read_all(file, shared.identity().is_some()) {
        Ok(all) => put_in_force(shared, all).await,
        Err(problems) => Err(problems),
    };
    match &outcome {
        Ok(notes) => {
            info!(event = "reloaded", "read the configuration again");
            notes.iter().for_each(|note| warn!(event = "needs-restart", "{note}"));
        }
        Err(problems) => {
            problems.iter().for_each(|problem| error!(event = "reload-failed", "{problem}"));
            error!(event = "reload-failed", "the configuration of before stays in force");
        }
    }
    systemd::ready(&systemd::status_line(&shared.room));
    outcome
}

/// The configuration, and what is in the files that it names.
struct All {
    config: Config,
    identity: Option<Identity>,
    room_password: Option<Secret>,
}

fn read_all(file: Option<&Path>, speaks_tls: bool) -> Result<All, Vec<String>> {
    let config = files::read_config(file)?;
    // A certificate that is broken must not take the place of one that is not.
    let problem = |error: anyhow::Error| vec![format!("{error:#}")];
    let identity =
        identity(&config, speaks_tls || !config.listen.tls.is_empty()).map_err(problem)?;
    let room_password = files::room_password(&config).map_err(problem)?;
    Ok(All { config, identity, room_password })
}

async fn put_in_force(shared: &Shared, all: All) -> Result<Vec<String>, Vec<String>> {
    let All { mut config, identity, room_password } = all;
    let problem = |refusal: Refusal| vec![refusal.to_string()];
    set_room_password(shared, room_password).await.map_err(problem)?;
    let notes = needs_restart(&shared.config(), &config);
    // A port that is no longer wanted is open until the restart.
    if let Some(identity) = identity {
        shared.set_identity(identity);
    }
    limits::fit_to_descriptors(&mut config);
    logging::set_level(config.log.level);
    let config = Arc::new(config);
    shared.set_config(config.clone());
    shared.room.submit(Submission::Configure(config));
    Ok(notes)
}

/// From now on this is the password of the room.
async fn set_room_password(shared: &Shared, password: Option<Secret>) -> Result<(), Refusal> {
    let access = &shared.access;
    let hash = match password {
        Some(password) => Some(access.passwords.hash(password).await?),
        None => None,
    };
    access.set_room_hash(hash, |registry| {
        let (reply, _) = oneshot::channel();
        shared.room.submit(Submission::Access { registry, change: Change::Nothing, reply });
    });
    Ok(())
}

/// The certificate, if one is needed.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn identity(config: &Config, is_needed: bool) -> anyhow::Result<Option<Identity>> {
    is_needed.then(|| files::certificate(config)?.load()).transpose()
}

/// The differences that only a restart puts in force.
pub fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let changed = [
        ("[listen] chat", old.listen.chat != new.listen.chat),
        ("[listen] tls", old.listen.tls != new.listen.tls),
        ("[room] name", old.room.name != new.room.name),
        ("[history] enabled", old.history.enabled != new.history.enabled),
        ("[history] durability", old.history.durability != new.history.durability),
        ("[admin] socket", old.admin != new.admin),
        ("[metrics] listen", old.metrics != new.metrics),
        ("[paths] state", old.paths.state != new.paths.state),
        ("[paths] runtime", old.paths.runtime != new.paths.runtime),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(option, _)| format!("{option} has changed; that needs a restart")).collect()
}
