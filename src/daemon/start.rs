//! The history and the room at the start, with what the process before has handed over.

use std::path::PathBuf;
use std::sync::Arc;

use chatroom::config::Config;
use chatroom::names::Name;
use chatroom::room::{Epochs, Member, Position, Room, SessionId};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::control::Control;
use crate::faults::Faults;
use crate::handover::HandedOver;
use crate::restart_state::RestartState;
use crate::room_thread::{self, InitialState, RestoredAs};
use crate::shared::Shared;
use crate::store::history_reader::HistoryReader;
use crate::store::{self, Store, StoreFailure, StoredAlias, TokenHash};
use crate::tls::Identity;
use crate::window::Window;
use crate::{files, transient};

/// What is there once the room has begun.
pub struct Started {
    pub shared: Arc<Shared>,
    /// Where the history is, if there is one.
    pub database: Option<PathBuf>,
    /// The connections of the process before, to go on with.
    pub handed_over: Option<HandedOver>,
}

/// What was before the start.
struct Before {
    last: Position,
    epochs: Epochs,
    members: Vec<(Member, RestoredAs)>,
    tokens: Vec<(SessionId, TokenHash)>,
    aliases: Vec<(SessionId, Vec<StoredAlias>)>,
    /// How often the daemon was started on its history.
    run: u64,
    store: Option<Store>,
    /// Why nothing can be stored yet, if it cannot.
    degraded: Option<StoreFailure>,
}

/// What the room is made of: its history, if there is to be one, and who may come in.
pub struct Opened {
    before: Option<Before>,
    access: Access,
    /// Why the password of the room is not known, if it is needed and cannot be read.
    pub no_password: Option<anyhow::Error>,
}

/// Opens the history and what is stored of who may come in. It waits for the disk.
///
/// # Errors
/// One of them cannot be used. [`crate::transient`] tells whether that can pass.
pub fn open(config: &Config, control: mpsc::UnboundedSender<Control>) -> anyhow::Result<Opened> {
    // Who is told may be ending already.
    let on_failure = move |problem: String| drop(control.send(Control::Fail { problem }));
    let before = match config.history.enabled {
        true => Some(open_history(config, on_failure)?),
        false => None,
    };
    let (access, no_password) = files::open_access(config)?;
    Ok(Opened { before, access, no_password })
}

/// What the room is started with, beside what was opened.
pub struct Setting {
    pub config: Arc<Config>,
    pub identity: Option<Identity>,
    pub handed_over: Option<HandedOver>,
    pub faults: Arc<Faults>,
    pub restart_state: Arc<RestartState>,
    pub control: mpsc::UnboundedSender<Control>,
}

/// Starts the room on what was opened.
///
/// # Errors
/// The history cannot be read by others, or there are no threads.
pub fn start(opened: Opened, setting: Setting) -> anyhow::Result<Started> {
    let Setting { config, identity, handed_over, faults, restart_state, control } = setting;
    let on_failure = move |problem: String| drop(control.send(Control::Fail { problem }));
    let Opened { before, access, .. } = opened;
    let mut before = before.unwrap_or_else(|| without_history(handed_over.as_ref()));
    if let Some(handed_over) = &handed_over {
        let resume_point = handed_over.sessions();
        for (member, restored_as) in &mut before.members {
            if resume_point.contains(&member.session) {
                *restored_as = RestoredAs::GoesOn;
            }
        }
    }
    let Before { last, epochs, members, tokens, aliases, run, store, degraded } = before;
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
    Ok(Started { shared: Arc::new(shared), database, handed_over })
}

fn open_history(
    config: &Config,
    on_failure: impl Fn(String) + Send + 'static,
) -> anyhow::Result<Before> {
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
    Ok(Before {
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

/// Where nothing is stored, the process before has told what there was.
fn without_history(handed_over: Option<&HandedOver>) -> Before {
    let mut before = Before {
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
        return before;
    };
    before.last = Position { epoch: room.epoch, seq: room.seq };
    for member in &room.members {
        let (session, name) = (member.session, Name::from_store(&member.name));
        let restored_as = match member.token {
            Some(_) => RestoredAs::CanComeBack,
            None => RestoredAs::Gone,
        };
        before.members.push((
            Member { session, name, since: member.since, detached_since: None },
            restored_as,
        ));
        before.aliases.push((session, member.aliases.clone()));
        before.tokens.extend(member.token.map(|token| (session, token)));
    }
    before
}
