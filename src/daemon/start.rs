//! The history and the room at the start, with what the process before has handed over.

use std::path::PathBuf;
use std::sync::Arc;

use chatroom::config::Config;
use chatroom::names::Name;
use chatroom::room::{Epochs, Member, Position, Room, SessionId};
use tokio::sync::mpsc;

use crate::files;
use crate::handover::{HandedOver, Inherited, Looking};
use crate::lifecycle::Control;
use crate::room_thread::{self, Beginning, Prospect};
use crate::shared::Shared;
use crate::store::past::Past;
use crate::store::{Store, StoredAlias, TokenHash};
use crate::tls::Identity;
use crate::window::Window;

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
    members: Vec<(Member, Prospect)>,
    tokens: Vec<(SessionId, TokenHash)>,
    aliases: Vec<(SessionId, Vec<StoredAlias>)>,
    /// How often the daemon was started on its history.
    run: u64,
    store: Option<Store>,
}

/// Opens the history, if there is to be one, and starts the room on it.
///
/// # Errors
/// The history cannot be used, or there are no threads.
pub fn start(
    config: &Arc<Config>,
    identity: Option<Identity>,
    inherited: &mut Inherited,
    control: mpsc::UnboundedSender<Control>,
) -> anyhow::Result<Started> {
    // Who is told may be ending already.
    let on_failure = move |problem: String| drop(control.send(Control::Fail { problem }));
    let looking = Looking::begin(inherited)?;
    let stored = match config.history.enabled {
        true => open_history(config, on_failure.clone()).map(Some),
        false => Ok(None),
    };
    let access = files::open_access(config);
    // Before the errors: looking must have come to its end.
    let handed_over = looking.end();
    let (stored, access) = (stored?, access?);
    let mut before = stored.unwrap_or_else(|| without_history(handed_over.as_ref()));
    if let Some(handed_over) = &handed_over {
        let going_on = handed_over.sessions();
        for (member, prospect) in &mut before.members {
            if going_on.contains(&member.session) {
                *prospect = Prospect::GoesOn;
            }
        }
    }
    let Before { last, epochs, members, tokens, aliases, run, store } = before;
    let window = Arc::new(Window::new(config.room.name.clone(), last, config.limits.window));
    let database = store.as_ref().map(|store| store.path().to_owned());
    let past = match &database {
        Some(path) => Past::on_disk(path)?,
        None => Past::in_memory(window.clone())?,
    };
    let beginning = Beginning {
        room: Room::new(last, config.policy()),
        window: window.clone(),
        config: config.clone(),
        store,
        epochs,
        access: access.registry(),
        members,
        tokens,
        aliases,
        on_failure: Box::new(on_failure),
    };
    let room = room_thread::spawn(beginning)?;
    let shared = Shared::new(room, window, past, access, identity, run, config.clone());
    Ok(Started { shared: Arc::new(shared), database, handed_over })
}

fn open_history(
    config: &Config,
    on_failure: impl Fn(String) + Send + 'static,
) -> anyhow::Result<Before> {
    let folder = files::state_folder(config)?;
    let restored = Store::open(&folder, &config.history, move |failure| {
        on_failure(failure.to_string());
    })?;
    let prospect = |can_come_back| match can_come_back {
        true => Prospect::CanComeBack,
        false => Prospect::Gone,
    };
    let members = restored.members.into_iter();
    Ok(Before {
        last: restored.last,
        epochs: restored.epochs,
        members: members.map(|(member, back)| (member, prospect(back))).collect(),
        tokens: Vec::new(),
        aliases: Vec::new(),
        run: restored.run,
        store: Some(restored.store),
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
    };
    let Some(room) = handed_over.and_then(|handed_over| handed_over.packed.room.as_ref()) else {
        return before;
    };
    before.last = Position { epoch: room.epoch, seq: room.seq };
    for member in &room.members {
        let (session, name) = (member.session, Name::from_store(&member.name));
        let prospect = match member.token {
            Some(_) => Prospect::CanComeBack,
            None => Prospect::Gone,
        };
        before.members.push((Member { session, name, since: member.since, away: None }, prospect));
        before.aliases.push((session, member.aliases.clone()));
        before.tokens.extend(member.token.map(|token| (session, token)));
    }
    before
}
