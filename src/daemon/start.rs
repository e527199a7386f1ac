//! Opens the history and the access data, and starts the room on them.

use std::path::PathBuf;
use std::sync::Arc;

use chatroom::config::Config;
use chatroom::names::Name;
use chatroom::room::{Epochs, Member, Position, Room, SessionId};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::control::Control;
use crate::faults::Faults;
use crate::files;
use crate::handover::HandedOver;
use crate::restart_state::RestartState;
use crate::room_thread::{self, InitialState, RestoredAs};
use crate::shared::Shared;
use crate::store::history_reader::HistoryReader;
use crate::store::{self, Store, StoreFailure, StoredAlias, TokenHash};
use crate::tls::Identity;
use crate::transient::{self, StartFailure};
use crate::window::Window;

/// The room once it has started.
pub struct StartedRoom {
    pub shared: Arc<Shared>,
    /// The file of the history, if it is enabled.
    pub database: Option<PathBuf>,
    /// The connections of the previous process, which are not served yet.
    pub handed_over: Option<HandedOver>,
}

/// The state in which the room continues.
struct PriorState {
    last: Position,
    epochs: Epochs,
    members: Vec<(Member, RestoredAs)>,
    tokens: Vec<(SessionId, TokenHash)>,
    aliases: Vec<(SessionId, Vec<StoredAlias>)>,
    /// The number of starts of the daemon on its history.
    run: u64,
    store: Option<Store>,
    /// The reason why nothing can be stored yet, if that is so.
    degraded: Option<StoreFailure>,
}

/// The data that a start reads from disk.
pub struct OpenedStores {
    /// None if the history is disabled.
    prior_state: Option<PriorState>,
    access: Access,
    /// The reason why the room password cannot be read, if it is needed.
    pub no_password: Option<anyhow::Error>,
}

/// Opens the history and the access data. Blocks on the disk.
///
/// # Errors
/// One of them cannot be used.
pub fn open(
    config: &Config,
    control: mpsc::UnboundedSender<Control>,
) -> Result<OpenedStores, StartFailure> {
    // The receiver may be gone if the daemon is ending.
    let on_failure = move |problem: String| drop(control.send(Control::Fail { problem }));
    let prior_state = match config.history.enabled {
        true => Some(open_history(config, on_failure)?),
        false => None,
    };
    let (access, no_password) = files::open_access(config)?;
    Ok(OpenedStores { prior_state, access, no_password })
}

/// The context that the room needs in addition to [`OpenedStores`].
pub struct RoomContext {
    pub config: Arc<Config>,
    pub identity: Option<Identity>,
    pub handed_over: Option<HandedOver>,
    pub faults: Arc<Faults>,
    pub restart_state: Arc<RestartState>,
    pub control: mpsc::UnboundedSender<Control>,
}

/// Starts the room.
///
/// # Errors
/// The history cannot be opened for reading, or a thread cannot be started.
pub fn start(opened: OpenedStores, context: RoomContext) -> anyhow::Result<StartedRoom> {
    let RoomContext { config, identity, handed_over, faults, restart_state, control } = context;
    let on_failure = move |problem: String| drop(control.send(Control::Fail { problem }));
    let OpenedStores { prior_state, access, .. } = opened;
    let mut prior = prior_state.unwrap_or_else(|| without_history(handed_over.as_ref()));
    if let Some(handed_over) = &handed_over {
        let resumed = handed_over.sessions();
        for (member, restored_as) in &mut prior.members {
            if resumed.contains(&member.session) {
                *restored_as = RestoredAs::GoesOn;
            }
        }
    }
    let PriorState { last, epochs, members, tokens, aliases, run, store, degraded } = prior;
    let window = Arc::new(Window::new(config.room.name.clone(), last, config.limits.window));
    let database = store.as_ref().map(|store| store.path().to_owned());
    let history_reader = match &database {
        Some(path) => HistoryReader::on_disk(path)?,
        None => HistoryReader::in_memory(window.clone())?,
    };
    let initial = InitialState {
        room: Room::new(last, config.policy()),
        window: window.clone(),
        config: config.clone(),
        store,
        degraded,
        epochs,
        access: access.access_state(),
        members,
        tokens,
        aliases,
        on_failure: Box::new(on_failure),
    };
    let room = room_thread::spawn(initial)?;
    let shared = Shared::new(
        room,
        window,
        history_reader,
        access,
        (faults, restart_state),
        identity,
        run,
        config,
    );
    Ok(StartedRoom { shared: Arc::new(shared), database, handed_over })
}

fn open_history(
    config: &Config,
    on_failure: impl Fn(String) + Send + 'static,
) -> anyhow::Result<PriorState> {
    let folder = files::state_folder(config)?;
    let restored = store::open(&folder, &config.history, move |failure| {
        on_failure(failure.to_string());
    });
    let restored = restored.map_err(|error| transient::with_cause(error, &folder))?;
    let restored_as = |can_come_back| match can_come_back {
        true => RestoredAs::CanComeBack,
        false => RestoredAs::Gone,
    };
    let members = restored.members.into_iter();
    Ok(PriorState {
        last: restored.last,
        epochs: restored.epochs,
        members: members.map(|(member, back)| (member, restored_as(back))).collect(),
        tokens: Vec::new(),
        aliases: Vec::new(),
        run: restored.run,
        store: Some(restored.store),
        degraded: restored.degraded,
    })
}

/// The state without a history: the one that the previous process handed over, if any.
fn without_history(handed_over: Option<&HandedOver>) -> PriorState {
    let mut prior = PriorState {
        last: Position::START,
        epochs: Epochs::new(Vec::new()),
        members: Vec::new(),
        tokens: Vec::new(),
        aliases: Vec::new(),
        run: 0,
        store: None,
        degraded: None,
    };
    let Some(room) = handed_over.and_then(|handed_over| handed_over.saved.room.as_ref()) else {
        return prior;
    };
    prior.last = Position { epoch: room.epoch, seq: room.seq };
    for member in &room.members {
        let (session, name) = (member.session, Name::from_store(&member.name));
        let restored_as = match member.token {
            Some(_) => RestoredAs::CanComeBack,
            None => RestoredAs::Gone,
        };
        prior.members.push((
            Member { session, name, since: member.since, detached_since: None },
            restored_as,
        ));
        prior.aliases.push((session, member.aliases.clone()));
        prior.tokens.extend(member.token.map(|token| (session, token)));
    }
    prior
}
