//! The thread that owns the room.
//!
//! It is the one place where records come to be: it drains what is waiting, applies the rules,
//! numbers and publishes what they accept as one batch, and only then carries out what follows
//! from it (answers, admissions, replies), so that nothing is shown that is not published.

mod submission;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use chatroom::admin::User;
use chatroom::clean;
use chatroom::config::Config;
use chatroom::names::Name;
use chatroom::room::{Draft, EndReason, Refusal, Room, Seq, SessionId};
use chatroom::wire::{Answer, Batch, Direct, Welcome};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::info;

pub use submission::{RoomHandle, Submission};

use crate::outlet::Outlet;
use crate::window::Window;

/// The most requests that become one batch.
const MOST_DRAINED: usize = 1024;

/// Starts the thread. It ends when the last handle is gone.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn(
    room: Room,
    window: Arc<Window>,
    config: Arc<Config>,
) -> std::io::Result<(RoomHandle, JoinHandle<()>)> {
    // Unbounded, for leaving must never have to wait; each session bounds what it has in flight.
    let (inbox, requests) = mpsc::unbounded_channel();
    let (people, watch_people) = watch::channel(0);
    let messages = Arc::new(AtomicU64::new(0));
    let room_thread = RoomThread {
        room,
        window,
        config,
        outlets: HashMap::new(),
        effects: Vec::new(),
        people,
        messages: messages.clone(),
    };
    let thread =
        thread::Builder::new().name("room".to_owned()).spawn(move || room_thread.run(requests))?;
    Ok((RoomHandle { inbox, people: watch_people, messages }, thread))
}

struct RoomThread {
    room: Room,
    window: Arc<Window>,
    config: Arc<Config>,
    outlets: HashMap<SessionId, Arc<Outlet>>,
    /// What is to be done once the batch is published.
    effects: Vec<Effect>,
    people: watch::Sender<usize>,
    messages: Arc<AtomicU64>,
}

/// What follows from a request, after everything accepted before it has been published.
enum Effect {
    Answer { outlet: Arc<Outlet>, after: Seq, answer: Answer },
    Admit { outlet: Arc<Outlet>, welcome: Welcome, reply: oneshot::Sender<Result<(), Refusal>> },
    Close { outlet: Arc<Outlet>, after: Seq, reason: EndReason },
    Reply(oneshot::Sender<Result<(), Refusal>>, Result<(), Refusal>),
    ReplyUsers(oneshot::Sender<Vec<User>>),
    ReplyProbe(oneshot::Sender<()>),
}

impl RoomThread {
    fn run(mut self, mut requests: mpsc::UnboundedReceiver<Submission>) {
        let mut drained = Vec::new();
        while requests.blocking_recv_many(&mut drained, MOST_DRAINED) > 0 {
            let now = Timestamp::now();
            for submission in drained.drain(..) {
                self.carry_out(submission, now);
            }
            self.publish();
            for effect in std::mem::take(&mut self.effects) {
                self.follow_up(effect);
            }
        }
    }

    fn carry_out(&mut self, submission: Submission, now: Timestamp) {
        match submission {
            Submission::Join { outlet, name, reply } => self.join(outlet, &name, reply, now),
            Submission::Speech { session, action, text, id } => {
                let draft = Draft::Speech { session, action, text, id: id.clone() };
                let outcome = self.room.apply(draft, now);
                self.release(session);
                match outcome {
                    Ok(_) => drop(self.messages.fetch_add(1, Relaxed)),
                    Err(refusal) => self.answer(session, Answer::Refused { refusal, id }),
                }
            }
            Submission::Direct { session, to, text, id } => {
                let outcome = self.direct(session, &to, &text, id.clone(), now);
                self.release(session);
                if let Err(refusal) = outcome {
                    self.answer(session, Answer::Refused { refusal, id });
                }
            }
            Submission::Who { session } => {
                let people = self.room.roster().names();
                self.answer(session, Answer::Who { room: self.window.room.clone(), people });
                self.release(session);
            }
            Submission::Leave { session, reason } => self.leave(session, reason, now),
            Submission::Notice { text, reply } => {
                info!(event = "notice", text = text.as_str(), "announced");
                let outcome = self.room.apply(Draft::Notice { text }, now).map(drop);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            Submission::Kick { name, reason, reply } => {
                let outcome = self.kick(&name, reason, now);
                self.effects.push(Effect::Reply(reply, outcome));
            }
            Submission::Users { reply } => self.effects.push(Effect::ReplyUsers(reply)),
            Submission::Configure(config) => self.configure(config),
            Submission::Probe { reply } => self.effects.push(Effect::ReplyProbe(reply)),
        }
    }

    fn join(
        &mut self,
        outlet: Arc<Outlet>,
        name: &Name,
        reply: oneshot::Sender<Result<(), Refusal>>,
        now: Timestamp,
    ) {
        let admission = match self.room.join(outlet.session, name, now) {
            Ok(admission) => admission,
            Err(refusal) => return self.effects.push(Effect::Reply(reply, Err(refusal))),
        };
        self.outlets.insert(outlet.session, outlet.clone());
        let welcome = Welcome {
            room: self.window.room.clone(),
            topic: self.config.room.topic.clone(),
            name: name.clone(),
            people: admission.people,
            position: admission.position,
            message_bytes: self.config.limits.message_bytes,
            silence_seconds: self.config.timeouts.silence.as_secs(),
        };
        self.effects.push(Effect::Admit { outlet, welcome, reply });
    }

    fn direct(
        &mut self,
        session: SessionId,
        to: &str,
        text: &str,
        id: Option<String>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (from, to, text) = self.room.direct(session, to, text)?;
        let (to_session, from, to) = (to.session, from.name.clone(), to.name.clone());
        if self.outlets.get(&to_session).is_some_and(|outlet| !outlet.has_space()) {
            return Err(Refusal::Busy(to));
        }
        let room = self.window.room.clone();
        let copy = Direct { room, time: now, from, to, text, own: false, id };
        if to_session != session {
            self.answer(to_session, Answer::Direct(copy.clone()));
        }
        self.answer(session, Answer::Direct(Direct { own: true, ..copy }));
        Ok(())
    }

    fn leave(&mut self, session: SessionId, reason: EndReason, now: Timestamp) {
        let draft = Draft::Leave { session, how: reason.departure() };
        let after = self.room.position().seq;
        if self.room.apply(draft, now).is_ok()
            && let Some(outlet) = self.outlets.remove(&session)
        {
            self.effects.push(Effect::Close { outlet, after, reason });
        }
    }

    fn kick(&mut self, name: &str, reason: Option<String>, now: Timestamp) -> Result<(), Refusal> {
        let Some(member) = self.room.roster().by_name(name) else {
            return Err(Refusal::NoSuchUser(name.to_owned()));
        };
        let session = member.session;
        let reason = reason.map(|reason| clean::line(&reason).trim().to_owned());
        let reason = reason.filter(|reason| !reason.is_empty());
        self.leave(session, EndReason::Removed { reason }, now);
        Ok(())
    }

    fn configure(&mut self, config: Arc<Config>) {
        self.room.set_policy(config.policy());
        self.window.set_limit(config.limits.window);
        self.config = config;
    }

    /// Queues an answer behind everything accepted so far.
    fn answer(&mut self, session: SessionId, answer: Answer) {
        if let Some(outlet) = self.outlets.get(&session).cloned() {
            let after = self.room.position().seq;
            self.effects.push(Effect::Answer { outlet, after, answer });
        }
    }

    /// A request of this session is done.
    fn release(&self, session: SessionId) {
        if let Some(outlet) = self.outlets.get(&session) {
            outlet.in_flight.add_permits(1);
        }
    }

    fn publish(&mut self) {
        let records = self.room.take_batch();
        if records.is_empty() {
            return;
        }
        self.window.publish(Batch::new(self.window.room.clone(), records));
        self.outlets.values().for_each(|outlet| outlet.wake());
        let people = self.room.roster().len();
        self.people.send_if_modified(|known| std::mem::replace(known, people) != people);
    }

    fn follow_up(&self, effect: Effect) {
        match effect {
            Effect::Answer { outlet, after, answer } => outlet.answer_after(after, &answer),
            Effect::Admit { outlet, welcome, reply } => {
                let after = welcome.position.seq;
                outlet.join(after);
                outlet.answer_after(after, &Answer::Welcome(welcome));
                // Who asked may be gone; its leaving is on its way then.
                let _ = reply.send(Ok(()));
            }
            Effect::Close { outlet, after, reason } => outlet.close(after, reason),
            Effect::Reply(reply, outcome) => drop(reply.send(outcome)),
            Effect::ReplyUsers(reply) => drop(reply.send(self.users())),
            Effect::ReplyProbe(reply) => drop(reply.send(())),
        }
    }

    fn users(&self) -> Vec<User> {
        let next = self.window.last().next();
        let members = self.room.roster().iter();
        let with_outlets =
            members.filter_map(|member| Some((member, self.outlets.get(&member.session)?)));
        with_outlets
            .map(|(member, outlet)| User {
                name: member.name.to_string(),
                address: outlet.peer.to_string(),
                dialect: outlet.dialect().as_str().to_owned(),
                since: member.since,
                idle_seconds: outlet.traffic.idle().as_secs(),
                bytes_in: outlet.traffic.bytes_in.load(Relaxed),
                bytes_out: outlet.traffic.bytes_out.load(Relaxed),
                behind: outlet.behind(next),
            })
            .collect()
    }
}
