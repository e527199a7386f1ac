//! The state and the decisions of the client: inputs in, outputs out. Time is passed in; nothing here
//! reads, writes or waits.
//!
//! [`Model`] puts the parts of the state together and passes each input to those that it concerns:
//! `connection` handles the connection, `events` the events of the server, `typed` the user's input.

mod attempts;
mod catch_up;
mod command;
mod connection;
mod credentials;
mod events;
mod io;
mod jitter;
mod liveness;
mod older;
mod outputs;
mod pending;
mod phase;
mod records;
mod session;
mod typed;
mod waits;

use std::time::Duration;

use chatroom::wire::json::JsonRequest;

use attempts::Attempts;
use catch_up::CatchUp;
pub use command::{Command, spelled};
use credentials::Credentials;
pub use io::{
    ConnectionState, Exit, Input, Loaded, Output, Persistence, SavedSession, Settings, Show,
};
use jitter::Jitter;
use liveness::Liveness;
use older::OlderMessages;
use outputs::Outputs;
use pending::PendingLines;
use phase::Phase;
use session::{SaveNow, Session};
use waits::Waits;

/// The time within which the server has to close the connection after `quit`.
const FAREWELL: Duration = Duration::from_secs(2);

/// No more lines are read from a pipe while this many are not acknowledged.
const MAX_PENDING_PIPED: usize = 64;
/// The same for a user, who can type on while there is no connection.
const MAX_PENDING_TYPED: usize = 10_000;

/// The state of the client.
#[derive(Debug)]
pub struct Model {
    settings: Settings,
    phase: Phase,
    credentials: Credentials,
    session: Session,
    pending: PendingLines,
    attempts: Attempts,
    waits: Waits,
    jitter: Jitter,
    liveness: Liveness,
    catch_up: CatchUp,
    older: OlderMessages,
    topic: String,
    /// Whether the client has joined since it was started.
    was_joined: bool,
    end_of_input: bool,
    /// Whether the server has refused something.
    any_refused: bool,
    outputs: Outputs,
}

impl Model {
    /// Creates a client that was just started. Also returns its first outputs.
    pub fn new(settings: Settings) -> (Model, Vec<Output>) {
        let mut model = Model {
            phase: Phase::Naming { connected: false },
            credentials: Credentials::new(settings.password.clone()),
            session: Session::new(settings.persistence),
            pending: PendingLines::new(settings.tag.clone()),
            attempts: Attempts::new(settings.attempts),
            waits: Waits::default(),
            jitter: Jitter::new(&settings.tag),
            liveness: Liveness::default(),
            catch_up: CatchUp::default(),
            older: OlderMessages::default(),
            topic: String::new(),
            was_joined: false,
            end_of_input: false,
            any_refused: false,
            outputs: Outputs::default(),
            settings,
        };
        match model.settings.name.clone() {
            Some(name) => model.begin(&name, false),
            None => {
                model.ask_name(false);
                // Connecting first tells the user about an unreachable server before they choose a
                // name.
                model.outputs.push(Output::Connect);
            }
        }
        let first = model.outputs.take();
        (model, first)
    }

    /// Handles an input. Returns the outputs to be executed, in order.
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Output> {
        match input {
            Input::Line(line) => self.typed(&line, now),
            Input::Say(text) => {
                self.say(|id| JsonRequest::Say { text, action: false, id: Some(id) }, now);
            }
            Input::Password(password) => self.password_given(password, now),
            Input::Older => self.request_older(now),
            Input::NoMoreLines => self.input_ended(now),
            Input::Interrupt => self.interrupted(now),
            Input::Hangup => self.leave(now),
            Input::Loaded(loaded) => self.loaded(loaded),
            Input::Connected => self.connected(now),
            Input::Trusted(news) => self.outputs.status(&news),
            Input::Untrusted(why) => self.untrusted(&why),
            Input::WrongProtocol(why) => self.wrong_protocol(&why, now),
            Input::Disconnected(why) => self.disconnected(&why, now),
            Input::Event(event) => self.received(event, now),
            Input::Text(line) => self.attempts.set_last_words(line),
            Input::Tick => self.time_passed(now),
        }
        self.save(now);
        self.outputs.take()
    }

    /// Whether another line can be handled.
    pub fn wants_input(&self) -> bool {
        let most = match self.settings.interactive {
            true => MAX_PENDING_TYPED,
            false => MAX_PENDING_PIPED,
        };
        !self.end_of_input && self.pending.len() < most
    }

    /// The time at which [`Input::Tick`] is needed next.
    pub fn deadline(&self) -> Option<Duration> {
        let next = match self.phase {
            Phase::Pausing { until, .. } | Phase::Leaving { until } => Some(until),
            Phase::Greeting => Some(self.liveness.answer_due()),
            Phase::Joined => self.liveness.next_check(),
            _ => None,
        };
        next.into_iter().chain(self.session.save_due()).min()
    }

    /// Whether the user's current input is a password, or can be meant as one: the client has asked
    /// for it, or does not know yet whether the last one was right.
    pub fn is_secret(&self) -> bool {
        match self.phase {
            Phase::Password { .. } => true,
            Phase::Greeting => self.credentials.sends_password(),
            _ => false,
        }
    }

    /// The state of the connection, to be shown.
    pub fn connection(&self, now: Duration) -> ConnectionState {
        match self.phase {
            Phase::Naming { .. } | Phase::Password { .. } => ConnectionState::SigningIn,
            Phase::Loading { .. } | Phase::Connecting | Phase::Greeting => {
                ConnectionState::Connecting
            }
            Phase::Joined => ConnectionState::Joined { round_trip: self.liveness.round_trip() },
            Phase::Pausing { until, .. } => ConnectionState::Waiting(until.saturating_sub(now)),
            Phase::Leaving { .. } | Phase::Over => ConnectionState::Leaving,
        }
    }

    fn send(&mut self, request: JsonRequest, now: Duration) {
        self.liveness.spoke(now);
        self.outputs.send(request);
    }

    /// Begins under a name: with the saved state if there is any, otherwise by connecting.
    fn begin(&mut self, name: &str, connected: bool) {
        self.credentials.choose(name);
        let foreign_lines = self.session.begin();
        for id in self.pending.remove_first(foreign_lines) {
            self.outputs.show(Show::NotStored { id });
        }
        if self.session.persistence() == Persistence::Nothing {
            return self.begin_session(connected);
        }
        self.phase = Phase::Loading { connected };
        self.outputs.push(Output::Load(name.to_owned()));
    }

    /// Continues with the state saved under the name.
    fn loaded(&mut self, loaded: Loaded) {
        let Phase::Loading { connected } = self.phase else { return };
        if let Some(lines) = self.session.load(loaded) {
            let shown = self.pending.restore(lines);
            self.session.set_loaded_lines(shown.len());
            shown.into_iter().for_each(|show| self.outputs.show(show));
        }
        self.begin_session(connected);
    }

    fn begin_session(&mut self, connected: bool) {
        if connected {
            self.greet();
        } else {
            self.phase = Phase::Connecting;
            self.outputs.push(Output::Connect);
        }
    }

    /// Saves the state that is due to be saved.
    fn save(&mut self, now: Duration) {
        if self.phase == Phase::Over {
            return;
        }
        let Some(when) = self.session.take_save(now) else { return };
        let save = Output::Save(self.session.saved(self.pending.requests()));
        match when {
            SaveNow::First => self.outputs.push_first(save),
            SaveNow::Last => self.outputs.push(save),
        }
    }

    /// Leaves once there is nothing more to send and everything is acknowledged.
    fn leave_if_done(&mut self, now: Duration) {
        let has_said_all = self.end_of_input && self.pending.is_empty();
        // A pipe without a line still shows that the room can be joined.
        let is_there = self.phase == Phase::Joined || self.settings.interactive;
        if has_said_all && is_there {
            self.leave(now);
        }
    }

    fn leave(&mut self, now: Duration) {
        match self.phase {
            Phase::Joined | Phase::Greeting => {
                self.send(JsonRequest::Quit, now);
                self.phase = Phase::Leaving { until: now + FAREWELL };
            }
            Phase::Leaving { .. } | Phase::Over => {}
            _ => self.exit_left(),
        }
    }

    fn interrupted(&mut self, now: Duration) {
        match self.phase {
            // The user does not want to wait.
            Phase::Leaving { .. } => self.exit_left(),
            _ => self.leave(now),
        }
    }

    /// Ends because that was wanted. For a pipe this is a failure unless everything was sent, and for
    /// a user if they never joined.
    fn exit_left(&mut self) {
        let sent_all = self.pending.is_empty() && !self.any_refused;
        let was_kept_out = self.attempts.have_failed() || self.waits.have_been();
        self.end(match (self.settings.interactive, self.was_joined) {
            (true, true) => Exit::Left,
            (true, false) if was_kept_out => Exit::Unreachable,
            (true, false) if self.any_refused => Exit::Refused,
            (true, false) => Exit::Left,
            (false, _) if sent_all => Exit::Left,
            (false, _) => Exit::Refused,
        });
    }

    /// Ends, and says how many lines were not sent.
    fn end(&mut self, exit: Exit) {
        self.tell_unsent();
        self.exit(exit);
    }

    fn tell_unsent(&mut self) {
        let are_saved = self.session.persistence() == Persistence::Everything
            && self.credentials.name().is_some();
        if let Some(sentence) = self.pending.unsent_sentence(are_saved) {
            self.outputs.show(Show::Parting(sentence));
        }
    }

    fn exit(&mut self, exit: Exit) {
        self.phase = Phase::Over;
        let is_saved = self.session.persistence() != Persistence::Nothing;
        if is_saved && self.credentials.name().is_some() {
            let saved = self.session.saved_at_end(self.pending.requests());
            self.outputs.push(saved.map_or(Output::Delete, Output::Save));
        }
        self.outputs.push(Output::Exit(exit));
    }
}

#[cfg(test)]
mod tests;
