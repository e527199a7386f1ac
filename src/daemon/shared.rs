//! What all parts of the daemon share.

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

/// What every part of the daemon may use.
pub struct Shared {
    pub room: RoomHandle,
    pub window: Arc<Window>,
    pub connections: Connections,
    /// Who may come in and speak.
    pub access: Access,
    /// What was said before.
    pub history_reader: HistoryReader,
    /// Operators who watch what happens.
    pub watchers: Watchers,
    /// What does not work at present.
    pub faults: Arc<Faults>,
    pub restart_state: Arc<RestartState>,
    /// What is shown to who speaks TLS, where that is spoken.
    identity: RwLock<Option<Identity>>,
    config: RwLock<Arc<Config>>,
    /// What this process has started with. A reload cannot change all of it.
    started: Arc<Config>,
}

impl Shared {
    /// What is shared in the `run`th run of the daemon on its store.
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

    /// What the room is about: what operators have set, else what is configured.
    pub fn topic(&self) -> String {
        self.access.access_state().topic.clone().unwrap_or_else(|| self.config().room.topic.clone())
    }

    /// What is shown to who speaks TLS.
    pub fn identity(&self) -> Option<Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this is shown; who is there already stays.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// The configuration that is in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration that the process has started with: its options in
    /// [`chatroom::config::RESTART_ONLY`] are in force until it ends.
    pub fn started(&self) -> &Config {
        &self.started
    }

    /// Puts another configuration in force.
    pub fn set_config(&self, config: Arc<Config>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}
