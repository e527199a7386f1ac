//! The thread that owns the room.
//!
//! All records are made here. The thread drains the waiting requests, applies the rules, stores the
//! accepted records as one batch and publishes it. Only then does it send the effects (answers,
//! welcomes, replies), so nothing is shown that is not stored.
//!
//! [`RoomThread`] is the composition of types that each have their own state: the members'
//! connections ([`Clients`]), the stored data ([`Storage`]), the pending effects ([`Effects`]), and
//! so on. Its methods handle the requests: joining and leaving, speaking, moderation, storing.

mod admission;
mod aliases;
mod clients;
mod describing;
mod effects;
mod gathering;
mod handing_over;
mod leaving;
mod moderation;
mod redacting;
mod request;
mod slow_mode;
mod speaking;
mod storage;
mod storing;
mod timer;
mod tokens;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use chatroom::access::AccessState;
use chatroom::config::Config;
use chatroom::room::{Departure, Epochs, Member, NewRecord, Room, SessionId};
use chatroom::wire::{Answer, Direct};
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::info;

use crate::store::{Store, StoreFailure, StoredAlias, TokenHash};
use crate::window::Window;
use aliases::Aliases;
use clients::Clients;
use effects::{Effect, Effects};
use gathering::Gathering;
use request::Counts;
pub use request::{Joined, ReplySender, RoomHandle, RoomRequest};
use slow_mode::SlowMode;
use storage::Storage;
use timer::Timer;
use tokens::Tokens;

/// The maximum number of requests that become one batch.
const MAX_DRAINED: usize = 1024;

/// The result of restoring a member of the previous process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoredAs {
    /// Their connection was handed over.
    GoesOn,
    CanComeBack,
    Gone,
}

/// The state with which the room begins.
pub struct InitialState {
    pub room: Room,
    pub window: Arc<Window>,
    pub config: Arc<Config>,
    pub store: Option<Store>,
    /// The reason why nothing can be stored yet, if that is so.
    pub degraded: Option<StoreFailure>,
    pub epochs: Epochs,
    pub access: Arc<AccessState>,
    /// The members of the previous process, and how each is restored.
    pub members: Vec<(Member, RestoredAs)>,
    /// The tokens of their sessions, if they are not stored.
    pub tokens: Vec<(SessionId, TokenHash)>,
    /// The aliases of their sessions, if they are not stored.
    pub aliases: Vec<(SessionId, Vec<StoredAlias>)>,
    /// Told when the store has failed for good.
    pub on_failure: Box<dyn Fn(String) + Send>,
}

/// Starts the thread. It ends when the last handle is dropped, or after `Close`.
///
/// # Errors
/// The system cannot start a thread.
pub fn spawn(initial: InitialState) -> std::io::Result<RoomHandle> {
    // Unbounded, because leaving must never wait. Each session bounds what it has in flight.
    let (inbox, requests) = mpsc::unbounded_channel();
    let (people, watch_people) = watch::channel(0);
    let counts = Arc::new(Counts::default());
    let storage = Storage::new(initial.store, initial.on_failure, counts.clone());
    let mut room_thread = RoomThread {
        room: initial.room,
        window: initial.window,
        config: initial.config,
        storage,
        epochs: initial.epochs,
        access: initial.access,
        slow_mode: SlowMode::default(),
        clients: Clients::default(),
        tokens: Tokens::default(),
        aliases: Aliases::default(),
        effects: Effects::default(),
        gathering: Gathering::default(),
        deferred: Vec::new(),
        people,
        counts: counts.clone(),
        timer: Timer { inbox: inbox.downgrade(), runtime: Handle::current() },
    };
    for (session, hash) in initial.tokens {
        room_thread.tokens.add(hash, session);
    }
    for (session, aliases) in initial.aliases {
        room_thread.aliases.restore(session, aliases::from_store(&aliases));
    }
    room_thread.restore(initial.members);
    if let Some(failure) = &initial.degraded {
        room_thread.degrade(failure);
    }
    thread::Builder::new().name("room".to_owned()).spawn(move || room_thread.run(requests))?;
    let handle = RoomHandle { inbox, people: watch_people, counts };
    // Records that members who cannot resume have left.
    handle.submit(RoomRequest::TryAgain);
    Ok(handle)
}

struct RoomThread {
    room: Room,
    window: Arc<Window>,
    config: Arc<Config>,
    storage: Storage,
    epochs: Epochs,
    access: Arc<AccessState>,
    slow_mode: SlowMode,
    clients: Clients,
    tokens: Tokens,
    aliases: Aliases,
    effects: Effects,
    gathering: Gathering,
    /// Departures that are still to be recorded.
    deferred: Vec<(SessionId, Departure)>,
    /// Tells the rest of the daemon how many members there are.
    people: watch::Sender<usize>,
    counts: Arc<Counts>,
    timer: Timer,
}

impl RoomThread {
    fn run(mut self, mut requests: mpsc::UnboundedReceiver<RoomRequest>) {
        let mut drained = Vec::new();
        while requests.blocking_recv_many(&mut drained, MAX_DRAINED) > 0 {
            let now = Timestamp::now();
            for (session, how) in std::mem::take(&mut self.deferred) {
                self.note_leaving(session);
                // If the session was resumed in the meantime, it does not leave.
                let _ = self.room.apply(NewRecord::Leave { session, how }, now, |_, _| None);
            }
            for request in drained.drain(..) {
                if let ControlFlow::Break(reply) = self.handle(request, now) {
                    requests.close();
                    return self.close(reply, now);
                }
            }
            self.store_and_publish(now);
            for effect in self.effects.take() {
                self.send_effect(effect);
            }
            if !requests.is_empty()
                && let Some(pause) = self.gathering.pause()
            {
                thread::sleep(pause);
            }
        }
    }

    /// Applies a request. Breaks at the last one, with the sender that waits for the end.
    fn handle(&mut self, request: RoomRequest, now: Timestamp) -> ControlFlow<oneshot::Sender<()>> {
        match request {
            RoomRequest::Join { client, name, problem, resume, credential, reply } => {
                self.join(client, (&name, problem), resume, &credential, reply, now);
            }
            RoomRequest::Speech { session, action, text, id } => {
                self.speak(session, action, text, id, now);
                self.release(session);
            }
            RoomRequest::Direct { session, to, text, id } => {
                if let Err(refusal) = self.direct(session, &to, &text, id.clone(), now) {
                    self.answer(session, Answer::Refused { refusal, id });
                }
                self.release(session);
            }
            RoomRequest::Who { session } => {
                if let Some(client) = self.clients.get(session).cloned() {
                    let (after, people) = (self.room.position().seq, self.room.roster().names());
                    self.effects.push(Effect::ShowPeople { client, after, people });
                }
            }
            RoomRequest::End { client, reason } => self.end(client, reason, now),
            RoomRequest::Expire { session, away } => self.expire(session, away, now),
            RoomRequest::Notice { text, reply } => {
                info!(event = "notice", text = text.as_str(), "announced: {text}");
                let outcome = self.apply(NewRecord::Notice { text }, now).map(drop);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            RoomRequest::Kick { name, reason, reply } => {
                let outcome = self.kick(&name, reason, now);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            RoomRequest::Rename { name, to, reply } => {
                let outcome = self.rename(&name, &to, now);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            RoomRequest::Topic { text, reply } => {
                let outcome = self.apply(NewRecord::Topic { text }, now).map(drop);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            RoomRequest::May { session, permission, reply } => {
                let outcome = self.may(session, permission, now);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            RoomRequest::Access { access_state, change, reply } => {
                self.set_access_state(access_state, &change, now);
                self.effects.push(Effect::Reply(reply, Ok(())));
            }
            RoomRequest::Redact { targets, reply } => {
                let (room, storage) = (&mut self.room, &mut self.storage);
                let outcome = redacting::redact(targets, room, &self.window, storage, now);
                self.effects.push(Effect::ReplyRedaction(reply, outcome));
            }
            RoomRequest::Affected { target, reply } => drop(reply.send(self.affected(&target))),
            RoomRequest::Users { reply } => self.effects.push(Effect::ReplyUsers(reply)),
            RoomRequest::Configure(config) => self.configure(config),
            RoomRequest::Probe { reply } => self.effects.push(Effect::ReplyProbe(reply)),
            RoomRequest::TakeUp { clients } => {
                clients.into_iter().for_each(|client| self.resume_client(client));
            }
            RoomRequest::Save { reply } => drop(reply.send(self.save())),
            RoomRequest::TryAgain => self.try_again(),
            RoomRequest::Close { reply } => return ControlFlow::Break(reply),
        }
        ControlFlow::Continue(())
    }

    fn configure(&mut self, config: Arc<Config>) {
        self.room.set_policy(config.policy());
        self.window.set_limit(config.limits.window);
        self.storage.configure(&config.history);
        self.config = config;
    }

    /// Queues an answer after everything accepted so far.
    fn answer(&mut self, session: SessionId, answer: Answer) {
        if let Some(client) = self.clients.get(session).cloned() {
            let after = self.room.position().seq;
            self.effects.push(Effect::Answer { client, after, answer });
        }
    }

    /// Ends a request of a session.
    fn release(&self, session: SessionId) {
        if let Some(client) = self.clients.get(session) {
            client.end_request();
        }
    }

    fn send_effect(&self, effect: Effect) {
        match effect {
            Effect::Answer {
                client,
                after,
                answer: answer @ Answer::Direct(Direct { own: false, .. }),
            } => {
                let bytes = match &answer {
                    Answer::Direct(direct) => direct.text.len(),
                    _ => 0,
                };
                client.fulfil(after, &answer, bytes);
            }
            Effect::ShowPeople { client, after, people } => {
                let room = self.window.room.clone();
                client.answer_after(after, &Answer::Who { room, people });
                // Only now, so the list counts as unread before the client asks for more.
                client.end_request();
            }
            Effect::Answer { client, after, answer } => {
                if let Answer::Refused { refusal, .. } = &answer {
                    self.counts.refusals.count(refusal.code());
                }
                client.answer_after(after, &answer);
            }
            Effect::Admit { client, pending, reply } => {
                let joined = pending.joined();
                self.welcome(&client, pending);
                // If the session has ended, its leave is on the way.
                let _ = reply.send(Ok(joined));
            }
            Effect::Rename { client, to } => client.set_name(to),
            Effect::Close { client, after, reason } => client.close(after, reason),
            Effect::Reply(reply, outcome) => drop(reply.send(outcome)),
            Effect::ReplyJoin(reply, refusal) => drop(reply.send(Err(refusal))),
            Effect::ReplyUsers(reply) => drop(reply.send(self.users())),
            Effect::ReplyProbe(reply) => drop(reply.send(())),
            Effect::ReplyRedaction(reply, outcome) => drop(reply.send(outcome)),
        }
    }

    fn close(mut self, reply: oneshot::Sender<()>, now: Timestamp) {
        self.store_and_publish(now);
        self.storage.close();
        let _ = reply.send(());
    }
}
