//! The state that all parts of the daemon share.

use std::sync::{Arc, PoisonError, RwLock};

use chatroom::config::Config;

use crate::access::Access;
use crate::connections::Connections;
use crate::faults::Faults;
use crate::restart_state::RestartState;
use crate::room_thread::RoomHandle;
use crate::store::history_reader::HistoryReader;
use crate::tls::Identity;
use crate::watchers::Watchers;
use crate::window::Window;

/// The state that all parts of the daemon share.
pub struct Shared {
    pub room: RoomHandle,
    pub window: Arc<Window>,
    pub connections: Connections,
    /// Accounts, bans, mutes and passwords.
    pub access: Access,
    pub history_reader: HistoryReader,
    /// The connections of `chatctl watch`.
    pub watchers: Watchers,
    pub faults: Arc<Faults>,
    pub restart_state: Arc<RestartState>,
    /// The certificate that clients with TLS are shown, if there is one.
    identity: RwLock<Option<Identity>>,
    config: RwLock<Arc<Config>>,
    /// The configuration at the start. A reload cannot change all of it.
    started: Arc<Config>,
}

impl Shared {
    /// The shared state for the `run`th run of the daemon on its store.
    #[expect(clippy::too_many_arguments, reason = "each is a part of what is shared")]
    pub fn new(
        room: RoomHandle,
        window: Arc<Window>,
        history_reader: HistoryReader,
        access: Access,
        (faults, restart_state): (Arc<Faults>, Arc<RestartState>),
        identity: Option<Identity>,
        run: u64,
        config: Arc<Config>,
    ) -> Shared {
        Shared {
            room,
            window,
            connections: Connections::new(run),
            history_reader,
            watchers: Watchers::default(),
            access,
            faults,
            restart_state,
            identity: RwLock::new(identity),
            config: RwLock::new(config.clone()),
            started: config,
        }
    }

    /// The topic: the one that operators have set, else the configured one.
    pub fn topic(&self) -> String {
        self.access.access_state().topic.clone().unwrap_or_else(|| self.config().room.topic.clone())
    }

    /// The certificate for new TLS connections.
    pub fn identity(&self) -> Option<Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the certificate for new TLS connections. Existing connections keep theirs.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// The configuration that is in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration at the start. Its options in [`chatroom::config::RESTART_ONLY`] are in force
    /// until the process ends.
    pub fn started(&self) -> &Config {
        &self.started
    }

    /// Replaces the configuration.
    pub fn set_config(&self, config: Arc<Config>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}
