//! What the client knows and decides: inputs in, outputs out. Time is passed in; nothing here
//! reads, writes or waits.

mod command;
mod connection;
mod io;
mod keeping;
mod older;
mod password;
mod room;
mod speech;
mod typing;
mod waiting;

use std::collections::VecDeque;
use std::time::Duration;

use chatroom::secret::Secret;
use chatroom::wire::json::{JsonRequest, Resume};

pub use command::{Command, spelled};
pub use io::{ConnectionState, Exit, Input, Keeps, Output, Recalled, Settings, Show};
use keeping::Change;
pub use keeping::Kept;
use older::Older;
use speech::Pending;

/// How long the server may take to close the connection after `quit`.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long a server may take to answer a `hello`.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// So many lines from a pipe may be unacknowledged before no more are read.
const MAX_PENDING_PIPED: usize = 64;
/// The same for a person, who can type on while the connection is gone.
const MAX_PENDING_TYPED: usize = 10_000;

/// How far the client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Needs a name. `connected` where the server refused the one before.
    Naming {
        connected: bool,
    },
    /// Waits for what was kept under the name.
    Recalling {
        connected: bool,
    },
    /// Needs the password of the name. The connection may be lost meanwhile, and then waits for it.
    Password {
        connected: bool,
    },
    Connecting,
    /// `hello` is sent.
    Greeting,
    Joined,
    /// Asks again at this time: over a new connection, unless it is still `connected`.
    Pausing {
        until: Duration,
        connected: bool,
    },
    /// `quit` is sent; waits for the end of the connection until this time.
    Leaving {
        until: Duration,
    },
    Over,
}

/// What was missed is on its way.
#[derive(Debug)]
struct CatchingUp {
    /// The last record of it.
    until: u64,
    /// How many messages there were so far.
    messages: usize,
    after: Absence,
}

/// What has been before somebody joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// Has just come.
    None,
    /// The connection was lost for so long.
    Lost(Duration),
    /// The client was ended and started again.
    Ended,
}

/// The state of the client.
#[derive(Debug)]
pub struct Model {
    settings: Settings,
    phase: Phase,
    name: Option<String>,
    /// That of the name, once it was asked for.
    password: Option<Secret>,
    /// Whether it goes with the next `hello`: only if the server asks, for looking at it costs.
    gives_password: bool,
    topic: String,
    /// Whether the room was joined before.
    was_joined: bool,
    pending: VecDeque<Pending>,
    next_id: u64,
    end_of_input: bool,
    any_refused: bool,
    failed_attempts: u32,
    /// What was last said of a pause that repeats without an end.
    told_pause: Option<String>,
    /// Whether any server has spoken there.
    was_reached: bool,
    /// Since when, and how often, the server has made this client wait; what was said of that, when.
    waiting_since: Option<Duration>,
    waits: u32,
    told_wait: Option<(String, Duration)>,
    /// The session to take up again, and the last record that was seen.
    resume: Option<Resume>,
    /// Whether anything can be kept under the name.
    has_place: bool,
    /// That of an earlier pipe of this name, for where the name is still held for it.
    spare: Option<Resume>,
    /// Whether the server knows that the session is over, so that nobody needs to come back to it.
    is_session_over: bool,
    /// Chooses the times between attempts.
    chance: u32,
    /// What is shown of the time before: up to this record; and how many messages that were.
    catching_up: Option<CatchingUp>,
    /// What was kept is not taken up yet; so many lines of what is pending come from it.
    recalled: Option<usize>,
    change: Change,
    kept_at: Duration,
    /// When the connection was lost, to say for how long.
    lost_at: Option<Duration>,
    /// The most bytes of a message, once the server has said so.
    message_bytes: Option<usize>,
    /// What the server says in text, before it closes a connection that has not joined.
    last_words: Option<String>,
    /// The server's silence limit, and when it was last heard and spoken to.
    silence: Option<Duration>,
    heard: Duration,
    spoke: Duration,
    /// When the ping that is not answered yet was sent, and how long the last one took.
    pinged: Option<Duration>,
    round_trip: Option<Duration>,
    older: Older,
    outputs: Vec<Output>,
}

impl Model {
    /// A client that was just started, and what it does first.
    pub fn new(settings: Settings) -> (Model, Vec<Output>) {
        let name = settings.name.clone();
        let settings_password = settings.password.clone();
        let seed = |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
        let chance = settings.tag.bytes().fold(1, seed);
        let mut model = Model {
            settings,
            phase: Phase::Naming { connected: false },
            name: None,
            password: settings_password,
            gives_password: false,
            topic: String::new(),
            was_joined: false,
            pending: VecDeque::new(),
            next_id: 1,
            end_of_input: false,
            any_refused: false,
            failed_attempts: 0,
            told_pause: None,
            was_reached: false,
            waiting_since: None,
            waits: 0,
            told_wait: None,
            resume: None,
            has_place: true,
            spare: None,
            is_session_over: false,
            chance,
            recalled: None,
            change: Change::Nothing,
            kept_at: Duration::ZERO,
            catching_up: None,
            lost_at: None,
            message_bytes: None,
            last_words: None,
            silence: None,
            heard: Duration::ZERO,
            spoke: Duration::ZERO,
            pinged: None,
            round_trip: None,
            older: Older::default(),
            outputs: Vec::new(),
        };
        match name {
            Some(name) => model.begin(name, false),
            None => {
                model.ask_name(false);
                // Nobody thinks of a name for a room that is not there.
                model.outputs.push(Output::Connect);
            }
        }
        let first = std::mem::take(&mut model.outputs);
        (model, first)
    }

    /// Takes in what happened and gives what to do, in this order.
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Output> {
        match input {
            Input::Line(line) => self.typed(&line, now),
            Input::Say(text) => {
                self.say(|id| JsonRequest::Say { text, action: false, id: Some(id) }, now);
            }
            Input::Password(password) => self.password_given(password, now),
            Input::Older => self.ask_older(now),
            Input::NoMoreLines => self.input_ended(now),
            Input::Interrupt => self.interrupted(now),
            Input::Hangup => self.leave(now),
            Input::Recalled(kept) => self.recalled(kept),
            Input::Connected => self.connected(now),
            Input::Trusted(news) => self.status(&news),
            Input::Untrusted(why) => self.untrusted(&why),
            Input::Misdirected(why) => self.misdirected(&why, now),
            Input::Disconnected(why) => self.disconnected(&why, now),
            Input::Event(event) => self.received(event, now),
            Input::Text(line) => self.last_words = Some(line),
            Input::Tick => self.time_passed(now),
        }
        self.keep(now);
        std::mem::take(&mut self.outputs)
    }

    /// Whether another line can be taken in.
    pub fn wants_input(&self) -> bool {
        let most = match self.settings.interactive {
            true => MAX_PENDING_TYPED,
            false => MAX_PENDING_PIPED,
        };
        !self.end_of_input && self.pending.len() < most
    }

    /// When [`Input::Tick`] is needed next.
    pub fn deadline(&self) -> Option<Duration> {
        let next = match (self.phase, self.silence) {
            (Phase::Pausing { until, .. } | Phase::Leaving { until }, _) => Some(until),
            (Phase::Greeting, _) => Some(self.heard + ANSWER_TIME),
            (Phase::Joined, Some(silence)) => {
                Some((self.heard + silence).min(self.spoke + silence / 3))
            }
            _ => None,
        };
        next.into_iter().chain(self.keep_at()).min()
    }

    /// Whether what a person types now is a password, or may be meant as one: it was asked for, or
    /// it is not known yet whether the last one was right.
    pub fn is_secret(&self) -> bool {
        match self.phase {
            Phase::Password { .. } => true,
            Phase::Greeting => self.gives_password,
            _ => false,
        }
    }

    /// How the connection is.
    pub fn connection(&self, now: Duration) -> ConnectionState {
        match self.phase {
            Phase::Naming { .. } | Phase::Password { .. } => ConnectionState::Naming,
            Phase::Recalling { .. } | Phase::Connecting | Phase::Greeting => {
                ConnectionState::Connecting
            }
            Phase::Joined => ConnectionState::Joined { round_trip: self.round_trip },
            Phase::Pausing { until, .. } => ConnectionState::Waiting(until.saturating_sub(now)),
            Phase::Leaving { .. } | Phase::Over => ConnectionState::Leaving,
        }
    }

    /// Leaves once there is nothing more to say and everything said is acknowledged.
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
            // Whoever presses twice does not want to wait.
            Phase::Leaving { .. } => self.exit_left(),
            _ => self.leave(now),
        }
    }

    fn send(&mut self, request: JsonRequest, now: Duration) {
        self.spoke = now;
        self.outputs.push(Output::Send(request));
    }

    fn ask_name(&mut self, connected: bool) {
        self.phase = Phase::Naming { connected };
        let default = self.settings.default_name.clone();
        self.outputs.push(Output::Show(Show::AskName { default }));
    }

    fn status(&mut self, text: &str) {
        self.outputs.push(Output::Show(Show::Status(text.to_owned())));
    }

    /// Ends because it was wanted. For a pipe that is a failure if not everything was said, and for
    /// a person if they never got in.
    fn exit_left(&mut self) {
        self.tell_unsent();
        let said_all = self.pending.is_empty() && !self.any_refused;
        self.exit(match (self.settings.interactive, self.was_joined) {
            (true, true) => Exit::Left,
            (true, false) if self.failed_attempts > 0 || self.waits > 0 => Exit::Unreachable,
            (true, false) if self.any_refused => Exit::Refused,
            (true, false) => Exit::Left,
            (false, _) if said_all => Exit::Left,
            (false, _) => Exit::Refused,
        });
    }

    fn exit(&mut self, exit: Exit) {
        self.phase = Phase::Over;
        self.keep_at_end();
        self.outputs.push(Output::Exit(exit));
    }
}

#[cfg(test)]
mod tests;
