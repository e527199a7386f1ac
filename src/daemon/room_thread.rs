//! The thread that owns the room.
//!
//! It is the one place where records come to be: it drains what is waiting, applies the rules,
//! numbers what they accept, stores that as one batch and publishes it, and only then carries out
//! what follows from it (answers, admissions, replies), so that nothing is shown that is not stored.

mod admission;
mod aliases;
mod describing;
mod handing_over;
mod order;
mod redacting;
mod request;
mod speaking;
mod storing;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use chatroom::access::AccessState;
use chatroom::admin::{Redaction, User};
use chatroom::config::Config;
use chatroom::names::Name;
use chatroom::room::{
    Departure, EndReason, Epochs, Member, NewRecord, Refusal, Room, Seq, SessionId,
};
use chatroom::wire::{Answer, Direct};
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::info;

use crate::client_connection::ClientConnection;
use crate::store::{Extras, Store, StoreFailure, StoredAlias, TokenHash};
use crate::window::Window;
use admission::PendingAdmission;
use aliases::Aliases;
use describing::Seen;
use request::Counts;
pub use request::{Joined, ReplySender, RoomHandle, RoomRequest};
use storing::TRY_AGAIN;
use tokens::Tokens;

/// The most requests that become one batch.
const MAX_DRAINED: usize = 1024;

/// In a busy room the next batch gathers for so many times as long as the last took to deliver, up to
/// a bound that a person does not notice. Where the last was large, nothing more is gained by that.
const GATHERING: u32 = 2;
const MAX_GATHERING: Duration = Duration::from_millis(8);
const LARGE_BATCH: usize = 32;

/// What becomes of somebody who was here when the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoredAs {
    /// Their connection was handed over.
    GoesOn,
    CanComeBack,
    Gone,
}

/// What the room begins with.
pub struct InitialState {
    pub room: Room,
    pub window: Arc<Window>,
    pub config: Arc<Config>,
    pub store: Option<Store>,
    /// Why nothing can be stored yet, if it cannot.
    pub degraded: Option<StoreFailure>,
    pub epochs: Epochs,
    pub access: Arc<AccessState>,
    /// Who was here when the daemon ended, and what becomes of them.
    pub members: Vec<(Member, RestoredAs)>,
    /// The tokens of sessions, where they are not stored.
    pub tokens: Vec<(SessionId, TokenHash)>,
    /// What they were called before, where that is not stored.
    pub aliases: Vec<(SessionId, Vec<StoredAlias>)>,
    /// Told when the store failed in a way that there is no going on from.
    pub on_failure: Box<dyn Fn(String) + Send>,
}

/// Starts the thread. It ends when the last handle is gone, or after `Close`.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn(initial: InitialState) -> std::io::Result<RoomHandle> {
    // Unbounded, for leaving must never have to wait; each session bounds what it has in flight.
    let (inbox, requests) = mpsc::unbounded_channel();
    let (people, watch_people) = watch::channel(0);
    let counts = Arc::new(Counts::default());
    if let Some(store) = &initial.store {
        let _ = counts.log.set(store.log());
    }
    let mut room_thread = RoomThread {
        room: initial.room,
        window: initial.window,
        config: initial.config,
        store: initial.store,
        epochs: initial.epochs,
        access: initial.access,
        last_said: HashMap::new(),
        clients: BTreeMap::new(),
        detached: HashMap::new(),
        tokens: Tokens::default(),
        aliases: Aliases::default(),
        effects: Vec::new(),
        extras: Extras::default(),
        accepted: Vec::new(),
        delivered: 0,
        delivering: Duration::ZERO,
        deferred: Vec::new(),
        is_broken: false,
        on_failure: initial.on_failure,
        people,
        counts: counts.clone(),
        inbox: inbox.downgrade(),
        runtime: Handle::current(),
    };
    for (session, hash) in initial.tokens {
        room_thread.tokens.add(hash, session);
    }
    for (session, aliases) in initial.aliases {
        room_thread.aliases.recall(session, aliases::from_store(&aliases));
    }
    room_thread.restore(initial.members);
    if let Some(failure) = &initial.degraded {
        room_thread.degrade(failure);
    }
    thread::Builder::new().name("room".to_owned()).spawn(move || room_thread.run(requests))?;
    let handle = RoomHandle { inbox, people: watch_people, counts };
    // Says of who cannot come back that they are gone.
    handle.submit(RoomRequest::TryAgain);
    Ok(handle)
}

struct RoomThread {
    room: Room,
    window: Arc<Window>,
    config: Arc<Config>,
    store: Option<Store>,
    epochs: Epochs,
    /// Who may be here and speak.
    access: Arc<AccessState>,
    /// When each has said something, by the name, while slow mode is on.
    last_said: HashMap<Arc<str>, Timestamp>,
    /// The connections of the people who are here. Who is away has none. They are gone through in the
    /// order in which they came, which is about that of the memory of their sockets.
    clients: BTreeMap<SessionId, Arc<ClientConnection>>,
    /// The lost connections of those who are away.
    detached: HashMap<SessionId, Seen>,
    tokens: Tokens,
    /// Earlier names and networks of the sessions, for the sanctions against them.
    aliases: Aliases,
    /// What is to be done once the batch is published.
    effects: Vec<Effect>,
    /// What is to be stored with the batch.
    extras: Extras,
    /// Whose speech is in the batch, to tell them if it cannot be stored.
    accepted: Vec<(SessionId, Option<String>)>,
    /// How many records the last batch had, and how long it took to deliver.
    delivered: usize,
    delivering: Duration,
    /// Departures that are still to be stored.
    deferred: Vec<(SessionId, Departure)>,
    /// The store failed for good; the daemon is about to end.
    is_broken: bool,
    on_failure: Box<dyn Fn(String) + Send>,
    people: watch::Sender<usize>,
    counts: Arc<Counts>,
    /// The own inbox, for what is to happen later.
    inbox: mpsc::WeakUnboundedSender<RoomRequest>,
    runtime: Handle,
}

/// What follows from a request, after everything accepted before it has been published.
enum Effect {
    Answer {
        client: Arc<ClientConnection>,
        after: Seq,
        answer: Answer,
    },
    /// Answers who is here, and ends the request.
    ShowPeople {
        client: Arc<ClientConnection>,
        after: Seq,
        people: Arc<[Name]>,
    },
    Admit {
        client: Arc<ClientConnection>,
        entry: PendingAdmission,
        reply: oneshot::Sender<Result<Joined, Refusal>>,
    },
    /// Tells the connection the new name of its user.
    Rename {
        client: Arc<ClientConnection>,
        to: Name,
    },
    Close {
        client: Arc<ClientConnection>,
        after: Seq,
        reason: EndReason,
    },
    Reply(ReplySender, Result<(), Refusal>),
    ReplyJoin(oneshot::Sender<Result<Joined, Refusal>>, Refusal),
    ReplyUsers(oneshot::Sender<Vec<User>>),
    ReplyProbe(oneshot::Sender<()>),
    ReplyRedaction(oneshot::Sender<Result<Redaction, Refusal>>, Result<Redaction, Refusal>),
}

impl RoomThread {
    fn run(mut self, mut requests: mpsc::UnboundedReceiver<RoomRequest>) {
        let mut drained = Vec::new();
        while requests.blocking_recv_many(&mut drained, MAX_DRAINED) > 0 {
            let now = Timestamp::now();
            for (session, how) in std::mem::take(&mut self.deferred) {
                self.note_leaving(session);
                // If they came back meanwhile, they are not gone.
                let _ = self.room.apply(NewRecord::Leave { session, how }, now, |_, _| None);
            }
            for request in drained.drain(..) {
                if let ControlFlow::Break(reply) = self.handle(request, now) {
                    requests.close();
                    return self.close(reply, now);
                }
            }
            self.store_and_publish(now);
            for effect in std::mem::take(&mut self.effects) {
                self.send_effects(effect);
            }
            if !requests.is_empty() && self.delivered < LARGE_BATCH {
                // There is more already than can be delivered one by one. With a little time to
                // gather it costs everybody less.
                thread::sleep((self.delivering * GATHERING).min(MAX_GATHERING));
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
                if let Some(client) = self.clients.get(&session).cloned() {
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
                self.put_in_force(access_state, &change, now);
                self.effects.push(Effect::Reply(reply, Ok(())));
            }
            RoomRequest::Redact { targets, reply } => {
                let outcome = self.redact(targets, now);
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
        if let Some(store) = &mut self.store {
            store.configure(&config.history);
        }
        self.config = config;
    }

    /// Looks whether there is space again. Where departures wait, storing these shows it.
    fn try_again(&mut self) {
        if !self.room.batch().is_empty() || !self.counts.is_degraded.load(Relaxed) {
            return;
        }
        let Some(store) = &mut self.store else { return };
        match store.probe().map_err(|failure| store.judge(failure)) {
            Ok(()) => self.set_degraded(false),
            Err(StoreFailure::Passing(_)) => self.submit_later(TRY_AGAIN, RoomRequest::TryAgain),
            Err(failure) => self.give_up(&failure),
        }
    }

    /// Queues an answer behind everything accepted so far.
    fn answer(&mut self, session: SessionId, answer: Answer) {
        if let Some(client) = self.clients.get(&session).cloned() {
            let after = self.room.position().seq;
            self.effects.push(Effect::Answer { client, after, answer });
        }
    }

    /// A request of this session is done.
    fn release(&self, session: SessionId) {
        if let Some(client) = self.clients.get(&session) {
            client.end_request();
        }
    }

    /// Submits something to this room after a time.
    fn submit_later(&self, after: Duration, request: RoomRequest) {
        let inbox = self.inbox.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(inbox) = inbox.upgrade() {
                let _ = inbox.send(request);
            }
        });
    }

    fn send_effects(&self, effect: Effect) {
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
                // Only now, so that no more is asked before that counts which is not read.
                client.end_request();
            }
            Effect::Answer { client, after, answer } => {
                if let Answer::Refused { refusal, .. } = &answer {
                    self.counts.refusals.count(refusal.code());
                }
                client.answer_after(after, &answer);
            }
            Effect::Admit { client, entry, reply } => {
                let joined = entry.joined();
                self.admit(&client, entry);
                // Who asked may be gone; its leaving is on its way then.
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
        if let Some(store) = self.store.take().filter(|_| !self.is_broken)
            && let Err(failure) = store.close()
        {
            tracing::error!(event = "store-failed", "cannot close the history: {failure}");
        }
        let _ = reply.send(());
    }
}
